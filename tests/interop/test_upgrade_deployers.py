"""Upgrades by Helmfile and by Argo CD, in the words of their READMEs and of the plan, to what a fresh installation is.

From release 2026.7.0 to today on a real control plane, with charts that stand in for upstream's. What Flux would apply
is judged by an API server that has its kinds; nobody plays its controllers.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.bundle.argocd.applications import waves
from clusterbook.bundle.render import Bundle, render
from clusterbook.upgrade.plan import Knowledge, make_plan
from clusterbook.upgrade.side import UpgradeSide, planned_side
from tests.interop import argo, diffplugin, nodes
from tests.interop import cluster as control_plane
from tests.interop.argo import NAMESPACE, ArgoCD
from tests.interop.charts import ChartServers
from tests.interop.cluster import Cluster
from tests.interop.deployment import Name, contents, played, write
from tests.interop.gitserver import GitServer
from tests.interop.processes import run, wait_until
from tests.interop.upgrade_all import TODAY, deployed, differences, open_releases
from tests.support.trees import shared_folder
from tests.support.whole_recipes import Recipe

OLD = "2026.7.0"
SLUG = "h100-eks-ubuntu-training-kubeflow"
FIRST = "remove the old one first: "
Opened = tuple[ChartServers, Mapping[str, Recipe]]
Environment = Mapping[str, str]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Give the chart servers, and the recipe by release."""
    with open_releases(tmp_path_factory.mktemp("releases"), real=False) as (servers, recipes):
        yield servers, {name: recipes[name][SLUG] for name in (OLD, TODAY)}


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[tuple[Cluster, set[Name]]]:
    """Give a cluster, and what it has before anything is deployed."""
    with control_plane.start(folder, nodes=nodes.FLEET) as running, played(running):
        yield running, set(contents(running))


def side(recipe: Recipe, made: Bundle, deployer: str) -> UpgradeSide:
    return planned_side(deployer, recipe, made.plan, deployer)


def moving(recipes: Mapping[str, Recipe], bundles: Mapping[str, Bundle], deployer: str) -> list[str]:
    """Return what the plan says is to be done first, for each release that moves."""
    old, new = (side(recipes[name], bundles[name], deployer) for name in (OLD, TODAY))
    notes = [note for _, note in make_plan(old, new, Knowledge()).needs() if note.topic == "namespace"]
    return [note.do.partition(FIRST)[2].partition(";")[0] for note in notes]


def test_helmfile_ends_where_a_fresh_installation_does(
    opened: Opened, tmp_path: Path, tools_env: dict[str, str]
) -> None:
    servers, recipes = opened
    diffplugin.install(Path(tools_env["HELM_DATA_HOME"]))
    bundles = {name: render(recipe, {"deployer": "helmfile"}, "0") for name, recipe in recipes.items()}

    def apply(release: str, env: Environment, where: Path) -> None:
        folder = write(bundles[release].files, where)
        run("helmfile", "--file", folder / "helmfile.yaml", "apply", "--suppress-diff", env={**tools_env, **env})

    with cluster(tmp_path / "fresh-cluster") as (fresh, base):
        apply(TODAY, {**servers.env, **fresh.env}, tmp_path / "fresh")
        wanted = deployed(fresh, base)
    with cluster(tmp_path / "cluster") as (running, base):
        env = {**servers.env, **running.env}
        apply(OLD, env, tmp_path / "old")
        first = moving(recipes, bundles, "helmfile")
        assert {words.split()[2] for words in first} == {"nodewright-operator", "nodewright-customizations"}
        for words in first:
            run(*words.split(), env={**tools_env, **env})
        apply(TODAY, env, tmp_path / "new")
        assert list(differences(deployed(running, base), wanted)) == []


def synced(argo_cd: ArgoCD, made: Bundle, commit: str) -> None:
    """Wait until all that a bundle has is Synced and Healthy, its parent at a commit."""
    look = "argocd.argoproj.io/refresh=normal"  # what a webhook of the Git server would say
    argo_cd.cluster.kubectl("annotate", "applications", "--all", "--namespace", NAMESPACE, "--overwrite", look)
    wait_until(
        lambda: argo_cd.applications()["clusterbook-stack"].get("status", {}).get("sync", {}).get("revision") == commit,
        "the parent has seen the commit",
    )
    argo_cd.wait_until_healthy("clusterbook-stack", *waves(made.plan.folders))


