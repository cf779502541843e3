# ruff: noqa: E501 (a case a line)
"""The catalog's own recipe, held against a cluster it was deployed to, and against that cluster broken in many ways."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve import views
from clusterbook.resolve.document import health_checks, recipe_document
from clusterbook.resolve.resolver import resolve
from clusterbook.snapshot.model import read_snapshot
from clusterbook.validate.judge import judge
from clusterbook.validate.result import FAILED, PARTIAL, PASSED, SKIPPED, Report
from tests.support.checks import CHECKS
from tests.support.clusters import FILES

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def recipe() -> Document:
    """Return h100-eks-ubuntu-training-kubeflow with its health checks."""
    found = resolve(
        load_catalog(read_tree(RECIPES)),
        Criteria(service="eks", accelerator="h100", intent="training", os="ubuntu", platform="kubeflow"),
    )
    return views.with_health_checks(recipe_document(found, state="curated"), health_checks(found))


def states(report: Report) -> dict[str, str]:
    return {each.name: f"{each.state}: {each.message}" for each in report.results}


def kind(document: Document, name: str) -> list[Document]:
    """Return the objects of a kind in a snapshot's document, to be changed."""
    return next(each["items"] for each in document["objects"] if each["kind"] == name)


def named(document: Document, of: str, name: str) -> Document:
    return next(each for each in kind(document, of) if each["metadata"]["name"] == name)


def without(document: Document, of: str, name: str) -> None:
    found = kind(document, of)
    found.remove(named(document, of, name))


def test_every_check_of_the_catalog_says_what_a_snapshot_shows_of_it() -> None:
    assert [check.name for check in CHECKS.values() if not check.inspections] == []


def test_a_healthy_cluster_passes(recipe: Document) -> None:
    report = judge(recipe, read_snapshot(FILES["h100-eks"]), checks=CHECKS, known_checks=CHECKS)
    assert report.counts() == {"passed": 28, "failed": 0, "error": 0, "skipped": 9, "not applicable": 0}
    assert (report.recipe, report.verdict) == ("h100-eks-ubuntu-training-kubeflow", PARTIAL)


