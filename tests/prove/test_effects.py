"""Effects of values, judged on charts that are Python functions: values in, documents out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from clusterbook.catalog.chart import ChartKeys
from clusterbook.catalog.proofs import Effect
from clusterbook.prove.effects import judge, judge_manifests
from clusterbook.prove.objects import Rendering
from clusterbook.prove.values import merge_values

Template = Callable[[Mapping[str, Any]], Mapping[str, Any] | str]


def config(name: str, **data: Any) -> str:
    return json.dumps({"kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def judged(
    values: Mapping[str, Any],
    template: Template,
    *,
    defaults: Mapping[str, Any] | None = None,
    manifest: Template | None = None,
) -> Mapping[str, Effect]:
    """Return the effects on a chart of one ConfigMap with what `template` returns; a text is a refusal."""
    chart = ChartKeys("toy", "1.0.0", defaults or {})

    def render(given: Mapping[str, Any], *, crds: bool = False) -> Rendering:  # noqa: ARG001 (it has no kinds)
        data = template(merge_values(chart.values, given))
        return Rendering((), data) if isinstance(data, str) else Rendering((config("c", **data),))

    def own(given: Mapping[str, Any]) -> Rendering:
        data = manifest(given) if manifest else {}
        return Rendering((), data) if isinstance(data, str) else Rendering((config("m", **data),) if data else ())

    return judge(values, chart, render, own).effects


def test_a_value_that_changes_a_field_is_live_and_names_it() -> None:
    found = judged({"a": 2}, lambda v: {"x": v.get("a")}, defaults={"a": 1})
    assert found == {"/a": Effect("live", changes=("ConfigMap/c#/data/x",), default=(1,))}


def test_a_value_equal_to_the_charts_own_is_a_default_and_costs_no_render() -> None:
    calls = []
    judged({"a": 1.0}, lambda v: calls.append(v) or {"x": v["a"]}, defaults={"a": 1})
    assert len(calls) == 2


def test_a_value_that_says_what_the_chart_comes_to_anyway_is_a_default() -> None:
    found = judged({"name": "c"}, lambda v: {"x": v.get("name") or "c"}, defaults={"name": ""})
    assert found["/name"].effect == "default"
    assert "comes to the same" in found["/name"].why


def test_a_key_that_the_chart_does_not_have_is_dead_and_the_nearest_is_named() -> None:
    found = judged(
        {"driver": {"enbled": False}}, lambda v: {"x": v["driver"]["enabled"]}, defaults={"driver": {"enabled": True}}
    )
    assert found == {"/driver/enbled": Effect("dead", near="/driver/enabled", why="the chart has no /driver/enbled")}


def test_a_value_that_another_one_switches_off_is_dead_and_the_other_is_named() -> None:
    def template(v: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"x": v["part"]["size"]} if v["part"]["enabled"] else {}

    found = judged({"part": {"enabled": False, "size": 5}}, template, defaults={"part": {"enabled": True, "size": 1}})
    assert found["/part/size"].effect == "dead"
    assert found["/part/size"].switch == "/part/enabled"
    assert found["/part/enabled"].effect == "live"


def test_an_empty_map_over_a_map_that_is_read_is_dead_all_the_same() -> None:
    """Another value in its place would change something; this one takes nothing of the chart's own away."""
    found = judged({"a": {}}, lambda v: {"x": sorted(v["a"])}, defaults={"a": {"b": 1}})
    assert (found["/a"].effect, found["/a"].default) == ("dead", ({"b": 1},))
    assert "null" in found["/a"].why
    assert judged({"a": {}}, lambda v: {"x": sorted(v["a"])}, defaults={"a": {}})["/a"].effect == "default"
    assert judged({"a": {}}, lambda v: {"x": str(v.get("a"))})["/a"].effect == "live"


