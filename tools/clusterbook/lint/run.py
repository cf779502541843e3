"""The check: everything that is wrong or doubtful in a source tree on disk, found in one go."""

from __future__ import annotations

from pathlib import Path

from clusterbook.catalog.load import survey_catalog
from clusterbook.catalog.read import overlay_tree, read_tree
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import UnreadableSource
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint import rules
from clusterbook.resolve import matrix

UNREADABLE_FILE = Code(
    "CB007",
    "file that cannot be read",
    "error",
    "A link, a file over 10 MB, or bytes that are not UTF-8 make the tree read differently on another machine.",
    "Save it as UTF-8 text; copy what a link points to.",
)


def check_tree(
    root: Path, data: Path | None = None, charts: Path | None = None, *, strict: bool | None, label: str | None = None
) -> list[Finding]:
    """Return every finding in the tree at `root`, sorted by place; files that cannot be read hide no others.

    Args:
        root: a folder with registry.yaml and overlays/.
        data: a private tree that lies on top of it.
        charts: a folder of upstream charts (`<component>-<version>.tgz`), for the rule about keys they do not have.
        strict: whether the tree is our own; None: as its registry says.
        label: what stands for `root` in places; default: `root` as given.

    Raises:
        UnreadableSource: a folder does not exist or cannot be listed.
    """
    refused: list[UnreadableSource] = []
    tree = read_tree(root, label=label, strict=strict, refused=refused)
    if data is not None:
        tree = overlay_tree(tree, data, refused=refused)
    catalog = survey_catalog(tree)
    upstream = {}
    if charts is not None:
        from clusterbook.lint.charts import read_charts

        upstream = dict(read_charts(charts, catalog.components))
    unread = [_below(error, folder) for error in refused for folder in (root, data) if folder is not None]
    findings = rules.check(catalog, matrix.build(catalog), upstream, unread=filter(None, unread))
    unreadable = [UNREADABLE_FILE.finding(_place(error, root, label), error.what, error.hint) for error in refused]
    return sorted([*unreadable, *findings], key=lambda finding: (finding.place, finding.code))


def _below(error: UnreadableSource, folder: Path) -> str:
    """Return the path below `folder` of a file that could not be read, "" when it lies elsewhere."""
    path = Path(str(error.place))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""


def _place(error: UnreadableSource, root: Path, label: str | None) -> Place:
    """Return the file that could not be read, under the name that messages have for it."""
    path = _below(error, root)
    return Place(f"{label}/{path}" if label and path else str(error.place))
