"""What runs in a cluster is waited for, heard, and taken away again, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.collect.agent import run_agent
from clusterbook.collect.agent_manifests import Agent, manifests
from clusterbook.diagnostics.errors import ClusterbookError, NotFound
from clusterbook.kubernetes import configmaps
from clusterbook.kubernetes.api import PATIENCE, Api
from clusterbook.kubernetes.configmaps import ConfigMapName
from clusterbook.kubernetes.connection import Connection
from clusterbook.kubernetes.errors import ClusterDenied, ObjectConflict
from clusterbook.kubernetes.jobs import JobFailed, NotFinished, Pace, in_cluster, path_of
from clusterbook.kubernetes.login import ClusterLogin
from clusterbook.kubernetes.placement import LABEL, Placement
from tests.support.servers.kube import FakeApi, Fault, running

AGENT = Agent(namespace="gpu", image="registry.example.org/agent:v1", timeout_s=5)
JOB = "/apis/batch/v1/namespaces/gpu/jobs/clusterbook-snapshot"
PODS = "/api/v1/namespaces/gpu/pods"
RESULT = "/api/v1/namespaces/gpu/configmaps/clusterbook-snapshot-result"
FAST = Pace(poll_s=0.01, patience_s=0.1)
SNAPSHOT = """
kind: Snapshot
metadata: {source-node: n1, timestamp: "2026-07-01T00:00:00Z"}
measurements:
  - type: GPU
    subtypes: [{subtype: hardware, data: {gpu-present: true, gpu-count: 8, model: h100}}]
  - type: K8s
    subtypes: [{subtype: server, data: {version: forged}}]
coverage:
  - {part: measurements/SystemD, state: denied, reason: not root}
  - {part: measurements/K8s, state: skipped}
