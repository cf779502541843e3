from __future__ import annotations

from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.inventory import Inventory, UnseenPart, objects_part
from clusterbook.snapshot.model import read_snapshot


def inventory(**blocks: Any) -> Inventory:
    return read_snapshot({"kind": "Snapshot", **blocks}).inventory


def pods(*names: str) -> list[dict[str, Any]]:
    """Return the block of pods called `namespace/name`."""
    items = [dict(zip(("namespace", "name"), name.split("/"), strict=True)) for name in names]
    return [{"apiVersion": "v1", "kind": "Pod", "items": [{"metadata": item} for item in items]}]


def gap(state: str, part: str = objects_part("v1", "Pod"), **more: str) -> list[dict[str, str]]:
    return [{"part": part, "state": state, "reason": "why", **more}]


def test_what_is_listed_is_all_there_is() -> None:
    found, limit = inventory(objects=pods("a/x", "b/y")).kind("v1", "Pod", "a")
    assert [each["metadata"]["name"] for each in found] == ["x"]
    assert limit is None


def test_a_kind_without_objects_was_looked_for() -> None:
    assert inventory(objects=pods()).kind("v1", "Pod") == ([], None)


@pytest.mark.parametrize(
    ("blocks", "looked", "what"),
    [
        ({}, False, "holds no objects of kind Pod"),
        ({"coverage": gap("skipped")}, False, r"Pod \(v1\) was not captured: why"),
        ({"coverage": gap("denied")}, True, r"Pod \(v1\) could not be read: no permission: why"),
        ({"coverage": gap("failed"), "objects": pods("a/x")}, True, "could not be read: why"),
        ({"coverage": gap("denied", namespace="a"), "objects": pods("b/x")}, True, "no permission"),
    ],
)
def test_what_was_not_seen_is_no_answer(blocks: dict[str, Any], looked: bool, what: str) -> None:
    with pytest.raises(UnseenPart, match=what) as error:
        inventory(**blocks).kind("v1", "Pod", "a")
    assert error.value.looked is looked


def test_a_gap_in_one_namespace_leaves_the_others_alone() -> None:
    found, limit = inventory(coverage=gap("denied", namespace="a"), objects=pods("b/x")).kind("v1", "Pod", "b")
    assert (len(found), limit) == (1, None)


def test_a_gap_in_one_namespace_limits_the_view_of_all() -> None:
    with pytest.raises(UnseenPart):
        inventory(coverage=gap("denied", namespace="a"), objects=pods("b/x")).kind("v1", "Pod")


def test_an_api_that_is_not_served_has_no_objects() -> None:
    assert inventory(coverage=gap("absent")).kind("v1", "Pod") == ((), None)


def test_another_version_of_the_group_stands_in() -> None:
    blocks = [
        {"apiVersion": "resource.k8s.io/v1beta1", "kind": "ResourceSlice", "items": [{"metadata": {"name": "x"}}]}
    ]
    assert len(inventory(objects=blocks).kind("resource.k8s.io/v1", "ResourceSlice")[0]) == 1
    with pytest.raises(UnseenPart):
        inventory(objects=blocks).kind("other.k8s.io/v1", "ResourceSlice")


def test_a_name_is_not_missed_where_only_part_was_seen() -> None:
    some = inventory(objects=pods("a/x"), coverage=gap("partial"))
    assert some.named("v1", "Pod", "x", "a") is not None
    with pytest.raises(UnseenPart, match="captured in part: why"):
        some.named("v1", "Pod", "y", "a")
    assert inventory(objects=pods("a/x")).named("v1", "Pod", "y", "a") is None


def test_releases_that_nobody_looked_for_are_not_missing() -> None:
    with pytest.raises(UnseenPart, match="no Helm releases"):
        inventory().installed()
    with pytest.raises(UnseenPart, match="no permission: why"):
        inventory(releases=[], coverage=gap("denied", "releases")).installed()
    assert inventory(releases=[]).installed() == []


@pytest.mark.parametrize(
    ("blocks", "what"),
    [
        ({"objects": [{"kind": "Pod"}]}, r"objects\[0\].apiVersion is the value null, not a name"),
        ({"objects": [{"apiVersion": "v1", "kind": "Pod", "items": {"a": 1}}]}, r"objects\[0\].items is a map"),
        ({"objects": [{"apiVersion": "v1", "kind": "Pod", "items": [1]}]}, r"items\[0\] is the value 1, not a map"),
        ({"objects": [{"apiVersion": "v1", "kind": "Pod", "items": [{}]}]}, "not an object with metadata"),
        (
            {"objects": [{"apiVersion": "v1", "kind": "Pod", "items": [{"metadata": {}, "spec": 7}]}]},
            "spec is the value 7",
        ),
        ({"releases": [{"name": ""}]}, r"releases\[0\].name is text ''"),
        ({"releases": [{"name": "x", "version": 1.1}]}, r"releases\[0\].version is the value 1.1, not text; quote it"),
        ({"releases": [{"name": "x", "values": []}]}, r"releases\[0\].values is an empty list, not a map"),
        ({"coverage": [{"part": "releases", "state": "sen"}]}, r"coverage\[0\].state is 'sen'"),
        ({"coverage": {}}, "coverage is an empty map, not a list"),
    ],
)
def test_another_shape_is_refused_with_its_place(blocks: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidRequest, match=what):
        inventory(**blocks)
