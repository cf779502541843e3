"""Versions: every published version of every recipe, as the ledger recorded it; never what the sources say now."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from functools import cache, lru_cache, partial
from typing import Any

from clusterbook.diff.facts import Side
from clusterbook.diff.recipes import Diff, diff
from clusterbook.ledger.diff import release_diff
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.version import LedgerVersion, read_version
from clusterbook.resolve.choices import split_slug
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.site import wording
from clusterbook.site.model import GoneRecipe, RecipeView, ReleaseView, VersionView
from clusterbook.site.parts import PartView, part_view
from clusterbook.site.recipes import view


class PublishedVersions:
    """The ledger, as the site asks it."""

    def __init__(self, ledger: Ledger) -> None:
        """Read the releases of `ledger`. Raises BrokenLedger."""
        self.ledger = ledger
        self._parts: dict[tuple[str, str], PartView] = {}
        self._history: dict[str, dict[LedgerVersion, str]] = {}
        for name in ledger.releases():
            for slug, entry in ledger.entries(name).items():
                self._history.setdefault(slug, {}).setdefault(entry.version, name)
        self._withdrawn = {(withdrawal.slug, withdrawal.version): withdrawal for withdrawal in ledger.withdrawals()}
        self.newest_name = (ledger.releases() or [""])[-1]
        self.newest: Mapping[str, Any] = ledger.release(self.newest_name) if self.newest_name else {}
        self.of = cache(self._versions)
        self.recipe = lru_cache(maxsize=1)(self._recipe)  # its page and its JSON follow each other
        self.diff = lru_cache(maxsize=1)(self._diff)
        self._moves = cache(partial(release_diff, ledger))
        self._diffs: dict[tuple[str, str, str], Diff] = {}

    def _versions(self, slug: str) -> tuple[VersionView, ...]:
        """Return the versions of a recipe, the oldest first."""
        return tuple(self._version(slug, version, name) for version, name in self._history.get(slug, {}).items())

    def gone(self, matrix: Matrix, served: Container[str]) -> Iterator[GoneRecipe]:
        """Yield each recipe that was published and is not `served` any more, and what `matrix` answers in its place."""
        for slug in sorted(slug for slug in self._history if slug not in served):
            criteria = self.ledger.criteria(slug, max(self._history[slug]))
            answer = matrix.answer(criteria)
            yield GoneRecipe(
                slug=slug,
                title=wording.title(criteria.specified(), split_slug(slug)[1]),
                reason=answer.reason,
                successors=tuple(matrix.matcher.successors(criteria)),
                versions=self.of(slug),
            )

    def digest(self, slug: str) -> str:
        """Return the digest with which the newest release serves a recipe, "" where it does not."""
        return str(self.newest.get("recipes", {}).get(slug, {}).get("digest", ""))

    def _version(self, slug: str, version: LedgerVersion, release: str) -> VersionView:
        document = self.ledger.recipe(slug, version)
        changes = document["changes"]
        withdrawal = self._withdrawn.get((slug, version))
        return VersionView(
            number=str(version),
            digest=document["metadata"]["digest"],
            release=release,
            date=self.ledger.release(release)["date"],
            before=changes.get("since", ""),
            level=changes.get("level", ""),
            because=changes.get("because", ""),
            summary=tuple(changes.get("summary", ())),
            withdrawn=withdrawal.reason if withdrawal else "",
            replacement=withdrawal.replacement if withdrawal else "",
        )

    def _recipe(self, slug: str, number: str) -> RecipeView:
        """Return a version as it was published. Raises BrokenLedger, NotFound."""
        document = self.ledger.recipe(slug, read_version(number))
        components = RecipeResult(document["recipe"]).components
        parts = {component.name: self._part(component.name, component.document["part"]) for component in components}
        content = self.ledger.content(slug, read_version(number))
        return view(content, document["origins"], parts, note="", checks={})

    def _part(self, component: str, name: str) -> PartView:
        if (component, name) not in self._parts:
            document = self.ledger.part(component, name)
            self._parts[component, name] = part_view(document["component"], document["origins"], f"{component}-{name}")
        return self._parts[component, name]

    def side(self, slug: str, number: str) -> Side:
        """Return a version as one side of a diff. Raises BrokenLedger, NotFound."""
        return self.ledger.side(slug, read_version(number))

    def _diff(self, slug: str, old: str, new: str) -> Diff:
        """Return what differs from one version of a recipe to another. Raises BrokenLedger, NotFound."""
        kept = self._diffs.get((slug, old, new))
        return kept or diff(self.side(slug, old), self.side(slug, new))

    def releases(self, titles: Mapping[str, str]) -> tuple[ReleaseView, ...]:
        """Return all releases, the newest first. Raises BrokenLedger."""
        return tuple(self._release(name, titles) for name in reversed(self.ledger.releases()))

    def _release(self, name: str, titles: Mapping[str, str]) -> ReleaseView:
        record = self.ledger.release(name)
        previous = record.get("previous", "")
        moves: list[tuple[str, str, str, str, str]] = []
        common: tuple[tuple[str, int], ...] = ()
        unchanged = 0
        if previous:
            changes = self._moves(previous, name)
            common, unchanged = tuple(changes.common()), changes.unchanged
            self._diffs.update(
                ((move.slug, str(move.old), str(move.new)), move.diff) for move in changes.moves if move.diff
            )
            moves = [
                (move.slug, titles.get(move.slug, move.slug), move.kind, str(move.old or ""), str(move.new or ""))
                for move in changes.moves
            ]
        else:
            entries = self.ledger.entries(name).values()
            moves = [
                (entry.slug, titles.get(entry.slug, entry.slug), "new", "", str(entry.version)) for entry in entries
            ]
        return ReleaseView(
            name=name,
            date=record["date"],
            commit=record["commit"],
            catalog=record["catalog"],
            previous=previous,
            count=len(record["recipes"]),
            moves=tuple(moves),
            common=common,
            unchanged=unchanged,
            withdrawn=tuple(f"{entry['slug']} {entry['version']}" for entry in record.get("withdrawn", ())),
        )
