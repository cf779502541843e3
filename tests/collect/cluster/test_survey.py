"""A cluster is surveyed: what is there comes home, what cannot be read is said, and size costs only what is kept."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli.main import run
from clusterbook.collect.cluster.objects import STANDARD
from clusterbook.collect.cluster.survey import SurveyOptions, collectors
from clusterbook.collect.run import gather, patience
from clusterbook.kubernetes.api import PATIENCE, Api
from clusterbook.kubernetes.connection import Connection
from clusterbook.kubernetes.discovery import Kind, discover
from clusterbook.kubernetes.errors import ClusterUnreachable
from clusterbook.kubernetes.login import ClusterLogin
from clusterbook.snapshot.build import Capture, document
from clusterbook.snapshot.inventory import UnseenPart
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.schema import SnapshotShape
from clusterbook.validate.judge import judge
from tests.support import machines
from tests.support.checks import CHECKS
from tests.support.servers.kube import FakeApi, Fault, Made, running

VERSION = {"gitVersion": "v1.36.3", "platform": "linux/amd64", "goVersion": "go1.26.8"}
SERVED = {
    "v1": [("nodes", "Node", False), ("pods", "Pod", True), ("namespaces", "Namespace", False)],
    "apps/v1": [("deployments", "Deployment", True), ("daemonsets", "DaemonSet", True)],
    "nvidia.com/v1": [("clusterpolicies", "ClusterPolicy", False)],
    "resource.k8s.io/v1beta1": [("resourceslices", "ResourceSlice", False)],
}


def all_at_once(group: bool, *, stale: str | None = None) -> dict[str, Any]:
    """Return what a newer API server says of all that it serves."""
    items = []
    for api_version, kinds in SERVED.items():
        name, _, version = api_version.rpartition("/")
        if bool(name) == group:
            resources = [
                {"resource": plural, "responseKind": {"kind": kind}, "verbs": ["get", "list"],
                 "scope": "Namespaced" if namespaced else "Cluster"}
                for plural, kind, namespaced in kinds
            ]  # fmt: skip
            freshness = "Stale" if name == stale else "Current"
            versions = [{"version": version, "resources": [] if name == stale else resources, "freshness": freshness}]
            items.append({"metadata": {"name": name}, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "items": items}


def node(number: int) -> dict[str, Any]:
    labels = {f"feature.node.kubernetes.io/cpu-{feature}": "true" for feature in range(40)}
    labels |= {"kubernetes.io/hostname": f"n{number:04}", "nvidia.com/gpu.present": "true"}
    labels["nvidia.com/gpu.product"] = "NVIDIA-H100-80GB-HBM3"
    images = [{"names": [f"registry.example.org/image-{image}@sha256:{'0' * 64}"]} for image in range(20)]
    return {
        "metadata": {"name": f"n{number:04}", "labels": labels, "managedFields": [{"fieldsV1": {"x": "y" * 500}}]},
        "spec": {"providerID": f"aws:///us-east-2a/i-{number:017x}"},
        "status": {
            "capacity": {"cpu": "192", "nvidia.com/gpu": "8"},
            "nodeInfo": {"osImage": "Ubuntu 24.04.3 LTS", "kubeletVersion": "v1.36.3"},
            "conditions": [{"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}],
            "images": images,
        },
    }


def pod(number: int) -> dict[str, Any]:
    container = {"name": "c", "image": f"registry.example.org/train:{number % 7}", "env": [{"value": "x" * 1000}]}
    state = {"name": "c", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": "t"}}}
    return {
        "metadata": {"name": f"p{number}", "namespace": f"team-{number % 40}", "labels": {"app": "train"}},
        "spec": {"nodeName": f"n{number % 5000:04}", "containers": [container]},
        "status": {"phase": "Running", "containerStatuses": [state]},
    }


@pytest.fixture
def server() -> Iterator[FakeApi]:
    api = FakeApi()
    api.put("/version", VERSION)
    api.put("/api", all_at_once(group=False))
    api.put("/apis", all_at_once(group=True))
    api.lists |= {
        "/api/v1/nodes": [node(0), node(1)],
        "/api/v1/pods": [pod(0), pod(1)],
        "/api/v1/namespaces": [{"metadata": {"name": "gpu-operator"}, "status": {"phase": "Active"}}],
        "/api/v1/secrets": [],
        "/api/v1/configmaps": [],
        "/apis/apps/v1/deployments": [{"metadata": {"name": "gpu-operator", "namespace": "gpu-operator"}}],
        "/apis/apps/v1/daemonsets": [],
        "/apis/nvidia.com/v1/clusterpolicies": [{"metadata": {"name": "cluster-policy"}, "status": {"state": "ready"}}],
        "/apis/resource.k8s.io/v1beta1/resourceslices": [{"metadata": {"name": "s"}, "spec": {"driver": "d"}}],
    }
    with running(api) as listening:
        yield listening


def client(server: FakeApi, *, answer_s: float = 10) -> Api:
    login = ClusterLogin(server.url, "default", lambda: "")
    return Api(Connection(login), PATIENCE._replace(tries=2, connect_s=5, read_s=answer_s), sleep=lambda _: None)


def survey(server: FakeApi, wishes: SurveyOptions | None = None, *, answer_s: float = 10) -> Capture:
    return gather(collectors(client(server, answer_s=answer_s), wishes or SurveyOptions()))


def gaps(seen: Capture) -> dict[str, tuple[str, str]]:
    return {gap.part: (gap.state, gap.reason) for gap in seen.gaps}


def taken(seen: Capture) -> dict[str, Any]:
    found = document(seen, {"timestamp": "2026-07-01T00:00:00Z"})
    SnapshotShape.model_validate(found, strict=True)
    return found


def test_all_of_a_cluster_comes_home_and_nothing_is_missing(server: FakeApi) -> None:
    seen = survey(server)
    assert seen.gaps == []
    found = taken(seen)
    assert found["fingerprint"]["accelerator"]["value"] == "h100"
    assert found["fingerprint"]["os"] == {"value": "ubuntu", "version": "24.04", "source": "OS.release.ID"}
    assert found["fingerprint"]["nodeCount"]["value"] == 2
    assert seen.measurements["K8s"]["server"].data["version"] == "v1.36.3"
    assert seen.measurements["K8s"]["policy"].data == {"state": "ready"}
    assert seen.measurements["K8s"]["image"].data == {"train": "1"}
    inventory = read_snapshot(found).inventory
    assert {kind for _, kind in inventory.objects} == {kind.kind for kind in STANDARD}
    assert inventory.named("apps/v1", "Deployment", "gpu-operator", "gpu-operator") is not None


def test_another_version_of_a_kind_stands_in(server: FakeApi) -> None:
    inventory = read_snapshot(taken(survey(server))).inventory
    found, gap = inventory.kind("resource.k8s.io/v1", "ResourceSlice")
    assert (len(found), gap) == (1, None)


def test_a_kind_that_nobody_serves_has_no_objects_and_is_no_gap(server: FakeApi) -> None:
    inventory = read_snapshot(taken(survey(server))).inventory
    assert inventory.kind("skyhook.nvidia.com/v1alpha1", "Skyhook") == ([], None)


def test_kinds_that_a_recipe_asks_for_are_read_besides(server: FakeApi) -> None:
    widgets = [{"metadata": {"name": "w", "namespace": "n"}, "spec": {"x": 1}}]
    server.objects["/apis"]["items"].append(
        {"metadata": {"name": "example.org"}, "versions": [{"version": "v1", "resources": [
            {"resource": "widgets", "responseKind": {"kind": "Widget"}, "verbs": ["list"], "scope": "Namespaced"}]}]}
    )  # fmt: skip
    server.lists["/apis/example.org/v1/widgets"] = widgets
    seen = survey(server, SurveyOptions(kinds=(Kind("example.org/v1", "Widget"),)))
    assert read_snapshot(taken(seen)).inventory.named("example.org/v1", "Widget", "w", "n") == widgets[0]


def test_a_right_that_is_missing_is_said_and_never_a_pass(server: FakeApi) -> None:
    words = 'deployments.apps is forbidden: User "ann" cannot list'
    server.faults = [Fault("GET", "/deployments", times=9, status=403, message=words)]
    seen = survey(server)
    state, reason = gaps(seen)["objects/apps/v1/Deployment"]
    assert state == "denied"
    assert words in reason
    snapshot = read_snapshot(taken(seen))
    with pytest.raises(UnseenPart, match="no permission"):
        snapshot.inventory.named("apps/v1", "Deployment", "gpu-operator", "gpu-operator")
    recipe = {
        "kind": "RecipeResult",
        "metadata": {"name": "r"},
        "componentRefs": [
            {"name": "gpu-operator", "namespace": "gpu-operator",
             "expectedResources": [{"kind": "Deployment", "name": "gpu-operator", "namespace": "gpu-operator"}]}
        ],
        "validation": {"deployment": {"checks": ["expected-resources"]}},
    }  # fmt: skip
    results = {result.name: result.state for result in judge(recipe, snapshot, checks=CHECKS).results}
    assert results["expected-resources"] == "error"


def test_nodes_and_pods_that_may_not_be_read_leave_all_their_parts_open(server: FakeApi) -> None:
    server.faults = [Fault("GET", "/api/v1/(nodes|pods)", times=9, status=403)]
    found = gaps(survey(server))
    assert set(found) == {
        "objects/v1/Node",
        "objects/v1/Pod",
        "measurements/K8s.node",
        "measurements/K8s.image",
        "measurements/NodeTopology",
    }
    assert {state for state, _ in found.values()} == {"denied"}


def test_half_a_list_is_kept_and_said_to_be_half(server: FakeApi) -> None:
    server.lists["/api/v1/pods"] = Made(1200, pod)
    server.faults = [Fault("GET", "/pods.*continue=1000", times=9, status=500, message="etcdserver: timed out")]
    seen = survey(server)
    state, reason = gaps(seen)["objects/v1/Pod"]
    assert state == "partial"
    assert "etcdserver" in reason
    assert gaps(seen)["measurements/K8s.image"][0] == "partial"
    assert len(next(block["items"] for block in seen.objects if block["kind"] == "Pod")) == 1000


def test_a_list_that_takes_too_long_is_cut_and_the_others_are_not(server: FakeApi) -> None:
    server.faults = [Fault("GET", "/daemonsets", times=9, silent_s=4)]
    started = time.monotonic()
    seen = survey(server, answer_s=0.3)
    assert time.monotonic() - started < 4
    assert gaps(seen)["objects/apps/v1/DaemonSet"][0] == "failed"
    assert set(gaps(seen)) == {"objects/apps/v1/DaemonSet"}


def test_an_endless_list_ends_when_its_time_has_come(server: FakeApi) -> None:
    server.lists["/api/v1/pods"] = Made(10**9, pod)
    seen = survey(server, SurveyOptions(timeout_s=0.5))
    state, reason = gaps(seen)["objects/v1/Pod"]
    assert state == "partial"
    assert "within 0.5 s" in reason


def test_an_api_that_does_not_say_what_it_has_is_a_gap(server: FakeApi) -> None:
    server.put("/apis", all_at_once(group=True, stale="nvidia.com"))
    state, reason = gaps(survey(server))["objects/nvidia.com/v1/ClusterPolicy"]
    assert (state, reason) == ("failed", "discovery of the API nvidia.com failed")


def test_an_older_server_is_asked_group_by_group(server: FakeApi) -> None:
    server.put("/api", {"kind": "APIVersions", "versions": ["v1"]})
    groups = []
    for api_version, kinds in SERVED.items():
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        resources = [
            {"name": plural, "kind": kind, "namespaced": namespaced, "verbs": ["list"]}
            for plural, kind, namespaced in kinds
        ]
        resources += [{"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": ["get"]}]
        server.put(path, {"kind": "APIResourceList", "resources": resources})
        if "/" in api_version:
            version = {"groupVersion": api_version}
            groups.append({"name": "g", "versions": [version], "preferredVersion": version})
    groups.append({"name": "gone", "versions": [{"groupVersion": "gone.example.org/v1"}]})
    server.put("/apis", {"kind": "APIGroupList", "groups": groups})
    found = discover(client(server))
    assert {kind.kind for kind in found.served} == {kind for kinds in SERVED.values() for _, kind, _ in kinds}
    assert found.silent == {"gone.example.org/v1"}


def test_a_cluster_that_cannot_be_asked_at_all_is_an_error(server: FakeApi) -> None:
    server.faults = [Fault("GET", "/api", times=9, status=503)]
    with pytest.raises(ClusterUnreachable):
        survey(server)


def stored(name: str, revision: int, *, status: str = "deployed") -> dict[str, Any]:
    chart = {"metadata": {"name": name, "version": "1.2.3", "appVersion": "v9"}}
    document = {"info": {"status": status}, "chart": chart, "config": {"password": "s3cret"}, "version": revision}
    text = base64.b64encode(gzip.compress(json.dumps(document).encode()))
    labels = {"owner": "helm", "name": name, "version": str(revision), "status": status}
    metadata = {"name": f"sh.helm.release.v1.{name}.v{revision}", "namespace": "gpu", "labels": labels}
    return {"metadata": metadata, "data": {"release": base64.b64encode(text).decode()}}


def test_releases_are_listed_by_label_and_read_one_by_one(server: FakeApi) -> None:
    everything = [stored("gpu-operator", 1, status="superseded"), stored("gpu-operator", 2), stored("nfd", 1)]
    server.lists["/api/v1/secrets"] = [{"metadata": each["metadata"]} for each in everything]
    for each in everything:
        server.put(f"/api/v1/namespaces/gpu/secrets/{each['metadata']['name']}", each)
    seen = survey(server)
    assert [(each["name"], each["revision"], each["version"]) for each in seen.releases or ()] == [
        ("gpu-operator", 2, "1.2.3"),
        ("nfd", 1, "1.2.3"),
    ]
    assert "s3cret" not in json.dumps(taken(seen))
    listed = server.asked("GET", r"^/api/v1/secrets$")
    assert "PartialObjectMetadataList" in listed[0].headers["Accept"]
    assert listed[0].query["labelSelector"] == "owner=helm"
    assert len(server.asked("GET", "/namespaces/gpu/secrets/")) == 2
    assert survey(server, SurveyOptions(values=True)).releases[0]["values"] == {"password": "s3cret"}  # type: ignore[index]


def test_releases_that_may_not_be_read_are_not_taken_for_none(server: FakeApi) -> None:
    server.faults = [Fault("GET", "/secrets", times=9, status=403)]
    seen = survey(server)
    assert seen.releases is None
    assert gaps(seen)["releases"][0] == "denied"


def test_a_record_that_is_gone_or_damaged_costs_only_itself(server: FakeApi) -> None:
    fine, broken, gone = stored("fine", 1), stored("broken", 1), stored("gone", 1)
    broken["data"] = {"release": "!"}
    server.lists["/api/v1/secrets"] = [{"metadata": each["metadata"]} for each in (fine, broken, gone)]
    for each in (fine, broken):
        server.put(f"/api/v1/namespaces/gpu/secrets/{each['metadata']['name']}", each)
    seen = survey(server)
    assert [each["name"] for each in seen.releases or ()] == ["fine"]
    assert gaps(seen)["releases"][0] == "partial"
    assert len(read_snapshot(taken(seen)).inventory.installed()) == 1


ALONE = """
import json, re, sys
from pathlib import Path
from clusterbook.cli.main import run
status = run(["snapshot", "--kubeconfig", sys.argv[1], "--format", "json", "-o", sys.argv[2]], {})
print(json.dumps([status, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024]))
"""
"""Run by a process of its own. VmHWM, since ru_maxrss of a child is never less than what its parent had."""


def test_five_thousand_nodes_and_twenty_thousand_pods_take_bounded_memory(server: FakeApi, tmp_path: Path) -> None:
    server.lists["/api/v1/nodes"] = Made(5000, node)
    server.lists["/api/v1/pods"] = Made(20_000, pod)
    (tmp_path / "config").write_text(json.dumps(config(server)), encoding="utf-8")
    words = [sys.executable, "-c", ALONE, str(tmp_path / "config"), str(tmp_path / "taken.json")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    status, most_bytes = json.loads(done.stdout)
    assert status == 0
    assert most_bytes < 300e6, done.stderr
    assert "partial" not in done.stderr
    found = json.loads((tmp_path / "taken.json").read_text(encoding="utf-8"))
    assert {block["kind"]: len(block["items"]) for block in found["objects"] if len(block["items"]) > 1} == {
        "Node": 5000,
        "Pod": 20_000,
    }
    assert found["fingerprint"]["gpuNodeCount"]["value"] == 5000
    assert (len(server.asked("GET", "/api/v1/nodes")), len(server.asked("GET", "/api/v1/pods"))) == (10, 40)


def config(server: FakeApi) -> dict[str, Any]:
    return {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "contexts": [{"name": "here", "context": {"cluster": "c"}}],
        "users": [],
    }


def test_the_command_takes_a_cluster_and_keeps_it_in_a_configmap(
    server: FakeApi, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(json.dumps(config(server)), encoding="utf-8")
    words = ["snapshot", "--kubeconfig", str(tmp_path / "config")]
    assert run([*words, "-o", "cm://gpu/taken", "--format", "json"], {}) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "not captured: measurements/GPU (skipped): capture it with --agent, which inspects a node" in err
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert run(["snapshot", "--cluster", "--format", "json"], {}) == 0
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads(server.objects["/api/v1/namespaces/gpu/configmaps/taken"]["data"]["snapshot.json"])
    kept["metadata"]["timestamp"] = printed["metadata"]["timestamp"]
    assert kept == printed
    assert run(["snapshot", "--cluster", "--no-cluster"], {}) == 2
    assert run([*words, "-o", "cm://gpu/taken", "--format", "table"], {}) == 2
    assert run(["snapshot", "--kubeconfig", str(tmp_path / "gone")], {}) == 3


@pytest.fixture
def pod_of(server: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the words of a snapshot in a pod on n0001, with the machine's root mounted."""
    (tmp_path / "config").write_text(json.dumps(config(server)), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("NODE_NAME", "n0001")
    root = machines.plant("rhel-9", tmp_path / "host")
    return ["snapshot", "--root", str(root), "--format", "json"]


def readings(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], dict[str, str]]:
    found = json.loads(capsys.readouterr().out)
    groups = {f"{m['type']}.{s['subtype']}": s["data"] for m in found["measurements"] for s in m["subtypes"]}
    return groups, {gap["part"]: gap["state"] for gap in found["coverage"]}


