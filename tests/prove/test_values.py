"""Values of charts: taken out, put in, known or not, and which of them is near."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.catalog.chart import ChartKeys
from clusterbook.prove.values import (
    known_steps,
    leaves,
    merge_values,
    nearest_pointer,
    other_value,
    same,
    switches,
    with_value,
    without,
)

CHART = ChartKeys(
    "a",
    "1.0.0",
    {
        "driver": {"enabled": True, "upgradePolicy": {"maxParallelUpgrades": 1}, "labels": {}},
        "manager": {"securityContext": {"runAsNonRoot": True}},
        "sub": {"enabled": False, "size": 1},
    },
    read=frozenset({("driver", "resources"), ("driver", "secret", "name")}),
    schema={"properties": {"named": {"type": "string"}}},
    conditions={("sub",): (("sub", "enabled"),)},
)


def test_leaves_are_scalars_lists_and_empty_maps() -> None:
    values = {"a": {"b": 1, "c": {}}, "d": [{"e": 2}], "f": None}
    assert list(leaves(values)) == [(("a", "b"), 1), (("a", "c"), {}), (("d",), [{"e": 2}]), (("f",), None)]


def test_a_value_that_goes_takes_the_maps_along_that_held_nothing_else() -> None:
    values = {"a": {"b": {"c": 1}}, "d": {"e": 1, "f": 2}}
    assert without(values, ("a", "b", "c"), ("d", "e")) == {"d": {"f": 2}}
    assert values == {"a": {"b": {"c": 1}}, "d": {"e": 1, "f": 2}}


def test_a_value_is_replaced_without_touching_the_original() -> None:
    values = {"a": {"b": 1}}
    assert with_value(values, ("a", "c", "d"), 2) == {"a": {"b": 1, "c": {"d": 2}}}
    assert values == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("one", "two", "equal"),
    [(1, 1.0, True), (True, 1, False), ("1", 1, False), ({"a": [1]}, {"a": [1.0]}, True), (None, False, False)],
)
def test_values_are_the_same_as_a_chart_reads_them(one: Any, two: Any, equal: bool) -> None:
    assert same(one, two) is equal


def test_null_takes_a_default_away() -> None:
    assert merge_values({"a": {"b": 1, "c": 2}, "d": 1}, {"a": {"b": None}, "d": {"e": 1}}) == {
        "a": {"c": 2},
        "d": {"e": 1},
    }


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("driver.enabled", 2),
        ("driver.labels.anything", 3),
        ("driver.resources.limits.cpu", 4),
        ("driver.secret.name", 3),
        ("named", 1),
        ("driver.maxParallelUpgrades", 1),
        ("manager.podSecurityContext.runAsNonRoot", 1),
        ("nothing.of.this", 0),
    ],
)
def test_a_chart_has_what_its_values_schema_and_templates_name(path: str, steps: int) -> None:
    assert known_steps(CHART, tuple(path.split("."))) == steps


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("driver.enable", "/driver/enabled"),
        ("driver.maxParallelUpgrades", "/driver/upgradePolicy/maxParallelUpgrades"),
        ("manager.podSecurityContext.runAsNonRoot", "/manager/securityContext/runAsNonRoot"),
        ("webhook.enabled", ""),
        ("zzz", ""),
    ],
)
def test_the_value_that_was_meant_is_named_where_one_is_near(path: str, meant: str) -> None:
    steps = tuple(path.split("."))
    assert nearest_pointer(CHART, steps, known_steps(CHART, steps)) == meant


def test_the_switch_of_a_subchart_is_tried_first() -> None:
    assert next(switches(CHART, {"sub": {"size": 2}}, ("sub", "size"))) == (("sub", "enabled"), True)


@pytest.mark.parametrize("value", [True, 1, 1.5, "x", "", None, [], [1], [{"a": 1}], {}, {"a": 1}])
def test_another_value_differs(value: Any) -> None:
    assert not same(other_value(value), value)
