"""Value pages: what each value does in how many recipes, and what its chart says by itself, as far as proven."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.prove.report import summarise
from clusterbook.prove.subjects import cases
from clusterbook.resolve import matrix
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.proof import Proofs
from clusterbook.site.components import values_of
from clusterbook.site.model import ValueView
from clusterbook.site.recipes import RecipeViews
from tests.support.whole_recipes import ROOT


@cache
def catalog() -> Matrix:
    return matrix.build(load_catalog(read_tree(ROOT / "recipes")))


@cache
def values() -> dict[tuple[str, str], ValueView]:
    """Return the values of every recipe of ours, by component and path."""
    recipes = catalog().recipes
    return {(each.component, each.path): each for each in values_of(recipes, RecipeViews(catalog(), recipes))}


def value(*variants: tuple[str, int], **effects: dict[str, int]) -> ValueView:
    """Return a value with these texts, each in some recipes; `off` is switched off in two more."""
    found = tuple((text, tuple(f"r{number}" for number in range(count)), ()) for text, count in variants)
    return ValueView("a", "x", found, {"off": ("s1", "s2")}, effects)


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ({}, ""),
        ({"one": {"live": 3}}, "live"),
        ({"one": {"live": 2}}, "live in 2"),
        ({"one": {"live": 2, "dead": 1}}, "dead in 1, live in 2"),
        ({"two": {"live": 3}}, ""),
        ({"off": {"live": 5}}, "live"),
    ],
)
def test_an_effect_has_numbers_where_it_is_not_that_of_all(effects: dict[str, dict[str, int]], expected: str) -> None:
    text = "off" if "off" in effects else "one"
    assert value(("one", 3), ("two", 3), ("off", 3), **effects).does(text) == expected


def test_pages_count_effects_as_the_report_of_proofs_does() -> None:
    proofs = Proofs(catalog().catalog)
    all_cases = cases(catalog().catalog, catalog().recipes)
    known = {key: proof for case in all_cases for key, proof in proofs.file(case.subject.component).items()}
    pages: Counter[str] = Counter()
    for each in values().values():
        for counts in each.effects.values():
            pages.update(counts)
    assert pages == summarise(all_cases, known).total


def test_the_charts_own_value_is_shown_beside_ours() -> None:
    found = values()["gpu-operator", "driver.upgradePolicy.maxParallelUpgrades"]
    assert (found.does("5"), found.defaults) == ("live", ("1",))
    found = values()["nvsentinel", "labeler.assumeDriverInstalled"]
    assert (found.does("true"), found.defaults) == ("live", ("false",))
    found = values()["kube-prometheus-stack", "grafana.enabled"]
    assert (found.does("false"), found.defaults) == ("live", ("true",))


def test_what_the_chart_says_too_is_its_default() -> None:
    found = values()["gpu-operator", "gdrcopy.enabled"]
    assert (found.does("false"), found.defaults) == ("default", ("false",))
    named = values()["cert-manager", "fullnameOverride"]  # the chart has none, and names its objects so anyway
    assert (named.does("cert-manager"), named.defaults) == ("default", ())
