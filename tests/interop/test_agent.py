"""The agent on a real control plane: its Job is created, runs, completes and is gone; the test plays what it writes.

KWOK has no containers, so the test does what the agent's would: with the agent's own service account, and so with no
more rights than that has.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli.main import run
from clusterbook.collect.agent_manifests import Agent, manifests
from clusterbook.documents.yaml_reader import parse
from clusterbook.kubernetes import configmaps
from clusterbook.kubernetes.api import Api, open_api
from clusterbook.kubernetes.configmaps import ConfigMapName
from clusterbook.kubernetes.errors import ClusterDenied
from clusterbook.kubernetes.jobs import path_of
from tests.interop.cluster import Cluster
from tests.interop.processes import wait_until

NODE = "ip-10-0-2-1.us-east-2.compute.internal"
SEEN = f"""
apiVersion: clusterbook.dev/v1alpha1
kind: Snapshot
metadata: {{source-node: {NODE}, timestamp: "2026-07-01T00:00:00Z", version: 0.1.0}}
measurements:
  - type: GPU
    subtypes:
      - subtype: hardware
        data: {{gpu-present: true, gpu-count: 8, model: h100, driver-loaded: true}}
  - type: OS
    subtypes:
      - subtype: release
        data: {{ID: ubuntu, VERSION_ID: "24.04"}}
coverage:
  - {{part: measurements/SystemD, state: denied, reason: not root}}
"""


@pytest.fixture
def api(cluster: Cluster) -> Api:
    return open_api(str(cluster.kubeconfig))


def as_account(cluster: Cluster, namespace: str, name: str, folder: Path) -> Api:
    """Return the API as the agent's service account sees it."""
    token = cluster.kubectl("-n", namespace, "create", "token", name).strip()
    config = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": token}
    (folder / "agent").write_text(json.dumps(config), encoding="utf-8")
    return open_api(str(folder / "agent"))


@pytest.fixture
def gate(cluster: Cluster, namespace: str) -> Iterator[str]:
    """Give a node label that no node has; the agent waits for it, and runs once the test has played its part."""
    yield f"agent-gate-{namespace}"
    cluster.kubectl("label", "node", NODE, f"agent-gate-{namespace}-")


def objects(cluster: Cluster, namespace: str) -> set[str]:
    found = cluster.kubectl(
        "-n", namespace, "get", "job,configmap,role,rolebinding,serviceaccount,pod", "-o", "name"
    ).split()
    return set(found) - {"configmap/kube-root-ca.crt", "serviceaccount/default"}


