"""`validate` of a cluster: a snapshot taken now, then judged like any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import main
from tests.support.clusters import SNAPSHOTS
from tests.support.servers.kube import FakeApi, Fault, Made, running

NODE = str(SNAPSHOTS / "bare-node.yaml")
SERVED = {"v1": {"nodes": "Node", "pods": "Pod", "namespaces": "Namespace"}, "apps/v1": {"deployments": "Deployment"}}
OPERATOR = {"kind": "Deployment", "name": "gpu-operator", "namespace": "gpu-operator"}
RECIPE = {
    "kind": "RecipeResult",
    "metadata": {"slug": "mine"},
    "constraints": [
        {"name": "K8s.server.version", "value": ">= 1.30"},
        {"name": "OS.sysctl./proc/sys/kernel/osrelease", "value": ">= 6.8"},
    ],
    "componentRefs": [{"name": "gpu-operator", "namespace": "gpu-operator", "expectedResources": [OPERATOR]}],
    "validation": {"deployment": {"checks": ["expected-resources"]}},
}
Run = Callable[..., tuple[int, dict[str, str], str]]


def discovery(*, group: bool) -> dict[str, Any]:
    """Return what an API server says of all that it serves, in the core or in groups."""
    items = []
    for api_version, kinds in SERVED.items():
        name, _, version = api_version.rpartition("/")
        if bool(name) == group:
            resources = [{"resource": plural, "responseKind": {"kind": kind}, "verbs": ["get", "list"],
                          "scope": "Namespaced"} for plural, kind in kinds.items()]  # fmt: skip
            items.append({"metadata": {"name": name}, "versions": [{"version": version, "resources": resources}]})
    return {"kind": "APIGroupDiscoveryList", "items": items}


@pytest.fixture
def server() -> Iterator[FakeApi]:
    """Give a cluster with one deployment."""
    api = FakeApi()
    api.put("/version", {"gitVersion": "v1.36.3", "platform": "linux/amd64"})
    api.put("/api", discovery(group=False))
    api.put("/apis", discovery(group=True))
    api.lists |= {
        "/api/v1/nodes": [{"metadata": {"name": "bench-07"}, "spec": {"providerID": "aws:///x/i-1"}, "status": {}}],
        "/api/v1/pods": [],
        "/api/v1/secrets": [],
        "/api/v1/configmaps": [],
        "/api/v1/namespaces": [{"metadata": {"name": "gpu-operator"}, "status": {"phase": "Active"}}],
        "/apis/apps/v1/deployments": [
            {
                "metadata": {"name": "gpu-operator", "namespace": "gpu-operator"},
                "spec": {"replicas": 1},
                "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 1},
            }
        ],
    }
    with running(api) as listening:
        yield listening


@pytest.fixture
def run(server: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return `validate` of that cluster: status, what became of each demand, and what was said besides."""
    monkeypatch.chdir(tmp_path)
    Path("recipe.json").write_text(json.dumps(RECIPE))
    cluster = {"name": "c", "cluster": {"server": server.url}}
    context = {"name": "c", "context": {"cluster": "c", "user": "c"}}
    found = {"clusters": [cluster], "contexts": [context], "users": [{"name": "c", "user": {}}], "current-context": "c"}
    Path("config").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **found}))

    def call(*words: str) -> tuple[int, dict[str, str], str]:
        Path("report.json").unlink(missing_ok=True)
        status = main.run(["validate", "-r", "recipe.json", "-o", "report.json", *words], {})
        report = json.loads(Path("report.json").read_text()) if Path("report.json").exists() else {}
        tests = report.get("results", {}).get("tests", [])
        return status, {each["name"]: each["rawStatus"] for each in tests}, capsys.readouterr().err

    return call


LIVE = ("--kubeconfig", "config")
SYSCTL = "constraint OS.sysctl./proc/sys/kernel/osrelease"


def test_what_the_api_says_is_judged_and_a_node_says_the_rest(run: Run) -> None:
    status, found, err = run(*LIVE, "-s", NODE)
    assert (status, set(found.values())) == (0, {"passed", "not applicable"})
    assert "1 not applicable: mine passed\n" in err


def test_what_only_a_node_knows_is_an_error_without_one(run: Run) -> None:
    status, found, _ = run(*LIVE)
    assert (status, found[SYSCTL]) == (2, "error")
    assert found["check expected-resources"] == "skipped"  # readiness comes first


