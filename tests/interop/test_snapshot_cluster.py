"""A snapshot of a real control plane: what is there is seen, what cannot be seen is said, and kubectl agrees."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli.main import run
from clusterbook.collect.cluster.survey import SurveyOptions, collectors
from clusterbook.collect.run import gather
from clusterbook.collect.take import snapshot_document
from clusterbook.kubernetes import configmaps
from clusterbook.kubernetes.api import PATIENCE, Api, open_api
from clusterbook.kubernetes.configmaps import ConfigMapName
from clusterbook.kubernetes.discovery import discover
from clusterbook.kubernetes.errors import ClusterDenied, ClusterTimedOut, NoObject, Rejected
from clusterbook.snapshot.inventory import UnseenPart
from clusterbook.snapshot.model import Snapshot, read_snapshot
from clusterbook.snapshot.schema import SnapshotShape
from tests.interop.cluster import Cluster
from tests.interop.processes import Server, wait_until


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Api:
    return open_api(str(cluster.kubeconfig))


def document(api: Api, wishes: SurveyOptions | None = None) -> dict[str, Any]:
    found = snapshot_document(gather(collectors(api, wishes or SurveyOptions())), "")
    SnapshotShape.model_validate(found, strict=True)
    return found


def take(api: Api, wishes: SurveyOptions | None = None) -> Snapshot:
    return read_snapshot(document(api, wishes))


def deployment(name: str, namespace: str, *, image: str = "registry.k8s.io/pause:3.10", replicas: int = 2) -> Any:
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def test_nodes_versions_and_images_are_those_that_kubectl_shows(cluster: Cluster, api: Api, namespace: str) -> None:
    cluster.apply([deployment("probe", namespace)])
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/probe", "--timeout=60s")
    found = document(api)
    assert found["coverage"] == []
    snapshot = read_snapshot(found)
    assert snapshot.reading("K8s", "server", "version") == json.loads(
        cluster.kubectl("version", "-o", "json")
    )["serverVersion"]["gitVersion"]  # fmt: skip
    names = cluster.kubectl("get", "nodes", "-o", "name").split()
    assert snapshot.reading("NodeTopology", "summary", "node-count") == str(len(names))
    gpus = cluster.kubectl("get", "nodes", "-l", "nvidia.com/gpu.product=NVIDIA-H100-80GB-HBM3", "-o", "name").split()
    label = snapshot.reading("NodeTopology", "label", "nvidia.com/gpu.product.NVIDIA-H100-80GB-HBM3")
    assert label == "NVIDIA-H100-80GB-HBM3|" + ",".join(sorted(each.removeprefix("node/") for each in gpus))
    node = snapshot.inventory.named("v1", "Node", gpus[0].removeprefix("node/"))
    assert node is not None
    assert node["status"]["capacity"]["nvidia.com/gpu"] == "8"
    assert node["spec"]["providerID"].startswith("aws:///us-east-2a/i-")
    assert snapshot.reading("K8s", "node", "provider") == "eks"
    assert snapshot.reading("K8s", "image", "pause") == "3.10"
    pods = snapshot.inventory.kind("v1", "Pod", namespace)[0]
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
    ready = snapshot.inventory.named("apps/v1", "Deployment", "probe", namespace)
    assert ready is not None
    assert ready["status"]["availableReplicas"] == 2
    assert found["fingerprint"]["service"] == {
        "value": "eks",
        "source": "NodeTopology.label.eks.amazonaws.com/capacityType",
    }
    assert found["fingerprint"]["accelerator"]["note"] == "multi-gpu"
    assert found["fingerprint"]["gpuNodeCount"]["value"] == 4


def test_one_node_speaks_when_it_is_asked_for(api: Api) -> None:
    name = next(str(each["metadata"]["name"]) for each in api.items("/api/v1/nodes", labels="kubernetes.io/arch=arm64"))
    snapshot = take(api, SurveyOptions(node=name))
    assert snapshot.reading("K8s", "node", "source-node") == name
    assert snapshot.reading("K8s", "node", "kernel-version").endswith("-64k")


def test_what_the_cluster_serves_is_found_in_both_ways(api: Api, cluster: Cluster) -> None:
    found = discover(api)
    assert not found.silent
    lines = cluster.kubectl("api-resources", "--verbs=list", "--no-headers").splitlines()
    assert {(line.split()[-3], line.split()[-1]) for line in lines} <= {
        (kind.api_version, kind.kind) for kind in found.served
    }


def test_pages_are_those_of_the_server(api: Api, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(25):
        api.create(path, {"metadata": {"name": f"c{number:02}", "labels": {"page": "yes"}}})
    names = [each["metadata"]["name"] for each in api.items(path, labels="page=yes", page=10)]
    assert names == [f"c{number:02}" for number in range(25)]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_snapshot_in_a_configmap_comes_back_and_kubectl_sees_it(
    form: str, api: Api, cluster: Cluster, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"cm://{namespace}/taken"
    words = ["snapshot", "--kubeconfig", str(cluster.kubeconfig), "--format", form]
    assert run([*words, "-o", where], {}) == 0
    assert run([*words, "-o", where], {}) == 0  # once more, over the first
    text, said = configmaps.read(api, ConfigMapName(namespace, "taken"))
    assert said == form
    assert (
        read_snapshot(json.loads(text) if form == "json" else _yaml(text)).reading("K8s", "node", "provider") == "eks"
    )
    kept = json.loads(cluster.kubectl("-n", namespace, "get", "configmap", "taken", "-o", "json"))
    assert kept["data"][f"snapshot.{form}"] == text
    assert kept["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "clusterbook"
    capsys.readouterr()
    with pytest.raises(NoObject):
        configmaps.read(api, ConfigMapName(namespace, "other"))


def _yaml(text: str) -> Any:
    from clusterbook.documents.yaml_reader import parse

    node = parse(text, "snapshot")
    assert node is not None
    return node.data()


def test_a_large_snapshot_is_packed_and_comes_back(api: Api, namespace: str) -> None:
    text = "".join(f"node-{number}: Ready\n" for number in range(150_000))
    configmaps.write(api, ConfigMapName(namespace, "large"), text, form="yaml", timestamp="2026-07-01T00:00:00Z")
    assert configmaps.read(api, ConfigMapName(namespace, "large")) == (text, "yaml")


@pytest.fixture
def account(cluster: Cluster, namespace: str, tmp_path: Path) -> Path:
    """Give a kubeconfig of a service account that may do nothing yet."""
    cluster.kubectl("-n", namespace, "create", "serviceaccount", "reader")
    token = cluster.kubectl("-n", namespace, "create", "token", "reader").strip()
    config = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "reader"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_what_an_account_may_not_read_is_said_part_by_part(cluster: Cluster, namespace: str, account: Path) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"reads-nodes-{namespace}"},
        "rules": [{"apiGroups": [""], "resources": ["nodes", "namespaces"], "verbs": ["list"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"reads-nodes-{namespace}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    }
    cluster.apply([role, binding])
    reader = open_api(str(account))
    wait_until(lambda: _may_list(reader, "/api/v1/nodes"), "the right is known")
    snapshot = take(reader)
    assert snapshot.reading("NodeTopology", "summary", "node-count") == "6"
    said = {gap.part: gap for gap in snapshot.inventory.gaps}
    assert {gap.state for part, gap in said.items() if part != "releases"} == {"denied"}
    assert 'cannot list resource "pods"' in said["objects/v1/Pod"].reason
    with pytest.raises(UnseenPart, match="no permission"):
        snapshot.inventory.kind("v1", "Pod", "kube-system")
    with pytest.raises(UnseenPart, match="no permission"):
        snapshot.inventory.installed()
    assert snapshot.inventory.named("v1", "Namespace", "kube-system") is not None
    with pytest.raises(ClusterDenied, match="configmaps"):
        configmaps.write(reader, ConfigMapName(namespace, "mine"), "x", form="yaml", timestamp="t")
    assert not cluster.exists(f"/api/v1/namespaces/{namespace}/configmaps/mine")


def _may_list(api: Api, path: str) -> bool:
    try:
        list(api.items(path))
    except ClusterDenied:
        return False
    return True


def test_a_stranger_is_told_that_he_is_one(cluster: Cluster, tmp_path: Path) -> None:
    config = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": "nobody"}
    (tmp_path / "config").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ClusterDenied, match="authentication failed"):
        take(open_api(str(tmp_path / "config")))
    assert run(["snapshot", "--kubeconfig", str(tmp_path / "config")], {}) == 4


def test_what_is_not_valid_is_refused_in_the_servers_words(api: Api, namespace: str) -> None:
    with pytest.raises(Rejected, match="must be greater than or equal to 0"):
        api.apply(f"/apis/apps/v1/namespaces/{namespace}/deployments/x", deployment("x", namespace, replicas=-1))
    with pytest.raises(Rejected, match="nonsense"):
        api.apply(f"/apis/apps/v1/namespaces/{namespace}/deployments/x", {**deployment("x", namespace), "nonsense": 1})


def _states(pid: int) -> list[str]:
    """Return how each thread of a process is, in the kernel's letters: R, S, T (stopped) …"""
    stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return [stat.rpartition(")")[2].split()[0] for stat in stats]


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Have a program do nothing for a while; its connections stay open."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        # Until the signal is taken, which a busy machine puts off, its threads go on answering.
        wait_until(lambda: set(_states(server.process.pid)) == {"T"}, "stopped")
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_an_api_server_that_hangs_is_given_up_in_time(
    fresh_cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    hasty = PATIENCE._replace(tries=2, connect_s=2, read_s=1, first_wait_s=0.1)
    api = open_api(str(fresh_cluster.kubeconfig), patience=hasty)
    looking = collectors(api, SurveyOptions(timeout_s=5))  # what it serves is known, and then it hangs
    with frozen(fresh_cluster.api_server):
        started = time.monotonic()
        found = snapshot_document(gather(looking), "")
        with pytest.raises(ClusterTimedOut) as caught:
            collectors(api)
        assert time.monotonic() - started < 30
    assert caught.value.exit_status == 5
    states = {gap["part"]: gap["state"] for gap in found["coverage"]}
    assert states["objects/v1/Pod"] == states["objects/apps/v1/Deployment"] == states["releases"] == "failed"
    assert {"measurements/K8s.server", "measurements/NodeTopology", "objects/v1/Node"} <= states.keys()
    assert found.get("releases") is None
    with pytest.raises(UnseenPart, match="could not be read"):
        read_snapshot(found).inventory.kind("v1", "Pod", "kube-system")
    assert document(api)["coverage"] == []  # it is back, and so is everything
    fresh_cluster.api_server.process.kill()
    fresh_cluster.api_server.process.wait(timeout=10)
    assert run(["snapshot", "-k", str(fresh_cluster.kubeconfig)], {}) == 6
    assert "no connection" in capsys.readouterr().err
