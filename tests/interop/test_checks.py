"""Checks that run something, on a real control plane: with the rights of their entry, and then all of it is gone.

KWOK plays the containers: they end well and say nothing, so a check that is known by its output is no pass here.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.cli.main import run
from clusterbook.kubernetes.api import open_api
from clusterbook.lookup.write import build_index
from clusterbook.validate.job_manifests import CheckRun, manifests
from clusterbook.validate.run_jobs import run_all
from tests.interop.cluster import Cluster
from tests.interop.conftest import RECIPES
from tests.interop.processes import wait_until

NAMESPACE = "checks-of-a-test"
RECIPE = {
    "apiVersion": "clusterbook.dev/v1alpha1",
    "kind": "RecipeResult",
    "metadata": {"name": "eks"},
    "criteria": {"service": "eks"},
    "componentRefs": [{"name": "gpu-operator", "namespace": "gpu-operator"}],
    "deploymentOrder": [],
    "validation": {
        "deployment": {"checks": ["check-nvidia-smi"]},
        "conformance": {"checks": ["cluster-autoscaling", "secure-accelerator-access"]},
    },
}


RBAC = "/apis/rbac.authorization.k8s.io/v1"


def left(cluster: Cluster) -> list[str]:
    """Return what a check has left outside of namespaces, and its own namespace."""
    paths = [f"{RBAC}/{kind}?labelSelector=clusterbook.dev/job" for kind in ("clusterroles", "clusterrolebindings")]
    found = [each["metadata"]["name"] for path in paths for each in cluster.get(path)["items"]]
    return found + [NAMESPACE] * cluster.exists(f"/api/v1/namespaces/{NAMESPACE}")


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(RECIPE), encoding="utf-8")
    return str(path)


@pytest.fixture
def index(tmp_path: Path) -> str:
    """Give an index of our catalog whose checks have images that do not move."""
    recipes = shutil.copytree(RECIPES, tmp_path / "recipes")
    entries = recipes / "validators" / "catalog.yaml"
    pinned = re.sub(r":latest\b.*", ":v1.3.0", entries.read_text(encoding="utf-8"))
    entries.write_text(pinned, encoding="utf-8")
    build_index(recipes, output=tmp_path / "dist")
    return str(tmp_path / "dist" / "index")


def test_checks_run_and_are_gone(cluster: Cluster, recipe: str, index: str, tmp_path: Path) -> None:
    report, saved = tmp_path / "report.json", tmp_path / "taken.json"
    words = ["validate", "-r", recipe, "-k", str(cluster.kubeconfig), "--run", "-n", NAMESPACE, "--source", index]
    run([*words, "-o", str(report), "--save-snapshot", str(saved)], {})
    results = {each["name"]: each for each in json.loads(report.read_text(encoding="utf-8"))["results"]["tests"]}
    assert results["check cluster-autoscaling"]["rawStatus"] == "passed"
    assert results["check check-nvidia-smi"]["rawStatus"] == "error"
    assert "printed nothing" in results["check check-nvidia-smi"]["message"]
    again = tmp_path / "again.json"
    run(["validate", "-r", recipe, "-s", str(saved), "--no-cluster", "-o", str(again), "--source", index], {})
    assert again.read_text(encoding="utf-8") == report.read_text(encoding="utf-8")
    wait_until(lambda: left(cluster) == [], "nothing is left")


def test_a_namespace_that_is_being_deleted_is_waited_for(cluster: Cluster) -> None:
    entry = {"name": "again", "phase": "conformance", "image": "registry.k8s.io/pause:3.10"}
    api = open_api(str(cluster.kubeconfig))
    for number in range(3):
        # the run before has asked for its namespace to go, and nobody has waited
        found = dict(run_all(api, [entry], CheckRun(NAMESPACE, f"x{number}"), (), say=print))
        assert found["again"].state == "passed", found["again"].message
    wait_until(lambda: left(cluster) == [], "nothing is left")


def test_a_check_whose_image_moves_is_refused(cluster: Cluster, recipe: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    run(["validate", "-r", recipe, "-k", str(cluster.kubeconfig), "--run", "-n", NAMESPACE, "-o", str(report)], {})
    results = {each["name"]: each for each in json.loads(report.read_text(encoding="utf-8"))["results"]["tests"]}
    assert results["check cluster-autoscaling"]["rawStatus"] == "error"
    assert ":latest" in results["check cluster-autoscaling"]["message"]


def test_a_check_has_the_rights_of_its_entry_and_no_others(cluster: Cluster, namespace: str) -> None:
    here = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"], "namespace": "."}
    gone = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"], "namespace": "not-there"}
    nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}
    image = "registry.k8s.io/pause:3.10"
    entry = {"name": "asks", "phase": "conformance", "image": image, "permissions": [here, gone, nodes]}
    api = open_api(str(cluster.kubeconfig))
    asked = CheckRun(namespace, "abc123")
    assert dict(run_all(api, [entry], asked, (), say=print, keep=True))["asks"].state == "passed"

    def may(verb: str, resource: str, where: str = "") -> bool:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{namespace}:asks-abc123",
                "resourceAttributes": {"verb": verb, "resource": resource, "namespace": where},
            },
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(cluster.call("POST", path, review)["status"]["allowed"])

    wait_until(lambda: may("list", "nodes"), "its rights are known")
    assert may("create", "pods", namespace)
    assert not may("create", "pods", "default")
    assert not may("list", "pods", namespace)
    assert not may("list", "secrets", namespace)
    assert not may("*", "*")
    for kind in ("clusterroles", "clusterrolebindings"):
        for each in cluster.get(f"{RBAC}/{kind}?labelSelector=clusterbook.dev/job")["items"]:
            cluster.call("DELETE", f"{RBAC}/{kind}/{each['metadata']['name']}")


FOREVER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs in the background has it ignored
from clusterbook.kubernetes.api import open_api
from clusterbook.validate.run_jobs import run_all
from clusterbook.validate.job_manifests import CheckRun
rights = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
entry = {"name": "waits", "phase": "conformance", "image": "x:1", "resources": {"cpu": "9999"}, "permissions": rights}
entries = [{**entry, "name": f"waits-{number}"} for number in range(6)]
run_all(open_api(sys.argv[1]), entries, CheckRun(sys.argv[2], "x1"), (), say=print)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_checks_that_are_interrupted_leave_nothing(cluster: Cluster, number: signal.Signals) -> None:
    words = [sys.executable, "-c", FOREVER, str(cluster.kubeconfig), NAMESPACE]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: len(left(cluster)) > 8 or process.poll() is not None, "four checks are there")
            assert process.poll() is None, process.communicate()
            process.send_signal(number)
            process.communicate(timeout=90)
        finally:
            process.kill()
    assert process.returncode != 0
    wait_until(lambda: left(cluster) == [], "nothing is left")


def test_every_check_of_the_catalog_is_taken_by_the_cluster(cluster: Cluster, namespace: str) -> None:
    entries = [node.data() for node in load_catalog(read_tree(RECIPES)).validators.values()]
    assert len(entries) > 15
    for entry in entries:
        found = manifests(entry, CheckRun(namespace, "abc123"))
        here = [each for each in found if each["metadata"].get("namespace") in (None, namespace)]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": here})
        cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=text)


def test_who_may_not_give_a_right_is_told_so(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    cluster.kubectl("-n", namespace, "create", "serviceaccount", "editor")
    cluster.kubectl(
        "create", "rolebinding", "edit", "-n", namespace, "--clusterrole=edit", f"--serviceaccount={namespace}:editor"
    )
    cluster.kubectl(
        "create", "rolebinding", "rbac", "-n", namespace, "--clusterrole=admin", f"--serviceaccount={namespace}:editor"
    )
    cluster.kubectl("create", "clusterrole", f"sees-{namespace}", "--verb=get", "--resource=namespaces")
    cluster.kubectl(
        "create", "clusterrolebinding", f"sees-{namespace}", f"--clusterrole=sees-{namespace}",
        f"--serviceaccount={namespace}:editor",
    )  # fmt: skip
    token = cluster.kubectl("-n", namespace, "create", "token", "editor").strip()
    config = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": token}
    (tmp_path / "editor").write_text(json.dumps(config), encoding="utf-8")
    rights = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
    entry = {
        "name": "wants-nodes",
        "phase": "conformance",
        "image": "registry.k8s.io/pause:3.10",
        "permissions": rights,
    }
    found = dict(run_all(open_api(str(tmp_path / "editor")), [entry], CheckRun(namespace, "x1"), (), say=print))
    assert found["wants-nodes"].state == "error"
    assert "clusterroles" in found["wants-nodes"].message
    assert "job.batch" not in cluster.kubectl("-n", namespace, "get", "jobs", "-o", "name")
