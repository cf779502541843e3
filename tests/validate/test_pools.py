"""Pools: a mixed cluster is judged pool by pool, and one of them can be picked."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.model import Snapshot, read_snapshot
from clusterbook.validate import ctrf
from clusterbook.validate.judge import judge
from clusterbook.validate.result import FAILED, PASSED
from tests.validate.test_node_views import H100, cluster, node

POOL = "eks.amazonaws.com/nodegroup"
RECIPE: dict[str, Any] = {
    "kind": "RecipeResult",
    "metadata": {"slug": "x"},
    "criteria": {"service": "eks", "accelerator": "h100", "os": "ubuntu"},
    "constraints": [{"name": "OS.release.VERSION_ID", "value": "24.04"}],
    "componentRefs": [],
}


def mixed() -> Snapshot:
    return cluster(
        node("a", {**H100, POOL: "train"}),
        node("b", {**H100, POOL: "train"}),
        node("c", {**H100, POOL: "old"}, osImage="Ubuntu 20.04.6 LTS"),
        node("d", {"nvidia.com/gpu.product": "NVIDIA-L40S", POOL: "serve"}),
        node("system", {}),
    )


def test_the_report_says_which_pools_hold() -> None:
    report = judge(RECIPE, mixed(), checks={})
    assert [(each.name, each.nodes, each.state) for each in report.pools] == [
        ("old", 1, FAILED),
        ("serve", 1, FAILED),
        ("train", 2, PASSED),
    ]
    assert report.verdict == FAILED
    extra = ctrf.document(report, "1")["results"]["environment"]["extra"]
    assert [each["name"] for each in extra["pools"]] == ["old", "serve", "train"]
    assert "  passed  train  2 nodes\n" in ctrf.text(report)


def test_one_pool_is_judged_by_itself() -> None:
    taken = mixed()
    picked = taken.pick(taken.nodes.pool("train"))
    report = judge(RECIPE, picked, checks={})
    assert (report.verdict, report.pools) == (PASSED, ())
    assert picked.nodes.gpu_count == 2
    assert judge(RECIPE, taken.pick(taken.nodes.pool("serve")), checks={}).verdict == FAILED


def test_a_pool_without_gpus_fails_and_one_that_is_not_there_is_refused() -> None:
    taken = mixed()
    found = judge(RECIPE, taken.pick(["system"]), checks={}).results[1]
    assert (found.name, found.state) == ("accelerator", FAILED)
    with pytest.raises(InvalidRequest) as error:
        taken.nodes.pool("trian")
    assert "train" in error.value.hint


def test_nodes_without_a_pool_of_a_cloud_are_told_apart_by_what_they_are() -> None:
    taken = cluster(node("a"), node("b", {"nvidia.com/gpu.product": "NVIDIA-L40S"}))
    assert taken.nodes.pools() == {"h100-ubuntu-24.04": ("a",), "l40s-ubuntu-24.04": ("b",)}


def test_nodes_are_picked_by_their_labels() -> None:
    labels = {"team.x|": "", "tier.gold": "gold|a,b", "tier.iron": "iron|c", "zone": "z1|a,c"}
    taken = read_snapshot({"kind": "Snapshot", "measurements": [
        {"type": "NodeTopology", "subtypes": [{"subtype": "label", "data": labels}]}]})  # fmt: skip
    assert taken.labelled({"tier": "gold"}) == {"a", "b"}
    assert taken.labelled({"tier": "gold", "zone": "z1"}) == {"a"}
    for wanted in ({"tier": "tin"}, {"tier": "iron", "zone": "z2"}):
        with pytest.raises(InvalidRequest):
            taken.labelled(wanted)


def test_a_list_that_was_cut_picks_nobody() -> None:
    cut = {"subtype": "label", "data": {"tier": "gold|a,b (+3 more)"}}
    taken = read_snapshot({"kind": "Snapshot", "measurements": [{"type": "NodeTopology", "subtypes": [cut]}]})
    with pytest.raises(InvalidRequest, match="only some"):
        taken.labelled({"tier": "gold"})