def crash(document: Document) -> None:
    pod = next(each for each in kind(document, "Pod") if each["metadata"]["namespace"] == "gpu-operator")
    pod["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}


def replace_version(document: Document) -> None:
    found = named(document, "Deployment", "gpu-operator")
    del found["metadata"]["labels"]["app.kubernetes.io/version"]
    found["spec"]["template"]["spec"]["containers"][0]["image"] = (
        "nvcr.io/nvidia/gpu-operator:v24.3.0@sha256:" + "0" * 64
    )


def set_status(of: str, name: str, **status: Any) -> Callable[[Document], None]:
    return lambda document: named(document, of, name)["status"].update(status)


BREAKAGES: list[tuple[Callable[[Document], Any], str, str]] = [
    (set_status("Deployment", "cert-manager-webhook", availableReplicas=0), "cert-manager", "all-parts-run: Deployment cert-manager/cert-manager-webhook"),
    (lambda d: without(d, "Deployment", "kai-operator"), "kai-scheduler", "there is no Deployment kai-scheduler/kai-operator"),
    (lambda d: without(d, "Deployment", "binder"), "gang-scheduling", "Deployment kai-scheduler/binder does not exist"),
    (lambda d: without(d, "CustomResourceDefinition", "clusterpolicies.nvidia.com"), "gpu-operator", "kind-is-known: there is no CustomResourceDefinition"),
    (set_status("ClusterPolicy", "cluster-policy", state="notReady"), "gpu-operator-health", "ClusterPolicy cluster-policy is notReady"),
    (set_status("ClusterPolicy", "cluster-policy", state="notReady"), "gpu-operator", "status.state is 'notReady', not 'ready'"),
    (crash, "gpu-operator", "no-pod-is-stuck: Pod in gpu-operator"),
    (set_status("DaemonSet", "aws-efa-k8s-device-plugin", numberAvailable=3), "aws-efa", "(status.numberAvailable == status.desiredNumberScheduled) is false"),
    (set_status("DaemonSet", "nvidia-dcgm-exporter", numberReady=0), "accelerator-metrics", "is ready on 0 of 4 nodes"),
    (set_status("NodeWright", "tuning", status="erroring"), "nodewright-customizations", "customizations-are-complete"),
    (set_status("Namespace", "monitoring", phase="Terminating"), "platform-health", "Namespace monitoring is Terminating"),
    (lambda d: without(d, "Namespace", "kubeflow"), "expected-resources", "Namespace kubeflow does not exist"),
    (replace_version, "gpu-operator-version", "it is v24.3.0, not >= v24.6.0"),
    (set_status("APIService", "v1beta1.custom.metrics.k8s.io", conditions=[]), "ai-service-metrics", "is not available"),
    (lambda d: kind(d, "ResourceSlice").clear(), "dra-support", "no ResourceSlice of an nvidia.com driver"),
    (set_status("Prometheus", "kube-prometheus-prometheus", conditions=[{"type": "Available", "status": "False"}]), "kube-prometheus-stack", "is 'False', not 'True'"),
    (lambda d: without(d, "Deployment", "kubeflow-trainer-controller-manager"), "robust-controller", "does not exist"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("breakage", "name", "why"), BREAKAGES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_broken_fails_and_is_named(
    recipe: Document, breakage: Callable[[Document], Any], name: str, why: str
) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    breakage(document)
    report = judge(recipe, read_snapshot(document), checks=CHECKS)
    assert report.verdict == FAILED
    found = states(report)[name]
    assert found.startswith("failed: ")
    assert why in found


def ill(document: Document, of: str, name: str, instance: str, **status: Any) -> None:
    found = named(document, of, name)
    found["metadata"].setdefault("labels", {})["app.kubernetes.io/instance"] = instance
    found["status"].update(status)


@pytest.mark.parametrize(
    ("of", "name", "release", "status"),
    [
        ("Deployment", "jobset-controller", "kubeflow-trainer", {"availableReplicas": 0}),
        ("Deployment", "jobset-controller", "kubeflow-trainer", {"updatedReplicas": 0}),
        ("DaemonSet", "nvsentinel-gpu-health-monitor", "nvsentinel", {"numberAvailable": 3}),
        ("DaemonSet", "nvidia-driver-daemonset", "gpu-operator", {"numberReady": 0}),
        ("DaemonSet", "nvidia-driver-daemonset", "gpu-operator", {"observedGeneration": 0}),
    ],
)
def test_what_says_it_is_of_a_release_is_rolled_out_though_no_check_names_it(
    recipe: Document, of: str, name: str, release: str, status: dict[str, Any]
) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    named(document, of, name)["metadata"]["generation"] = 1
    ill(document, of, name, release, **status)
    found = states(judge(recipe, read_snapshot(document), checks=CHECKS))
    assert found[release].startswith("failed: ")
    assert f"/{name} " in found[release]
    ill(document, of, name, "another")
    assert states(judge(recipe, read_snapshot(document), checks=CHECKS))[release].startswith("passed: ")


def test_what_runs_nowhere_on_purpose_is_no_fault(recipe: Document) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    nowhere = dict.fromkeys(("desiredNumberScheduled", "numberAvailable", "numberReady", "updatedNumberScheduled"), 0)
    ill(document, "DaemonSet", "nvidia-driver-daemonset", "gpu-operator", **nowhere)
    assert states(judge(recipe, read_snapshot(document), checks=CHECKS))["gpu-operator"].startswith("passed: ")


@pytest.mark.parametrize(
    ("of", "name", "result"),
    [
        ("Deployment", "gpu-operator", "gpu-operator-health"),
        ("Deployment", "binder", "gang-scheduling"),
        ("DaemonSet", "nvidia-dcgm-exporter", "accelerator-metrics"),
        ("DaemonSet", "nvidia-dra-driver-gpu-kubelet-plugin", "dra-support"),
        ("Deployment", "kubeflow-trainer-controller-manager", "robust-controller"),
    ],
)
def test_what_is_being_deleted_is_not_healthy(recipe: Document, of: str, name: str, result: str) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    named(document, of, name)["metadata"]["deletionTimestamp"] = "2026-07-14T08:30:00Z"
    found = states(judge(recipe, read_snapshot(document), checks=CHECKS))[result]
    assert found.startswith("failed: ")
    assert "is being deleted" in found


def test_a_snapshot_of_the_reference_has_no_objects_so_nothing_about_them_passes(recipe: Document) -> None:
    document = {key: FILES["h100-eks"][key] for key in ("kind", "metadata", "measurements")}
    report = judge(recipe, read_snapshot(document), checks=CHECKS)
    passed = {each.name for each in report.results if each.state == PASSED}
    assert passed == {"service", "accelerator", "K8s.server.version"}
    asked = {"os", *(each["name"] for each in recipe["constraints"])}
    of_one = {each.name for each in report.results if each.state == SKIPPED and "not inspected" in each.message}
    assert asked - passed - of_one == {"os"}  # a criterion, which says it in other words


@pytest.mark.parametrize("state", ["denied", "failed", "skipped", "partial"])
def test_without_permission_nothing_passes_that_needs_it(recipe: Document, state: str) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    document["coverage"] = [
        {"part": f"objects/{each['apiVersion']}/{each['kind']}", "state": state, "reason": "forbidden"}
        for each in document["objects"]
    ]
    if state == "partial":
        document["objects"] = [{**each, "items": []} for each in document["objects"]]
    report = judge(recipe, read_snapshot(document), checks=CHECKS)
    about_objects = [each for each in report.results if each.phase != "readiness"]
    assert {each.state for each in about_objects} <= ({"skipped"} if state == "skipped" else {"error", "skipped"})


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_taking_something_out_of_sight_never_makes_anything_pass(recipe: Document, data: st.DataObject) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    for breakage, _, _ in data.draw(st.lists(st.sampled_from(BREAKAGES), max_size=3, unique_by=id)):
        breakage(document)
    seen = {
        (each.kind, each.name)
        for each in judge(recipe, read_snapshot(document), checks=CHECKS).results
        if each.state == PASSED
    }
    hidden = data.draw(st.lists(st.sampled_from(document["objects"]), min_size=1, max_size=6, unique_by=id))
    document["coverage"] = [
        {
            "part": f"objects/{each['apiVersion']}/{each['kind']}",
            "state": data.draw(st.sampled_from(["denied", "failed", "skipped", "partial"])),
        }
        for each in hidden
    ]
    left = data.draw(st.integers(0, 5))
    for each in hidden:
        each["items"] = each["items"][:left]
    blind = {
        (each.kind, each.name)
        for each in judge(recipe, read_snapshot(document), checks=CHECKS).results
        if each.state == PASSED
    }
    assert blind <= seen
