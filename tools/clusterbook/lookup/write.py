"""The build: from sources to everything under dist/.

Knows which files a build makes. Does not know how any of them is made.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import clusterbook
from clusterbook.catalog import load as catalog
from clusterbook.catalog import read as workspace
from clusterbook.diagnostics.findings import Finding
from clusterbook.files.write import write_bytes, write_folder
from clusterbook.lookup import build as indexing
from clusterbook.lookup.embed_ import RECIPES
from clusterbook.resolve import matrix
from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED
from clusterbook.resolve.matrix import Matrix

PACKAGE_INDEX = Path(clusterbook.__file__).parent / "lookup" / "index"


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made."""

    matrix: Matrix
    folder: Path
    archive: Path
    embedded: bool

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what `clusterbook-build check` would warn about first."""
        return (*self.matrix.catalog.findings, *self.matrix.findings)

    def summary(self, command: str = "clusterbook") -> str:
        """Return what was built, and what to type next; `command` is how the client is called here."""
        states = self.matrix.states()
        counts = ", ".join(f"{states[state]:,} {state}" for state in (CURATED, COMPOSED, INHERITED, UNSUPPORTED))
        slugs = [slug for slug, _ in indexing.served(self.matrix)]
        longest = max(slugs, key=len)
        source = "" if self.embedded else f" --source {self.folder}"
        return (
            f"{len(slugs)} recipes answer {sum(states.values()):,} combinations of criteria: {counts}\n"
            f"  {self.folder}  the index\n"
            f"  {self.archive}  the same in one file\n"
            "Next:\n"
            f"  {command} list{source}\n"
            f"  {command} recipe {longest} -t table{source}\n"
            f"  {command} explain {longest} constraints{source}"
        )


def build(recipes: Path, output: Path) -> Built:
    """Build the index of the source tree `recipes` below `output`.

    In a checkout, the index inside the package is renewed as well, so that `clusterbook` answers from these sources.

    Raises:
        SourceErrors: the sources contradict themselves.
        UnreadableSource: there is no source tree.
        Unwritable: a file cannot be written.
    """
    found = matrix.whole(catalog.load(workspace.read(recipes, label=RECIPES)))
    parts = list(indexing.parts(found))
    folder, archive = output / "index", output / "clusterbook-index.zip"
    write_folder(folder, parts)
    write_bytes(archive, zipped(parts))
    own = recipes.resolve() == (PACKAGE_INDEX.parents[3] / RECIPES).resolve()
    if own:
        write_folder(PACKAGE_INDEX, parts)
    return Built(found, folder, archive, embedded=own)


def zipped(parts: Iterable[tuple[str, bytes]]) -> bytes:
    """Return parts as the bytes of a zip file: stored, without dates, so that same content is same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(parts):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return target.getvalue()
