"""A check as objects of a cluster: the rights that its entry names, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.kubernetes.placement import Placement
from clusterbook.validate.job_manifests import EACH_GPU_NODE, MOST_NODES, CheckRun, manifests, nodes, timeout_s

ENTRY = {"name": "gang-scheduling", "phase": "conformance", "image": "registry.example.org/check:v1", "timeout": "10m"}
ASKED = CheckRun("checks", "abc123", snapshot="{}", validation="{}")


def found(entry: dict[str, Any], kind: str, *, asked: CheckRun = ASKED, node: str = "") -> list[dict[str, Any]]:
    return [each for each in manifests(entry, asked, node) if each["kind"] == kind]


def pod(entry: dict[str, Any], *, asked: CheckRun = ASKED, node: str = "") -> dict[str, Any]:
    spec: dict[str, Any] = found(entry, "Job", asked=asked, node=node)[0]["spec"]["template"]["spec"]
    return spec


def test_a_check_that_asks_for_no_right_has_none_and_no_token() -> None:
    assert [each["kind"] for each in manifests(ENTRY, ASKED)] == ["ServiceAccount", "ConfigMap", "Job"]
    assert pod(ENTRY)["automountServiceAccountToken"] is False
    assert pod(ENTRY)["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_check_has_the_rights_that_it_names_where_it_names_them() -> None:
    here = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get"], "namespace": "."}
    there = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "namespace": "kai-scheduler"}
    anywhere = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"], "resourceNames": ["a"]}
    entry = {**ENTRY, "permissions": [here, there, anywhere]}
    roles = {each["metadata"]["namespace"]: each["rules"] for each in found(entry, "Role")}
    assert roles == {
        "checks": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get"]}],
        "kai-scheduler": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}],
    }
    (role,) = found(entry, "ClusterRole")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"], "resourceNames": ["a"]}]
    bindings = [*found(entry, "RoleBinding"), *found(entry, "ClusterRoleBinding")]
    account = {"kind": "ServiceAccount", "name": "gang-scheduling-abc123", "namespace": "checks"}
    assert len(bindings) == 3
    assert all(each["subjects"] == [account] for each in bindings)
    assert pod(entry)["automountServiceAccountToken"] is True
    assert "*" not in json.dumps(manifests(entry, ASKED))


def test_a_check_is_told_what_the_references_containers_read() -> None:
    placement = Placement({"zone": "a"}, ({"key": "gpu", "operator": "Equal", "value": "x", "effect": "NoSchedule"},))
    entry = {**ENTRY, "args": ["gang"], "command": ["run"], "env": [{"name": "SIZE", "value": "2"}]}
    container = pod(entry, asked=ASKED._replace(placement=placement))["containers"][0]
    env = {each["name"]: each["value"] for each in container["env"]}
    assert env == {
        "AICR_SNAPSHOT_PATH": "/data/snapshot/snapshot.yaml",
        "AICR_VALIDATION_PATH": "/data/validation/validation.yaml",
        "AICR_RUN_ID": "abc123",
        "AICR_CHECK_TIMEOUT": "600s",
        "AICR_NODE_SELECTOR": "zone=a",
        "AICR_TOLERATIONS": "gpu=x:NoSchedule",
        "SIZE": "2",
    }
    assert (container["command"], container["args"]) == (["run"], ["gang"])
    assert {each["mountPath"] for each in container["volumeMounts"]} == {"/data/snapshot", "/data/validation"}
    assert found(entry, "Job")[0]["spec"]["activeDeadlineSeconds"] == 600


def test_a_check_of_each_gpu_node_runs_on_that_node_with_one_gpu() -> None:
    entry = {**ENTRY, "where": EACH_GPU_NODE}
    assert nodes(entry, ["b", "a"]) == ("a", "b")
    assert nodes(entry, []) == ()
    assert len(nodes(entry, [f"n{number}" for number in range(100)])) == MOST_NODES
    assert nodes(ENTRY, ["a"]) == ("",)
    spec = pod(entry, node="a")
    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms == [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}]


def test_an_entry_without_an_image_cannot_run() -> None:
    with pytest.raises(InvalidRequest, match="has no image"):
        manifests({"name": "x", "phase": "conformance"}, ASKED)
    assert timeout_s({"name": "x"}) == 300


def test_a_check_runs_next_to_what_it_asks() -> None:
    near = {"componentRef": "prometheus", "podLabelSelector": {"app": "prometheus"}, "requirement": "preferred"}
    spec = pod({**ENTRY, "dependencyAffinity": [near, {**near, "requirement": "required"}, {"componentRef": "x"}]})
    term = {
        "labelSelector": {"matchLabels": {"app": "prometheus"}},
        "namespaceSelector": {},
        "topologyKey": "kubernetes.io/hostname",
    }
    assert spec["affinity"]["podAffinity"] == {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}],
        "requiredDuringSchedulingIgnoredDuringExecution": [term],
    }
