"""The index inside the package.

Knows where it lies, so that `clusterbook` answers right after it was installed. Called when a wheel or an editable
installation is made, and by `clusterbook-build build` in a checkout.
"""

from __future__ import annotations

from pathlib import Path

from clusterbook.catalog import load as catalog
from clusterbook.catalog import read as workspace
from clusterbook.diagnostics.errors import BrokenIndex
from clusterbook.files.write import write_folder
from clusterbook.lookup import build as indexing
from clusterbook.lookup.index_files import Source
from clusterbook.resolve import matrix

RECIPES = "recipes"


def embed(root: Path) -> list[Path]:
    """Write the index of `root`/recipes into the package below `root`; return its files, sorted.

    Raises:
        SourceErrors: the sources contradict themselves.
        UnreadableSource: there is no source tree.
    """
    found = matrix.whole(catalog.load(workspace.read(root / RECIPES, label=RECIPES)))
    return write_folder(root / "tools" / "clusterbook" / "lookup" / "index", indexing.parts(found))


def texts() -> dict[str, str]:
    """Return the source files in the index inside the package, by path; {} when the package has no index."""
    try:
        return Source().texts()
    except BrokenIndex:
        return {}