def test_what_may_not_be_read_is_an_error(run: Run, server: FakeApi) -> None:
    server.faults = [Fault("GET", "/deployments", times=9, status=403, message="deployments is forbidden")]
    status, found, _ = run(*LIVE, "-s", NODE)
    assert (status, found["check expected-resources"]) == (2, "error")


def test_what_is_ill_fails(run: Run, server: FakeApi) -> None:
    server.lists["/apis/apps/v1/deployments"][0]["status"]["availableReplicas"] = 0
    assert run(*LIVE, "-s", NODE)[0] == 10


@pytest.mark.parametrize("name", ["taken.yaml", "taken.json"])
def test_the_snapshot_is_kept_and_judged_again_says_the_same(run: Run, name: str) -> None:
    run(*LIVE, "-s", NODE, "--save-snapshot", name)
    said = Path("report.json").read_bytes()
    assert run("-s", name, "--no-cluster")[0] == 0
    assert Path("report.json").read_bytes() == said


def test_nothing_is_written_to_the_cluster(run: Run, server: FakeApi) -> None:
    run(*LIVE, "-s", NODE)
    assert {request.method for request in server.requests} == {"GET"}


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--kubeconfig", "gone"), 3, "gone"),
        ((*LIVE, "--context", "other"), 2, "other"),
        ((*LIVE, "--agent", "--timeout", "soon"), 2, "'soon' is not a duration"),
        ((*LIVE, "-s", "recipe.json"), 2, "this is not a snapshot"),
        ((*LIVE, "--phase", "later"), 2, "there is no phase 'later'"),
        (("-s", NODE, "--no-cluster", "--save-snapshot", "x"), 2, "--save-snapshot needs a cluster"),
        (("-s", NODE, "--no-cluster", "--agent"), 2, "--agent needs a cluster, which --no-cluster excludes"),
        ((*LIVE, "--agent", "--toleration", "=x"), 2, "toleration"),
    ],
)
def test_what_cannot_be_asked_is_refused(run: Run, words: tuple[str, ...], status: int, said: str) -> None:
    found, results, err = run(*words)
    assert (found, results) == (status, {})
    assert said in err


@pytest.mark.usefixtures("run")
def test_what_an_agent_would_be_is_shown(server: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["validate", "-r", "recipe.json", *LIVE, "--agent", "--print-manifests", "-n", "mine"], {}) == 0
    said = capsys.readouterr().out
    assert "kind: Job\n" in said
    assert "namespace: mine\n" in said
    assert server.requests == []


def test_a_configuration_says_how_long_it_may_take(run: Run) -> None:
    spec = {"validate": {"execution": {"timeout": "soon"}}}
    Path("config.yaml").write_text(json.dumps({"kind": "ClusterbookConfig", "spec": spec}))
    assert "'soon' is not a duration" in run(*LIVE, "--config", "config.yaml")[2]
    assert run(*LIVE, "-s", NODE, "--config", "config.yaml", "--timeout", "60s")[0] == 0


def test_what_holds_now_and_not_a_moment_later_does_not_hold(run: Run, server: FakeApi) -> None:
    well = server.lists["/apis/apps/v1/deployments"][0]
    looks = []

    def deployment(_number: int) -> dict[str, Any]:
        looks.append(1)
        return {**well, "status": {**well["status"], "updatedReplicas": 1 if len(looks) < 2 else 0}}

    server.lists["/apis/apps/v1/deployments"] = Made(1, deployment)
    assert run(*LIVE, "-s", NODE, "--stable-for", "1s")[0] == 10
    assert len(looks) == 2


def test_what_holds_all_the_time_is_looked_at_more_than_once(run: Run, server: FakeApi) -> None:
    assert run(*LIVE, "-s", NODE, "--stable-for", "1s")[0] == 0
    assert len(server.asked("GET", "/apis/apps/v1/deployments$")) == 2


def test_what_does_not_hold_is_not_waited_for(run: Run, server: FakeApi) -> None:
    server.lists["/apis/apps/v1/deployments"][0]["status"]["availableReplicas"] = 0
    assert run(*LIVE, "-s", NODE, "--stable-for", "1h")[0] == 10


def test_a_snapshot_alone_is_not_watched(run: Run) -> None:
    assert run("-s", NODE, "--no-cluster", "--stable-for", "1s")[0] == 2
