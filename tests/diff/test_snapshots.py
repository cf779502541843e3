# ruff: noqa: E501 (a case a line)
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diff import snapshots
from clusterbook.diff.snapshots import SnapshotChange, select
from clusterbook.snapshot.model import read_snapshot
from tests.support.clusters import FILES

Document = dict[str, Any]


def between(change: Callable[[Document], Any], **options: Any) -> list[tuple[str, str, str, str, str]]:
    """Return the drift from the healthy H100 cluster to a changed copy of it."""
    after = copy.deepcopy(FILES["h100-eks"])
    change(after)
    found = snapshots.drift(read_snapshot(FILES["h100-eks"]), read_snapshot(after), **options)
    return [(each.severity, each.kind, each.path, each.baseline, each.target) for each in found]


def readings(document: Document, kind: str, name: str) -> Document:
    found = next(each for each in document["measurements"] if each["type"] == kind)
    return next(each for each in found["subtypes"] if each["subtype"] == name)["data"]


def objects(document: Document, kind: str) -> list[Document]:
    return next(each["items"] for each in document["objects"] if each["kind"] == kind)


def reading(kind: str, name: str, key: str, value: object) -> Callable[[Document], None]:
    return lambda document: readings(document, kind, name).update({key: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (reading("K8s", "server", "version", "v1.34.1-eks-1"), ("warning", "modified", "K8s.server.version", "v1.33.5-eks-3025e55", "v1.34.1-eks-1")),
        (reading("K8s", "server", "version", "v1.33.6-eks-1"), ("info", "modified", "K8s.server.version", "v1.33.5-eks-3025e55", "v1.33.6-eks-1")),
        (reading("GPU", "hardware", "gpu-count", 7), ("critical", "modified", "GPU.hardware.gpu-count", "8", "7")),
        (reading("GPU", "smi", "driver-version", "590.1.2"), ("warning", "modified", "GPU.smi.driver-version", "580.82.07", "590.1.2")),
        (reading("SystemD", "containerd.service", "ActiveState", "failed"), ("critical", "modified", 'SystemD."containerd.service".ActiveState', "active", "failed")),
        (reading("OS", "sysctl", "/proc/sys/vm/max_map_count", "65530"), ("warning", "modified", "OS.sysctl./proc/sys/vm/max_map_count", "1048576", "65530")),
        (reading("OS", "kmod", "gdrdrv", True), ("warning", "added", "OS.kmod.gdrdrv", "", "true")),
        (lambda d: readings(d, "OS", "kmod").pop("efa"), ("warning", "removed", "OS.kmod.efa", "true", "")),
        (lambda d: d["fingerprint"].update(service="gke"), ("critical", "modified", "fingerprint.service", "eks", "gke")),
        (lambda d: readings(d, "NodeTopology", "taint").clear(), ("warning", "removed", "NodeTopology.taint.nvidia.com/gpu", "NoSchedule| on 4 nodes", "")),
        (lambda d: d["releases"].pop(0), ("critical", "removed", "releases.kube-system/aws-ebs-csi-driver", "aws-ebs-csi-driver 2.59.0", "")),
        (lambda d: d["releases"][3].update(version="v26.4.0"), ("warning", "modified", "releases.gpu-operator/gpu-operator.version", "gpu-operator v26.7.1", "gpu-operator v26.4.0")),
        (lambda d: d["releases"][3].update(status="failed"), ("critical", "modified", "releases.gpu-operator/gpu-operator.status", "deployed", "failed")),
        (lambda d: d["releases"].append({"name": "new", "namespace": "x", "chart": "c", "version": "1.0"}), ("info", "added", "releases.x/new", "", "c 1.0")),
        (lambda d: objects(d, "Deployment").pop(0), ("critical", "removed", "objects.Deployment kube-system/ebs-csi-controller", "there", "")),
        (lambda d: objects(d, "CustomResourceDefinition").pop(), ("critical", "removed", "objects.CustomResourceDefinition jobsets.jobset.x-k8s.io", "there", "")),
        (lambda d: objects(d, "Deployment")[0]["status"].update(availableReplicas=0), ("critical", "modified", "objects.Deployment kube-system/ebs-csi-controller.health", "healthy", "has 0 of 2 replicas")),
        (lambda d: objects(d, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0].update(image="x:2"), ("warning", "modified", "objects.Deployment kube-system/ebs-csi-controller.image ebs-csi-controller", "registry.example.org/ebs-csi-controller:v26.7.1", "x:2")),
    ],
)  # fmt: skip
def test_a_difference_is_told_with_what_it_matters(change: Callable[[Document], Any], said: tuple[str, ...]) -> None:
    assert said in between(change)
    assert len(between(change)) <= 2  # the fingerprint follows some readings


@pytest.mark.parametrize(
    "change",
    [
        reading("OS", "sysctl", "/proc/sys/kernel/random/boot_id", "another"),
        reading("OS", "sysctl", "/proc/sys/kernel/hostname", "another"),
        reading("SystemD", "kubelet.service", "MainPID", 7),
        reading("K8s", "node", "provider-id", "another"),
        lambda d: d["metadata"].update(timestamp="2026-08-01T00:00:00Z"),
        lambda d: objects(d, "Pod").pop(),
        lambda d: readings(d, "NodeTopology", "label").update({"nvidia.com/gpu.present": "true|a,b,c,d"}),
    ],
)
def test_what_merely_runs_is_no_drift(change: Callable[[Document], Any]) -> None:
    assert between(change) == []


