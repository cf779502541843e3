"""The desk: what a preview keeps from one look to the next, so that only what changed is read again.

Knows which sources each part comes from. Does not know HTTP (`preview`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click

from clusterbook.catalog import load as catalog
from clusterbook.catalog import read as workspace
from clusterbook.evidence import ledger as proofs
from clusterbook.evidence.ledger import Kept
from clusterbook.ledger.folder import open_ledger
from clusterbook.resolve import matrix
from clusterbook.site import guide_ as guide
from clusterbook.site import mkdocs as authored
from clusterbook.site.build import makers
from clusterbook.site.gather import gather
from clusterbook.site.versions import Editions

_AUTHORED = ("mkdocs.yml", "docs", "assets", "templates/theme")


class Desk:
    """The sources of one site: the catalog, the ledger, and the pages that people wrote."""

    def __init__(
        self, recipes: Path, registry: Path, site: Path, programs: Mapping[str, click.Group], *, published: str
    ) -> None:
        """Prepare for any number of looks."""
        self.recipes, self.registry, self.site = recipes, registry, site
        self._programs, self._published = programs, published
        self._editions: tuple[int, Editions, tuple[Kept, ...]] | None = None
        self._built: tuple[object, Mapping[str, bytes]] | None = None

    def pages(self) -> dict[str, Callable[[], bytes]]:
        """Return a maker for each file of the site as its sources are now.

        Raises:
            SourceErrors: the sources contradict themselves, or evidence does not hold.
            BrokenLedger: the ledger is not what it should be.
            BrokenSite: the generator fails, or a mark is missing.
        """
        found = matrix.whole(catalog.load(workspace.read(self.recipes, label="recipes")))
        editions, kept = self._ledger()
        data = gather(found, editions, published=self._published, kept=kept)
        return dict(makers(data, self.site, self._generated(data.date)))

    def _ledger(self) -> tuple[Editions, tuple[Kept, ...]]:
        trust = self.site / proofs.TRUST
        seen = stamp([self.registry, trust, self.site / "keys"])
        if self._editions is None or self._editions[0] != seen:
            ledger = open_ledger(self.registry)
            self._editions = (seen, Editions(ledger), proofs.kept(self.registry, ledger, trust))
        return self._editions[1:]

    def _generated(self, date: str) -> Mapping[str, bytes]:
        seen = (date, stamp(self.site / name for name in _AUTHORED))
        if self._built is None or self._built[0] != seen:
            with tempfile.TemporaryDirectory(prefix="clusterbook-site-") as work:
                written = guide.pages(self._programs)
                made = authored.run(self.site, Path(work), written, program="mkdocs", url="", date=date)
            self._built = (seen, made)
        return self._built[1]


def stamp(roots: Iterable[Path]) -> int:
    """Return a number that moves when one of `roots`, or a file below one, does."""
    found = []
    for root in roots:
        for path in (root, *root.rglob("*")):
            try:
                found.append((str(path), path.stat().st_mtime_ns))
            except OSError:  # gone since it was listed, or never there
                continue
    return hash(tuple(sorted(found)))
