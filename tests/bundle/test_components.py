"""How options change the values of components."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clusterbook.bundle.components import ComponentSelection, select
from clusterbook.bundle.options import read_options
from clusterbook.bundle.value_tree import merge
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.hints import nearest

EXISTS = {"operator": "Exists"}


def recipe(*references: dict[str, Any], order: list[str] | None = None, **criteria: str) -> dict[str, Any]:
    """Return a whole recipe with the given components, deployed in the order given."""
    whole = [
        {"type": "Helm", "source": "https://charts", "version": "1", "registry": {}, **each} for each in references
    ]
    return {
        "apiVersion": "clusterbook.dev/v1alpha1",
        "kind": "RecipeResult",
        "metadata": {"slug": "x"},
        "criteria": criteria,
        "componentRefs": whole,
        "deploymentOrder": order if order is not None else [each["name"] for each in references],
    }


def chosen(whole: dict[str, Any], **request: Any) -> ComponentSelection:
    return select(whole, read_options(request))


def values(whole: dict[str, Any], **request: Any) -> dict[str, Any]:
    """Return the values of the only component."""
    (part,) = chosen(whole, **request).parts
    return part.values


def with_paths(given: dict[str, Any] | None = None, **facts: Any) -> dict[str, Any]:
    return recipe({"name": "a", "values": given or {}, "registry": {"valueOverrideKeys": ["ay"], **facts}})


def test_values_are_those_of_the_recipe_when_nothing_is_asked() -> None:
    given = {"driver": {"version": "580", "list": [1, {"x": None}]}, "enabled": True}
    assert values(with_paths(given)) == given


def test_the_recipe_itself_is_never_changed() -> None:
    whole = with_paths({"m": {"n": 1}}, nodeScheduling={"system": {"tolerationPaths": ["m.t"]}})
    values(whole, set=["a:m.n=2"], setJson=["a:m.o=[1]"])
    assert whole["componentRefs"][0]["values"] == {"m": {"n": 1}}


@pytest.mark.parametrize("option", ["set", "setFile", "setJson"])
def test_one_place_is_not_set_twice_under_two_names_of_its_component(option: str) -> None:
    with pytest.raises(InvalidRequest, match=r"--set(-file|-json)? a:x is given twice"):
        chosen(with_paths(), **{option: ["a:x=1", "ay:x=2"]})
    assert values(with_paths(), set=["a:x=1"], setJson=["ay:x=2"]) == {"x": 2}


@pytest.mark.parametrize("target", ["a", "ay"])
def test_a_component_goes_by_its_name_and_its_keys(target: str) -> None:
    assert values(with_paths(), set=[f"{target}:x.y=1"]) == {"x": {"y": 1}}


def test_a_text_stays_text_although_the_new_one_looks_like_a_number() -> None:
    assert values(with_paths({"v": "1.9"}), set=["a:v=1.10"]) == {"v": "1.10"}


def test_an_unknown_component_is_refused_with_the_nearest() -> None:
    whole = recipe({"name": "gpu-operator"})
    with pytest.raises(InvalidRequest, match="names a component that the recipe does not have") as caught:
        chosen(whole, set=["gpu-oprator:x=1"])
    assert nearest(caught.value.hint) == "gpu-operator"


def test_a_setting_does_not_replace_text_by_a_map() -> None:
    with pytest.raises(InvalidRequest, match=re.escape("--set a:v.w: v is not a map")):
        values(with_paths({"v": "text"}), set=["a:v.w=1"])


def test_objects_merge_lists_replace_and_null_stays_for_helm_to_read() -> None:
    given = {"o": {"keep": 1, "drop": 2, "list": [1, 2]}, "gone": 1}
    found = values(with_paths(given), setJson=['a:o={"drop":null,"list":[3],"new":{"x":null,"y":1}}', "a:gone=null"])
    assert found == {"o": {"keep": 1, "drop": None, "list": [3], "new": {"x": None, "y": 1}}, "gone": None}


@pytest.mark.parametrize("option", ["setJson", "setFile"])
def test_a_null_is_written_where_the_recipe_says_nothing_for_the_chart_may(option: str) -> None:
    assert values(with_paths({"o": {"keep": 1}}), **{option: ["a:o.cpu=null"]}) == {"o": {"keep": 1, "cpu": None}}


def test_a_null_over_a_null_stays_null() -> None:
    assert values(with_paths({"o": {"cpu": None}}), setJson=["a:o.cpu=null"]) == {"o": {"cpu": None}}


def test_a_deeper_path_wins_whatever_the_order() -> None:
    for words in (['a:o={"x":1,"y":1}', "a:o.x=2"], ["a:o.x=2", 'a:o={"x":1,"y":1}']):
        assert values(with_paths(), setJson=words) == {"o": {"x": 2, "y": 1}}


def test_json_wins_over_file_and_file_over_set() -> None:
    asked = {"set": ["a:x=1", "a:y=1", "a:z=1"], "setFile": ["a:y=2", "a:z=2"], "setJson": ["a:z=3"]}
    assert values(with_paths(), **asked) == {"x": 1, "y": 2, "z": 3}


SCHEDULING = {
    "system": {"nodeSelectorPaths": ["s.sel"], "tolerationPaths": ["s.tol"]},
    "accelerated": {
        "nodeSelectorPaths": ["g.sel"],
        "tolerationPaths": ["g.tol"],
        "taintPaths": ["g.taints"],
        "taintStrPaths": ["g.gate"],
    },
    "nodeCountPaths": ["count"],
}


def test_without_flags_everything_is_tolerated() -> None:
    assert values(with_paths(nodeScheduling=SCHEDULING)) == {"s": {"tol": [EXISTS]}, "g": {"tol": [EXISTS]}}


def test_selectors_replace_and_tolerations_append() -> None:
    given = {"s": {"sel": {"old": "1"}, "tol": [{"key": "k", "operator": "Exists"}]}}
    found = values(
        with_paths(given, nodeScheduling=SCHEDULING),
        systemNodeSelector=["role=system"],
        systemNodeToleration=["k", "dedicated=system:NoSchedule"],
        acceleratedNodeSelector=["gpu=yes"],
        acceleratedNodeToleration=["gpu:NoSchedule"],
        workloadGate="gate=shut:NoSchedule",
        nodes="4",
    )
    toleration = {"effect": "NoSchedule", "key": "dedicated", "operator": "Equal", "value": "system"}
    assert found["s"] == {"sel": {"role": "system"}, "tol": [{"key": "k", "operator": "Exists"}, toleration]}
    assert found["g"] == {
        "sel": {"gpu": "yes"},
        "tol": [{"effect": "NoSchedule", "key": "gpu", "operator": "Exists"}],
        "taints": [{"effect": "NoSchedule", "key": "gpu"}],
        "gate": "gate=shut:NoSchedule",
    }
    assert found["count"] == 4


def test_an_empty_list_of_tolerations_opts_out() -> None:
    given = {"s": {"tol": []}}
    found = values(with_paths(given, nodeScheduling=SCHEDULING), systemNodeToleration=["x"])
    assert found["s"]["tol"] == []


def test_one_path_for_both_kinds_of_nodes_gets_both() -> None:
    both = {"system": {"tolerationPaths": ["t"]}, "accelerated": {"tolerationPaths": ["t"]}}
    found = values(with_paths(nodeScheduling=both), systemNodeToleration=["x"], acceleratedNodeToleration=["y"])
    assert [each["key"] for each in found["t"]] == ["x", "y"]


def test_workloads_are_protected_where_the_registry_says() -> None:
    facts = {"podScheduling": {"workload": {"workloadSelectorPaths": ["w"]}}}
    assert values(with_paths(**facts), workloadSelector=["job=train"]) == {"w": {"job": "train"}}


def test_set_wins_over_the_storage_class_but_json_wins_over_all() -> None:
    facts = {"storageClassPaths": ["p.class"]}
    assert values(with_paths(**facts), storageClass="fast") == {"p": {"class": "fast"}}
    assert values(with_paths(**facts), storageClass="fast", set=["a:p.class=slow"]) == {"p": {"class": "slow"}}
    assert values(with_paths(**facts), storageClass="fast", setJson=['a:p.class="x"']) == {"p": {"class": "x"}}


def test_volumes_of_the_default_class_are_remarked_on() -> None:
    (note,) = chosen(with_paths(storageClassPaths=["p.class"])).notes
    assert "default StorageClass" in note


def test_a_gateway_is_not_open_to_the_internet_unless_said() -> None:
    found = chosen(with_paths({"r": []}, sourceRangePaths=["r"]))
    assert found.parts[0].values["r"] == ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
    assert "private networks" in found.notes[0]
    said = chosen(with_paths(sourceRangePaths=["r"]), setJson=['a:r=["0.0.0.0/0"]'])
    assert said.parts[0].values["r"] == ["0.0.0.0/0"]


def test_pods_restart_with_the_version_of_another_component() -> None:
    facts = {"restartsWith": {"component": "b", "annotationPaths": ["pod.annotations"]}}
    whole = recipe({"name": "a", "registry": facts}, {"name": "b", "version": "v26.3.2"})
    found = {part.name: part for part in chosen(whole).parts}
    assert found["a"].values == {"pod": {"annotations": {"clusterbook.dev/b-chart-version": "v26.3.2"}}}
    assert chosen(whole, set=["b:enabled=false"]).parts[0].values == {}


def test_switching_a_component_off_and_on() -> None:
    whole = recipe({"name": "a"}, {"name": "b", "dependencyRefs": ["c"]}, {"name": "c"}, order=["a"])
    assert [part.name for part in chosen(whole).parts] == ["a"]
    assert [part.name for part in chosen(whole, set=["a:enabled=false", "b:enabled=true", "c:enabled=true"]).parts] == [
        "c",
        "b",
    ]


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({"set": ["a:enabled=no"]}, "does not enable or disable a component"),
        ({"set": ["a:enabled=false"]}, "all components are disabled, so there is nothing to deploy"),
        ({"setJson": ['a:enabled={"x":1}']}, "does not enable or disable a component"),
        ({"dynamic": ["b:x"]}, "names a component that the recipe does not have"),
    ],
)
def test_what_cannot_be_switched_or_found_is_refused(request_: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidRequest, match=what):
        chosen(recipe({"name": "a"}), **request_)


def test_dynamic_values_leave_the_static_ones() -> None:
    (part,) = chosen(with_paths({"x": {"y": 1, "z": 2}, "w": 3}), dynamic=["ay:x.y", "a:w", "a:new.one"]).parts
    assert part.values == {"x": {"z": 2}}
    assert part.dynamic == {"x": {"y": 1}, "w": 3, "new": {"one": ""}}
    assert part.all_values() == {"x": {"y": 1, "z": 2}, "w": 3, "new": {"one": ""}}


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["a:plugin"], re.escape("would decide plugin.enabled at install time")),
        (["a:plugin.enabled.deeper"], "would decide"),
        (["a:enabled"], "would decide the component"),
        (["a:x", "a:x.y"], "overlap"),
        (["a:x", "ay:x"], "overlap"),
    ],
)
def test_what_cannot_be_left_to_the_installation_is_refused(words: list[str], what: str) -> None:
    with pytest.raises(InvalidRequest, match=what):
        chosen(with_paths(allocationPaths=["plugin.enabled"]), dynamic=words)


def test_a_component_without_a_chart_takes_no_values_at_installation() -> None:
    with pytest.raises(InvalidRequest, match="the component has no chart"):
        chosen(recipe({"name": "a", "source": ""}), dynamic=["a:x"])


def test_a_component_that_is_off_takes_no_values_at_installation() -> None:
    with pytest.raises(InvalidRequest, match="--dynamic names b, which is disabled"):
        chosen(recipe({"name": "a"}, {"name": "b"}, order=["a"]), dynamic=["b:x"])


def test_changing_how_gpus_are_given_out_is_remarked_on() -> None:
    facts = {"allocationPaths": ["plugin.enabled"]}
    assert "changes how GPUs are given to pods" in chosen(with_paths(**facts), set=["a:plugin.enabled=true"]).notes[0]
    assert chosen(with_paths(**facts), set=["a:plugins=true"]).notes == ()


def test_merging_shares_nothing_with_what_it_merged() -> None:
    low, high = {"a": {"b": [1]}}, {"a": {"c": [2]}}
    found = merge(low, high)
    found["a"]["c"].append(3)
    assert high == {"a": {"c": [2]}}
