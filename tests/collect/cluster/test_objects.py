"""What of an object a snapshot keeps, and the kinds that it looks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterbook.collect.cluster.nodes import policies
from clusterbook.collect.cluster.objects import STANDARD, kinds_of, trim
from clusterbook.documents import yaml_fast
from clusterbook.kubernetes.discovery import Kind
from clusterbook.snapshot.build import Capture, document
from clusterbook.snapshot.constraint import parse_path
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.reading import lookup
from clusterbook.validate.health_test import read_test

CHECKS = Path(__file__).resolve().parents[3] / "recipes" / "checks"
NOISE = {"uid": "1", "resourceVersion": "2", "managedFields": [{"x": "y"}], "annotations": {"a": "b"}}


def thing(**parts: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "labels": {"app": "a"}, **NOISE}, **parts}


def test_what_is_about_the_object_itself_goes() -> None:
    assert trim("Skyhook", thing(spec={"x": 1}, status={"status": "complete"})) == {
        "metadata": {"name": "a", "labels": {"app": "a"}},
        "spec": {"x": 1},
        "status": {"status": "complete"},
    }


def test_a_pod_keeps_what_health_checks_ask() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "long"}}
    status = {
        "phase": "Pending",
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "False", "reason": "X", "lastTransitionTime": "t"}],
        "containerStatuses": [{"name": "c", "ready": False, "restartCount": 3, "image": "i", "state": waiting}],
    }
    spec = {"nodeName": "n", "containers": [{"name": "c", "env": [{"name": "PASSWORD", "value": "x"}]}]}
    owner = {"kind": "ReplicaSet", "name": "a-1", "uid": "9"}
    found = thing(spec=spec, status=status)
    found["metadata"]["ownerReferences"] = [owner]
    assert trim("Pod", found) == {
        "metadata": {
            "name": "a",
            "labels": {"app": "a"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "a-1"}],
        },
        "spec": {"nodeName": "n"},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "Ready", "status": "False", "reason": "X"}],
            "containerStatuses": [
                {"name": "c", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
            ],
        },
    }


def test_no_environment_and_no_schema_comes_along() -> None:
    pod = {"containers": [{"name": "c", "image": "i:1", "env": [{"name": "PASSWORD", "value": "s3cret"}]}]}
    kept = trim("Deployment", thing(spec={"replicas": 2, "template": {"spec": pod}}, status={"readyReplicas": 2}))
    assert kept["spec"] == {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "image": "i:1"}]}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"x": "y"}}}
    kept = trim("CustomResourceDefinition", thing(spec={"group": "g", "versions": [version]}, status={}))
    assert kept["spec"]["versions"] == [{"name": "v1", "served": True, "storage": True}]
    hook = {"name": "h", "clientConfig": {"caBundle": "LS0t", "service": {"name": "s", "namespace": "n"}}}
    kept = trim("ValidatingWebhookConfiguration", thing(webhooks=[hook]))
    assert "caBundle" not in json.dumps(kept)
    assert kept["webhooks"][0]["clientConfig"]["service"]["name"] == "s"


def test_a_nodes_labels_are_written_once_and_elsewhere() -> None:
    status = {"capacity": {"nvidia.com/gpu": "8"}, "images": [{"names": ["x"]}], "nodeInfo": {"osImage": "Ubuntu"}}
    kept = trim("Node", thing(spec={"providerID": "aws:///x"}, status=status))
    assert kept["metadata"] == {"name": "a"}
    assert kept["spec"] == {"providerID": "aws:///x"}
    assert "images" not in kept["status"]


def test_a_policy_becomes_readings() -> None:
    policy = {
        "spec": {"driver": {"enabled": False, "version": "580"}, "env": [{"b": 1, "a": 2}], "none": None},
        "status": {"state": "ready", "namespace": "gpu-operator"},
    }
    assert policies([policy]).data == {
        "driver.enabled": False,
        "driver.version": "580",
        "env": '[{"a":2,"b":1}]',
        "state": "ready",
    }
    assert policies([{}]).data == {}


def policy(name: str, state: str, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"driver": {"version": version}}, "status": {"state": state}}


FOLLOWED, IGNORED = policy("cluster-policy", "ready", "580.82.07"), policy("a-test", "ignored", "550.0")


@pytest.mark.parametrize("shown", [[FOLLOWED, IGNORED], [IGNORED, FOLLOWED]])
def test_a_policy_that_the_operator_ignores_overwrites_nothing(shown: list[dict[str, Any]]) -> None:
    found = policies(shown)
    assert found.data == {"driver.version": "580.82.07", "state": "ready"}
    assert [(item.context["name"], item.data["driver.version"]) for item in found.items] == [
        ("cluster-policy", "580.82.07"),
        ("a-test", "550.0"),
    ]


@pytest.mark.parametrize("state", ["notReady", "disabled", None])
def test_a_policy_that_is_not_ready_counts_before_one_that_is_ignored(state: str) -> None:
    assert policies([IGNORED, policy("z", state, "570")]).data["driver.version"] == "570"


def test_keys_of_one_policy_are_not_mixed_with_anothers() -> None:
    other = {"metadata": {"name": "other"}, "spec": {"mig": {"strategy": "single"}}, "status": {"state": "ignored"}}
    assert "mig.strategy" not in policies([FOLLOWED, other]).data


@pytest.mark.parametrize(
    ("path", "reading"),
    [
        ("K8s.policy.driver.version", "580.82.07"),
        ("K8s.policy.state", "ready"),
        ("K8s.policy[name=a-test].driver.version", "550.0"),
        ("K8s.policy[1].state", "ignored"),
    ],
)
def test_what_a_policy_says_can_be_demanded(path: str, reading: str) -> None:
    taken = read_snapshot(document(Capture({"K8s": {"policy": policies([IGNORED, FOLLOWED])}}), {}))
    assert lookup(taken, parse_path(path)) == reading


def test_every_kind_that_a_health_check_of_the_catalog_asks_for_is_looked_for() -> None:
    asked = set()
    for path in CHECKS.rglob("*.yaml"):
        for operation in read_test(yaml_fast.read(path.read_text(encoding="utf-8")), path.name):
            asked.add(Kind(str(operation.tree["apiVersion"]), str(operation.tree["kind"])))
    assert len(asked) > 10
    assert asked - set(STANDARD) == set()


def test_a_recipe_of_somebody_else_says_which_kinds_it_asks_for() -> None:
    check = """
apiVersion: chainsaw.kyverno.io/v1alpha1
kind: Test
metadata:
  name: x
spec:
  steps:
    - try:
        - assert:
            resource:
              apiVersion: example.org/v1
              kind: Widget
"""
    expected = [{"kind": "Deployment", "name": "a"}, {"kind": "Unknown", "name": "b"}]
    recipe = {
        "componentRefs": [{"healthCheckAsserts": check, "expectedResources": expected}, {"healthCheckAsserts": ":"}]
    }
    assert list(kinds_of(recipe)) == [Kind("apps/v1", "Deployment"), Kind("example.org/v1", "Widget")]
