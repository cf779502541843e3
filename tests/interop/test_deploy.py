"""deploy.sh on a real control plane: a whole recipe comes up with its own values, and a second run changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterbook.client import workspace
from clusterbook.core import catalog, matrix
from clusterbook.core.bundle import Bundle, render
from clusterbook.core.content import Gatherer
from tests.interop.charts import ChartServers
from tests.interop.cluster import Cluster
from tests.interop.processes import run

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
SLUGS = ("h100-eks-ubuntu-training-kubeflow",)


def rendered(tree: Path, slug: str) -> Bundle:
    """Return the helm bundle of a recipe in the source tree at `tree`."""
    loaded = catalog.load(workspace.read(tree))
    found = matrix.build(loaded)
    recipe = found.recipes[slug]
    return render(Gatherer(loaded).whole(recipe, state=found.answer(recipe.criteria).state), {}, "0")


def releases(env: Mapping[str, str]) -> dict[str, str]:
    """Return the revision of every release that is deployed, by name."""
    listed = json.loads(run("helm", "list", "-A", "--max", "0", "-o", "json", env=env))
    return {each["name"]: each["revision"] for each in listed if each["status"] == "deployed"}


@pytest.mark.parametrize("slug", SLUGS)
def test_deploy_brings_a_whole_recipe_up_with_its_own_values(
    slug: str, fresh_cluster: Cluster, standin_servers: ChartServers, tools_env: Mapping[str, str], tmp_path: Path
) -> None:
    bundle = rendered(standin_servers.redirect(RECIPES, tmp_path / "recipes"), slug)
    folder = tmp_path / "bundle"
    for path, data in bundle.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    env = {**tools_env, **standin_servers.env, **fresh_cluster.env}
    run("bash", "deploy.sh", cwd=folder, env=env)
    assert releases(env).keys() == {each.name for each in bundle.plan.folders}
    for each in bundle.plan.folders:
        given = json.loads(run("helm", "get", "values", each.name, "-n", each.namespace, "-o", "json", env=env))
        assert (given or {}) == dict(each.values), each.name
    run("bash", "deploy.sh", cwd=folder, env=env)
    assert releases(env).keys() == {each.name for each in bundle.plan.folders}
