from __future__ import annotations

import copy
import json
import random
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
from clusterbook.snapshot.criteria import read_dimension
from clusterbook.snapshot.model import read_measured_snapshot, read_snapshot
from clusterbook.validate.checks import check_words
from clusterbook.validate.judge import judge
from tests.support.checks import CHECKS, GROUPS
from tests.support.clusters import FILES
from tests.support.generated import cluster, labelled, measured

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
    assert read_snapshot(found).metadata["redacted"] == "4"
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
    ("NodeWright", "tuning", {"status": "erroring"}),
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
    with pytest.raises(InvalidRequest, match="this snapshot cannot be redacted"):
        redact({"kind": "Snapshot", "releases": [{"name": "x", "namespace": "a", "chart": []}]}, namespaces=["a"])


def test_nulls_in_lists_are_left_out() -> None:
    measurements = [None, {"type": "OS", "subtypes": [None, {"subtype": "release", "data": {"ID": "ubuntu"}}]}]
    found = redact({"kind": "Snapshot", "measurements": measurements})
    assert found["measurements"] == [{"type": "OS", "subtypes": [{"subtype": "release", "data": {"ID": "ubuntu"}}]}]


MANY = 600
ASKED = {"K8s.server.version": ">= 1.32", "OS.release.ID": "ubuntu", "OS.release.VERSION_ID": "24.04",
         "OS.sysctl./proc/sys/kernel/osrelease": ">= 6.8"}  # fmt: skip


def test_generated_clusters_are_judged_the_same_when_they_are_redacted(recipe: Document) -> None:
    dice = random.Random(17)  # noqa: S311 (the same clusters each time)
    asked = {
        "kind": "RecipeResult",
        "metadata": {"slug": "x"},
        "criteria": {"service": "eks", "accelerator": "h100", "os": "ubuntu", "intent": "training"},
        "constraints": [{"name": name, "value": value} for name, value in ASKED.items()],
        "componentRefs": [],
    }
    seen = set()
    for _ in range(MANY):
        document = dice.choice((measured, cluster, labelled))(dice)
        try:
            taken = read_measured_snapshot(document)
        except InvalidRequest:
            continue
        shown = read_snapshot(redacted(document, recipe))
        before, after = ([(each.name, each.state) for each in judge(asked, each, checks={}).results]
                         for each in (taken, shown))  # fmt: skip
        assert before == after, json.dumps(document)
        sizes = [sorted(map(len, each.nodes.pools().values())) for each in (taken, shown)]
        assert sizes[0] == sizes[1]
        assert taken.nodes.gpu_count == shown.nodes.gpu_count
        seen |= {state for _, state in before}
    assert seen == {"passed", "failed", "error", "skipped"}


def topology(data: Document, items: list[Document] | None = None, name: str = "label") -> Document:
    block = {"subtype": name, "data": data, **({"items": items} if items is not None else {})}
    return {"kind": "Snapshot", "measurements": [{"type": "NodeTopology", "subtypes": [block]}]}


def item(key: str, value: str, nodes: str = "", **data: Any) -> Document:
    return {"context": {"key": key, "value": value}, "data": {**({"node-list": nodes} if nodes else {}), **data}}


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("nvidia.com/gpu.product", "NVIDIA-H100", "NVIDIA-H100"),
        ("cloud.google.com/gke-accelerator", "nvidia-h100-80gb", "nvidia-h100-80gb"),
        ("eks.amazonaws.com/nodegroup", "team-blue", "pool-1"),
        ("karpenter.sh/nodepool", "team-blue", "pool-1"),
        ("kubernetes.azure.com/cluster", "MC_blue_eastus", "pool-1"),
        ("lke.linode.com/pool-id", "", ""),
        ("team", "blue", None),
        ("kubernetes.io/hostname", "blue-1", None),
    ],
)
@pytest.mark.parametrize("apart", [True, False], ids=["items", "words"])
def test_labels_stay_by_their_key_and_values_where_they_are_public(
    key: str, value: str, shown: str | None, apart: bool
) -> None:
    data = {key: f"{value}|blue-1,blue-2"} if not apart else {}
    found = redact(topology(data, [item(key, value, "blue-1,blue-2")] if apart else None))
    labels = [(each.key, each.value, each.listed) for each in read_snapshot(found).labels]
    assert labels == ([] if shown is None else [(key, shown, "node-1,node-2")])
    assert "blue" not in dump(found)


def test_a_word_that_may_hold_its_value_stays_as_its_key() -> None:
    words = {"eks.amazonaws.com/nodegroup.blue": "blue|a", "eks.amazonaws.com/nodegroup.red": "red|b (+3 more)"}
    found = redact(topology(words))
    labels = [(each.key, each.value, each.listed) for each in read_snapshot(found).labels]
    assert labels == [("eks.amazonaws.com/nodegroup", "pool-1", "node-1"),
                      ("eks.amazonaws.com/nodegroup", "pool-2", "node-2 (+3 more)")]  # fmt: skip
    assert redact(found) == found


