"""The map for the browser: for every combination of criteria what the matcher answers."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from clusterbook.catalog.criteria import ANY, DIMENSIONS, Criteria
from clusterbook.lookup.build import served_recipes
from clusterbook.resolve.matching import UNSUPPORTED
from clusterbook.resolve.matrix import Matrix
from clusterbook.site import wording
from clusterbook.site.answers import OTHER, answer_map
from tests.support import sites, trees

WANTS_AN_OS = {
    "h100": "criteria: {accelerator: h100}",
    "eks-ubuntu": "criteria: {service: eks, os: ubuntu}",
    "cos": "criteria: {service: gke, os: cos}",
}


def entries(found: dict[str, Any]) -> list[int]:
    """Return the map, spread out."""
    runs = found["map"]
    return [entry for entry, count in zip(runs[::2], runs[1::2], strict=True) for _ in range(count)]


def hold(matrix: Matrix) -> int:
    """Hold the map against the matcher, for every combination; return how many there are."""
    slugs = [slug for slug, _ in served_recipes(matrix)]
    answers = answer_map(matrix, slugs)
    found, counts = answers.document, answers.counts
    flat, tally, number = entries(found), dict.fromkeys(slugs, 0), 0
    groups = {slug: answers.groups(slug) for slug in slugs}
    for values in product(*((ANY, *matrix.catalog.vocabulary.values(name)) for name in DIMENSIONS)):
        at = 0
        for value, axis in zip(values, found["axes"], strict=True):
            at = at * len(axis) + (axis.index(value) if value in axis else axis.index(OTHER))
        answer = matrix.answer(Criteria(*values))
        number += 1
        if answer.state == UNSUPPORTED:
            assert flat[at] < 0, values
            reason = found["reasons"][-1 - flat[at]]
            assert (
                all(system in answer.reason for system in reason["os"])
                if "os" in reason
                else reason["text"] == answer.reason
            )
        elif answer.slug not in tally:  # asked for itself, it wants an OS; here one is named that changes nothing
            assert flat[at] < 0, values
            reason = found["reasons"][-1 - flat[at]]
            assert reason == {"slug": answer.slug, "criteria": answer.honoured.specified()}, values
            assert matrix.answer(answer.honoured).state == UNSUPPORTED
        else:
            assert flat[at] >= 0, values
            assert slugs[flat[at]] == answer.slug, values
            tally[answer.slug] += 1
            fitting = [
                slug
                for slug, each in groups.items()
                if any(all(map(tuple.__contains__, group.values, values)) for group in each)
            ]
            assert fitting == [answer.slug], values
    assert counts == tally
    assert len({str(reason) for reason in found["reasons"]}) == len(found["reasons"]) <= len(matrix.recipes)
    assert counts == {slug: sum(group.number for group in each) for slug, each in groups.items()}
    assert max(map(len, groups.values())) <= 8  # a table, not a wall
    return number


def test_the_map_says_what_the_matcher_says_of_a_small_tree() -> None:
    assert hold(trees.build(sites.SMALL)) == 4


def test_the_map_says_which_recipe_it_is_that_only_an_os_that_changes_nothing_leads_to() -> None:
    matrix = trees.build({**sites.SMALL, **WANTS_AN_OS})
    assert hold(matrix) > 4
    answers = answer_map(matrix, [slug for slug, _ in served_recipes(matrix)])
    assert {"slug": "h100-eks", "criteria": {"service": "eks", "accelerator": "h100"}} in answers.document["reasons"]
    assert "h100-eks" not in answers.counts


def test_the_map_says_what_the_matcher_says_of_our_own_catalog() -> None:
    assert hold(sites.ours()) > 10_000


def test_recipes_that_overlays_claim_are_where_the_nearest_is_looked_for() -> None:
    matrix = trees.build(sites.SMALL)
    slugs = [slug for slug, _ in served_recipes(matrix)]
    found = answer_map(matrix, slugs).document
    assert [slugs[n] for n in found["curated"]] == ["aks", "eks", "gke"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["any"], "not named"),
        (["eks"], "eks"),
        (["eks", "gke"], "eks or gke"),
        (["any", "eks"], "eks or not named"),
        (["any", "eks", "gke"], "eks or gke, or not named"),
        (["eks", "gke", "aks"], "any"),
        (["any", "eks", "gke", "aks"], "any, or not named"),
    ],
)
def test_what_may_be_asked_for_is_said_in_words(values: list[str], says: str) -> None:
    assert wording.choice(values, ["eks", "gke", "aks"]) == says