def test_a_pod_sees_its_node_and_the_cluster_around_it(pod_of: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pod_of, {}) == 0
    groups, _ = readings(capsys)
    assert groups["OS.release"]["ID"] == "rhel"
    assert groups["K8s.node"]["source-node"] == "n0001"
    assert groups["NodeTopology.summary"]["node-count"] == 2


def test_a_pod_that_may_not_ask_the_cluster_still_sees_its_node(
    pod_of: list[str], server: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults = [Fault("GET", "/", times=99, status=403, message="forbidden")]
    assert run(pod_of, {}) == 0
    groups, states = readings(capsys)
    assert groups["OS.release"]["ID"] == "rhel"
    assert "K8s.node" not in groups
    assert states["measurements/K8s"] == states["measurements/NodeTopology"] == states["releases"] == "denied"


def test_a_pod_that_is_to_look_at_its_node_alone_asks_nobody(
    pod_of: list[str], server: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*pod_of, "--no-cluster"], {}) == 0
    assert readings(capsys)[1]["measurements/K8s"] == "skipped"
    assert server.requests == []


NO_VERSIONS: list[dict[str, Any]] = [
    {},
    {"gitVersion": ""},
    {"gitVersion": ["v1.33"]},
    {"gitVersion": 1.33},
    {"major": "1"},
    {"gitVersion": None, "platform": "linux/amd64"},
]


