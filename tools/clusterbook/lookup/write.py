"""The index of every answer, written: as a folder, as one file, and into the package that carries it.

The same sources give the same bytes wherever they lie and whoever asks: `clusterbook-build build` in a checkout, or the
hook that makes a wheel.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree, with_registry
from clusterbook.catalog.tree import RECIPES
from clusterbook.diagnostics.findings import Finding
from clusterbook.files.write import write_bytes, write_folder
from clusterbook.lookup.build import index_parts, served_recipes
from clusterbook.lookup.format import HEAD
from clusterbook.lookup.index_files import EMBEDDED, embedded_texts
from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED
from clusterbook.resolve.matrix import Matrix, whole


@dataclass(frozen=True, slots=True)
class IndexBuild:
    """What a build made: the matrix, and the files of its index in the package; `output` is where it lies besides."""

    matrix: Matrix
    output: Path | None
    embedded: tuple[Path, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what `clusterbook-build check` would warn about first."""
        return (*self.matrix.catalog.findings, *self.matrix.findings)

    def summary(self, command: str = "clusterbook") -> str:
        """Return what was built, and what to type next; `command` is how the client is called here."""
        states = self.matrix.states()
        counts = ", ".join(f"{states[state]:,} {state}" for state in (CURATED, COMPOSED, INHERITED, UNSUPPORTED))
        slugs = [slug for slug, _ in served_recipes(self.matrix)]
        longest = max(slugs, key=len)
        output = self.output or Path()
        source = "" if self.embedded else f" --source {output / _FOLDER}"
        return (
            f"{len(slugs)} recipes answer {sum(states.values()):,} combinations of criteria: {counts}\n"
            f"  {output / _FOLDER}  the index\n"
            f"  {output / _ARCHIVE}  the same in one file\n"
            "Next:\n"
            f"  {command} list{source}\n"
            f"  {command} recipe {longest} -t table{source}\n"
            f"  {command} explain {longest} constraints{source}"
        )


_FOLDER, _ARCHIVE = "index", "clusterbook-index.zip"


def build_index(recipes: Path, *, output: Path | None = None, package: Path | None = None) -> IndexBuild:
    """Resolve the source tree `recipes` and write its index.

    Args:
        recipes: the source tree; places call it `recipes` wherever it lies.
        output: a folder that gets the index as a folder and as one zip file.
        package: the folder inside a package that its `clusterbook` command reads; see `own_package`.

    Raises:
        SourceErrors: the sources contradict themselves.
        UnreadableSource: there is no source tree.
        Unwritable: a file cannot be written.
    """
    matrix = whole(load_catalog(with_registry(read_tree(recipes, label=RECIPES), embedded_texts)))
    files = list(index_parts(matrix))
    if output is not None:
        write_folder(output / _FOLDER, files, marker=HEAD)
        write_bytes(output / _ARCHIVE, zip_bytes(files))
    embedded = write_folder(package, files, marker=HEAD) if package is not None else []
    return IndexBuild(matrix, output, tuple(embedded))


def own_package(recipes: Path) -> Path | None:
    """Return where this package keeps its index when `recipes` are the sources of its own checkout, else None."""
    package = Path(EMBEDDED)
    return package if recipes.resolve() == (package.parents[3] / RECIPES).resolve() else None


def zip_bytes(parts: Iterable[tuple[str, bytes]]) -> bytes:
    """Return parts as the bytes of a zip file: stored, without dates, so that same content is same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(parts):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return target.getvalue()
