"""Answers for the browser: what becomes of every combination of criteria, in one small map.

`clusterbook.js` reads it. Nothing is decided here: each entry is what the matcher answers.

    axes     per dimension: the values that overlays tell apart, "any" first; all others are alike, and come last
    map      row-major over the axes, as [entry, how often, entry, how often, …]:
             n >= 0 is the recipe n, n < 0 the reason -1-n why none of them is the answer
    reasons  why there is none: {"os": the systems of which one must be named} or {"text": …}; or the recipe that is not
             served by itself, as {"slug": …, "criteria": …}: an OS must be named, and here one is that changes nothing
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import groupby, product
from math import prod
from typing import Any, NamedTuple

from clusterbook.catalog.criteria import ANY, DIMENSIONS, Criteria, claimed_values
from clusterbook.resolve.matching import UNSUPPORTED, Answer
from clusterbook.resolve.matrix import Matrix

OTHER = "*"
"""Stands for every value that no overlay claims; it is no word that a value may be."""


class CombinationGroup(NamedTuple):
    """Combinations that are alike: by dimension, in order, the values that each may have, and how many they are."""

    values: tuple[tuple[str, ...], ...]
    number: int


class AnswerMap(NamedTuple):
    """The map, how many combinations lead to each recipe, and where on the map they stand."""

    document: dict[str, Any]
    counts: dict[str, int]
    places: dict[str, array[int]]
    others: tuple[tuple[str, ...], ...]

    def groups(self, slug: str) -> list[CombinationGroup]:
        """Return the combinations that lead to a recipe, as few groups of alike ones, the largest first."""
        axes: list[list[str]] = self.document["axes"]
        boxes = {tuple(frozenset((at,)) for at in _unflatten(place, axes)) for place in self.places[slug]}
        for axis in reversed(range(len(axes))):  # what differs in one dimension alone becomes one
            merged: dict[tuple[frozenset[int], ...], set[int]] = {}
            for box in boxes:
                merged.setdefault((*box[:axis], *box[axis + 1 :]), set()).update(box[axis])
            boxes = {(*rest[:axis], frozenset(positions), *rest[axis:]) for rest, positions in merged.items()}
        groups = [self._group(box, axes) for box in boxes]
        return sorted((group for group in groups if group.number), key=lambda group: (-group.number, group.values))

    def _group(self, box: tuple[frozenset[int], ...], axes: list[list[str]]) -> CombinationGroup:
        values = tuple(
            tuple(value for at in sorted(positions) for value in (others if axis[at] == OTHER else (axis[at],)))
            for positions, axis, others in zip(box, axes, self.others, strict=True)
        )
        return CombinationGroup(values, prod(map(len, values)))


def _unflatten(place: int, axes: Iterable[list[str]]) -> list[int]:
    """Return where on each axis a place of the map stands."""
    positions = []
    for axis in reversed(list(axes)):
        place, at = divmod(place, len(axis))
        positions.append(at)
    return positions[::-1]


def answer_map(matrix: Matrix, slugs: list[str]) -> AnswerMap:
    """Return the map of what a catalog answers, its recipes numbered as in `slugs`."""
    claimed = claimed_values(criteria for _, criteria in matrix.matcher.overlays)
    axes, weights, rest = [], [], []
    for name in DIMENSIONS:
        values = [ANY, *claimed.get(name, ())]
        others = [value for value in matrix.catalog.vocabulary.values(name) if value not in values]
        axes.append([*values, OTHER])
        weights.append([1] * len(values) + [len(others)])
        rest.append(tuple(others))
    number = {slug: position for position, slug in enumerate(slugs)}
    reasons: dict[str, tuple[int, dict[str, Any]]] = {}
    counts = dict.fromkeys(slugs, 0)
    places: dict[str, array[int]] = {slug: array("L") for slug in slugs}
    entries = []
    for where, place in enumerate(product(*(range(len(axis)) for axis in axes))):
        query = Criteria(*(axis[at] for axis, at in zip(axes, place, strict=True)))  # type: ignore[arg-type]
        answer = matrix.answer(query)
        if answer.state == UNSUPPORTED or answer.slug not in number:
            reason = _reason(answer)
            position, _ = reasons.setdefault(str(reason), (len(reasons), reason))
            entries.append(-1 - position)
            continue
        entries.append(number[answer.slug])
        counts[answer.slug] += prod(weight[at] for weight, at in zip(weights, place, strict=True))
        places[answer.slug].append(where)
    runs: list[int] = []
    for entry, run in groupby(entries):
        runs += [entry, sum(1 for _ in run)]
    why = [reason for _, reason in reasons.values()]
    document = {"axes": axes, "map": runs, "reasons": why, "curated": _curated(matrix, number)}
    return AnswerMap(document, counts, places, tuple(rest))


def _reason(answer: Answer) -> dict[str, Any]:
    """Return why none of the served recipes is the answer; the query itself is no part of it, many share a reason."""
    if answer.state != UNSUPPORTED:
        return {"slug": answer.slug, "criteria": answer.honoured.specified()}
    systems = answer.reason.partition(" (valid: ")[2].removesuffix(")")
    return {"os": systems.split(", ")} if systems else {"text": answer.reason}


def _curated(matrix: Matrix, number: dict[str, int]) -> list[int]:
    """Return the recipes that overlays claim themselves: the nearest one is looked for among them."""
    exact = {criteria.slug() for _, criteria in matrix.matcher.overlays if criteria.specified()}
    return sorted(number[slug] for slug in exact if slug in number)