def test_an_item_that_names_its_word_does_so_where_the_word_stays() -> None:
    data = {"nvidia.com/gpu.present": "true|a,b", "eks.amazonaws.com/nodegroup": "blue|a"}
    at = [{"node-list-ref": word} for word in data]
    items = [item("nvidia.com/gpu.present", "true", **at[0], **{"node-count": 2}),
             item("eks.amazonaws.com/nodegroup", "blue", **at[1])]  # fmt: skip
    label = redact(topology(data, items))["measurements"][0]["subtypes"][0]
    assert label["data"] == {"nvidia.com/gpu.present": "true|node-1,node-2"}
    assert [each["data"] for each in label["items"]] == [
        {"node-list-ref": "nvidia.com/gpu.present", "node-count": 2},
        {"node-list": "node-1"},
    ]


def test_taints_stay_with_their_effect_where_they_are_public() -> None:
    items = [item("nvidia.com/gpu", "true", "a"), item("team", "blue", "a"), item("eks.amazonaws.com/x", "blue", "a")]
    items[0]["context"]["effect"] = "NoSchedule"
    taint = redact(topology({}, items, "taint"))["measurements"][0]["subtypes"][0]
    assert taint["items"] == [{"context": {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"},
                               "data": {"node-list": "node-1"}}]  # fmt: skip


@pytest.mark.parametrize("version", ["resource.k8s.io/v1", "resource.k8s.io/v1beta1"])
def test_the_product_of_a_gpu_to_claim_stays(version: str) -> None:
    attributes = {"attributes": {"productName": {"string": "NVIDIA H100"}, "uuid": {"string": "GPU-blue"}}}
    device = attributes if version.endswith("v1") else {"basic": attributes}
    spec = {"driver": "gpu.nvidia.com", "nodeName": "blue-1", "devices": [{"name": "gpu-0", **device}]}
    slices = {
        "apiVersion": version,
        "kind": "ResourceSlice",
        "items": [{"metadata": {"name": "blue-1-x"}, "spec": spec}],
    }
    found = redact({"kind": "Snapshot", "objects": [slices]}, groups=["*.nvidia.com"])
    assert read_snapshot(found).nodes.gpu[0].gpus is not None
    assert read_snapshot(found).nodes.gpu[0].readings["GPU.hardware.model"] == "h100"
    assert "blue" not in dump(found)


def test_openshift_is_known_by_its_group() -> None:
    kinds = [{"metadata": {"name": name}} for name in ("clusterversions.config.openshift.io", "blues.example.org")]
    found = redact({"kind": "Snapshot", "objects": [
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "items": kinds}]})  # fmt: skip
    assert read_dimension(read_snapshot(found), "service").value == "ocp"
    assert "blues" not in dump(found)


def test_nodes_that_only_a_redacted_label_would_pick_cannot_be_told() -> None:
    labels = [item("team", "blue", "a"), item("nvidia.com/gpu.present", "true", "a")]
    found = read_snapshot(redact(topology({}, labels)))
    with pytest.raises(InvalidRequest, match="is redacted, so the nodes with team=blue are not known"):
        found.labelled({"team": "blue"})
    assert found.labelled({"nvidia.com/gpu.present": "true"}) == {"node-1"}


def test_what_is_being_deleted_still_is_when_it_is_redacted() -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    for block in document["objects"]:
        if block["kind"] == "Deployment":
            for each in block["items"]:
                each["metadata"]["deletionTimestamp"] = "2026-07-14T08:30:00Z"
    (found,) = (each for each in redact(document)["objects"] if each["kind"] == "Deployment")
    assert all(each["metadata"]["deletionTimestamp"] for each in found["items"])


@pytest.mark.parametrize("beside", [{}, {"nvidia.com/gpu.present": "true|n0,n1"}, {"team": "blue|n0"}])
def test_a_public_label_whose_word_holds_its_value_stays(recipe: Document, beside: Document) -> None:
    words = {f"node.kubernetes.io/instance-type.{name}": f"{name}|{node}"
             for name, node in (("p5en.48xlarge", "n0"), ("p6e-gb200.36xlarge", "n1 (+2 more)"))}  # fmt: skip
    document = topology({**words, **beside})
    before, after = (read_snapshot(each).nodes for each in (document, redacted(document, recipe)))
    models = [sorted(node.readings["GPU.hardware.model"] for node in each.judged) for each in (before, after)]
    assert models == [["gb200", "h200"]] * 2
