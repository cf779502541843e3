"""The cluster of this tier is one: ready soon, with GPU nodes as real ones, and everything on it ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.interop import cluster as control_plane
from tests.interop import nodes
from tests.interop.cluster import ApiError, Cluster, takes_pods
from tests.interop.processes import NotReadyError, Servers, slowness, wait_until

BUDGET_S = 10  # three when nothing else runs
TRIES = 3
ROOT = Path(__file__).resolve().parent.parent.parent


def pod(name: str, **spec: object) -> dict[str, object]:
    container = {"name": "main", "image": "stand-in.invalid/pod:1", **spec}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "tolerations": [{"operator": "Exists"}]},
    }


def phase(cluster: Cluster, namespace: str, name: str) -> str:
    found: str = cluster.get(f"/api/v1/namespaces/{namespace}/pods/{name}")["status"].get("phase", "")
    return found


@pytest.mark.usefixtures("cluster")  # so that the programs are there, and what is measured is the start
def test_a_cluster_is_ready_soon_and_ends_whole(tmp_path: Path) -> None:
    took_s = BUDGET_S + 1.0  # on a machine that does nothing else
    for number in range(TRIES):
        slow, before = slowness(), time.monotonic()
        with control_plane.start(tmp_path / str(number), nodes=nodes.h100_nodes(1)) as running:
            after = time.monotonic()
            took_s = min(took_s, (after - before) / ((slow + slowness()) / 2))
            (node,) = running.get("/api/v1/nodes")["items"]
            assert takes_pods(node)
            assert running.get("/version")["gitVersion"] == "v1.36.3"
        if took_s <= BUDGET_S:
            break
    assert took_s <= BUDGET_S
    with pytest.raises(OSError, match=r"refused|reset"):
        running.get("/version")


def test_an_h100_node_says_what_a_real_one_says(cluster: Cluster) -> None:
    name = nodes.h100_nodes(1)[0].name
    node = cluster.get(f"/api/v1/nodes/{name}")
    assert takes_pods(node)
    assert node["metadata"]["labels"]["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"
    assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "p5.48xlarge"
    assert node["spec"]["providerID"].startswith("aws:///us-east-2a/i-")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    info = node["status"]["nodeInfo"]
    assert (info["osImage"], info["kernelVersion"]) == ("Ubuntu 24.04.3 LTS", "6.8.0-1040-aws")
    assert info["containerRuntimeVersion"].startswith("containerd://")


def test_gb200_nodes_are_arm_and_share_one_nvlink_domain(cluster: Cluster) -> None:
    found = cluster.get("/api/v1/nodes?labelSelector=nvidia.com/gpu.product=NVIDIA-GB200")["items"]
    assert {node["status"]["nodeInfo"]["architecture"] for node in found} == {"arm64"}
    assert len(found) == 2
    assert len({node["metadata"]["labels"]["nvidia.com/gpu.clique"] for node in found}) == 1


def test_a_pod_that_asks_for_gpus_runs_on_a_node_that_has_them(cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    cluster.call("POST", path, pod("eight", resources={"limits": {"nvidia.com/gpu": "8"}}))
    wait_until(lambda: phase(cluster, namespace, "eight") == "Running", "the pod runs")
    where = cluster.get(f"{path}/eight")["spec"]["nodeName"]
    assert where in {node.name for node in nodes.h100_nodes(2)}


def test_a_pod_that_asks_for_more_gpus_than_a_node_has_stays_pending(cluster: Cluster, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    cluster.call("POST", path, pod("nine", resources={"limits": {"nvidia.com/gpu": "9"}}))

    def refused() -> bool:
        conditions = cluster.get(f"{path}/nine")["status"].get("conditions", ())
        return any(each.get("reason") == "Unschedulable" for each in conditions)

    wait_until(refused, "the scheduler has refused the pod")
    assert phase(cluster, namespace, "nine") == "Pending"


def test_a_deployment_becomes_available_and_a_job_completes(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("-n", namespace, "create", "deployment", "app", "--image=stand-in.invalid/app:1", "--replicas=2")
    cluster.kubectl("-n", namespace, "create", "job", "once", "--image=stand-in.invalid/once:1")
    cluster.kubectl("-n", namespace, "wait", "deployment/app", "--for=condition=Available", "--timeout=30s")
    cluster.kubectl("-n", namespace, "wait", "job/once", "--for=condition=Complete", "--timeout=30s")


def test_what_the_api_server_refuses_keeps_its_status(cluster: Cluster) -> None:
    with pytest.raises(ApiError, match="not found") as caught:
        cluster.get("/api/v1/nodes/nobody")
    assert caught.value.status == 404


def test_webhooks_nobody_answers_are_taken_away_and_named(cluster: Cluster, namespace: str) -> None:
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"{namespace}-blocks"},
        "webhooks": [
            {
                "name": "blocks.clusterbook.test",
                "clientConfig": {"service": {"name": "nobody", "namespace": namespace}},
                "rules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
                ],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    with cluster.without_webhooks() as removed:
        cluster.apply([webhook])
        wait_until(lambda: bool(removed), "the webhook is gone")
    assert removed == [f"{path}/{namespace}-blocks"]
    assert not cluster.exists(removed[0])
    cluster.kubectl("-n", namespace, "create", "configmap", "passes")


def test_claims_get_volumes_where_that_is_asked_for(cluster: Cluster, namespace: str) -> None:
    labels = {"app": "base"}
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "of-some-cloud",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [
                {"name": "main", "image": "base.invalid/1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
            ]
        },
    }
    spec = {
        "serviceName": "base",
        "selector": {"matchLabels": labels},
        "template": pod,
        "volumeClaimTemplates": [claim],
    }
    path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets"
    with cluster.with_volumes():
        cluster.call("POST", path, {"metadata": {"name": "base"}, "spec": spec})
        wait_until(lambda: cluster.get(f"{path}/base")["status"].get("readyReplicas") == 1, "the pod runs")


def test_a_server_that_ends_early_is_named_with_its_last_words(tmp_path: Path) -> None:
    with Servers(tmp_path) as servers:
        server = servers.start("grumbler", "sh", "-c", "echo no such luck; exit 3")
        with pytest.raises(NotReadyError, match=r"grumbler ended with 3, not ready\nno such luck"):
            server.wait_until(lambda: False, "ready")


def test_a_server_ends_with_what_it_started(tmp_path: Path) -> None:
    with Servers(tmp_path) as servers:
        server = servers.start("parent", "sh", "-c", "sleep 300 & echo $!; wait")
        child = Path(f"/proc/{server.first_line()}")
        assert child.exists()
    wait_until(lambda: not child.exists() or "Z" in (child / "stat").read_text(), "the child ended", timeout_s=5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["Ctrl-C", "ended", "killed"])
def test_servers_do_not_outlive_the_test_run_however_it_ends(how: signal.Signals, tmp_path: Path) -> None:
    program = (
        "import signal, sys, time\nfrom pathlib import Path\nfrom tests.interop.processes import Servers\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with Servers(Path(sys.argv[1])) as servers:\n"
        "    print(servers.start('sleeper', 'sleep', '300').process.pid, flush=True)\n    time.sleep(300)\n"
    )
    command = [sys.executable, "-c", program, tmp_path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        assert run.stdout is not None
        server = Path("/proc", run.stdout.readline().strip())
        assert (server / "comm").read_text() == "sleep\n"
        run.send_signal(how)
    wait_until(lambda: not server.exists() or "Z" in (server / "stat").read_text(), "the server ended", timeout_s=5)


def test_what_comes_about_step_by_step_is_waited_for_while_it_moves() -> None:
    steps = iter(range(8))
    reached = 0

    def step() -> int:
        nonlocal reached
        reached = next(steps, reached)
        return reached

    wait_until(lambda: reached == 7, "it is there", timeout_s=0.2, poll_s=0.1, steps=step)
    with pytest.raises(NotReadyError, match=r"not after .* s: it is there"):
        wait_until(lambda: False, "it is there", timeout_s=0.2, poll_s=0.05, steps=step)


def test_a_machine_that_does_other_work_is_slow_and_no_other() -> None:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * (os.cpu_count() or 1))]
    try:
        busy = slowness()
    finally:
        for each in others:
            each.kill()
            each.wait()
    assert busy >= 1.5
