"""What counts deployments counts right: the same bundles once, and only what came up as promised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.bundle.render import render
from tests.interop import deploy_all
from tests.interop.charts import ChartServers
from tests.interop.cluster import Cluster
from tests.interop.deploy_all import Group, covering, grouped
from tests.interop.deployment import Deployment, prepare
from tests.interop.processes import run
from tests.support import argo
from tests.support.whole_recipes import wholes

CHARTS = ("cert-manager", "nvsentinel")
TWINS = ("ocp", "ocp-training")


def recipe(servers: ChartServers, **more: Any) -> dict[str, Any]:
    """Return a recipe of two charts, the second of which needs the first."""
    pins = {chart.pin.component: chart.pin for chart in servers.charts}
    first, second = (
        {
            "name": name,
            "source": servers.url(pins[name].source),
            "chart": pins[name].chart,
            "version": pins[name].version,
        }
        for name in CHARTS
    )
    return argo.recipe(first, {**second, "values": {"x": 1}, "dependencyRefs": [CHARTS[0]], **more})


@pytest.fixture
def deployed(
    fresh_cluster: Cluster, standin_servers: ChartServers, tools_env: Mapping[str, str], tmp_path: Path
) -> Deployment:
    """Give two releases that deploy.sh has brought up."""
    bundle = render(recipe(standin_servers), {}, "0")
    found = prepare(bundle, "eks", tmp_path / "bundle", fresh_cluster, {**tools_env, **standin_servers.env})
    found.deploy()
    return found


def test_every_recipe_is_in_one_group_with_those_that_install_the_same() -> None:
    groups = grouped(wholes())
    assert sorted(slug for group in groups for slug in group.slugs) == sorted(wholes())
    assert 40 < len(groups) < len(wholes()) / 2
    for group in groups:
        made = [installed(wholes()[slug]) for slug in group.slugs]
        assert all(each == made[0] for each in made), group.slugs


def installed(whole: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a recipe's releases, without the words that name the recipe."""
    files = render(whole, {}, "0").files
    named = re.compile(rb"(?m)^# Made .*\n| --labels \S+")
    return {path: named.sub(b"", data) for path, data in files.items() if path[0].isdigit()}


def test_few_recipes_install_each_different_release() -> None:
    groups = grouped(wholes())
    some = covering(groups)
    assert len(some) < len(groups) / 2

    def releases(of: list[Group]) -> set[str]:
        return {repr((each.name, each.chart, each.values)) for group in of for each in group.bundle.plan.folders}

    assert releases(some) == releases(groups)


def test_what_is_not_as_promised_is_named(deployed: Deployment) -> None:
    assert deployed.faults() == []
    (first, second) = deployed.bundle.plan.folders
    swapped = deployed.bundle._replace(
        plan=deployed.bundle.plan._replace(folders=(first._replace(level=1), second._replace(level=0, needs=())))
    )
    other = Deployment(swapped, deployed.folder, deployed.cluster, deployed.env)
    assert other.faults() == ["cert-manager did not wait for nvsentinel"]

    place = ("--namespace", second.namespace)
    run("helm", "upgrade", second.name, ".", *place, "--set", "x=2", cwd=_chart(deployed), env=deployed.env)
    run("helm", "uninstall", first.name, "--namespace", first.namespace, env=deployed.env)
    run("helm", "install", "foreign", ".", *place, cwd=_chart(deployed), env=deployed.env)
    assert deployed.faults() == [
        "cert-manager is not there",
        "foreign is no release of the bundle",
        "nvsentinel has other values",
    ]


def _chart(deployed: Deployment) -> Path:
    """Return a chart of one object that is named as its release."""
    folder = deployed.folder.parent / "chart"
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 0.1.0\n")
    (folder / "templates" / "one.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n"
    )
    return folder


def test_a_bundle_that_does_not_come_up_is_not_counted(
    standin_servers: ChartServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = Group(("lost", "too"), "eks", render(recipe(standin_servers, version="0.0.0-lost"), {}, "0"))
    assert deploy_all.deploy([lost], standin_servers, tmp_path) == 0
    said = capsys.readouterr().out
    assert re.search(r"1/1 lost: 2 releases FAILED in \d+ s; too the same", said)
    assert "0.0.0-lost" in said
    assert "failed: nvsentinel" in said


def test_the_script_counts_recipes_and_bundles(capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy_all.main(TWINS) == 0
    said = capsys.readouterr().out
    assert "deployed 2/2" in said
    assert "1 different bundles" in said


def test_a_recipe_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy_all.main(["h100-moon"]) == 2
    assert "no recipe h100-moon" in capsys.readouterr().err
