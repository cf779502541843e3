"""Argo CD itself brings Applications to Synced and Healthy: charts over HTTP and OCI, and an app of apps from Git."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.interop.argo import IN_CLUSTER, NAMESPACE, ArgoCD
from tests.interop.charts import ChartServers
from tests.interop.gitserver import GitServer
from tests.interop.processes import NotReadyError, run


def application(name: str, source: dict[str, Any], namespace: str, wave: int = 0) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "annotations": {"argocd.argoproj.io/sync-wave": str(wave)},
        },
        "spec": {
            "project": "default",
            "source": source,
            "destination": {"server": IN_CLUSTER, "namespace": namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
            },
        },
    }


def chart_source(servers: ChartServers, component: str, **helm: Any) -> dict[str, Any]:
    """Return an Application's source as Argo CD wants it: an OCI registry without its scheme."""
    pin = next(chart.pin for chart in servers.charts if chart.pin.component == component)
    url = servers.url(pin.source).removeprefix("oci://")
    return {"repoURL": url, "chart": pin.chart, "targetRevision": pin.version} | ({"helm": helm} if helm else {})


def test_argo_cd_brings_charts_to_synced_and_healthy(argo_cd: ArgoCD, standin_servers: ChartServers) -> None:
    values = {"driver": {"version": "580.126.20"}}
    http = chart_source(standin_servers, "gpu-operator", valuesObject=values)
    oci = chart_source(standin_servers, "nvsentinel", valuesObject=values)
    argo_cd.cluster.apply(
        [application("gpu-operator", http, "gpu-operator"), application("nvsentinel", oci, "sentinel")]
    )
    argo_cd.wait_until_healthy("gpu-operator", "nvsentinel")
    for name, namespace in (("gpu-operator", "gpu-operator"), ("nvsentinel", "sentinel")):
        record = argo_cd.cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}-values")
        assert json.loads(record["data"]["values.json"]) == values
        pods = argo_cd.cluster.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        assert {pod["status"]["phase"] for pod in pods} == {"Running"}


def test_an_app_of_apps_comes_from_git_in_waves(
    argo_cd: ArgoCD, git_server: GitServer, standin_servers: ChartServers, tmp_path: Path
) -> None:
    content = tmp_path / "content"
    for wave, component in enumerate(("cert-manager", "gpu-operator", "nvsentinel")):
        child = application(component, chart_source(standin_servers, component), component, wave)
        (content / component).mkdir(parents=True)
        (content / component / "application.yaml").write_text(json.dumps(child))
    source = {
        "repoURL": git_server.publish("stack", content),
        "path": ".",
        "targetRevision": "main",
        "directory": {"recurse": True, "include": "*/application.yaml"},
    }
    argo_cd.cluster.apply([application("stack", source, NAMESPACE)])
    found = argo_cd.wait_until_healthy("stack", "cert-manager", "gpu-operator", "nvsentinel")
    finished = [
        found[name]["status"]["operationState"]["finishedAt"] for name in ("cert-manager", "gpu-operator", "nvsentinel")
    ]
    created = [found[name]["metadata"]["creationTimestamp"] for name in ("cert-manager", "gpu-operator", "nvsentinel")]
    assert finished == sorted(finished)
    assert finished[0] <= created[1]
    assert finished[1] <= created[2]


def test_an_application_that_never_gets_there_is_named_with_the_reason(argo_cd: ArgoCD) -> None:
    source = {"repoURL": "http://127.0.0.1:1/nowhere", "chart": "none", "targetRevision": "1.0.0"}
    argo_cd.cluster.apply([application("lost", source, "lost")])
    with pytest.raises(NotReadyError, match=r"lost: .*connection refused"):
        argo_cd.wait_until_healthy(timeout_s=8)


def test_a_folder_that_was_published_can_be_cloned_and_moves_on(git_server: GitServer, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "one").write_text("1")
    url = git_server.publish("folder", content)
    run("git", "clone", "--quiet", url, tmp_path / "clone")
    assert (tmp_path / "clone" / "one").read_text() == "1"
    (content / "one").unlink()
    (content / "two").write_text("2")
    git_server.publish("folder", content)
    run("git", "pull", "--quiet", cwd=tmp_path / "clone")
    assert [path.name for path in (tmp_path / "clone").iterdir() if path.is_file()] == ["two"]
