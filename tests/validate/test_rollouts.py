# ruff: noqa: E501 (a case a line)
"""Ready means rolled out: by the words of `workloads`, and by those of every health check of the catalog alike."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from clusterbook.documents.yaml_reader import parse
from clusterbook.snapshot.model import Snapshot, read_snapshot
from clusterbook.validate.assertions import Operation, operation_fault, read_test
from clusterbook.validate.workloads import health_fault, pods
from tests.support.clusters import FILES

CHECKS = sorted((Path(__file__).resolve().parents[2] / "recipes" / "checks").glob("*/*.yaml"))
Object = dict[str, Any]


def operations(path: Path) -> list[Operation]:
    node = parse(path.read_text(encoding="utf-8"), path.name)
    assert node is not None
    return read_test(node.data(), path.name)


WANTED = [
    operation
    for path in CHECKS
    for operation in operations(path)
    if operation.wanted and operation.tree["kind"] in ("Deployment", "DaemonSet", "StatefulSet")
]
"""Every workload that a health check of the catalog asks for."""


def replicated(generation: int = 2, wanted: int = 2, **status: Any) -> Object:
    told = {
        "observedGeneration": generation,
        **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted),
    }
    return {
        "metadata": {"name": "x", "namespace": "n", "generation": 2},
        "spec": {"replicas": wanted},
        "status": told | status,
    }


def spread(nodes: int = 4, **status: Any) -> Object:
    told = dict.fromkeys(
        (
            "desiredNumberScheduled",
            "currentNumberScheduled",
            "updatedNumberScheduled",
            "numberReady",
            "numberAvailable",
        ),
        nodes,
    )
    return {
        "metadata": {"name": "x", "namespace": "n", "generation": 2},
        "spec": {},
        "status": {"observedGeneration": 2, **told, **status},
    }


REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
ILL: dict[str, tuple[str, Object, str]] = {
    "changed and not looked at": ("Deployment", replicated(generation=1), "has not looked at it"),
    "never looked at": ("Deployment", {"metadata": {"name": "x", "namespace": "n", "generation": 1}, "spec": {"replicas": 1}}, "has not looked at it"),
    "none of the new version": ("Deployment", replicated(updatedReplicas=0), "is up to date on 0 of 2 replicas"),
    "half of the new version": ("Deployment", replicated(updatedReplicas=1, replicas=3), "is up to date on 1 of 2 replicas"),
    "an old one left": ("Deployment", replicated(replicas=3, availableReplicas=3), "still runs 1 replicas of before"),
    "new ones not ready": ("Deployment", replicated(availableReplicas=1), "has 1 of 2 replicas"),
    "scaled to nothing": ("Deployment", replicated(wanted=0), "is scaled to 0"),
    "refused by quota": ("Deployment", replicated(updatedReplicas=0, conditions=[LATE, REFUSED]), "FailedCreate"),
    "a StatefulSet half way": ("StatefulSet", replicated(updatedReplicas=1), "is up to date on 1 of 2 replicas"),
    "a StatefulSet changed": ("StatefulSet", replicated(generation=1), "has not looked at it"),
    "a DaemonSet changed": ("DaemonSet", spread(observedGeneration=1), "has not looked at it"),
    "a DaemonSet half way": ("DaemonSet", spread(updatedNumberScheduled=1), "is up to date on 1 of 4 nodes"),
    "a DaemonSet without its pods": ("DaemonSet", spread(numberReady=3, numberAvailable=3), "is ready on 3 of 4 nodes"),
    "a DaemonSet that fits nowhere": ("DaemonSet", spread(nodes=0), "fits no node"),
}  # fmt: skip
ILL["refused by quota"][1]["status"]["conditions"].reverse()


@pytest.mark.parametrize(("kind", "found", "why"), ILL.values(), ids=list(ILL))
def test_what_is_not_rolled_out_is_ill(kind: str, found: Object, why: str) -> None:
    assert why in health_fault(kind, found)


@pytest.mark.parametrize(
    ("kind", "found"), [("Deployment", replicated()), ("StatefulSet", replicated()), ("DaemonSet", spread())]
)
def test_what_is_rolled_out_is_well(kind: str, found: Object) -> None:
    assert health_fault(kind, found) == ""


def shown(kind: str, operation: Operation, found: Object) -> Snapshot:
    asked = operation.tree["metadata"]
    metadata = {**found["metadata"], **{key: asked[key] for key in ("name", "namespace", "labels") if key in asked}}
    block = {"apiVersion": "apps/v1", "kind": kind, "items": [{**found, "metadata": metadata}]}
    return read_snapshot(
        {"apiVersion": "clusterbook.dev/v1alpha1", "kind": "Snapshot", "measurements": [], "objects": [block]}
    )


def test_health_checks_ask_for_workloads_of_all_three_kinds() -> None:
    assert {str(operation.tree["kind"]) for operation in WANTED} == {"Deployment", "DaemonSet", "StatefulSet"}
    assert len(WANTED) == 35


@pytest.mark.parametrize("operation", WANTED, ids=lambda each: each.subject)
def test_every_health_check_of_a_workload_asks_whether_it_is_rolled_out(operation: Operation) -> None:
    kind = str(operation.tree["kind"])
    well = spread() if kind == "DaemonSet" else replicated()
    assert operation_fault(operation, shown(kind, operation, well).inventory) == ""
    for name, (of, found, _) in ILL.items():
        if of == kind:
            assert operation_fault(operation, shown(kind, operation, found).inventory) != "", name


def pod(name: str, **status: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "n", "labels": {"app": "x"}},
        "status": {"phase": "Running", **status},
    }


READY, UNREADY = ({"conditions": [{"type": "Ready", "status": word}]} for word in ("True", "False"))
LOOPS = {**UNREADY, "containerStatuses": [{"restartCount": 42, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}


def seen(*found: Object) -> Snapshot:
    block = {"apiVersion": "v1", "kind": "Pod", "items": list(found)}
    return read_snapshot(
        {"apiVersion": "clusterbook.dev/v1alpha1", "kind": "Snapshot", "measurements": [], "objects": [block]}
    )


def test_a_pod_that_crashes_again_and_again_does_not_run() -> None:
    own = pods(seen(pod("a", **READY), pod("b", **LOOPS)).inventory, "n", {"app": "x"})
    assert [each["metadata"]["name"] for each in own.healthy] == ["a"]
    assert own.faults == ["Pod n/b is not ready (CrashLoopBackOff, 42 restarts)"]


@pytest.mark.parametrize("phase", ["Pending", "Failed", "Unknown"])
def test_a_pod_in_another_phase_does_not_run(phase: str) -> None:
    assert pods(seen(pod("a", phase=phase)).inventory, "n", {"app": "x"}).faults == [f"Pod n/a is {phase}"]


def test_pods_that_are_gone_soon_and_those_that_ended_do_not_count() -> None:
    leaving = pod("a", **UNREADY)
    leaving["metadata"]["deletionTimestamp"] = "2026-07-14T08:30:00Z"
    assert pods(seen(leaving, pod("b", phase="Succeeded")).inventory, "n", {"app": "x"}) == ([], [])


def test_what_a_healthy_cluster_shows_is_rolled_out() -> None:
    blocks = {block["kind"]: block["items"] for block in copy.deepcopy(FILES["h100-eks"])["objects"]}
    assert {
        health_fault(kind, found) for kind in ("Deployment", "DaemonSet", "StatefulSet") for found in blocks[kind]
    } == {""}
