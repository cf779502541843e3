from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_writer import dump
from clusterbook.evidence.redact import is_redacted, public_names, redact
from clusterbook.resolve import views
from clusterbook.resolve.document import health_checks, recipe_document
from clusterbook.resolve.resolver import resolve
from clusterbook.snapshot.model import read_snapshot
from clusterbook.validate.checks import check_words
from clusterbook.validate.judge import judge
from tests.support.checks import CHECKS, GROUPS
from tests.support.clusters import FILES

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
Document = dict[str, Any]

IDENTIFYING = """
    ip-10-0- compute.internal us-west-2b i-0a1b2c3d4e5f60718 GPU-8f1c0a2e 16512200 3f0b5d1e-8a7c blue-whale bench-07
    registry.example.org example.org pci-address
""".split()
"""What the clusters of the tests have that must not be seen."""


@pytest.fixture(scope="module")
def recipe() -> Document:
    found = resolve(
        load_catalog(read_tree(RECIPES)),
        Criteria(service="eks", accelerator="h100", intent="training", os="ubuntu", platform="kubeflow"),
    )
    return views.with_health_checks(recipe_document(found, state="curated"), health_checks(found))


def redacted(document: Document, recipe: Document) -> Document:
    words, namespaces = public_names(recipe)
    return redact(document, words=words | check_words(CHECKS.values()), namespaces=namespaces, groups=GROUPS)


@pytest.mark.parametrize("name", FILES)
def test_nothing_that_identifies_stays(name: str, recipe: Document) -> None:
    text = dump(redacted(FILES[name], recipe))
    assert [word for word in IDENTIFYING if word in text] == []
    assert re.findall(r"\d+\.\d+\.\d+\.\d+", text) == []


@pytest.mark.parametrize("name", FILES)
def test_what_was_redacted_is_a_snapshot_that_says_so(name: str, recipe: Document) -> None:
    found = redacted(FILES[name], recipe)
    assert read_snapshot(found).metadata["redacted"] == "2"
    assert is_redacted(found)
    assert not is_redacted(FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_redacting_again_changes_nothing(name: str, recipe: Document) -> None:
    once = redacted(FILES[name], recipe)
    assert redacted(once, recipe) == once


def states(recipe: Document, document: Document) -> dict[str, str]:
    return {
        f"{each.kind} {each.name}": each.state for each in judge(recipe, read_snapshot(document), checks=CHECKS).results
    }


BREAKAGES = [
    ("Deployment", "cert-manager", {"availableReplicas": 0}),
    ("ClusterPolicy", "cluster-policy", {"state": "notReady"}),
    ("DaemonSet", "nvidia-dcgm-exporter", {"numberReady": 0}),
    ("Skyhook", "tuning", {"status": "erroring"}),
    ("Namespace", "monitoring", {"phase": "Terminating"}),
    ("APIService", "v1beta1.custom.metrics.k8s.io", {"conditions": []}),
    ("CustomResourceDefinition", "queues.scheduling.run.ai", {"conditions": []}),
]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(BREAKAGES), unique_by=lambda each: each[1], max_size=3))
def test_it_is_judged_like_the_one_it_came_from(recipe: Document, breakages: list[tuple[str, str, Document]]) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    for kind, name, status in breakages:
        items = next(each["items"] for each in document["objects"] if each["kind"] == kind)
        next(each for each in items if each["metadata"]["name"] == name)["status"].update(status)
    assert states(recipe, redacted(document, recipe)) == states(recipe, document)


def planted(value: Any, secret: str) -> Any:
    """Return a document with a secret under a new key in every map, and behind every list of text."""
    if isinstance(value, dict):
        return {**{key: planted(each, secret) for key, each in value.items()}, f"x-{secret}": secret}
    return [planted(each, secret) for each in value] if isinstance(value, list) else value


def test_whatever_nobody_listed_goes(recipe: Document) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    kernel = next(each for each in document["measurements"] if each["type"] == "OS")["subtypes"]
    modules = next(each for each in kernel if each["subtype"] == "kmod")
    document = planted(document, "canary")
    modules = next(
        each
        for kind in document["measurements"]
        if kind["type"] == "OS"
        for each in kind["subtypes"]
        if each["subtype"] == "kmod"
    )
    del modules["data"]["x-canary"]  # every kernel module stays
    assert "canary" not in dump(redacted(document, recipe))


