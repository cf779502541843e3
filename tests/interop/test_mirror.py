"""Mirror lists against helm and upstream charts: the catalog's image lists name all that the charts name."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.bundle.options import read_options
from clusterbook.bundle.render import render
from clusterbook.mirror.images import chart_images
from clusterbook.mirror.list import check_against_charts, mirror_list
from tests.interop.charts import ChartServers
from tests.support.trees import shared_folder
from tests.support.whole_recipes import ROOT, wholes

SLUGS = ("h100-eks-ubuntu-training-kubeflow", "gb200-eks-ubuntu-inference-dynamo", "h100-gke-cos-training-kubeflow")


@pytest.mark.parametrize("slug", SLUGS)
def test_the_catalogs_lists_lack_no_image_that_helm_finds(
    chart_servers: ChartServers,
    tools_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slug: str,
) -> None:
    for name, value in {**tools_env, **chart_servers.env}.items():
        monkeypatch.setenv(name, value)
    shared_folder("charts")
    published = {chart.pin.component for chart in chart_servers.charts if chart.exact}
    recipe = wholes(chart_servers.redirect(ROOT / "recipes", tmp_path / "recipes"))[slug]
    plan = render(recipe, {}, "0").plan
    seen = chart_images(folder for folder in plan.folders if folder.component in published)
    assert seen.keys() == {folder.component for folder in plan.folders} & published
    assert {component for component, images in seen.items() if not images} <= {"prometheus-operator-crds"}
    assert check_against_charts(mirror_list(recipe, plan, read_options({}), {}), seen)[1] == ()
