"""Matching: which overlays answer a query, and what that makes of it.

An overlay is its name and criteria here, one bit of a number, so that a query is five ANDs. The matrix and the look-up
in an index both ask here; there is no second way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add

from clusterbook.catalog.criteria import ANY, Criteria, union
from clusterbook.records import NamedTuple

CURATED, COMPOSED, INHERITED, UNSUPPORTED = "curated", "composed", "inherited", "unsupported"

_WEIGHTS = (16, 12, 8, 5, 8, 5)  # service, accelerator, intent, os, platform, nodes
"""How much it hurts when a suggested recipe lacks a dimension the query fixes; twice that when it contradicts it."""


_OS = Criteria._fields.index("os")


class Answer(NamedTuple):
    """What becomes of one query.

    `honoured` are the criteria that changed anything and `slug` names the recipe they lead to: it is served unless the
    state is unsupported, and None where it does not resolve at all. `lost` lists the dimensions that changed nothing;
    `reason` says why in one sentence, empty when curated; `selection` is what was chosen besides, see `choices`.
    """

    query: Criteria
    state: str
    honoured: Criteria
    slug: str | None
    lost: tuple[str, ...]
    reason: str
    selection: tuple[tuple[str, str], ...] = ()


class Matcher:
    """The overlays of one catalog, ready to be matched."""

    def __init__(self, overlays: Sequence[tuple[str, Criteria]], failures: Mapping[str, str]) -> None:
        """Index `overlays` (name, criteria); `failures` says why a slug cannot be resolved, where that is so."""
        self.overlays = tuple(overlays)
        self.failures = failures
        self._exact = {criteria for _, criteria in self.overlays} | {Criteria()}
        self._masks = [self._axis(position) for position in range(len(Criteria._fields))]
        self._pairs: dict[tuple[str, str], int] = {}
        for number, (_, criteria) in enumerate(self.overlays):
            pair = criteria[:2]
            self._pairs[pair] = self._pairs.get(pair, 0) | 1 << number
        self._honoured: dict[int, Criteria] = {}
        self._slugs: dict[int, str] = {}
        self._joined: dict[str, list[Criteria]] = {}
        self._curated: list[tuple[str, Criteria]] | None = None
        self._cost: dict[tuple[int, str | int], list[int]] = {}
        self._sums: dict[int, tuple[tuple[str | int, ...] | None, list[int]]] = {}
        self._offered: list[set[str | int]] = []
        self._nearest: dict[tuple[str | int | None, ...], list[str]] = {}

    def _axis(self, position: int) -> tuple[dict[str | int, int], int]:
        """Return, for one dimension, the overlays per value and those that leave it open, as bit masks."""
        claims: dict[str | int, int] = {}
        free = 0
        for number, (_, criteria) in enumerate(self.overlays):
            value = criteria[position]
            if value in (ANY, 0):
                free |= 1 << number
            else:
                claims[value] = claims.get(value, 0) | 1 << number
        return {value: mask | free for value, mask in claims.items()}, free

    def matched(self, query: Criteria) -> int:
        """Return the overlays that apply to `query`, as a bit mask. Source: reference row R18."""
        mask = -1
        for position, (masks, free) in enumerate(self._masks):
            mask &= masks.get(query[position], free)
        return mask

    def names(self, mask: int) -> list[str]:
        """Return the names of the overlays in `mask`."""
        return [name for number, (name, _) in enumerate(self.overlays) if mask >> number & 1]

    def honoured(self, mask: int) -> Criteria:
        """Return the union of the criteria of the overlays in `mask`; they match one query, so they agree."""
        known = self._honoured.get(mask)
        if known is None:
            known = union(criteria for number, (_, criteria) in enumerate(self.overlays) if mask >> number & 1)
            self._honoured[mask] = known
        return known

    def answer(self, query: Criteria) -> Answer:
        """Return what becomes of `query`: exactly one of the four states."""
        mask = self.matched(query)
        honoured = self.honoured(mask)
        slug = self._slugs.get(mask) or self._slugs.setdefault(mask, honoured.slug())
        if slug in self.failures:
            return Answer(query, UNSUPPORTED, honoured, None, (), self.failures[slug])
        systems = self._required_systems(query, honoured, mask)
        if systems:
            reason = f"an OS is required for {query.sentence()} (valid: {', '.join(systems)})"
            return Answer(query, UNSUPPORTED, honoured, slug, (), reason)
        if honoured == query:
            if query in self._exact:
                return Answer(query, CURATED, honoured, slug, (), "")
            return Answer(query, COMPOSED, honoured, slug, (), self._composed_of(mask))
        changed_nothing = [
            (name, asked)
            for name, asked, kept in zip(Criteria._fields, query, honoured, strict=True)
            if asked != kept and kept in (ANY, 0)
        ]
        lost = tuple(name for name, _ in changed_nothing)
        what = ", ".join(f"{name} {asked}" for name, asked in changed_nothing)
        reason = f"{what} ha{'s' if len(lost) == 1 else 've'} no effect; the answer is {slug}"
        return Answer(query, INHERITED, honoured, slug, lost, reason)

    def _composed_of(self, mask: int) -> str:
        """Return the sentence that names the most specific overlays in `mask`, which together claim the query."""
        matched = [overlay for number, overlay in enumerate(self.overlays) if mask >> number & 1]
        names = [
            name
            for name, criteria in matched
            if criteria.specified() and not any(criteria != other and criteria.covers(other) for _, other in matched)
        ]
        return f"composed of {', '.join(names)}; no overlay claims this combination"

    def _required_systems(self, query: Criteria, honoured: Criteria, mask: int) -> list[str]:
        """Return the operating systems of which one must be named, or [] when the query may stay as it is.

        Source: reference row R23: a service without an OS, no matched overlay of exactly this service and
        accelerator, and overlays that would match if an OS were named. Since August the reference refuses any query
        that several overlays answer together, none of them alone, where naming an OS would bring another; what is
        honoured decides that, so that a query and the answer to it are told the same.
        """
        if query.os != ANY:
            return []
        if query.service != ANY and not mask & self._pairs.get(query[:2], 0):
            return self._other_systems(query)
        alone = honoured in self._exact or honoured._replace(nodes=0) in self._exact
        return [] if alone else self._other_systems(honoured)

    def _other_systems(self, query: Criteria) -> list[str]:
        """Return the operating systems that would bring another overlay, if one of them were named."""
        otherwise = -1  # the overlays that match as far as the other dimensions go
        for position, (masks, free) in enumerate(self._masks):
            otherwise &= -1 if position == _OS else masks.get(query[position], free)
        systems, free = self._masks[_OS]
        return sorted(str(system) for system, masked in systems.items() if masked & ~free & otherwise)

    def successors(self, query: Criteria) -> list[str]:
        """Return the slugs of what answers `query` where it is no recipe by itself: with each OS that it may name.

        Where no OS is missing, it is the recipe that its criteria lead to, as far as they change anything.
        """
        mask = self.matched(query)
        systems = self._required_systems(query, self.honoured(mask), mask)
        answers = [self.answer(query._replace(os=system)) for system in systems] or [self.answer(query)]
        return sorted({answer.slug for answer in answers if answer.slug and answer.state != UNSUPPORTED})

    def nearest(self, query: Criteria, *, count: int = 3) -> list[str]:
        """Return the slugs of the curated recipes nearest to `query`, best first, the alphabet deciding ties.

        Values that no curated recipe has are alike: each of them costs the same.
        """
        if self._curated is None:
            fixed = [criteria for criteria in self._exact if criteria.specified()]
            self._curated = sorted(
                (criteria.slug(), criteria) for criteria in fixed if self.answer(criteria).state != UNSUPPORTED
            )
            self._offered = [
                {ANY, 0, *(criteria[position] for _, criteria in self._curated)} for position in range(len(query))
            ]
        alike = (count, *(value if value in known else None for value, known in zip(query, self._offered, strict=True)))
        found = self._nearest.get(alike)
        if found is None:
            found = self._nearest[alike] = self._ranked(query, count)
        return found

    def _ranked(self, query: Criteria, count: int) -> list[str]:
        """Return what `nearest` does, once there are curated recipes."""
        curated = self._curated or []
        ranked = sorted(self._ranks(query, len(query)))[: count + 1]
        best = (curated[rank % len(curated)] for rank in ranked)
        return [slug for slug, criteria in best if criteria != query][:count]

    def _ranks(self, query: Criteria, length: int) -> list[int]:
        """Return what the first dimensions of `query` cost with each curated recipe, times their number, plus its own.

        So the ranks sort by cost, then by name. Queries come in sorted order and share their first dimensions, so the
        last sum of each length is kept.
        """
        start = query[:length]
        known, ranks = self._sums.get(length, (None, []))
        if known != start:
            if length:
                costs = self._costs(length - 1, query[length - 1])
                below = self._ranks(query, length - 1)
                ranks = list(map(add, below, costs)) if costs else below
            else:
                ranks = list(range(len(self._curated or ())))
            self._sums[length] = (start, ranks)
        return ranks

    def _costs(self, position: int, asked: str | int) -> list[int]:
        """Return what asking for a value in one dimension costs with each curated recipe; [] where it costs nothing."""
        known = self._cost.get((position, asked))
        if known is None:
            curated = self._curated or ()
            weight = _WEIGHTS[position] * len(curated)
            costs = [_cost(asked, criteria[position], weight, one=len(curated)) for _, criteria in curated]
            known = self._cost[position, asked] = costs if any(costs) else []
        return known

    def slugs(self) -> dict[str, Criteria]:
        """Return every slug that some query leads to, with its criteria, in sorted order.

        The honoured criteria of any query are a union of overlays' criteria, and each such union is a query that
        leads to itself; so it is enough to join overlays until nothing new appears. The cost follows the number of
        slugs, not the number of tuples.
        """
        return {slug: criteria for slug, (criteria, *_) in self._named().items()}

    def namesakes(self) -> dict[str, list[Criteria]]:
        """Return the slugs that several criteria would share, such as service talos and os talos."""
        return {slug: criteria for slug, criteria in self._named().items() if len(criteria) > 1}

    def _named(self) -> dict[str, list[Criteria]]:
        """Return the criteria by slug, both in sorted order; joined once, since the matrix asks twice."""
        if self._joined:
            return self._joined
        found = {Criteria()}
        for criteria in {criteria for _, criteria in self.overlays}:
            found |= {joined for known in found if (joined := known.union(criteria)) is not None}
        for slug, criteria in sorted((criteria.slug(), criteria) for criteria in found):
            self._joined.setdefault(slug, []).append(criteria)
        return self._joined


def _cost(asked: str | int, offered: str | int, weight: int, *, one: int) -> int:
    """Return how far a recipe is from a query in one dimension: lacking it costs its weight, adding it costs `one`."""
    if asked == offered:
        return 0
    if offered in (ANY, 0):
        return weight
    return one if asked in (ANY, 0) else 2 * weight