names = st.from_regex(r"q[a-z]{6,12}(-[0-9a-f]{2,4}){0,2}", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(names, min_size=8, max_size=8, unique=True), st.integers(0, 255), st.uuids())
def test_no_identifier_remains_wherever_it_stood(recipe: Document, secrets: list[str], number: int, uuid: Any) -> None:
    node, cluster, team, pod, label, image, reason, policy = secrets
    address = f"203.0.113.{number}"
    arn = f"arn:aws:iam::123456789012:role/{team}"
    document = copy.deepcopy(FILES["h100-eks"])
    old = document["metadata"]["source-node"]
    document = snapshot_with(document, old, node)
    document["fingerprint"]["region"]["note"] = f"{node} {address}"
    document["objects"] += [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "items": [{"metadata": {"name": node, "labels": {"kubernetes.io/hostname": node}}}],
        },
        {"apiVersion": f"{cluster}.example.org/v1", "kind": "Widget", "items": [{"metadata": {"name": team}}]},
        {
            "apiVersion": "nvidia.com/v1",
            "kind": "NVIDIADriver",
            "items": [{"metadata": {"name": policy}, "status": {"state": f"on {node} {uuid}"}}],
        },
    ]
    pods = next(each["items"] for each in document["objects"] if each["kind"] == "Pod")
    pods.append(
        {"metadata": {"name": pod, "namespace": team, "labels": {"app": label}}, "status": {"phase": "Pending"}}
    )
    pods.append(
        {
            "metadata": {
                "name": pod,
                "namespace": "monitoring",
                "labels": {"app": label, team: label},
                "annotations": {"a": arn},
            },
            "spec": {
                "nodeName": node,
                "template": {"spec": {"containers": [{"name": pod, "image": f"ghcr.io/{team}/{image}:1"}]}},
            },
            "status": {
                "phase": "Running",
                "podIP": address,
                "conditions": [{"type": "Ready", "status": "True", "message": reason}],
            },
        }
    )
    document["releases"] += [
        {"name": pod, "namespace": team, "chart": image},
        {"name": pod, "namespace": "monitoring", "chart": image, "version": "1.0", "values": {"password": reason}},
    ]
    document["coverage"] += [
        {"part": "objects/v1/Secret", "state": "denied", "namespace": team, "reason": f"{arn} cannot list"}
    ]
    text = dump(redacted(document, recipe))
    assert [secret for secret in [*secrets, address, arn, "123456789012", str(uuid)] if secret in text] == []
    assert "redacted" in text


def snapshot_with(document: Document, old: str, new: str) -> Document:
    """Return a document in which one name is another, wherever it stands."""
    import json

    found: Document = json.loads(json.dumps(document).replace(old, new))
    return found


def test_pseudonyms_are_the_same_for_the_same_cluster_and_keep_what_belongs_together(recipe: Document) -> None:
    found = redacted(FILES["h100-eks"], recipe)
    assert found == redacted(copy.deepcopy(FILES["h100-eks"]), recipe)
    assert found["metadata"]["source-node"] == "node-1"
    topology = next(each for each in found["measurements"] if each["type"] == "NodeTopology")
    labels = next(each for each in topology["subtypes"] if each["subtype"] == "label")["data"]
    assert labels["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3|node-1,node-4,node-5,node-6"


def test_what_goes_is_not_taken_for_absent(recipe: Document) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    pods = next(each["items"] for each in document["objects"] if each["kind"] == "Pod")
    pods.append({"metadata": {"name": "x", "namespace": "team-blue"}, "status": {"phase": "Failed"}})
    gaps = redacted(document, recipe)["coverage"]
    assert {"part": "objects/v1/Pod", "state": "skipped", "reason": "redacted", "namespace": "namespace-1"} in gaps


def test_without_a_recipe_less_stays() -> None:
    found = redact(FILES["h100-eks"], groups=GROUPS)
    kinds = {group["kind"]: len(group["items"]) for group in found["objects"]}
    assert (kinds["Pod"], kinds["Deployment"], found["releases"]) == (0, 0, [])
    assert kinds["CustomResourceDefinition"] > 10


def test_objects_of_a_group_stay_where_the_catalog_calls_it_public() -> None:
    group = {"apiVersion": "new.example.org/v1", "kind": "Widget", "items": []}
    document = {"kind": "Snapshot", "objects": [group]}
    assert redact(document)["objects"] == []
    assert redact(document, groups=["*.example.org"])["objects"] == [group]


def test_only_a_snapshot_is_redacted() -> None:
    with pytest.raises(InvalidRequest, match="'Pod'"):
        redact({"kind": "Pod"})


def test_what_is_damaged_deep_inside_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="this is no snapshot that can be redacted"):
        redact({"kind": "Snapshot", "releases": [{"name": "x", "namespace": "a", "chart": []}]}, namespaces=["a"])


def test_nulls_in_lists_are_left_out() -> None:
    measurements = [None, {"type": "OS", "subtypes": [None, {"subtype": "release", "data": {"ID": "ubuntu"}}]}]
    found = redact({"kind": "Snapshot", "measurements": measurements})
    assert found["measurements"] == [{"type": "OS", "subtypes": [{"subtype": "release", "data": {"ID": "ubuntu"}}]}]
