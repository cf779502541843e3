"""Which values a chart can be told."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.catalog.chart import ChartKeys
from clusterbook.lint.rules import check
from clusterbook.resolve.matrix import build
from tests.support.trees import load

CHART = ChartKeys(
    name="a",
    version="1.0.0",
    values={"x": {"y": 1}, "empty": {}, "whole": {"z": 1}, "sub": {"own": 1}},
    read=frozenset({("whole",), ("x", "spelled", "out")}),
    words=frozenset({"loose"}),
)


def strangers(overrides: str, chart: ChartKeys = CHART, **files: str) -> list[str]:
    """Return the paths of overrides that the chart does not have."""
    spec = f"criteria: {{service: eks}}\ncomponentRefs: [{{name: a, overrides: {overrides}}}]"
    catalog = load({"eks": spec, **{name.replace("__", "/") + ".yaml": text for name, text in files.items()}})
    findings = check(catalog, build(catalog), {"a": chart})
    return [each.what.split("'")[1] for each in findings if each.code == "CB047"]


@pytest.mark.parametrize(
    "overrides",
    [
        "{x: {y: 2}}",
        "{x: {spelled: {out: 1}}}",
        "{x: {loose: 1}}",
        "{empty: {anything: 1}}",
        "{whole: {anything: 1}}",
        "{x: {y: {deeper: 1}}}",
        "{x: {nodeSelector: {a: b}, podAnnotations: {a: b}, extraEnv: [1]}}",
        "{global: {a: 1}, enabled: true}",
    ],
)
def test_what_a_chart_reads_is_left_alone(overrides: str) -> None:
    assert strangers(overrides) == []


@pytest.mark.parametrize(
    ("overrides", "paths"),
    [
        ("{q: 1}", ["q"]),
        ("{x: {q: {deeper: 1}}, sub: {other: 1}}", ["x.q", "sub.other"]),
        ("{x: {spelled: 1, out: 1}}", ["x.out"]),
        ("{x: {enabled: true}}", ["x.enabled"]),
    ],
)
def test_the_first_step_that_a_chart_does_not_have_is_found(overrides: str, paths: list[str]) -> None:
    assert strangers(overrides) == paths


def schema(**inner: Any) -> ChartKeys:
    """Return the chart with a schema that refers to a part of itself."""
    parts = {"deep": {"properties": {"named": {"type": "string"}}, **inner}}
    return CHART._replace(
        schema={"$ref": "#/$defs/top", "$defs": {"top": {"properties": {"x": {"$ref": "#/$defs/deep"}}}, **parts}}
    )


def test_what_a_schema_names_is_known() -> None:
    assert strangers("{x: {named: a, other: b}}", schema()) == ["x.other"]


def test_what_a_closed_schema_does_not_name_is_refused_whatever_templates_read() -> None:
    assert strangers("{x: {loose: 1}}", schema(additionalProperties=False)) == ["x.loose"]


def test_a_schema_that_refers_to_itself_ends() -> None:
    chart = CHART._replace(schema={"$ref": "#"})
    assert strangers("{x: {y: 1}}", chart) == []
    assert (
        strangers("{x: {y: 1}}", CHART._replace(schema={"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}))
        == []
    )


def test_a_components_own_manifests_read_its_values_too() -> None:
    manifest = '{{- $a := index .Values "a" }}\nkind: {{ $a.mine }}\n'
    assert strangers("{mine: 1}", components__a__manifests__x=manifest) == []
    assert strangers("{mine: 1}") == ["mine"]


def test_the_hint_names_the_version_that_recipes_take_when_the_chart_is_another() -> None:
    catalog = load({"eks": "criteria: {service: eks}\ncomponentRefs: [{name: a, overrides: {q: 1}}]"})
    for version, warned in (("1.0.0", False), ("v1.0.0", False), ("2.0.0", True)):
        findings = check(catalog, build(catalog), {"a": CHART._replace(version=version)})
        (hint,) = (each.hint for each in findings if each.code == "CB047")
        assert ("1.0.0" in hint) is warned
