"""Layers: what one overlay or mixin says, word by word."""

from __future__ import annotations

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.layers import Layer, read_layer
from clusterbook.diagnostics.findings import Place
from clusterbook.documents.yaml_reader import parse


def layer(spec: str, *, name: str = "") -> Layer:
    """Return the layer that an overlay `x` with this spec says."""
    node = parse(f"metadata: {{name: x}}\nspec:\n{spec}", "x.yaml")
    assert node is not None
    return read_layer(node, "x.yaml", name=name)


# --- row F12 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("{service: eks, accelerator: H100 , nodes: 8}", Criteria("eks", "h100", nodes=8)),
        ("{service: any, os: '', intent: null}", Criteria()),
        ("{service: EKS, nodes: 0}", Criteria("eks")),
        ("{platform: kubeflow, unknown: x}", Criteria(platform="kubeflow")),
        ("{}", Criteria()),
        ("{accelerator: 4090}", Criteria(accelerator="4090")),
    ],
)
def test_criteria_are_read_as_small_words(text: str, criteria: Criteria) -> None:
    assert layer(f"  criteria: {text}\n").criteria == criteria


@pytest.mark.parametrize("text", ["  base: eks\n", "  criteria: null\n", "  criteria:\n"])
def test_no_criteria_are_something_else_than_empty_ones(text: str) -> None:
    assert layer(text).criteria is None


def test_a_layer_knows_its_name_its_parent_and_its_place() -> None:
    found = layer("  base: eks\n  mixins: [os, net]\n")
    assert (found.name, found.base, found.place) == ("x", "eks", Place("x.yaml", 1, 18))
    assert [(origin.value, origin.place.column) for origin in found.mixins] == [("os", 12), ("net", 16)]


def test_a_layer_may_go_by_another_name_than_its_own() -> None:
    found = layer("  mixins: [os]\n", name="base")
    assert (found.name, found.mixins[0].layer) == ("base", "base")


def test_a_constraint_knows_where_its_value_stands() -> None:
    found = layer("  constraints:\n  - name: K\n    value: '>= 1.10'\n    unit: ''\n")
    ((name, origin),) = found.constraints
    assert (name, origin.value, origin.place) == ("K", {"name": "K", "value": ">= 1.10"}, Place("x.yaml", 5, 12))


def test_what_a_component_does_not_say_is_absent() -> None:
    part = "{name: a, version: '', chart: null, cleanup: false, overrides: {}}"
    (found,) = layer(f"  componentRefs: [{part}]\n").components
    assert (dict(found.words), dict(found.lists), dict(found.sticky), found.overrides) == ({}, {}, {}, None)


@pytest.mark.parametrize("flag", ["true", "True", "yes", "on", "y"])
def test_a_flag_may_be_spelled_as_in_yaml_1_1(flag: str) -> None:
    (found,) = layer(f"  componentRefs:\n  - {{name: a, cleanup: {flag}}}\n").components
    assert "cleanup" in found.sticky


def test_nothing_said_and_an_empty_list_are_told_apart() -> None:
    found = layer("  validation:\n    deployment: {checks: [], constraints: }\n    readiness: {checks: null}\n").phases
    assert (found["deployment"].checks, found["deployment"].constraints) == ((), None)
    assert (found["readiness"].checks, found["readiness"].constraints) == (None, None)
    assert list(found["deployment"].cleared) == ["checks"]


def test_a_phase_that_is_null_says_nothing() -> None:
    assert layer("  validation: {deployment: null}\n").phases == {}


def test_only_the_four_phases_are_read() -> None:
    assert list(layer("  validation: {deployment: {checks: [a]}, surprise: {checks: [b]}}\n").phases) == ["deployment"]
