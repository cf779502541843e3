# ruff: noqa: E501 (a breakage a line)
"""`validate` on a real control plane: a recipe that is there holds, and one broken in ten ways does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from clusterbook.cli import main
from clusterbook.collect.agent_manifests import Agent
from clusterbook.kubernetes import configmaps
from clusterbook.kubernetes.api import open_api
from clusterbook.kubernetes.configmaps import ConfigMapName
from tests.interop import cluster as control_plane
from tests.interop import healthy, nodes
from tests.interop.cluster import Cluster
from tests.interop.processes import wait_until
from tests.support.clusters import SNAPSHOTS

SLUG = "h100-eks-ubuntu-training-kubeflow"
NODE = str(SNAPSHOTS / "bare-node.yaml")
"""What a node says of itself, since nobody looks into those that KWOK plays."""


class Judged(NamedTuple):
    """What `validate` said."""

    status: int
    results: dict[str, tuple[str, str]]
    err: str


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give an H100 cluster to which the recipe was deployed; whoever breaks it mends it."""
    fleet = [*nodes.system_nodes(2), *nodes.h100_nodes(2)]
    with control_plane.start(tmp_path_factory.mktemp("deployed"), nodes=fleet) as running:
        healthy.deploy(running)
        yield running


@pytest.fixture
def judge(deployed: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Judged]:
    """Return `clusterbook validate` of that cluster."""

    def call(*words: str, kubeconfig: Path = deployed.kubeconfig, slug: str = SLUG) -> Judged:
        target = tmp_path / "report.json"
        line = ["validate", slug, "-s", NODE, "--kubeconfig", str(kubeconfig), "-o", str(target), *words]
        status = main.run(line, {})
        tests = json.loads(target.read_text())["results"]["tests"] if target.exists() else []
        found = {each["name"]: (each["rawStatus"], each["message"]) for each in tests}
        return Judged(status, found, capsys.readouterr().err)

    return call


def test_a_recipe_that_was_deployed_holds(judge: Callable[..., Judged], tmp_path: Path) -> None:
    saved = tmp_path / "taken.yaml"
    found = judge("--save-snapshot", str(saved))
    assert [each for each in found.results.items() if each[1][0] not in ("passed", "skipped", "not applicable")] == []
    assert found.status == 0
    assert found.results["check expected-resources"][0] == "passed"
    assert main.run(["validate", SLUG, "-s", str(saved), "--no-cluster", "-o", str(tmp_path / "again.json")], {}) == 0
    assert (tmp_path / "again.json").read_text() == (tmp_path / "report.json").read_text()


def patched(path: str, patch: Mapping[str, Any]) -> Callable[[Cluster], Any]:
    return lambda cluster: cluster.call("PATCH", path, patch)


def deleted(*paths: str) -> Callable[[Cluster], Any]:
    def delete(cluster: Cluster) -> None:
        for path in paths:
            cluster.call("DELETE", path)
        wait_until(lambda: not any(map(cluster.exists, paths)), "it is gone")

    return delete


def without_slices(cluster: Cluster) -> None:
    path = "/apis/resource.k8s.io/v1/resourceslices"
    deleted(*(f"{path}/{each['metadata']['name']}" for each in cluster.get(path)["items"]))(cluster)


def too_large(cluster: Cluster) -> None:
    """Make the pods of a DaemonSet so large that no node takes them."""
    path = APPS.format("kube-system", "daemonsets", "aws-efa-k8s-device-plugin")
    found = cluster.get(path)["spec"]["template"]["spec"]["containers"][0]
    container = {**found, "resources": {"requests": {"cpu": "10000"}}}
    cluster.call("PATCH", path, {"spec": {"template": {"spec": {"containers": [container]}}}})
    wait_until(lambda: cluster.get(path)["status"]["numberReady"] == 1, "one pod has no node")


def crashing(cluster: Cluster) -> None:
    """Add a pod that crashes again and again; it waits for a gate, so that nobody plays it."""
    path = "/api/v1/namespaces/gpu-operator/pods"
    container = {"name": "main", "image": "registry.example.org/crash:1"}
    spec = {"containers": [container], "schedulingGates": [{"name": "example.org/never"}]}
    cluster.call("POST", path, {"metadata": {"name": "crash"}, "spec": spec})
    waiting = {"name": "main", "image": container["image"], "imageID": "", "ready": False, "restartCount": 9,
               "state": {"waiting": {"reason": "CrashLoopBackOff"}}}  # fmt: skip
    cluster.call("PATCH", f"{path}/crash/status", {"status": {"phase": "Running", "containerStatuses": [waiting]}})


