"""Check: everything that is wrong or doubtful in a source tree, found in one go.

Knows how what the rules look at is gathered. Does not know a rule, nor how findings are shown.
"""

from __future__ import annotations

from pathlib import Path

from clusterbook.build import charts as archives
from clusterbook.client import workspace
from clusterbook.core import catalog, matrix, rules
from clusterbook.core.codes import finding
from clusterbook.core.errors import UnreadableSource
from clusterbook.core.findings import Finding, Place


def check_tree(
    root: Path, data: Path | None = None, charts: Path | None = None, *, strict: bool, label: str | None = None
) -> list[Finding]:
    """Return every finding in the tree at `root`, sorted by place; files that cannot be read hide no others.

    Args:
        root: a folder with registry.yaml and overlays/.
        data: a private tree that lies on top of it.
        charts: a folder of upstream charts (`<component>-<version>.tgz`), for the rule about keys they do not have.
        strict: whether the tree is our own.
        label: what stands for `root` in places; default: `root` as given.

    Raises:
        UnreadableSource: a folder does not exist or cannot be listed.
    """
    refused: list[UnreadableSource] = []
    tree = workspace.read(root, label=label, strict=strict, refused=refused)
    if data is not None:
        tree = workspace.overlay(tree, data, refused=refused)
    found = catalog.survey(tree)
    upstream = archives.read(charts, found.components) if charts is not None else {}
    findings = rules.check(found, matrix.build(found), upstream, complete=not refused)
    unreadable = [finding("CB007", _place(error, root, label), error.what, error.hint) for error in refused]
    return sorted([*unreadable, *findings], key=lambda each: (each.place, each.code))


def _place(error: UnreadableSource, root: Path, label: str | None) -> Place:
    """Return the file that could not be read, under the name that messages have for it."""
    path = Path(str(error.place))
    return Place(f"{label}/{path.relative_to(root)}" if label and path.is_relative_to(root) else str(path))