def test_an_agent_comes_works_and_goes(
    cluster: Cluster, api: Api, namespace: str, gate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played: dict[str, Any] = {}

    def play() -> None:
        job = path_of(manifests(Agent(namespace, "x"))[-1])
        wait_until(lambda: ((api.find(job) or {}).get("spec") or {}).get("suspend") is False, "the Job is let go")
        played["objects"] = objects(cluster, namespace)
        agent = as_account(cluster, namespace, "clusterbook-snapshot", tmp_path)
        for forbidden in ("/api/v1/nodes", f"/api/v1/namespaces/{namespace}/secrets"):
            with pytest.raises(ClusterDenied):
                list(agent.items(forbidden))
        other = ConfigMapName(namespace, "other")
        with pytest.raises(ClusterDenied):
            configmaps.write(agent, other, SEEN, form="yaml", timestamp="2026-07-01T00:00:00Z")
        own = ConfigMapName(namespace, "clusterbook-snapshot-result")
        configmaps.write(agent, own, SEEN, form="yaml", timestamp="2026-07-01T00:00:00Z")
        played["pod"] = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"][0]
        cluster.kubectl("label", "node", NODE, f"{gate}=open")

    thread = threading.Thread(target=play)
    thread.start()
    words = ["snapshot", "--agent", "-k", str(cluster.kubeconfig), "-n", namespace, "--node-selector", f"{gate}=open"]
    status = run([*words, "--format", "json", "--timeout", "60s"], {})
    thread.join()
    out, err = capsys.readouterr()
    assert status == 0, err
    names = {"clusterbook-snapshot", "clusterbook-snapshot-result"}
    assert {each.partition("/")[2] for each in played["objects"] if not each.startswith("pod/")} == names
    assert played["pod"]["spec"]["securityContext"]["runAsNonRoot"] is True
    found = json.loads(out)
    groups = {(m["type"], s["subtype"]): s["data"] for m in found["measurements"] for s in m["subtypes"]}
    assert groups["GPU", "hardware"]["model"] == "h100"
    assert groups["K8s", "node"]["source-node"] == NODE == found["metadata"]["source-node"]
    assert groups["OS", "release"] == {"ID": "ubuntu", "VERSION_ID": "24.04"}
    assert {"part": "measurements/SystemD", "state": "denied", "reason": "not root"} in found["coverage"]
    wait_until(lambda: not objects(cluster, namespace), "nothing is left")


def test_what_print_manifests_prints_is_what_the_cluster_takes(
    cluster: Cluster, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--privileged", "--require-gpu", "--toleration", "nvidia.com/gpu:NoSchedule"]):
        assert run(["snapshot", "--print-manifests", "-n", namespace, *more], {}) == 0
        text = capsys.readouterr().out
        cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=text)
        documents = [node.data() for part in text.split("---\n") if (node := parse(part, "manifest"))]
        assert documents == manifests(
            Agent(
                namespace,
                documents[-1]["spec"]["template"]["spec"]["containers"][0]["image"],
                privileged=bool(more),
                placement=_placement(required=bool(more)),
            )
        )
    assert objects(cluster, namespace) == set()


def _placement(*, required: bool) -> Any:
    from clusterbook.kubernetes.placement import Placement, read_tolerations

    if not required:
        return Placement()
    return Placement(tolerations=read_tolerations(["nvidia.com/gpu:NoSchedule"]), require_gpu=True)


def test_the_restricted_profile_takes_the_agent_and_refuses_a_privileged_one(
    cluster: Cluster, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    words = ["snapshot", "--agent", "-k", str(cluster.kubeconfig), "-n", namespace, "--timeout", "3s"]
    assert run([*words, "--privileged"], {}) != 0
    capsys.readouterr()
    assert run(["snapshot", "--print-manifests", "-n", namespace, "--format", "json"], {}) == 0
    job = json.loads(capsys.readouterr().out)["items"][-1]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
           "spec": job["spec"]["template"]["spec"] | {"serviceAccountName": "default"}}  # fmt: skip
    cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    assert objects(cluster, namespace) == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_agent_leaves_nothing(
    cluster: Cluster, namespace: str, gate: str, number: signal.Signals
) -> None:
    # Started behind a `&`, the tests and whatever they start would not hear an interrupt.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{listen}; from clusterbook.cli.main import main; main()"
    words = ["snapshot", "--agent", "-k", str(cluster.kubeconfig), "-n", namespace, "--node-selector", f"{gate}=never"]
    process = subprocess.Popen([sys.executable, "-c", program, *words], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: any(each.startswith("pod/") for each in objects(cluster, namespace)), "it runs")
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    wait_until(lambda: not objects(cluster, namespace), "nothing is left")


def test_a_killed_agents_objects_go_with_its_job(cluster: Cluster, namespace: str, gate: str) -> None:
    program = "from clusterbook.cli.main import main; main()"
    words = ["snapshot", "--agent", "-k", str(cluster.kubeconfig), "-n", namespace, "--node-selector", f"{gate}=never"]
    process = subprocess.Popen([sys.executable, "-c", program, *words], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: any(each.startswith("pod/") for each in objects(cluster, namespace)), "it runs")
    process.kill()
    process.communicate(timeout=30)
    assert len(objects(cluster, namespace)) > 3
    cluster.kubectl("-n", namespace, "delete", "job", "clusterbook-snapshot")  # as its time to live would
    wait_until(lambda: not objects(cluster, namespace), "nothing is left")


def test_an_agent_that_cannot_be_scheduled_says_why(
    cluster: Cluster, namespace: str, gate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["snapshot", "--agent", "-k", str(cluster.kubeconfig), "-n", namespace, "--node-selector", f"{gate}=never"]
    assert run([*words, "--timeout", "10s"], {}) == 5
    assert "Unschedulable: 0/6 nodes are available" in capsys.readouterr().err
    wait_until(lambda: not objects(cluster, namespace), "nothing is left")


def test_an_account_that_may_not_make_a_job_is_told_so(
    cluster: Cluster, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.kubectl("-n", namespace, "create", "serviceaccount", "nobody")
    as_account(cluster, namespace, "nobody", tmp_path)
    assert run(["snapshot", "--agent", "-k", str(tmp_path / "agent"), "-n", namespace], {}) == 4
    assert 'cannot create resource "jobs"' in capsys.readouterr().err
    assert objects(cluster, namespace) == {"serviceaccount/nobody"}