def test_noise_is_shown_to_those_who_ask() -> None:
    change = reading("SystemD", "kubelet.service", "MainPID", 7)
    path = 'SystemD."kubelet.service".MainPID'
    assert between(change, least=snapshots.NOISE) == [("noise", "modified", path, "2041", "7")]


def test_paths_are_ignored_by_patterns() -> None:
    def change(document: Document) -> None:
        readings(document, "OS", "kmod").pop("efa")
        readings(document, "OS", "sysctl")["/proc/sys/vm/max_map_count"] = "1"

    assert [each[2] for each in between(change, ignore=["OS.sysctl.*"])] == ["OS.kmod.efa"]
    assert between(change, ignore=["OS.*"]) == []
    assert between(change, least=snapshots.CRITICAL) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda d: d["coverage"].append({"part": "objects/apps/v1/Deployment", "state": "denied"}), "objects.Deployment"),
        (lambda d: d["coverage"].append({"part": "objects/apps/v1/DaemonSet", "state": "partial"}), "objects.DaemonSet"),
        (lambda d: d["coverage"].append({"part": "releases", "state": "denied"}), "releases"),
    ],
)  # fmt: skip
def test_what_could_not_be_seen_is_no_removal(change: Callable[[Document], Any], path: str) -> None:
    assert between(change) == [("warning", "unseen", path, "", "")]


def test_a_group_of_readings_that_could_not_be_seen_is_one_change() -> None:
    def change(document: Document) -> None:
        document["measurements"] = [each for each in document["measurements"] if each["type"] != "SystemD"]
        document["coverage"] = [{"part": "measurements/SystemD", "state": "denied", "reason": "no D-Bus"}]

    assert between(change) == [
        ("warning", "unseen", 'SystemD."containerd.service"', "seen", ""),
        ("warning", "unseen", 'SystemD."kubelet.service"', "seen", ""),
    ]


def test_the_snapshot_of_a_machine_takes_nothing_away_from_its_cluster() -> None:
    machine = copy.deepcopy(FILES["bare-node"])
    for gap in machine["coverage"]:
        gap["state"] = "skipped"  # as it is taken today
    sides = [read_snapshot(FILES["h100-eks"]), read_snapshot(machine)]
    for before, after in (sides, reversed(sides)):
        found = snapshots.drift(before, after)
        assert {each.kind for each in found if each.path.startswith(("fingerprint", "K8s", "NodeTopology"))} == {
            "unseen"
        }
        assert not [each for each in found if each.severity == "critical"]


def test_snapshots_of_the_reference_are_compared_by_their_readings() -> None:
    old = {"kind": "Snapshot", "measurements": FILES["h100-eks"]["measurements"]}
    assert snapshots.drift(read_snapshot(old), read_snapshot(old)) == []
    assert snapshots.drift(read_snapshot(old), read_snapshot(FILES["h100-eks"])) == [
        SnapshotChange("added", "info", "fingerprint.nodes", "", "6")
    ]


@given(st.sampled_from(sorted(FILES)), st.sampled_from(sorted(FILES)))
def test_drift_turned_round_is_drift(before: str, after: str) -> None:
    one, other = (read_snapshot(FILES[name]) for name in (before, after))
    turned = {"added": "removed", "removed": "added", "modified": "modified", "unseen": "unseen"}
    there = {(turned[each.kind], each.path) for each in snapshots.drift(one, other, least=snapshots.NOISE)}
    assert there == {(each.kind, each.path) for each in snapshots.drift(other, one, least=snapshots.NOISE)}
    assert bool(there) == (before != after)


def test_an_unknown_severity_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="there is no severity 'fatal'"):
        select([], least="fatal")


@pytest.mark.parametrize("whole_first", [True, False])
def test_what_a_partial_list_of_nodes_does_not_show_has_neither_come_nor_gone(whole_first: bool) -> None:
    part = copy.deepcopy(FILES["h100-eks"])
    for measurement in part["measurements"]:
        if measurement["type"] == "NodeTopology":
            measurement["subtypes"] = [{"subtype": "label", "data": {"kubernetes.io/arch": "amd64|a"}}]
    part["coverage"] = [
        {"part": f"{name}", "state": "partial", "reason": "etcdserver: leader changed"}
        for name in ("measurements/NodeTopology", "objects/v1/Node")
    ]
    sides = [read_snapshot(FILES["h100-eks"]), read_snapshot(part)]
    found = snapshots.drift(*(sides if whole_first else reversed(sides)))
    assert {each.kind for each in found} == {"unseen"}
    assert {"fingerprint.accelerator", "NodeTopology.label"} <= {each.path for each in found}


def test_a_release_in_a_namespace_whose_records_cannot_be_read_has_not_gone() -> None:
    part = copy.deepcopy(FILES["h100-eks"])
    part["releases"] = [each for each in part["releases"] if each["name"] not in ("prometheus-adapter", "nfd")]
    part["coverage"] = [{"part": "releases", "state": "partial", "namespace": "monitoring", "reason": "cut gzip"}]
    found = {each.path: each.kind for each in snapshots.drift(read_snapshot(FILES["h100-eks"]), read_snapshot(part))}
    assert found["releases.monitoring/prometheus-adapter"] == "unseen"
    assert found["releases.node-feature-discovery/nfd"] == "removed"