class AppOfApps:
    """Bundles that are committed to a Git server, one after the other; the parent is applied once."""

    def __init__(self, bundles: Mapping[str, Bundle], git: GitServer, folder: Path, env: Environment) -> None:
        self.bundles, self.git, self.folder, self.env = bundles, git, folder, env

    def bring(self, release: str, argo_cd: ArgoCD) -> None:
        """Do what the README says about a bundle, and wait."""
        folder = write(self.bundles[release].files, self.folder / argo_cd.cluster.kubeconfig.parent.name / release)
        url = self.git.publish("stack", folder)
        patch = ("--patch-file", folder / "argocd-cm-patch.yaml")
        argo_cd.cluster.kubectl("patch", "configmap", "argocd-cm", "--namespace", NAMESPACE, *patch)
        self.tell(argo_cd, folder, url)
        commit = run("git", "--git-dir", self.git.folder / "stack.git", "rev-parse", "HEAD").strip()
        synced(argo_cd, self.bundles[release], commit)

    def tell(self, argo_cd: ArgoCD, folder: Path, _url: str) -> None:
        argo_cd.cluster.kubectl("apply", "--filename", folder / "app-of-apps.yaml")


class ChartOfApplications(AppOfApps):
    """The same as a chart, whose parent Helm installs."""

    def tell(self, argo_cd: ArgoCD, folder: Path, url: str) -> None:
        words = ("helm", "upgrade", "--install", "stack", folder, "--namespace", NAMESPACE, "--set", f"repoURL={url}")
        run(*words, env={**self.env, **argo_cd.cluster.env})


@pytest.mark.parametrize("deployer", ["argocd", "argocd-helm"])
def test_argo_cd_ends_where_a_fresh_installation_does(
    deployer: str, opened: Opened, tmp_path: Path, git_server: GitServer, tools_env: dict[str, str]
) -> None:
    servers, recipes = opened
    home = {"repo": git_server.url("stack")} if deployer == "argocd" else {}
    bundles = {name: render(recipe, {"deployer": deployer, **home}, "0") for name, recipe in recipes.items()}
    kind = AppOfApps if deployer == "argocd" else ChartOfApplications
    way = kind(bundles, git_server, tmp_path, {**tools_env, **servers.env})
    with (
        cluster(tmp_path / "cluster") as (running, base),
        argo.start(tmp_path / "argo", running, env=servers.env) as argo_cd,
    ):
        way.bring(OLD, argo_cd)
        way.bring(TODAY, argo_cd)
        reached = of_components(deployed(running, base))
    with (
        cluster(tmp_path / "fresh-cluster") as (fresh, base),
        argo.start(tmp_path / "fresh-argo", fresh, env=servers.env) as argo_cd,
    ):
        way.bring(TODAY, argo_cd)
        wanted = of_components(deployed(fresh, base))
    assert list(differences(reached, wanted)) == []


def of_components(found: Mapping[Name, Any]) -> dict[Name, Any]:
    """Return what lies outside the namespace of Argo CD, which writes down there what it does."""
    return {name: each for name, each in found.items() if name.namespace != NAMESPACE}


def test_an_api_server_takes_what_flux_has_to_change(
    opened: Opened, tmp_path: Path, tools_env: dict[str, str], fresh_cluster: Cluster
) -> None:
    fresh_cluster.kubectl("apply", "--server-side", "--filename", shared_folder("charts/crds/flux"))
    fresh_cluster.wait_until_served("helm.toolkit.fluxcd.io/v2", "helmreleases")
    fresh_cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}])
    releases: dict[str, dict[str, Any]] = {}
    for name, recipe in opened[1].items():
        made = render(recipe, {"deployer": "flux", "repo": "https://git.example.org/clusters.git"}, "0")
        folder = write(made.files, tmp_path / name)
        built = YAML(typ="safe").load_all(run("kustomize", "build", folder, env=tools_env))
        objects = [each for each in built if each["kind"] != "ArtifactGenerator"]
        stream = "".join(f"---\n{json.dumps(each)}\n" for each in objects)
        fresh_cluster.kubectl("apply", "--validate=strict", "--filename", "-", stdin=stream)
        releases[name] = {each["metadata"]["name"]: each for each in objects if each["kind"] == "HelmRelease"}
    moved = {
        name
        for name, each in releases[TODAY].items()
        if name in releases[OLD] and each["spec"]["targetNamespace"] != releases[OLD][name]["spec"]["targetNamespace"]
    }
    assert "nodewright-operator" in moved
    live = fresh_cluster.kubectl("get", "helmreleases", "--all-namespaces", "--output", "json")
    for each in json.loads(live)["items"]:
        wanted = releases[TODAY].get(each["metadata"]["name"])
        assert wanted is None or each["spec"]["targetNamespace"] == wanted["spec"]["targetNamespace"]
