"""Checks are run several at a time, measured ones alone, and leave nothing behind."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clusterbook.catalog.images import moves
from clusterbook.kubernetes.api import PATIENCE, Api
from clusterbook.kubernetes.connection import Connection
from clusterbook.kubernetes.jobs import NotFinished, Pace
from clusterbook.kubernetes.login import ClusterLogin
from clusterbook.validate.job_manifests import EACH_GPU_NODE, CheckRun
from clusterbook.validate.output.record import record_trials
from clusterbook.validate.run import gpu_node_names, open_checks, readings_for_checks
from clusterbook.validate.run_jobs import run_all
from tests.support.checks import ENTRIES
from tests.support.clusters import eks
from tests.support.servers.kube import FakeApi, Fault, running

ASKED = CheckRun("checks", "abc123")
FAST = Pace(poll_s=0.01, patience_s=0.1)
JOBS = re.compile(r"/apis/batch/v1/namespaces/checks/jobs/(.+)")
GOING = {"metadata": {"name": "checks", "deletionTimestamp": "2026-07-01T00:00:00Z"}}
SMI = "NVIDIA-SMI 580.82 Driver Version: 580.82 CUDA Version: 13.0\nGPU_CHECK_SUCCESS"


def entry(name: str, phase: str = "conformance", **more: Any) -> dict[str, Any]:
    return {"name": name, "phase": phase, "image": "registry.example.org/check:v1", "timeout": "5s", **more}


class Kubelet:
    """Plays what runs: each Job that is let go ends as `ends` says, with that log, after `takes_s`."""

    def __init__(self, server: FakeApi) -> None:
        self.server = server
        self.ends: dict[str, tuple[int, str]] = {}
        self.takes_s = 0.0
        self.most = self.now = 0
        self.seen: list[str] = []
        self.stop = threading.Event()

    def work(self) -> None:
        begun: dict[str, float] = {}
        while not self.stop.wait(0.005):
            with self.server.lock:
                self.step(begun)

    def step(self, begun: dict[str, float]) -> None:
        jobs = {match[1]: path for path in self.server.objects if (match := JOBS.fullmatch(path))}
        loose = {name for name, path in jobs.items() if self.server.objects[path]["spec"].get("suspend") is False}
        self.now = len({name for name in loose if not self.server.objects[jobs[name]].get("status")})
        self.most = max(self.most, self.now)
        for name in loose - set(begun):
            begun[name] = time.monotonic()
            self.seen.append(name)
        for name in loose:
            path = jobs[name]
            ended = self.ends.get(name.rpartition("-abc123")[0] or name)
            done = time.monotonic() - begun[name] >= self.takes_s
            if ended is None or not done or self.server.objects[path].get("status"):
                continue
            code, log = ended
            state = {"terminated": {"exitCode": code, "message": log if code else ""}}
            pod = {
                "metadata": {"name": f"{name}-p", "namespace": "checks"},
                "status": {"phase": "Failed" if code else "Succeeded", "containerStatuses": [{"state": state}]},
            }
            self.server.lists[f"/api/v1/namespaces/checks/pods?{name}"] = [pod]
            self.server.texts[f"/api/v1/namespaces/checks/pods/{name}-p/log"] = log
            kind = "Failed" if code else "Complete"
            self.server.objects[path]["status"] = {"conditions": [{"type": kind, "status": "True"}]}


class ByJob(FakeApi):
    """Lists the pods of the Job that the label names."""

    def answer(self, request: Any) -> tuple[int, dict[str, Any]]:
        name = request.query.get("labelSelector", "").rpartition("=")[2]
        if request.method == "GET" and request.path.endswith("/pods") and name:
            return 200, {"kind": "List", "metadata": {}, "items": list(self.lists.get(f"{request.path}?{name}", []))}
        return super().answer(request)


@contextmanager
def played(server: FakeApi) -> Iterator[Kubelet]:
    kubelet = Kubelet(server)
    thread = threading.Thread(target=kubelet.work, daemon=True)
    thread.start()
    try:
        yield kubelet
    finally:
        kubelet.stop.set()
        thread.join()


@pytest.fixture
def server() -> Iterator[FakeApi]:
    with running(ByJob()) as listening:
        yield listening


def client(server: FakeApi) -> Api:
    login = ClusterLogin(server.url, "default", lambda: "")
    return Api(Connection(login), PATIENCE._replace(tries=2, connect_s=5, read_s=5), sleep=lambda _: None)


def run(server: FakeApi, *entries: dict[str, Any], nodes: tuple[str, ...] = ("n1", "n2")) -> dict[str, Any]:
    return dict(run_all(client(server), entries, ASKED, nodes, say=lambda _: None, pace=FAST))


def test_each_check_says_what_came_of_it_and_leaves_nothing(server: FakeApi) -> None:
    with played(server) as kubelet:
        kubelet.ends = {
            "gang-scheduling": (0, "RESULT: fine"),
            "robust-controller": (1, "the webhook took what is wrong"),
            "cluster-autoscaling": (2, "no autoscaler"),
            "pod-autoscaling": (9, "panic"),
        }
        found = run(server, *(entry(name) for name in kubelet.ends))
    states = {name: trial.state for name, trial in found.items()}
    assert states == {
        "gang-scheduling": "passed",
        "robust-controller": "failed",
        "cluster-autoscaling": "skipped",
        "pod-autoscaling": "error",
    }
    assert found["robust-controller"].message == "the webhook took what is wrong"
    assert server.objects == {}


def test_checks_run_side_by_side_and_those_that_measure_alone(server: FakeApi) -> None:
    with played(server) as kubelet:
        kubelet.takes_s = 0.3
        kubelet.ends = {f"check-{number}": (0, "") for number in range(8)}
        run(server, *(entry(name) for name in kubelet.ends))
        assert kubelet.most == 4
        kubelet.most, kubelet.ends = 0, {f"measure-{number}": (0, "") for number in range(3)}
        run(server, *(entry(name, "performance") for name in kubelet.ends))
        assert kubelet.most == 1


@pytest.mark.parametrize(
    "image",
    [
        "ghcr.io/nvidia/aicr-validators/deployment:latest",
        "ghcr.io/nvidia/aicr-validators/deployment",
        "registry:5000/check",
        "registry.example.org/check:nightly-gpu",
        "registry.example.org/check:main",
    ],
)
def test_an_image_that_may_be_another_tomorrow_is_refused(server: FakeApi, image: str) -> None:
    found = run(server, entry("moving", image=image))["moving"]
    assert (found.state, image in found.message, "--data" in found.message) == ("error", True, True)
    assert not [each for each in server.requests if JOBS.fullmatch(each.path) or each.path.endswith("/jobs")]


def test_a_digest_does_not_move_whatever_the_tag() -> None:
    assert not moves(f"registry.example.org/check:latest@sha256:{'0' * 64}")


def test_a_check_of_each_gpu_node_asks_them_all(server: FakeApi) -> None:
    with played(server) as kubelet:
        kubelet.ends = {"check-nvidia-smi": (0, SMI)}
        smi = entry("check-nvidia-smi", "deployment", where=EACH_GPU_NODE)
        found = run(server, smi)
        assert found["check-nvidia-smi"].message == "nvidia-smi answers on 2 nodes"
        assert len(kubelet.seen) == 2
        kubelet.ends = {
            "check-nvidia-smi": (0, "NVIDIA-SMI has failed because it couldn't communicate with the driver")
        }
        assert run(server, smi, nodes=("n1",))["check-nvidia-smi"].state == "failed"
        kubelet.ends = {"check-nvidia-smi": (0, "")}
        assert run(server, smi, nodes=("n1",))["check-nvidia-smi"].state == "error"
        assert run(server, smi, nodes=())["check-nvidia-smi"].state == "skipped"


def test_a_node_whose_gpus_are_in_use_is_no_failure(server: FakeApi) -> None:
    words = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "Insufficient nvidia.com/gpu.",
    }
    pod = {"metadata": {"name": "p", "namespace": "checks"}, "status": {"phase": "Pending", "conditions": [words]}}
    server.lists["/api/v1/namespaces/checks/pods?check-nvidia-smi-abc123"] = [pod]
    ended = {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}
    with played(server) as kubelet:
        kubelet.ends = {}
        smi = entry("check-nvidia-smi", "deployment", where=EACH_GPU_NODE)

        def expire() -> None:
            time.sleep(0.3)
            with server.lock:
                path = next(path for path in server.objects if JOBS.fullmatch(path))
                server.objects[path]["status"] = ended

        threading.Thread(target=expire, daemon=True).start()
        found = run(server, smi, nodes=("n1",))["check-nvidia-smi"]
    assert (found.state, found.message) == ("skipped", "n1: its GPUs are all in use")


def test_a_right_that_cannot_be_given_is_an_error_of_that_check_alone(server: FakeApi) -> None:
    rights = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
    server.faults = [
        Fault("POST", "/clusterroles", times=9, status=403, message="attempting to grant RBAC permissions")
    ]
    with played(server) as kubelet:
        kubelet.ends = {"gang-scheduling": (0, ""), "pod-autoscaling": (0, "")}
        found = run(server, entry("gang-scheduling", permissions=rights), entry("pod-autoscaling"))
    assert found["gang-scheduling"].state == "error"
    assert "attempting to grant" in found["gang-scheduling"].message
    assert found["pod-autoscaling"].state == "passed"
    assert server.objects == {}


def test_a_namespace_that_is_being_deleted_is_let_go_first(server: FakeApi) -> None:
    path = "/api/v1/namespaces/checks"
    server.put(path, GOING)
    with played(server) as kubelet:
        kubelet.ends = {"gang-scheduling": (0, "")}
        threading.Timer(0.05, server.objects.pop, (path,)).start()
        found = run(server, entry("gang-scheduling"))
    assert found["gang-scheduling"].state == "passed"
    made = server.asked("POST", "/api/v1/namespaces$")
    assert [each.body["metadata"]["name"] for each in made] == ["checks"]
    assert server.objects == {}


def test_a_namespace_that_does_not_go_is_said(server: FakeApi) -> None:
    server.put("/api/v1/namespaces/checks", GOING)
    with pytest.raises(NotFinished, match="namespace checks is being deleted"):
        run(server, entry("gang-scheduling"))
    assert server.asked("POST", "") == []


def test_only_what_reading_leaves_open_is_run() -> None:
    taken = eks()
    recipe = {
        "kind": "RecipeResult",
        "metadata": {"name": "r"},
        "componentRefs": [{"name": "gpu-operator", "namespace": "gpu-operator"}],
        "validation": {
            "deployment": {"checks": ["operator-health", "check-nvidia-smi"]},
            "conformance": {"checks": ["pod-autoscaling"]},
        },
    }
    names = ("operator-health", "check-nvidia-smi", "pod-autoscaling")
    entries = {name: {**entry(name), "inspect": ENTRIES[name]["inspect"]} for name in names}
    every = ("deployment", "conformance")
    assert [each["name"] for each in open_checks(recipe, taken, entries, every)] == [
        "check-nvidia-smi",
        "pod-autoscaling",
    ]
    assert [each["name"] for each in open_checks(recipe, taken, entries, ("conformance",))] == ["pod-autoscaling"]
    unready = {**recipe, "constraints": [{"name": "K8s.server.version", "value": ">= 9.0"}]}
    assert open_checks(unready, taken, entries, every) == []


def test_a_check_is_handed_readings_and_no_more_than_an_object_may_have() -> None:
    taken = eks(nodes=4)
    assert '"NodeTopology"' in readings_for_checks(taken)
    assert "objects" not in readings_for_checks(taken)
    big = {**taken, "measurements": [{"type": "NodeTopology", "subtypes": [{"x": "y" * 800_000}]}]}
    assert len(readings_for_checks(big)) < 1000
    assert gpu_node_names({"objects": [{"kind": "Node", "items": [
        {"metadata": {"name": "a"}, "status": {"allocatable": {"nvidia.com/gpu": "8"}}},
        {"metadata": {"name": "b"}, "status": {"allocatable": {"nvidia.com/gpu": "0"}}},
        {"metadata": {"name": "c"}},
    ]}]}) == ("a",)  # fmt: skip
    assert record_trials(taken, [], {}) is not taken
