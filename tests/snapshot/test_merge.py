from __future__ import annotations

from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.merge import merge
from clusterbook.snapshot.model import read_snapshot
from tests.support.clusters import FILES

Document = dict[str, Any]
CLUSTER: Document = {
    "kind": "Snapshot",
    "metadata": {"timestamp": "2026-08-01T00:00:00Z"},
    "fingerprint": {"service": {"value": "eks", "source": "K8s.node.provider"}},
    "measurements": [
        {"type": "K8s", "subtypes": [{"subtype": "node", "data": {"provider": "eks"}}]},
        {"type": "OS", "subtypes": [{"subtype": "release", "data": {"ID": "ubuntu", "VERSION_ID": "22.04"}}]},
    ],
    "objects": [],
    "coverage": [
        {"part": "measurements/OS.sysctl", "state": "skipped", "reason": "nobody looked into a node"},
        {"part": "measurements/NodeTopology", "state": "denied", "reason": "nodes is forbidden"},
        {"part": "measurements/GPU", "state": "skipped", "reason": "nobody looked into a node"},
    ],
}
GAPS = [{"part": part, "state": "denied", "reason": "no permission"} for part in ("measurements/OS.grub", "releases")]
NODE = {**FILES["h100-eks"], "coverage": GAPS}


def test_a_node_says_of_itself_what_the_api_does_not_know() -> None:
    found = read_snapshot(merge(CLUSTER, NODE))
    assert found.reading("OS", "sysctl", "/proc/sys/kernel/osrelease") == "6.8.0-1031-aws"
    assert found.reading("GPU", "hardware", "model") == "h100"
    assert found.stated["accelerator"] == {"note": "partial", "source": "GPU.hardware.model"}
    assert found.metadata == {**CLUSTER["metadata"], "source-node": NODE["metadata"]["source-node"]}


def test_what_the_api_says_counts_first() -> None:
    assert read_snapshot(merge(CLUSTER, NODE)).reading("OS", "release", "VERSION_ID") == "22.04"


def test_what_the_api_did_not_tell_is_never_taken_from_an_older_snapshot() -> None:
    found = read_snapshot(merge(CLUSTER, NODE))
    assert "NodeTopology" not in found.measurements
    assert found.reading("K8s", "server", "version") == ""
    assert (found.inventory.objects, found.inventory.releases) == ({}, None)


def test_gaps_close_where_the_node_knew_and_those_of_the_node_are_kept() -> None:
    parts = [gap["part"] for gap in merge(CLUSTER, NODE)["coverage"]]
    assert parts == ["measurements/NodeTopology", "measurements/OS.grub"]


def test_a_snapshot_without_a_node_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="has no readings of a node"):
        merge(CLUSTER, {"kind": "Snapshot", "measurements": CLUSTER["measurements"][:1]})
    with pytest.raises(InvalidRequest, match="'Pod'"):
        merge(CLUSTER, {"kind": "Pod"})
