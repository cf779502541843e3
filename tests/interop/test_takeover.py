"""A cluster that Helm has installed, and that Argo CD takes over: nothing is made anew, and nothing is drifted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.bundle.render import render
from tests.interop.argo import ArgoCD
from tests.interop.charts import ChartServers
from tests.interop.deployment import Name, contents, played, prepare, write
from tests.interop.gitserver import GitServer
from tests.interop.one_release import HELMS, helm_environment
from tests.support.whole_recipes import ROOT, Recipe, wholes

SMALL = "a100"
OTHER_IMAGE = "registry.example/hotfix:1"


@pytest.fixture(scope="module")
def recipe(standin_servers: ChartServers, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Give a recipe whose charts are all on loopback."""
    return wholes(standin_servers.redirect(ROOT / "recipes", tmp_path_factory.mktemp("redirected") / "recipes"))[SMALL]


@pytest.fixture(params=HELMS)
def env(request: pytest.FixtureRequest, tmp_path: Path, standin_servers: ChartServers) -> Mapping[str, str]:
    return {**helm_environment(tmp_path / "tools", request.param), **standin_servers.env, "RETRY_S": "1"}


def ours(argo_cd: ArgoCD, namespaces: set[str]) -> Iterator[tuple[Name, dict[str, Any]]]:
    """Yield the objects in the namespaces of a recipe that somebody asked for, not those made from others."""
    for name, found in contents(argo_cd.cluster).items():
        if name.namespace in namespaces and not found["metadata"].get("ownerReferences"):
            yield name, found


def test_argo_cd_takes_over_what_helm_installed(
    argo_cd: ArgoCD, git_server: GitServer, recipe: Recipe, env: Mapping[str, str], tmp_path: Path
) -> None:
    cluster = argo_cd.cluster
    by_helm = prepare(
        render(recipe, {"deployer": "helm"}, "0"),
        recipe["criteria"].get("service", ""),
        tmp_path / "helm",
        cluster,
        env,
    )
    namespaces = {folder.namespace for folder in by_helm.bundle.plan.folders}
    with played(cluster):
        by_helm.deploy()
        before = dict(ours(argo_cd, namespaces))
        workload = next(name for name in before if name.kinds.endswith("/deployments"))
        path = (
            f"{workload.kinds.replace('/deployments', '')}/namespaces/{workload.namespace}/deployments/{workload.name}"
        )
        container = before[workload]["spec"]["template"]["spec"]["containers"][0]
        image = container["image"]
        patch = {"spec": {"template": {"spec": {"containers": [{"name": container["name"], "image": OTHER_IMAGE}]}}}}
        cluster.kubectl(
            "patch",
            "deployment",
            workload.name,
            "-n",
            workload.namespace,
            "--field-manager=somebody",
            "-p",
            json.dumps(patch),
        )
        made = render(recipe, {"deployer": "argocd", "repo": git_server.url("stack")}, "0")
        git_server.publish("stack", write(made.files, tmp_path / "argocd"))
        cluster.kubectl("apply", "--filename", tmp_path / "argocd" / "app-of-apps.yaml")
        argo_cd.wait_until_healthy("clusterbook-stack", *(folder.name for folder in made.plan.folders), timeout_s=300)
        after = dict(ours(argo_cd, namespaces))
    assert {name: each["metadata"]["uid"] for name, each in before.items()}.items() <= {
        name: each["metadata"]["uid"] for name, each in after.items()
    }.items()
    assert cluster.get(path)["spec"]["template"]["spec"]["containers"][0]["image"] == image
