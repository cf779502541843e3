"""Editions: every published version of every recipe, as the ledger recorded it.

Knows how a record of the ledger becomes what a page shows. Does not know the sources as they are now.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache, partial
from typing import Any

from clusterbook.diff.recipes import Diff, diff
from clusterbook.ledger.diff import release_diff
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.version import Version, read_version
from clusterbook.site import views_ as views
from clusterbook.site.model import Edition, RecipeView, ReleaseView
from clusterbook.site.parts import Part, read_part


class Editions:
    """The ledger, as the site asks it."""

    def __init__(self, ledger: Ledger) -> None:
        """Read the releases of `ledger`. Raises BrokenLedger."""
        self.ledger = ledger
        self._parts: dict[tuple[str, str], Part] = {}
        self._history: dict[str, dict[Version, str]] = {}
        for name in ledger.releases():
            for slug, entry in ledger.entries(name).items():
                self._history.setdefault(slug, {}).setdefault(entry.version, name)
        self._withdrawn = {(each.slug, each.version): each for each in ledger.withdrawals()}
        self.newest_name = (ledger.releases() or [""])[-1]
        self.newest: Mapping[str, Any] = ledger.release(self.newest_name) if self.newest_name else {}
        self.of = cache(self._editions)
        self.view = lru_cache(maxsize=1)(self._view)  # its page and its JSON follow each other
        self.difference = lru_cache(maxsize=1)(self._difference)
        self._moves = cache(partial(release_diff, ledger))
        self._moved: dict[tuple[str, str, str], Diff] = {}

    def _editions(self, slug: str) -> tuple[Edition, ...]:
        """Return the versions of a recipe, the oldest first."""
        return tuple(self._edition(slug, version, name) for version, name in self._history.get(slug, {}).items())

    def digest(self, slug: str) -> str:
        """Return the digest with which the newest release serves a recipe, "" where it does not."""
        return str(self.newest.get("recipes", {}).get(slug, {}).get("digest", ""))

    def _edition(self, slug: str, version: Version, release: str) -> Edition:
        document = self.ledger.recipe(slug, version)
        changes = document["changes"]
        gone = self._withdrawn.get((slug, version))
        return Edition(
            version=str(version),
            digest=document["metadata"]["digest"],
            release=release,
            date=self.ledger.release(release)["date"],
            before=changes.get("since", ""),
            level=changes.get("level", ""),
            because=changes.get("because", ""),
            summary=tuple(changes.get("summary", ())),
            withdrawn=gone.reason if gone else "",
            replacement=gone.replacement if gone else "",
        )

    def _view(self, slug: str, version: str) -> RecipeView:
        """Return a version as it was published. Raises BrokenLedger, NotFound."""
        document = self.ledger.recipe(slug, read_version(version))
        parts = {ref["name"]: self._part(ref["name"], ref["part"]) for ref in document["recipe"]["componentRefs"]}
        content = self.ledger.content(slug, read_version(version))
        return views.view(content, document["origins"], parts, note="", checks={})

    def _part(self, component: str, name: str) -> Part:
        if (component, name) not in self._parts:
            document = self.ledger.part(component, name)
            self._parts[component, name] = read_part(document["component"], document["origins"], f"{component}-{name}")
        return self._parts[component, name]

    def _difference(self, slug: str, old: str, new: str) -> Diff:
        """Return what differs from one version of a recipe to another. Raises BrokenLedger, NotFound."""
        found = self._moved.get((slug, old, new))
        return found or diff(self.ledger.side(slug, read_version(old)), self.ledger.side(slug, read_version(new)))

    def releases(self, titles: Mapping[str, str]) -> tuple[ReleaseView, ...]:
        """Return all releases, the newest first. Raises BrokenLedger."""
        return tuple(self._release(name, titles) for name in reversed(self.ledger.releases()))

    def _release(self, name: str, titles: Mapping[str, str]) -> ReleaseView:
        said = self.ledger.release(name)
        previous = said.get("previous", "")
        moves: list[tuple[str, str, str, str, str]] = []
        common: tuple[tuple[str, int], ...] = ()
        unchanged = 0
        if previous:
            found = self._moves(previous, name)
            common, unchanged = tuple(found.common()), found.unchanged
            self._moved.update(
                ((move.slug, str(move.old), str(move.new)), move.diff) for move in found.moves if move.diff
            )
            moves = [
                (move.slug, titles.get(move.slug, move.slug), move.kind, str(move.old or ""), str(move.new or ""))
                for move in found.moves
            ]
        else:
            entries = self.ledger.entries(name).values()
            moves = [(each.slug, titles.get(each.slug, each.slug), "new", "", str(each.version)) for each in entries]
        return ReleaseView(
            name=name,
            date=said["date"],
            commit=said["commit"],
            catalog=said["catalog"],
            previous=previous,
            count=len(said["recipes"]),
            moves=tuple(moves),
            common=common,
            unchanged=unchanged,
            withdrawn=tuple(f"{each['slug']} {each['version']}" for each in said.get("withdrawn", ())),
        )