@pytest.mark.parametrize("answer", NO_VERSIONS)
def test_a_server_that_does_not_say_its_version_is_a_gap(server: FakeApi, answer: dict[str, Any]) -> None:
    server.put("/version", {"kind": "Info", **answer})
    seen = survey(server)
    assert "server" not in seen.measurements["K8s"]
    assert gaps(seen)["measurements/K8s.server"][0] == "failed"


def test_somebody_hears_who_is_waited_for(server: FakeApi) -> None:
    server.faults.append(Fault("GET", "^/api/v1/nodes", silent_s=0.4))
    heard: list[str] = []
    with patience(heard.append, "the server", quiet_s=0.05):
        survey(server)
    assert heard
    assert all("the server" in line for line in heard)
    count = len(heard)
    time.sleep(0.2)
    assert len(heard) == count


def test_gpus_are_counted_by_their_kind(server: FakeApi) -> None:
    whole, cut, shared, virtual = (node(number) for number in range(4))
    cut["status"]["capacity"] = {"nvidia.com/mig-1g.10gb": "14", "nvidia.com/gpu": "6"}
    shared["metadata"]["labels"] |= {"nvidia.com/gpu.sharing-strategy": "time-slicing", "nvidia.com/gpu.replicas": "4"}
    shared["status"]["capacity"] = {"nvidia.com/gpu": "32"}
    virtual["metadata"]["labels"]["nvidia.com/gpu.product"] = "GRID-H100-40C"
    server.lists["/api/v1/nodes"] = [whole, cut, shared, virtual]
    found = taken(survey(server))
    assert read_snapshot(found).nodes.gpu_kinds == {"whole": 14, "MIG": 14, "vGPU": 8, "shared": 32}
    assert found["fingerprint"]["gpus"] == {
        "value": "14 whole, 14 MIG, 8 vGPU, 32 shared",
        "source": "Node.status.capacity",
    }
    SnapshotShape.model_validate(found)


def test_events_of_pods_that_never_came_are_asked_for_and_no_others(server: FakeApi) -> None:
    group = server.objects["/api"]["items"][0]["versions"][0]["resources"]
    group.append({"resource": "events", "responseKind": {"kind": "Event"}, "verbs": ["list"], "scope": "Namespaced"})
    server.lists["/api/v1/events"] = [{
        "metadata": {"name": "e", "namespace": "gpu", "uid": "u"}, "type": "Warning", "reason": "FailedCreate",
        "involvedObject": {"kind": "DaemonSet", "name": "driver", "namespace": "gpu", "uid": "v"},
        "message": "exceeded quota " * 100, "source": {"component": "daemonset-controller"},
    }]  # fmt: skip
    seen = survey(server)
    (asked,) = server.asked("GET", "/api/v1/events")
    assert asked.query["fieldSelector"] == "type=Warning,reason=FailedCreate"
    ((event,),) = (block["items"] for block in seen.objects if block["kind"] == "Event")
    assert event["involvedObject"] == {"kind": "DaemonSet", "name": "driver"}
    assert len(event["message"]) == 400
