"""Answers for the browser: what becomes of every combination of criteria, in one small map.

Knows the layout of the map that `finder.js` reads. Does not decide anything: each entry is what the matcher answers.

    axes     per dimension: the values that overlays tell apart, "any" first; all others are alike, and come last
    map      row-major over the axes, as [entry, how often, entry, how often, …]:
             n >= 0 is the recipe n, n < 0 the reason -1-n why there is none
    reasons  why there is none: {"os": the systems of which one must be named} or {"text": …}
"""

from __future__ import annotations

from itertools import groupby, product
from typing import Any

from clusterbook.core.criteria import ANY, DIMENSIONS, Criteria
from clusterbook.core.matching import UNSUPPORTED, Answer, claimed_values
from clusterbook.core.matrix import Matrix

OTHER = "*"
"""Stands for every value that no overlay claims; it is no word that a value may be."""


def dense(matrix: Matrix, slugs: list[str]) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the map, and how many combinations lead to each recipe."""
    claimed = claimed_values(criteria for _, criteria in matrix.matcher.overlays)
    axes, weights = [], []
    for name in DIMENSIONS:
        values = [ANY, *claimed.get(name, ())]
        others = [value for value in matrix.catalog.vocabulary.values(name) if value not in values]
        axes.append([*values, OTHER])
        weights.append([1] * len(values) + [len(others)])
    number = {slug: position for position, slug in enumerate(slugs)}
    reasons: list[dict[str, Any]] = []
    counts = dict.fromkeys(slugs, 0)
    entries = []
    for place in product(*(range(len(axis)) for axis in axes)):
        query = Criteria(*(axis[at] for axis, at in zip(axes, place, strict=True)))  # type: ignore[arg-type]
        answer = matrix.answer(query)
        if answer.state == UNSUPPORTED or answer.slug not in number:
            reason = _reason(answer)
            if reason not in reasons:
                reasons.append(reason)
            entries.append(-1 - reasons.index(reason))
            continue
        entries.append(number[answer.slug])
        weight = 1
        for each, at in zip(weights, place, strict=True):
            weight *= each[at]
        counts[answer.slug] += weight
    runs: list[int] = []
    for entry, run in groupby(entries):
        runs += [entry, sum(1 for _ in run)]
    return {"axes": axes, "map": runs, "reasons": reasons, "curated": _curated(matrix, number)}, counts


def _reason(answer: Answer) -> dict[str, Any]:
    systems = answer.reason.partition(" (valid: ")[2].removesuffix(")")
    return {"os": systems.split(", ")} if systems else {"text": answer.reason}


def _curated(matrix: Matrix, number: dict[str, int]) -> list[int]:
    """Return the recipes that overlays claim themselves: the nearest one is looked for among them."""
    exact = {criteria.slug() for _, criteria in matrix.matcher.overlays if criteria.specified()}
    return sorted(number[slug] for slug in exact if slug in number)
