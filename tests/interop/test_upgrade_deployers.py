"""An upgrade by Helmfile, in the words of its README and of the plan, ends where a fresh installation does.

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

from clusterbook.bundle.render import Bundle, render
from clusterbook.upgrade.plan import Knowledge, make_plan
from clusterbook.upgrade.side import UpgradeSide, planned_side
from tests.interop import cluster as control_plane
from tests.interop import diffplugin, nodes
from tests.interop.charts import ChartServers
from tests.interop.cluster import Cluster
from tests.interop.deployment import Name, contents, played, write
from tests.interop.processes import run
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