def unserved(cluster: Cluster) -> None:
    """Let an API service be answered by a service that does not exist."""
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io"
    service = {"name": "prometheus-adapter", "namespace": "monitoring", "port": 443}
    cluster.call("PATCH", path, {"spec": {"service": service, "insecureSkipTLSVerify": True}})

    def unavailable() -> bool:
        return any(each["status"] == "False" for each in cluster.get(path)["status"]["conditions"])

    wait_until(unavailable, "it is unavailable")


APPS = "/apis/apps/v1/namespaces/{}/{}/{}"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POLICY = "/apis/nvidia.com/v1/clusterpolicies/cluster-policy"
OPERATOR = APPS.format("gpu-operator", "deployments", "gpu-operator")
PROMETHEUS = "/apis/monitoring.coreos.com/v1/namespaces/monitoring/prometheuses/kube-prometheus-prometheus"
BREAKAGES: dict[str, tuple[Callable[[Cluster], Any], str, str]] = {
    "a part is gone": (deleted(APPS.format("kai-scheduler", "deployments", "kai-operator")), "component kai-scheduler", "there is no Deployment kai-scheduler/kai-operator"),
    "another part is gone": (deleted(APPS.format("kai-scheduler", "deployments", "binder")), "check gang-scheduling", "Deployment kai-scheduler/binder does not exist"),
    "a kind is gone": (deleted(f"{DEFINITIONS}/queues.scheduling.run.ai"), "check gang-scheduling", "CustomResourceDefinition queues.scheduling.run.ai does not exist"),
    "a policy is not ready": (patched(POLICY, {"status": {"state": "notReady"}}), "check gpu-operator-health", "ClusterPolicy cluster-policy is notReady"),
    "pods fit on no node": (too_large, "component aws-efa", "status.updatedNumberScheduled"),
    "nodes are not tuned": (patched("/apis/nodewright.nvidia.com/v1alpha1/nodewrights/tuning", {"status": {"status": "erroring"}}), "component nodewright-customizations", "customizations-are-complete"),
    "an old version": (patched(OPERATOR, {"metadata": {"labels": {"app.kubernetes.io/version": "v24.3.0"}}}), "check gpu-operator-version", "it is v24.3.0, not >= v24.6.0"),
    "metrics are not served": (unserved, "check ai-service-metrics", "is not available"),
    "no GPU is offered": (without_slices, "check dra-support", "no ResourceSlice of an nvidia.com driver"),
    "Prometheus is down": (patched(PROMETHEUS, {"status": {"conditions": [{"type": "Available", "status": "False"}]}}), "component kube-prometheus-stack", "is 'False', not 'True'"),
    "a pod crashes": (crashing, "component gpu-operator", "no-pod-is-stuck: Pod in gpu-operator"),
}  # fmt: skip

MADE_ANEW = {
    "pods fit on no node": APPS.format("kube-system", "daemonsets", "aws-efa-k8s-device-plugin"),
    "metrics are not served": "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io",
    "a pod crashes": "/api/v1/namespaces/gpu-operator/pods/crash",
}
"""What deploying once more does not mend, since it says nothing about what was changed."""


@pytest.fixture
def broken(request: pytest.FixtureRequest, deployed: Cluster) -> Iterator[tuple[str, str]]:
    """Give the name of what is broken, and why it fails; it is mended afterwards."""
    breakage, name, why = BREAKAGES[request.param]
    breakage(deployed)
    yield name, why
    if request.param in MADE_ANEW:
        deleted(MADE_ANEW[request.param])(deployed)
    healthy.deploy(deployed)


@pytest.mark.parametrize("broken", BREAKAGES, indirect=True)
def test_what_is_broken_is_named(broken: tuple[str, str], judge: Callable[..., Judged]) -> None:
    name, why = broken
    found = judge()
    assert found.status == 10
    assert found.results[name][0] == "failed"
    assert why in found.results[name][1]


