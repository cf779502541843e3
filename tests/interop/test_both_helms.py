"""A whole recipe by Helm 3 and by Helm 4: installed, installed again, upgraded, and taken over by the other one.

By deploy.sh and by Helmfile, which start whatever `helm` is on PATH. Argo CD and Flux render with the Helm that is
built into their controllers; test_prove.py shows that both versions of Helm render our recipes the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.bundle.render import Bundle, render
from tests.interop.charts import ChartServers
from tests.interop.cluster import Cluster
from tests.interop.deployment import Deployment, Name, contents, played, prepare
from tests.interop.one_release import DEPLOYERS, helm_environment, use_helm
from tests.interop.processes import run
from tests.support.whole_recipes import ROOT, Recipe, wholes

SMALL = "a100"
TURNS = (("helm", "helm4"), ("helm4", "helm"))
"""Which Helm installs, twice, and which one upgrades, twice."""
_AMOUNT = re.compile(r"(\d+)(m|Mi|Gi)")


@pytest.fixture(scope="module")
def recipe(standin_servers: ChartServers, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Give a recipe whose charts are all on loopback."""
    return wholes(standin_servers.redirect(ROOT / "recipes", tmp_path_factory.mktemp("redirected") / "recipes"))[SMALL]


def amounts(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the value of each amount of CPU, memory or disk."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from amounts(value, (*path, key))
        elif isinstance(value, str) and _AMOUNT.fullmatch(value):
            yield (*path, key), value


def more_of_everything(bundle: Bundle) -> list[str]:
    """Return a setting for each component that asks for some amount: one more of it."""
    found = []
    for folder in bundle.plan.folders:
        path, value = next(amounts(folder.values), ((), ""))
        if path:
            number, unit = _AMOUNT.fullmatch(value).groups()  # type: ignore[union-attr]
            found.append(f"{folder.component}:{'.'.join(path)}={int(number) + 1}{unit}")
    return found


class Stack:
    """The bundles of a recipe, as it is and with more of everything, on a cluster."""

    def __init__(self, recipe: Recipe, deployer: str, folder: Path, cluster: Cluster, env: Mapping[str, str]) -> None:
        self.deployer, self.cluster, service = deployer, cluster, recipe["criteria"].get("service", "")
        request = {"deployer": deployer}
        first = render(recipe, request, "0")
        self.settings = more_of_everything(first)
        more = render(recipe, {**request, "set": self.settings}, "0")
        self.first = prepare(first, service, folder / "first", cluster, env)
        self.more = prepare(more, service, folder / "more", cluster, env)

    def deploy(self, wanted: Deployment) -> dict[Name, Any]:
        """Deploy one of the bundles; return what the cluster has then."""
        if self.deployer == "helm":
            wanted.deploy()
        else:
            run("helmfile", "--file", wanted.folder / "helmfile.yaml", "sync", env=wanted.env)
        assert wanted.faults() == []
        return contents(self.cluster)

    def revisions(self) -> set[int]:
        return {each.revision for each in self.first.releases().values()}


def changed(before: Mapping[Name, Any], after: Mapping[Name, Any]) -> set[Name]:
    return {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}


@pytest.mark.parametrize(("one", "two"), TURNS)
@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_a_whole_recipe_is_installed_installed_again_and_upgraded(
    deployer: str,
    one: str,
    two: str,
    recipe: Recipe,
    standin_servers: ChartServers,
    fresh_cluster: Cluster,
    tmp_path: Path,
) -> None:
    tools = tmp_path / "tools"
    env = {**helm_environment(tools, one, "helmfile"), **standin_servers.env, "RETRY_S": "1"}
    stack = Stack(recipe, deployer, tmp_path, fresh_cluster, env)
    assert len(stack.settings) > 5
    with played(fresh_cluster):
        installed = stack.deploy(stack.first)
        assert changed(installed, stack.deploy(stack.first)) == set()
        use_helm(tools, two)
        assert json.loads(run("helm", "list", "-A", "-o", "json", env=stack.first.env))
        upgraded = stack.deploy(stack.more)
        assert len(changed(installed, upgraded)) >= len(stack.settings)
        assert {name: each["metadata"]["uid"] for name, each in installed.items()}.items() <= {
            name: each["metadata"]["uid"] for name, each in upgraded.items()
        }.items()
        assert changed(upgraded, stack.deploy(stack.more)) == set()
    assert stack.revisions() == {4}