"""


@pytest.fixture
def server() -> Iterator[FakeApi]:
    api = FakeApi()
    api.lists["/api/v1/nodes"] = []
    api.lists[PODS] = []
    with running(api) as listening:
        yield listening


def client(server: FakeApi) -> Api:
    login = ClusterLogin(server.url, "default", lambda: "")
    return Api(Connection(login), PATIENCE._replace(tries=2, connect_s=5, read_s=5), sleep=lambda _: None)


def pod(phase: str, *, container: dict[str, Any] | None = None, condition: dict[str, str] | None = None) -> Any:
    status = {"phase": phase, "containerStatuses": [container] if container else [], "conditions": [condition or {}]}
    return {"metadata": {"name": "p", "namespace": "gpu"}, "status": status}


def play(server: FakeApi, act: Callable[[], None]) -> threading.Thread:
    """Have `act` happen as soon as the Job is let go."""

    def wait() -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if ((server.objects.get(JOB) or {}).get("spec") or {}).get("suspend") is False:
                return act()
            time.sleep(0.005)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def end(server: FakeApi, kind: str = "Complete", message: str = "") -> None:
    with server.lock:
        condition = {"type": kind, "status": "True", "message": message}
        server.objects[JOB] = {**server.objects[JOB], "status": {"conditions": [condition]}}


def succeed(server: FakeApi, text: str = SNAPSHOT) -> Callable[[], None]:
    def act() -> None:
        server.lists[PODS] = [pod("Running")]
        server.texts[f"{PODS}/p/log"] = "looking\nseen"
        configmaps.write(client(server), ConfigMapName("gpu", AGENT.result), text, form="yaml", timestamp="t")
        end(server)

    return act


def names(server: FakeApi) -> set[str]:
    return {path.rpartition("/")[0].rpartition("/")[2] for path in server.objects}


def test_an_agent_brings_home_what_its_node_shows_and_leaves_nothing(server: FakeApi) -> None:
    heard: list[str] = []
    play(server, succeed(server))
    found = run_agent(client(server), AGENT, say=heard.append, pace=FAST)
    assert found.node == "n1"
    assert found.seen.measurements["GPU"]["hardware"].data["model"] == "h100"
    assert set(found.seen.measurements) == {"GPU"}  # what it says of the cluster does not count
    assert [gap.part for gap in found.seen.gaps] == ["measurements/SystemD"]
    assert heard == ["looking", "seen"]
    assert server.objects == {}


def test_the_job_stands_still_until_all_it_needs_is_there_and_owns_it(server: FakeApi) -> None:
    with in_cluster(client(server), manifests(AGENT), keep=True):
        pass
    made = [each for each in server.requests if each.method == "POST"]
    assert [each.body["kind"] for each in made] == ["Job", "ServiceAccount", "Role", "RoleBinding", "ConfigMap"]
    assert made[0].body["spec"]["suspend"] is True
    uid = server.objects[JOB]["metadata"].get("uid") or "uid-1"
    assert {each.body["metadata"]["ownerReferences"][0]["uid"] for each in made[1:]} == {uid}
    assert names(server) == {"jobs", "serviceaccounts", "roles", "rolebindings", "configmaps"}


@pytest.mark.parametrize("refused", ["roles$", "configmaps$", "jobs/clusterbook"])
def test_a_right_that_is_missing_half_way_leaves_nothing(refused: str, server: FakeApi) -> None:
    server.faults = [Fault(method, refused, status=403, message="forbidden") for method in ("POST", "PATCH")]
    with pytest.raises(ClusterDenied):
        run_agent(client(server), AGENT, say=print, pace=FAST)
    assert server.objects == {}


def test_an_interrupt_leaves_nothing(server: FakeApi) -> None:
    def ended() -> None:
        with in_cluster(client(server), manifests(AGENT)):
            assert len(server.objects) == 5
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        ended()
    assert server.objects == {}
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_command_that_is_ended_cleans_up(server: FakeApi, tmp_path: Path) -> None:
    import json

    from tests.collect.cluster.test_survey import config

    (tmp_path / "config").write_text(json.dumps(config(server)), encoding="utf-8")
    program = "from clusterbook.cli.main import main; main()"
    words = ["snapshot", "--agent", "-n", "gpu", "--kubeconfig", str(tmp_path / "config")]
    process = subprocess.Popen([sys.executable, "-c", program, *words], stderr=subprocess.PIPE, text=True)
    played = play(server, lambda: None)
    played.join(timeout=60)
    assert JOB in server.objects
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    assert process.stderr is not None
    process.stderr.close()
    assert server.objects == {}


def test_another_job_of_that_name_is_left_alone(server: FakeApi) -> None:
    server.put(JOB, {"metadata": {"name": "clusterbook-snapshot", "uid": "other"}, "spec": {}})
    with pytest.raises(ObjectConflict) as caught:
        run_agent(client(server), AGENT, say=print, pace=FAST)
    assert "--job-name" in caught.value.hint
    assert list(server.objects) == [JOB]


def test_what_an_earlier_job_left_is_replaced_and_what_is_anothers_stays(server: FakeApi) -> None:
    account = "/api/v1/namespaces/gpu/serviceaccounts/mine"
    server.put(account, {"metadata": {"name": "mine", "uid": "theirs"}})
    server.put(
        RESULT, {"metadata": {"name": AGENT.result, "uid": "old", "labels": {LABEL: AGENT.name}}, "data": {"a": "b"}}
    )
    play(server, succeed(server))
    run_agent(client(server), AGENT._replace(account="mine"), say=print, pace=FAST)
    assert list(server.objects) == [account]
    server.put(RESULT, {"metadata": {"name": AGENT.result, "uid": "old"}, "data": {"a": "b"}})
    with pytest.raises(ObjectConflict):
        run_agent(client(server), AGENT, say=print, pace=FAST)
    assert server.objects[RESULT]["data"] == {"a": "b"}


def test_what_is_to_be_kept_is_kept(server: FakeApi) -> None:
    play(server, succeed(server))
    run_agent(client(server), AGENT, say=print, keep=True, pace=FAST)
    assert len(server.objects) == 5


def failed(server: FakeApi) -> None:
    ended = {"terminated": {"exitCode": 8, "reason": "Error"}}
    server.lists[PODS] = [pod("Failed", container={"state": ended})]
    server.texts[f"{PODS}/p/log"] = "one\nerror: CB107 no space left"
    end(server, "Failed", "Job has reached the specified backoff limit")


def killed(server: FakeApi) -> None:
    server.lists[PODS] = [pod("Failed", container={"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}})]
    end(server, "Failed", "backoff limit")


def stuck(server: FakeApi) -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling "registry.example.org/agent:v1"'}}
    server.lists[PODS] = [pod("Pending", container={"state": waiting})]


def nowhere(server: FakeApi) -> None:
    words = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/6 nodes are available"}
    server.lists[PODS] = [pod("Pending", condition=words)]


ENDINGS: list[tuple[Callable[[FakeApi], None], type[ClusterbookError], int, str]] = [
    (failed, JobFailed, 8, "exit status 8: one | error: CB107 no space left"),
    (killed, JobFailed, 8, "exit status 137: OOMKilled"),
    (stuck, NotFinished, 5, "ImagePullBackOff: Back-off pulling"),
    (nowhere, NotFinished, 5, "Unschedulable: 0/6 nodes are available"),
    (lambda _: None, NotFinished, 5, "it has no pod yet"),
    (end, JobFailed, 8, "left no snapshot"),
    (lambda server: succeed(server, "kind: [")(), JobFailed, 8, "cannot be read"),
    (lambda server: succeed(server, "")(), JobFailed, 8, "is empty"),
]


@pytest.mark.parametrize(("act", "kind", "exit_status", "says"), ENDINGS)
def test_what_goes_wrong_is_said_and_leaves_nothing(
    act: Callable[[FakeApi], None],
    kind: type[ClusterbookError],
    exit_status: int,
    says: str,
    server: FakeApi,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("clusterbook.collect.agent._GRACE_S", 0)
    play(server, lambda: act(server))
    with pytest.raises(kind, match=says.replace("|", r"\|")) as caught:
        run_agent(client(server), AGENT._replace(timeout_s=1), say=lambda _: None, pace=FAST)
    assert caught.value.exit_status == exit_status
    assert server.objects == {}


def test_an_agent_goes_where_gpus_are_unless_it_is_told_otherwise(server: FakeApi) -> None:
    labels = {"nvidia.com/gpu.present": "true"}
    server.lists["/api/v1/nodes"] = [{"metadata": {"name": "n1", "labels": labels}, "status": {}}]

    def selector(placement: Placement) -> Any:
        play(server, succeed(server))
        run_agent(client(server), AGENT._replace(placement=placement), say=print, pace=FAST)
        sent = server.asked("POST", "/jobs$")[-1].body
        return sent["spec"]["template"]["spec"].get("nodeSelector")

    assert selector(Placement()) == labels
    assert selector(Placement(selector={"zone": "a"})) == {"zone": "a"}
    assert selector(Placement(runtime_class="nvidia")) is None


def test_a_gpu_that_is_required_and_not_there_is_said_before_anything_is_made(server: FakeApi) -> None:
    server.lists["/api/v1/nodes"] = [{"metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "8"}}}]
    with pytest.raises(NotFound, match="no node has an allocatable GPU") as caught:
        run_agent(client(server), AGENT._replace(placement=Placement(require_gpu=True)), say=print, pace=FAST)
    assert caught.value.exit_status == 3
    assert server.asked("POST", ".") == []


def test_a_node_without_a_gpu_is_noted(server: FakeApi) -> None:
    play(server, succeed(server, SNAPSHOT.replace("gpu-present: true", "gpu-present: false")))
    found = run_agent(client(server), AGENT, say=print, pace=FAST)
    assert found.notes == ("the node n1 has no GPU; choose others with --node-selector",)
    server.lists["/api/v1/nodes"] = [{"metadata": {"name": "n1"}, "status": {"allocatable": {"nvidia.com/gpu": "8"}}}]
    play(server, succeed(server, SNAPSHOT.replace("gpu-present: true", "gpu-present: false")))
    with pytest.raises(NotFound, match="n1 has no GPU"):
        run_agent(client(server), AGENT._replace(placement=Placement(require_gpu=True)), say=print, pace=FAST)


def test_paths_are_those_of_the_api() -> None:
    assert [path_of(each) for each in manifests(AGENT)][1] == (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/gpu/roles/clusterbook-snapshot"
    )