def test_it_stops_behind_the_first_phase_that_fails(deployed: Cluster, judge: Callable[..., Judged]) -> None:
    deployed.call("PATCH", OPERATOR, {"metadata": {"labels": {"app.kubernetes.io/version": "v24.3.0"}}})
    try:
        found = judge("--fail-fast")
        assert found.results["check gang-scheduling"] == ("skipped", "deployment failed")
        assert judge("--fail-on-error", "false").status == 0
    finally:
        healthy.deploy(deployed)


def test_readiness_comes_first(judge: Callable[..., Judged]) -> None:
    found = judge("--phase", "conformance", slug=SLUG.replace("h100", "gb200"))
    assert found.status == 10
    verdict, message = found.results["criterion accelerator"]
    assert (verdict, "gb200" in message, "h100" in message) == ("failed", True, True)
    assert {each for name, each in found.results.items() if name.startswith("check")} == {
        ("skipped", "readiness failed")
    }


def limited(cluster: Cluster, folder: Path, resources: Sequence[tuple[str, str]]) -> Path:
    """Return the kubeconfig of somebody who may read these (group, resource) and nothing else."""
    rules = [{"apiGroups": [group], "resources": [name], "verbs": ["get", "list"]} for group, name in resources]
    cluster.apply(
        [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "limited", "namespace": "default"}},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "limited"},
             "rules": rules},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
             "metadata": {"name": "limited"},
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "limited"},
             "subjects": [{"kind": "ServiceAccount", "name": "limited", "namespace": "default"}]},
        ]
    )  # fmt: skip
    token = cluster.kubectl("create", "token", "limited").strip()
    target = folder / "limited.yaml"
    target.write_text(cluster.kubeconfig.read_text().replace(cluster.token, token))
    return target


def test_what_may_not_be_read_never_passes(deployed: Cluster, judge: Callable[..., Judged], tmp_path: Path) -> None:
    readable = [("", "nodes"), ("", "pods"), ("", "namespaces"), ("apps", "deployments"),
                ("apiextensions.k8s.io", "customresourcedefinitions")]  # fmt: skip
    found = judge(kubeconfig=limited(deployed, tmp_path, readable))
    assert found.status == 2
    assert found.results["component cert-manager"][0] == "passed"
    state, why = found.results["component aws-efa"]
    assert state == "error"
    assert "DaemonSet (apps/v1)" in why
    everything = judge()
    hidden = {name for name in found.results if found.results[name] != everything.results[name]}
    assert len(hidden) > 5
    assert {found.results[name][0] for name in hidden} == {"error"}


@pytest.mark.parametrize(("text", "status"), [("clusters: [", 2), ("", 2), ("{}", 2)])
def test_a_broken_kubeconfig_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, status: int
) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    assert main.run(["validate", SLUG, "--kubeconfig", str(path)], {}) == status
    assert str(path) in capsys.readouterr().err


def play_agent(cluster: Cluster, node: str) -> None:
    """Do what an agent's container would: write what a node says of itself; then let its pod run and end."""
    job = "/apis/batch/v1/namespaces/default/jobs/clusterbook-snapshot"
    wait_until(lambda: cluster.exists(job) and cluster.get(job)["spec"].get("suspend") is False, "a Job")
    api = open_api(str(cluster.kubeconfig))
    where = ConfigMapName("default", Agent("default", "x").result)
    configmaps.write(api, where, Path(NODE).read_text(), form="yaml", timestamp="2026-07-01T00:00:00Z")
    cluster.kubectl("label", "node", node, "gate=open")


def test_an_agent_says_what_only_a_node_knows(deployed: Cluster, tmp_path: Path) -> None:
    node = nodes.h100_nodes(1)[0].name
    thread = threading.Thread(target=play_agent, args=(deployed, node))
    thread.start()
    words = ["validate", SLUG, "--kubeconfig", str(deployed.kubeconfig), "--agent", "--node-selector", "gate=open"]
    saved = tmp_path / "taken.json"
    status = main.run([*words, "--timeout", "120s", "--save-snapshot", str(saved)], {})
    thread.join()
    assert status == 0
    readings = {each["type"] for each in json.loads(saved.read_text())["measurements"]}
    assert {"OS", "GPU", "K8s", "NodeTopology"} <= readings
    assert not deployed.exists("/apis/batch/v1/namespaces/default/jobs/clusterbook-snapshot")
