"""NVSentinel's monitors come to the GPU nodes of every service, whoever installs the driver there.

Its labeler knows a node's driver by the pod that installs it; where the node's image brings the driver there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.prove.archives import Charts
from clusterbook.prove.helm import Helm
from clusterbook.prove.objects import Reader
from clusterbook.prove.subjects import cases
from clusterbook.resolve import matrix
from clusterbook.resolve.matrix import Matrix
from tests.support.helm import helm_program
from tests.support.trees import shared_folder
from tests.support.whole_recipes import ROOT

DRIVER, DCGM = "nvsentinel.dgxc.nvidia.com/driver.installed", "nvsentinel.dgxc.nvidia.com/dcgm.version"
ASSUMED = "--assume-driver-installed"
NODE_IMAGE = ("gke", "oke", "kind")
"""Services whose nodes have the driver; on AKS gpu-operator installs it, into node pools that are made without one."""
CHOICE = ("aks", "gke", "oke")
"""Services where gpuStack says who installs it."""
INSTALLER = "gcp-driver-installer"
"""Google's, whose pods the labeler knows like those of gpu-operator. Source: nvidia/nvsentinel, labeler/main.go."""


@cache
def ours() -> Matrix:
    return matrix.build(load_catalog(read_tree(ROOT / "recipes")))


def values() -> Iterator[tuple[str, bool, dict[str, Any], dict[str, Any]]]:
    """Yield (service, whether pods install the driver, values of gpu-operator, of nvsentinel) where both run."""
    for recipe in ours().recipes.values():
        if {"gpu-operator", "nvsentinel"} <= {*recipe.order}:
            found = {each.name: each.settled for each in recipe.components}
            installed = found["gpu-operator"].get("driver", {}).get("enabled") is not False
            installed |= INSTALLER in recipe.order and found[INSTALLER]["installer"]["enabled"] is True
            yield recipe.criteria.service, installed, found["gpu-operator"], found["nvsentinel"]


def test_the_labeler_assumes_a_driver_where_no_pod_installs_one_and_nowhere_else() -> None:
    services: dict[bool, set[str]] = {True: set(), False: set()}
    for service, installed, _, sentinel in values():
        brought = not installed
        assert (sentinel.get("labeler", {}).get("assumeDriverInstalled") is True) is brought, service
        services[brought].add(service)
    assert services[True] >= {*NODE_IMAGE}
    assert services[False] >= {"aks", "eks", "bcm", "gke"}


def test_its_chart_has_the_labeler_told_and_monitors_wait_for_the_label() -> None:
    charts, helm = Charts([shared_folder("charts")]), Helm(helm_program())
    told: dict[str, bool] = {}
    for case in cases(ours().catalog, ours().recipes):
        chart = charts.chart(case.subject) if case.subject.component == "nvsentinel" else None
        if chart is None:
            continue
        rendered = helm.render(
            chart.path, "nvsentinel", case.subject.namespace, case.subject.values, kubernetes=case.kubernetes[0]
        )
        objects = {each.name: each.data for each in Reader().objects(rendered.documents)}
        (labeler,) = objects["Deployment/labeler"]["spec"]["template"]["spec"]["containers"]
        told |= dict.fromkeys(case.recipes, ASSUMED in labeler["args"])
        selectors = {
            name: {*data["spec"]["template"]["spec"].get("nodeSelector", {})}
            for name, data in objects.items()
            if name.startswith("DaemonSet/")
        }
        assert (
            DRIVER in selectors["DaemonSet/syslog-health-monitor-regular"] & selectors["DaemonSet/metadata-collector"]
        )
        assert selectors["DaemonSet/gpu-health-monitor-dcgm-4.x"] == {DCGM}
    if not told:
        pytest.skip("no chart of nvsentinel is at hand")
    services = {
        which: {ours().recipes[slug].criteria.service for slug in told if told[slug] is which}
        for which in (True, False)
    }
    assert services[True] >= {*NODE_IMAGE}
    assert services[False] >= {"aks", "eks", "bcm", "gke"}
    assert services[True] & services[False] >= {*CHOICE}


def test_dcgm_whose_version_the_gpu_monitor_waits_for_runs_wherever_the_driver_is_but_on_kind() -> None:
    off = {service for service, _, operator, _ in values() if not operator.get("dcgm", {}).get("enabled")}
    assert off == {"kind"}
