"""Labels and taints keep key and value apart; what older snapshots have is read as before."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.collect.cluster.nodes import Nodes
from clusterbook.diff.snapshots import drift
from clusterbook.snapshot.build import Capture, document
from clusterbook.snapshot.model import Snapshot, read_snapshot
from clusterbook.snapshot.topology import labels
from tests.collect.cluster.test_nodes import node, told


def snapshot(found: Nodes, *, most: int = 0) -> Snapshot:
    return read_snapshot(document(Capture({"NodeTopology": found.topology(most)}), {}))


NODES = (
    node("gpu-a", labels={"corp.example/pool": "gpu", "corp.example/pool.gpu": "reserved"}),
    node("gpu-b", labels={"corp.example/pool": "gpu"}),
    node("cpu-c", labels={"corp.example/pool": "cpu"}),
)


def test_a_label_named_like_a_label_and_its_value_hides_neither() -> None:
    seen = snapshot(told(*NODES))
    listed = {(each.key, each.value): each.nodes for each in seen.labels}
    assert listed == {
        ("corp.example/pool", "cpu"): ["cpu-c"],
        ("corp.example/pool", "gpu"): ["gpu-a", "gpu-b"],
        ("corp.example/pool.gpu", "reserved"): ["gpu-a"],
    }
    assert seen.labelled({"corp.example/pool": "gpu"}) == {"gpu-a", "gpu-b"}
    assert seen.reading("NodeTopology", "summary", "label-count") == "3"


def test_two_taints_of_one_key_and_effect_are_two_taints() -> None:
    taints = [{"key": "maint", "effect": "NoExecute", "value": value} for value in ("a", "b")]
    found = told(node("x", taints=[taints[0], {"key": "maint", "effect": "NoSchedule"}]), node("y", taints=[taints[1]]))
    items = found.topology()["taint"].items
    assert [(item.context["effect"], item.context["value"], item.data["node-count"]) for item in items] == [
        ("NoExecute", "a", 1),
        ("NoExecute", "b", 1),
        ("NoSchedule", "", 1),
    ]
    assert found.topology()["summary"].data["taint-count"] == 3


def test_an_item_names_the_word_that_lists_its_nodes_so_that_they_stand_once() -> None:
    found = told(*(node(f"n{number:03}", labels={"zone": f"z{number % 2}"}) for number in range(100))).topology()[
        "label"
    ]
    assert [item.data for item in found.items] == [
        {"node-list-ref": f"zone.z{number}", "node-count": 50, "truncated": False} for number in range(2)
    ]
    assert all(item.data["node-list-ref"] in found.data for item in found.items)


def test_a_list_that_is_cut_says_so_and_how_many_there_are() -> None:
    found = told(*(node(f"n{number}", labels={"x": "y"}) for number in range(5))).topology(most=2)["label"]
    assert found.items[0].data == {"node-list-ref": "x", "node-count": 5, "truncated": True}
    (label,) = labels(found.data, found.items)
    assert (label.nodes, label.unnamed) == (["n0", "n1"], 3)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ({"pool": "gpu|a,b"}, {"pool": "gpu"}),
        ({"pool.gpu": "gpu|a,b", "pool.cpu": "cpu|c"}, {"pool": "gpu"}),
        ({"pool.gpu": "gpu|a,b"}, {"pool.gpu": "gpu"}),
        ({"pool": "|a,b"}, {"pool": ""}),
        ({"pool": "x|y|a,b"}, {"pool": "x|y"}),
    ],
)
def test_snapshots_without_items_are_read_as_before(data: dict[str, str], wanted: dict[str, str]) -> None:
    measurement = {"type": "NodeTopology", "subtypes": [{"subtype": "label", "data": data}]}
    assert read_snapshot({"kind": "Snapshot", "measurements": [measurement]}).labelled(wanted) == {"a", "b"}


@pytest.mark.parametrize(
    "item",
    [
        {"context": {"key": "pool", "value": "gpu"}, "data": {"node-list": "a,b"}},
        {"context": {"key": "pool", "value": "gpu"}, "data": {"node-list-ref": "pool.gpu"}},
    ],
)
def test_items_of_the_reference_are_read_by_list_and_by_reference(item: dict[str, Any]) -> None:
    data = {"pool.gpu": "gpu|a,b", "pool.cpu": "cpu|c"}
    subtype = {"subtype": "label", "data": data, "items": [item]}
    seen = read_snapshot({"kind": "Snapshot", "measurements": [{"type": "NodeTopology", "subtypes": [subtype]}]})
    assert seen.labelled({"pool": "gpu"}) == {"a", "b"}


def test_another_label_is_one_difference_and_moves_no_other() -> None:
    more = (*NODES, node("new", labels={"a.example/first": "x", "corp.example/pool": "cpu"}))
    paths = {change.path for change in drift(snapshot(told(*NODES)), snapshot(told(*more)))}
    assert not [path for path in paths if "[" in path.removeprefix("NodeTopology.")]
    taken = (NODES[0], node("gpu-b", labels={"corp.example/pool": "cpu"}), NODES[2])
    changes = drift(snapshot(told(*NODES)), snapshot(told(*taken)))
    assert any("corp.example/pool" in change.path for change in changes)