def test_an_empty_map_over_a_map_is_dead() -> None:
    found = judged({"a": {}}, lambda v: {"x": v["a"]["b"]}, defaults={"a": {"b": 1}})
    assert found["/a"].effect == "dead"
    assert "empty map" in found["/a"].why


def test_null_takes_a_default_away_and_is_live() -> None:
    found = judged({"a": {"b": None}}, lambda v: {"x": v.get("a", {}).get("b")}, defaults={"a": {"b": 1}})
    assert found["/a/b"].effect == "live"


def test_two_values_that_say_the_same_are_both_live_and_name_each_other() -> None:
    found = judged({"a": 2, "b": 2, "idle": 1}, lambda v: {"x": v.get("a") or v.get("b")})
    assert {path: (each.effect, each.shared) for path, each in found.items()} == {
        "/a": ("live", ("/b",)),
        "/b": ("live", ("/a",)),
        "/idle": ("dead", ()),
    }


def test_what_is_new_at_each_render_is_no_effect() -> None:
    counter = itertools.count()
    found = judged({"a": 1, "b": 2}, lambda v: {"random": next(counter), "x": v.get("b")})
    assert {path: each.effect for path, each in found.items()} == {"/a": "dead", "/b": "live"}
    assert found["/b"].changes == ("ConfigMap/c#/data/x",)


def test_a_value_that_the_chart_refuses_is_named_and_the_others_are_judged() -> None:
    found = judged({"bad": 1, "a": 2}, lambda v: "bad must not be" if "bad" in v else {"x": v.get("a")})
    assert (found["/bad"].effect, found["/bad"].why) == ("refused", "bad must not be")
    assert found["/a"].effect == "live"


def test_nothing_is_said_about_values_of_a_chart_that_never_renders() -> None:
    assert judged({"a": 1, "b": 2}, lambda _: "broken") == {}


def test_a_value_without_which_the_chart_does_not_render_is_live() -> None:
    found = judged({"a": 1}, lambda v: {"x": v["a"]} if "a" in v else "a is required")
    assert found["/a"].effect == "live"
    assert "a is required" in found["/a"].why


def test_a_value_that_our_manifests_read_is_our_own() -> None:
    found = judged({"mine": 1, "a": 1}, lambda v: {"x": v.get("a")}, manifest=lambda v: {"y": v.get("mine")})
    assert found["/mine"] == Effect("own", changes=("ConfigMap/m#/data/y",))
    assert found["/a"].effect == "live"


def test_an_empty_list_that_our_manifests_read_is_our_own() -> None:
    found = judged({"ranges": []}, lambda _: {}, manifest=lambda v: {"y": v.get("ranges") or []})
    assert found["/ranges"].effect == "own"


def test_the_switch_of_the_component_itself_is_our_own() -> None:
    assert judged({"enabled": True}, lambda _: {})["/enabled"].effect == "own"
    assert judged({"install": True}, lambda _: {})["/install"].effect == "own"
    assert judged({"install": {"it": True}}, lambda _: {})["/install/it"].effect == "dead"


def test_a_component_without_a_chart_is_judged_by_its_manifests() -> None:
    def own(values: Mapping[str, Any]) -> Rendering:
        return Rendering((config("m", x=values.get("a")),))

    found = judge_manifests({"a": 1, "b": 2}, own).effects
    assert {path: each.effect for path, each in found.items()} == {"/a": "own", "/b": "dead"}
    assert found["/b"].why == "no manifest reads it"


def test_of_many_changes_the_first_are_listed_and_the_rest_counted() -> None:
    found = judged({"a": 1}, lambda v: {f"k{number:02}": v.get("a") for number in range(20)})
    assert (len(found["/a"].changes), found["/a"].more) == (6, 14)


@pytest.mark.parametrize("value", [True, "x", [1], 3])
def test_a_value_of_any_type_in_a_key_nobody_reads_is_dead(value: Any) -> None:
    assert judged({"a": {"b": value}}, lambda _: {"x": 1})["/a/b"].effect == "dead"
