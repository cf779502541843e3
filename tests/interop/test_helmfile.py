"""Helmfile itself takes our bundles: it reads them, renders them and installs them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.render import Bundle, render
from tests.interop import diffplugin
from tests.interop.charts import ChartServers
from tests.interop.cluster import Cluster
from tests.interop.processes import run
from tests.support.helm import pack
from tests.support.whole_recipes import ROOT, wholes

FULL = "h100-eks-ubuntu-training-kubeflow"
LOOKS_AROUND = {"kai-scheduler"}
"""Charts that render what they find in the cluster (`lookup`), which Helmfile's comparison does not let them see: each
`helmfile apply` installs them once more."""
Environment = Mapping[str, str]


@pytest.fixture(scope="module")
def tree(chart_servers: ChartServers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give our sources, with charts from the servers of this test."""
    return chart_servers.redirect(ROOT / "recipes", tmp_path_factory.mktemp("sources") / "recipes")


@pytest.fixture
def env(tools_env: dict[str, str], chart_servers: ChartServers) -> Environment:
    """Give an environment in which Helmfile finds its tools and the chart servers."""
    return {**tools_env, **chart_servers.env}


def bundle(tree: Path, **request: Any) -> Bundle:
    """Return the Helmfile bundle of the full recipe."""
    return render(wholes(tree)[FULL], {"deployer": "helmfile", **request}, "1.2.3")


def write(made: Bundle, folder: Path) -> Path:
    """Write a bundle, and return its helmfile.yaml."""
    for path, data in made.files.items():
        where = folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(data)
    return folder / "helmfile.yaml"


def documents(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a YAML stream."""
    yield from (each for each in YAML(typ="safe").load_all(text) if each)


def charts_in(manifests: str) -> set[str]:
    """Return the charts that have rendered these manifests, as Helm notes above each."""
    return set(re.findall("^# Source: ([^/]+)/", manifests, re.MULTILINE))


def test_helmfile_reads_every_level(tree: Path, tmp_path: Path, env: Environment) -> None:
    made = bundle(tree)
    text = run("helmfile", "--file", write(made, tmp_path / "bundle"), "build", env=env)
    found = [each["name"] for level in documents(text) for each in level.get("releases", ())]
    assert sorted(found) == sorted(folder.name for folder in made.plan.folders)


def test_helmfile_gives_every_chart_its_values(tree: Path, tmp_path: Path, env: Environment) -> None:
    made = bundle(tree, set=["gpu-operator:driver.version=1.10"])
    written = write(made, tmp_path / "bundle")
    place = f"{tmp_path}/{{{{.Release.Name}}}}.yaml"
    run("helmfile", "--file", written, "write-values", "--output-file-template", place, env=env)
    for folder in made.plan.folders:
        given = YAML(typ="safe").load((tmp_path / f"{folder.name}.yaml").read_text(encoding="utf-8"))
        assert given == folder.values, folder.name
    assert given


def test_helmfile_renders_every_release(tree: Path, tmp_path: Path, env: Environment) -> None:
    made = bundle(tree)
    text = run("helmfile", "--file", write(made, tmp_path / "bundle"), "template", env=env)
    assert charts_in(text) == {folder.chart.name if folder.chart else folder.name for folder in made.plan.folders}


def test_charts_that_travel_along_need_no_server(
    tree: Path, tmp_path: Path, tools_env: Environment, chart_servers: ChartServers
) -> None:
    pulled = {
        each.pin.component: VendoredChart(f"{each.pin.chart}-{each.pin.version}.tgz", each.archive, "helm")
        for each in chart_servers.charts
    }
    made = render(wholes(tree)[FULL], {"deployer": "helmfile", "vendorCharts": True}, "1.2.3", pulled)
    before = len(chart_servers.asked)
    text = run("helmfile", "--file", write(made, tmp_path / "bundle"), "template", env=tools_env)
    assert charts_in(text) == {folder.chart.name if folder.chart else folder.name for folder in made.plan.folders}
    assert len(chart_servers.asked) == before


def test_helmfile_installs_the_whole_recipe_and_then_has_nothing_to_do(
    tree: Path, tmp_path: Path, env: Environment, fresh_cluster: Cluster
) -> None:
    made = bundle(tree, readinessHooks=True)
    written = write(made, tmp_path / "bundle")
    env = {**env, **fresh_cluster.env}
    asked = diffplugin.install(Path(env["HELM_DATA_HOME"]))
    with fresh_cluster.without_webhooks():
        run("helmfile", "--file", written, "apply", "--suppress-diff", env=env)
        first = _releases(env)
        run("helmfile", "--file", written, "apply", "--suppress-diff", env=env)
        second = _releases(env)
    assert {name: each["status"] for name, each in first.items()} == {
        folder.name: "deployed" for folder in made.plan.folders
    }
    for folder in made.plan.folders:
        values = run("helm", "get", "values", folder.name, "--namespace", folder.namespace, "--output", "json", env=env)
        assert (json.loads(values) or {}) == folder.values, folder.name
        assert all(first[need]["updated"] <= first[folder.name]["updated"] for need in folder.needs), folder.name
    assert {name for name in first if first[name] != second[name]} <= LOOKS_AROUND
    assert len(asked.read_text(encoding="utf-8").splitlines()) >= 2 * len(made.plan.folders)


KIND = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusterpolicies.nvidia.com}
spec:
  group: nvidia.com
  scope: Cluster
  names: {kind: ClusterPolicy, plural: clusterpolicies}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
"""
POLICY = "apiVersion: nvidia.com/v1\nkind: ClusterPolicy\nmetadata: {name: cluster-policy}\n"


def test_without_leniency_a_kind_that_comes_with_its_chart_would_stop_the_first_apply(
    tree: Path, tmp_path: Path, env: Environment, fresh_cluster: Cluster
) -> None:
    recipe = {**wholes(tree)[FULL], "deploymentOrder": ["gpu-operator"]}
    written = write(render(recipe, {"deployer": "helmfile"}, "1.2.3"), tmp_path / "bundle")
    level = written.parent / "level-0.yaml"
    chart = pack(tmp_path, "gpu-operator", "26.0.0", {"crds/kind.yaml": KIND, "templates/policy.yaml": POLICY})
    text = level.read_text(encoding="utf-8")
    assert "disableValidation: true" in text
    text = re.sub("(?m)^    version: .*\n", "", re.sub("chart: .*", f"chart: {chart}", text))
    level.write_text(text.replace("disableValidation: true", ""), encoding="utf-8")
    env = {**env, **fresh_cluster.env}
    diffplugin.install(Path(env["HELM_DATA_HOME"]))
    with pytest.raises(subprocess.CalledProcessError) as error:
        run("helmfile", "--file", written, "apply", env=env)
    assert 'no matches for kind "ClusterPolicy"' in error.value.stderr


def _releases(env: Environment) -> dict[str, dict[str, Any]]:
    """Return what Helm says of every release, by name."""
    return {each["name"]: each for each in json.loads(run("helm", "list", "-A", "-a", "-o", "json", env=env))}
