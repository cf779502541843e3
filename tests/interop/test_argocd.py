"""Bundles for Argo CD, judged by Helm and brought to life by Argo CD itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.core.bundle import Bundle, render
from clusterbook.core.bundle.applications import waves
from clusterbook.core.bundle.argocd_helm import package
from clusterbook.core.bundle.components import put
from tests.argo import whole
from tests.interop import standin
from tests.interop.argo import NAMESPACE, ArgoCD
from tests.interop.charts import ChartServers
from tests.interop.conftest import RECIPES
from tests.interop.gitserver import GitServer
from tests.interop.processes import run

FULL = "h100-eks-ubuntu-training-kubeflow"


@pytest.fixture(scope="session")
def redirected(standin_servers: ChartServers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give our source tree with all charts on loopback."""
    return standin_servers.redirect(RECIPES, tmp_path_factory.mktemp("redirected") / "recipes")


def write(made: Mapping[str, bytes], folder: Path) -> Path:
    for path, data in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def tell_about_health(argo_cd: ArgoCD, bundle: Path) -> None:
    """Do what the README says is to be done once."""
    patch = ("--patch-file", bundle / "argocd-cm-patch.yaml")
    argo_cd.cluster.kubectl("patch", "configmap", "argocd-cm", "--namespace", NAMESPACE, *patch)


def judge(
    argo_cd: ArgoCD, bundle: Bundle, *, prefix: str = "", chosen: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Wait until all of a bundle is deployed; then see that waves were kept and values arrived.

    Args:
        argo_cd: who deploys it.
        bundle: what is deployed.
        prefix: what the names of Applications begin with.
        chosen: the values by path that the installation chose, by release.
    """
    wave = {prefix + name: number for name, number in waves(bundle.plan.folders).items()}
    found = argo_cd.wait_until_healthy(f"{prefix}clusterbook-stack", *wave, timeout_s=300)
    assert set(found) == {f"{prefix}clusterbook-stack", *wave}
    for number in range(1, max(wave.values()) + 1):
        before = [found[name]["status"]["operationState"]["finishedAt"] for name in wave if wave[name] == number - 1]
        now = [found[name]["metadata"]["creationTimestamp"] for name in wave if wave[name] == number]
        assert max(before) <= min(now), f"wave {number} did not wait"
    for folder in bundle.plan.folders:
        if folder.chart is not None:
            expected = folder.part.all_values()
            for path, value in (chosen or {}).get(folder.name, {}).items():
                put(expected, tuple(path.split(".")), value)
            record = f"/api/v1/namespaces/{folder.namespace}/configmaps/{folder.name}-values"
            given = json.loads(argo_cd.cluster.get(record)["data"]["values.json"])
            assert given == expected


def test_argo_cd_brings_an_app_of_apps_to_synced_and_healthy_in_waves(
    argo_cd: ArgoCD, git_server: GitServer, redirected: Path, tmp_path: Path
) -> None:
    bundle = render(whole(redirected, FULL), {"deployer": "argocd", "repo": git_server.url("stack")}, "0")
    folder = write(bundle.files, tmp_path / "bundle")
    git_server.publish("stack", folder)
    tell_about_health(argo_cd, folder)
    argo_cd.cluster.kubectl("apply", "--filename", folder / "app-of-apps.yaml")
    judge(argo_cd, bundle)


def test_a_chart_from_git_becomes_a_parent_and_its_applications(
    argo_cd: ArgoCD, git_server: GitServer, redirected: Path, tmp_path: Path, tools_env: dict[str, str]
) -> None:
    request = {"deployer": "argocd-helm", "dynamic": ["gpuoperator:driver.version", "gpuoperator:toolkit"]}
    bundle = render(whole(redirected, FULL), request, "0")
    folder = write(bundle.files, tmp_path / "bundle")
    url = git_server.publish("chart", folder)
    tell_about_health(argo_cd, folder)
    run(
        "helm", "install", "stack", folder, "--namespace", NAMESPACE, "--set", f"repoURL={url}",
        "--set", "deployer.namePrefix=eu-,gpuoperator.driver.version=1.10,gpuoperator.toolkit.enabled=false",
        env={**tools_env, **argo_cd.cluster.env},
    )  # fmt: skip
    judge(argo_cd, bundle, prefix="eu-", chosen={"gpu-operator": {"driver.version": "1.10", "toolkit.enabled": False}})


def test_a_chart_from_a_registry_becomes_a_parent_and_its_applications(
    argo_cd: ArgoCD, standin_servers: ChartServers, redirected: Path, tmp_path: Path, tools_env: dict[str, str]
) -> None:
    home = f"oci://{standin_servers.registry.host}/bundles/argocd-helm"
    bundle = render(whole(redirected, FULL), {"deployer": "argocd-helm", "repo": home}, "0")
    archive = tmp_path / f"{FULL}-0.1.0.tgz"
    archive.write_bytes(standin.pack(dict(package(bundle.files))))
    env = {**tools_env, **standin_servers.env, **argo_cd.cluster.env}
    run("helm", "push", archive, home, env=env)
    tell_about_health(argo_cd, write(bundle.files, tmp_path / "bundle"))
    run("helm", "install", "stack", f"{home}/{FULL}", "--version", "0.1.0", "--namespace", NAMESPACE, env=env)
    judge(argo_cd, bundle)
