# ruff: noqa: E501 (a case a line)
"""Ready means rolled out: by the words of `workloads`, and by those of every health check of the catalog alike."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from clusterbook.documents.yaml_reader import parse
from clusterbook.snapshot.model import Snapshot, read_snapshot
from clusterbook.validate.assertions import operation_fault
from clusterbook.validate.health_test import Operation, read_test
from clusterbook.validate.workloads import fault_of, health_fault, pods, refusal
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
    "changed and not looked at": ("Deployment", replicated(generation=1), "has not observed the change"),
    "never looked at": ("Deployment", {"metadata": {"name": "x", "namespace": "n", "generation": 1}, "spec": {"replicas": 1}}, "has not observed the change"),
    "none of the new version": ("Deployment", replicated(updatedReplicas=0), "is up to date on 0 of 2 replicas"),
    "half of the new version": ("Deployment", replicated(updatedReplicas=1, replicas=3), "is up to date on 1 of 2 replicas"),
    "an old one left": ("Deployment", replicated(replicas=3, availableReplicas=3), "still runs 1 old replicas"),
    "new ones not ready": ("Deployment", replicated(availableReplicas=1), "has 1 of 2 replicas"),
    "scaled to nothing": ("Deployment", replicated(wanted=0), "is scaled to 0"),
    "refused by quota": ("Deployment", replicated(updatedReplicas=0, conditions=[LATE, REFUSED]), "FailedCreate"),
    "a StatefulSet half way": ("StatefulSet", replicated(updatedReplicas=1), "is up to date on 1 of 2 replicas"),
    "a StatefulSet changed": ("StatefulSet", replicated(generation=1), "has not observed the change"),
    "a DaemonSet changed": ("DaemonSet", spread(observedGeneration=1), "has not observed the change"),
    "a DaemonSet half way": ("DaemonSet", spread(updatedNumberScheduled=1), "is up to date on 1 of 4 nodes"),
    "a DaemonSet without its pods": ("DaemonSet", spread(numberReady=3, numberAvailable=3), "is ready on 3 of 4 nodes"),
    "a DaemonSet that fits nowhere": ("DaemonSet", spread(nodes=0), "cannot be scheduled on any node"),
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
    assert len(WANTED) == 48


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


REFUSED = [
    ("DaemonSet", "x", "DaemonSet", "x", True),
    ("StatefulSet", "x", "StatefulSet", "x", True),
    ("Deployment", "x", "ReplicaSet", "x-5d4f8c7b9", True),
    ("Deployment", "x", "ReplicaSet", "x-more-5d4f8c7b9", False),
    ("Deployment", "x", "DaemonSet", "x", False),
    ("DaemonSet", "x", "DaemonSet", "x-2", False),
]


@pytest.mark.parametrize(("kind", "name", "own", "whose", "told"), REFUSED)
def test_pods_that_never_came_are_told_by_the_event_of_their_controller(
    kind: str, name: str, own: str, whose: str, told: bool
) -> None:
    workload = (
        spread(numberReady=0, numberAvailable=0)
        if kind == "DaemonSet"
        else replicated(readyReplicas=0, availableReplicas=0)
    )
    event = {
        "metadata": {"name": "e", "namespace": "n"},
        "involvedObject": {"kind": own, "name": whose},
        "reason": "FailedCreate",
        "message": 'pods "x" is forbidden: exceeded quota: gpus',
    }
    objects = [
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "items": [{**workload, "metadata": {**workload["metadata"], "name": name}}],
        },
        {"apiVersion": "v1", "kind": "Event", "items": [event]},
    ]
    inventory = read_snapshot({"kind": "Snapshot", "objects": objects}).inventory
    assert ("exceeded quota" in fault_of(inventory, kind, name, "n")) is told
    assert fault_of(
        inventory._replace(objects={key: each for key, each in inventory.objects.items() if key[1] != "Event"}),
        kind,
        name,
        "n",
    )


def test_an_old_event_makes_nothing_that_is_rolled_out_wrong() -> None:
    event = {
        "metadata": {"name": "e", "namespace": "n"},
        "involvedObject": {"kind": "DaemonSet", "name": "x"},
        "reason": "FailedCreate",
    }
    objects = [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "items": [spread()]},
        {"apiVersion": "v1", "kind": "Event", "items": [event]},
    ]
    inventory = read_snapshot({"kind": "Snapshot", "objects": objects}).inventory
    assert fault_of(inventory, "DaemonSet", "x", "n") == ""
    assert refusal(inventory, "n") == ": DaemonSet x: its pods are refused"
    assert refusal(inventory, "other") == ""
