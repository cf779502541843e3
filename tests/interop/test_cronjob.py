"""The CronJob of the guide on a real control plane: its account may do what it has to, and the newest snapshots stay.

KWOK plays the pods; what their container runs is run here, with the account's own token and what its variables say.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli.main import run
from clusterbook.documents.yaml_reader import parse
from tests.interop.cluster import Cluster
from tests.interop.processes import wait_until

GUIDE = Path(__file__).resolve().parents[2] / "site" / "docs" / "guide" / "validate.md"
KEPT = 2


def documented() -> dict[str, Any]:
    """Return the CronJob as the guide has it."""
    text = GUIDE.read_text(encoding="utf-8")
    block = next(each for each in text.split("```yaml\n")[1:] if "kind: CronJob" in each).partition("```")[0]
    node = parse(block, str(GUIDE))
    assert node is not None
    manifest: dict[str, Any] = node.data()
    return manifest


def account(namespace: str) -> list[dict[str, Any]]:
    """Return the account with the rights that the guide names, and no others."""
    rbac = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": "clusterbook", "namespace": namespace}

    def bound(kind: str, name: str, role: str, of: str, **where: str) -> dict[str, Any]:
        return {
            "apiVersion": f"{rbac}/v1",
            "kind": kind,
            "metadata": {"name": name, **where},
            "roleRef": {"apiGroup": rbac, "kind": of, "name": role},
            "subjects": [subject],
        }

    nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}
    maps = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch"]}
    cluster_role = f"{namespace}-nodes"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "clusterbook", "namespace": namespace}},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": cluster_role}, "rules": [nodes]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": {"name": "snapshots", "namespace": namespace},
            "rules": [maps],
        },
        bound("ClusterRoleBinding", f"{namespace}-view", "view", "ClusterRole"),
        bound("ClusterRoleBinding", cluster_role, cluster_role, "ClusterRole"),
        bound("RoleBinding", "snapshots", "snapshots", "Role", namespace=namespace),
    ]


def as_the_account(cluster: Cluster, namespace: str, folder: Path) -> Path:
    """Return a kubeconfig with a token of the account."""
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "-o", "json"))
    token = cluster.kubectl("-n", namespace, "create", "token", "clusterbook").strip()
    config["users"] = [{"name": each["name"], "user": {"token": token}} for each in config["users"]]
    path = folder / "account.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_the_newest_snapshots_stay_and_the_others_go_with_their_jobs(
    cluster: Cluster, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = documented()
    manifest["metadata"]["namespace"] = namespace
    manifest["spec"]["successfulJobsHistoryLimit"] = KEPT
    (container,) = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    cluster.apply([*account(namespace), manifest])
    kubeconfig = as_the_account(cluster, namespace, tmp_path)
    names = [f"taken-{number}" for number in range(KEPT + 2)]
    for name in names:
        cluster.kubectl("-n", namespace, "create", "job", f"--from=cronjob/{manifest['metadata']['name']}", name)
        pod = _pod(cluster, namespace, name)
        variables = {
            each["name"]: pod["metadata"]["labels"][each["valueFrom"]["fieldRef"]["fieldPath"].split("'")[1]]
            for each in container["env"]
        }
        words = [
            _filled(word, variables).replace("cm://clusterbook/", f"cm://{namespace}/") for word in container["args"]
        ]
        assert run([*words, "--kubeconfig", str(kubeconfig)], {}) == 0, capsys.readouterr().err
        _succeed(cluster, namespace, pod["metadata"]["name"])
        time.sleep(1.1)  # Jobs are told apart by whole seconds

    def left(kind: str) -> set[str]:
        listed = json.loads(cluster.kubectl("-n", namespace, "get", kind, "-o", "json"))["items"]
        return {each["metadata"]["name"] for each in listed if each["metadata"]["name"].startswith("taken-")}

    wait_until(lambda: left("configmaps") == {*names[-KEPT:]}, "the newest alone")
    assert left("jobs") == {*names[-KEPT:]}
    kept = json.loads(cluster.kubectl("-n", namespace, "get", "configmap", names[-1], "-o", "json"))
    assert kept["metadata"]["ownerReferences"][0]["kind"] == "Job"
    written = json.dumps(kept["data"])
    assert "part: releases" in written  # Helm's records are Secrets, which the account may not see
    assert "part: objects/v1/Node" not in written


def _pod(cluster: Cluster, namespace: str, job: str) -> dict[str, Any]:
    """Return the pod of a Job, once it has one."""
    words = ["-n", namespace, "get", "pods", "-l", f"batch.kubernetes.io/job-name={job}", "-o", "json"]
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = json.loads(cluster.kubectl(*words))["items"]
        return bool(found)

    wait_until(there, f"the pod of {job}")
    return found[0]


def _succeed(cluster: Cluster, namespace: str, pod: str) -> None:
    """Let a pod end well, unless who plays it has done so."""
    status = json.dumps({"status": {"phase": "Succeeded"}})
    cluster.kubectl("-n", namespace, "patch", "pod", pod, "--subresource=status", "--type=merge", "-p", status)


def _filled(word: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        word = word.replace(f"$({name})", value)
    return word
