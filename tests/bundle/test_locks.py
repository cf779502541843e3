"""Locks: what a profile decides, no option of a bundle decides otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.bundle.components import ComponentSelection, select
from clusterbook.bundle.options import read_options
from clusterbook.diagnostics.errors import InvalidRequest

OWNED = {"gpu-operator": ["driver.enabled", "enabled", "kit.gone"], "sentinel": ["enabled", "labels"]}


def recipe(*, advertiser: str = "", **facts: Any) -> dict[str, Any]:
    """Return a recipe made for gpuStack=ami, and a component that its profile says nothing of."""
    values = {"driver": {"enabled": False, "version": "580"}, "kit": {}}
    components = [
        {"name": "gpu-operator", "values": values, "registry": {"valueOverrideKeys": ["gpuoperator"], **facts}},
        {"name": "sentinel", "values": {"labels": [1, 2]}, "registry": {}},
        {"name": "dra", "values": {"gpus": False}, "registry": {"allocationPaths": ["gpus"]}},
    ]
    profile = {"name": "gpuStack", "value": "ami", "ownedPaths": OWNED}
    return {
        "apiVersion": "clusterbook.dev/v1alpha1",
        "kind": "RecipeResult",
        "metadata": {"selectedProfile": profile | ({"advertiser": advertiser} if advertiser else {})},
        "criteria": {},
        "componentRefs": [{"type": "Helm", "source": "https://charts", "version": "1", **each} for each in components],
        "deploymentOrder": ["dra", "gpu-operator", "sentinel"],
    }


def chosen(whole: dict[str, Any] | None = None, **request: Any) -> ComponentSelection:
    return select(whole or recipe(), read_options(request))


@pytest.mark.parametrize(
    "request_",
    [
        {"set": ["gpuoperator:driver.enabled=true"]},
        {"set": ["gpu-operator:driver.enabled=1"]},
        {"set": ["gpu-operator:kit.gone=x"]},
        {"setJson": ['gpu-operator:driver={"enabled":true}']},
        {"setJson": ['gpu-operator:driver={"enabled":"false"}']},
        {"setJson": ["gpu-operator:driver.enabled=null"]},
        {"setJson": ["gpu-operator:driver=1"]},
        {"setJson": ["gpu-operator:kit.gone=null"]},
        {"setJson": ["sentinel:labels=[1]"]},
        {"setFile": ['gpu-operator:driver={"enabled":true}']},
        {"dynamic": ["gpu-operator:driver.enabled"]},
        {"dynamic": ["gpu-operator:driver"]},
        {"dynamic": ["gpuoperator:driver.enabled.deeper"]},
        {"dynamic": ["sentinel:labels"]},
        {"set": ["gpu-operator:enabled=false"]},
        {"set": ["sentinel:enabled=false"]},
    ],
)
def test_a_word_that_decides_otherwise_is_refused_and_names_the_profile(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chosen(**request_)
    assert "gpuStack=ami" in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize(
    "request_",
    [
        {"set": ["gpuoperator:driver.enabled=false"]},
        {"setJson": ['gpu-operator:driver={"enabled":false,"more":1}']},
        {"setJson": ["sentinel:labels=[1,2]"]},
        {"set": ["gpu-operator:driver.version=590"]},
        {"dynamic": ["gpu-operator:driver.version"]},
        {"set": ["gpu-operator:enabled=true"]},
        {"set": ["dra:enabled=false"]},
        {"set": ["dra:gpus=true"]},
    ],
)
def test_the_same_value_and_every_other_are_the_users(request_: dict[str, Any]) -> None:
    assert chosen(**request_).parts


@pytest.mark.parametrize("request_", [{"set": ["dra:gpus=true"]}, {"setJson": ["dra:gpus=1"]}])
def test_where_others_tell_of_gpus_nothing_that_allocates_them_is_open(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        chosen(recipe(advertiser="external"), **request_)
    with pytest.raises(InvalidRequest):  # the same where the profile itself decides such a value
        chosen(recipe(allocationPaths=["driver.enabled"]), **request_)


def test_what_is_written_by_no_word_of_the_user_leaves_locked_values_alone() -> None:
    scheduling = {"system": {"tolerationPaths": ["kit.gone", "tolerations"]}, "nodeCountPaths": ["driver.enabled"]}
    parts = {part.name: part for part in chosen(recipe(nodeScheduling=scheduling), nodes="8").parts}
    assert parts["gpu-operator"].values == {
        "driver": {"enabled": False, "version": "580"},
        "kit": {},
        "tolerations": [{"operator": "Exists"}],
    }


def test_a_recipe_without_a_profile_locks_nothing() -> None:
    whole = recipe()
    del whole["metadata"]["selectedProfile"]
    assert chosen(whole, set=["gpu-operator:driver.enabled=true", "sentinel:enabled=false"]).parts
