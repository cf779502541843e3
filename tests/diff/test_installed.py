from __future__ import annotations

from typing import Any

import pytest

from clusterbook.bundle.folders import Folder
from clusterbook.bundle.render import render
from clusterbook.bundle.value_tree import clone, merge
from clusterbook.diff.installed import installed_drift
from clusterbook.diff.snapshots import SnapshotChange, select
from clusterbook.lookup.find import Question, whole_recipe
from clusterbook.snapshot.inventory import Gap, UnseenPart
from clusterbook.snapshot.model import Snapshot, read_snapshot
from tests.validate.test_node_views import cluster, node

Document = dict[str, Any]

OPERATOR = {
    "name": "gpu-operator",
    "namespace": "gpu-operator",
    "chart": "gpu-operator",
    "version": "v26.3.2",
    "values": {"driver": {"enabled": True, "version": "580.1"}, "tolerations": [{"key": "x"}], "gone": None},
}
INSTALLED = {**OPERATOR, "status": "deployed"}


def installed(*releases: Document | None, components: Any = (OPERATOR,), **more: Any) -> list[tuple[str, ...]]:
    """Return the drift from a recipe to releases, None for a list that nobody took."""
    recipe = {"kind": "RecipeResult", "componentRefs": [*components], **more}
    listed = None if releases == (None,) else [*releases]
    taken = read_snapshot({"kind": "Snapshot", "releases": listed})
    return [tuple(each) for each in select(installed_drift(recipe, taken))]


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ({}, None),
        ({"version": "26.3.2"}, None),
        ({"values": None}, ("unseen", "warning", "components.gpu-operator.values", "seen", "")),
        ({"version": ""}, ("unseen", "warning", "components.gpu-operator.version", "seen", "")),
        ({"chart": ""}, ("unseen", "warning", "components.gpu-operator.chart", "seen", "")),
        ({"status": ""}, ("unseen", "warning", "components.gpu-operator.status", "seen", "")),
        ({"values": {**INSTALLED["values"], "gone": None}}, None),
        ({"name": "gpu-operator-1737"}, None),
        ({"version": "v26.3.1"}, ("modified", "info", "components.gpu-operator.version", "v26.3.2", "v26.3.1")),
        ({"version": "v25.3.2"}, ("modified", "warning", "components.gpu-operator.version", "v26.3.2", "v25.3.2")),
        ({"status": "failed"}, ("modified", "critical", "components.gpu-operator.status", "deployed", "failed")),
        ({"chart": "other"}, ("modified", "critical", "components.gpu-operator.chart", "gpu-operator", "other")),
    ],
)
def test_a_release_is_held_against_its_component(release: Document, said: tuple[str, ...] | None) -> None:
    assert installed({**INSTALLED, **release}) == ([said] if said else [])


def test_values_are_compared_leaf_by_leaf() -> None:
    values = {"driver": {"enabled": False, "version": "580.1"}, "extra": {"a.b": 1}}
    root = "components.gpu-operator.values"
    assert installed({**INSTALLED, "values": values}) == [
        ("modified", "warning", f"{root}.driver.enabled", "true", "false"),
        ("added", "warning", f'{root}.extra."a.b"', "", "1"),
        ("removed", "warning", f"{root}.gone", "null", ""),
        ("removed", "warning", f"{root}.tolerations", '[{"key": "x"}]', ""),
    ]


@pytest.mark.parametrize(
    ("wanted", "found", "told"),
    [
        ({"limits": {"cpu": None}}, {}, [("removed", "limits.cpu", "null", "")]),
        ({}, {"limits": {"cpu": None}}, [("added", "limits.cpu", "", "null")]),
        ({"limits": {"cpu": None}}, {"limits": {"cpu": None}}, []),
        ({"limits": None}, {"limits": {}}, [("modified", "limits", "null", "{}")]),
        ({"limits": None}, {"limits": "null"}, [("modified", "limits", "null", "null")]),
        ({"limits": 1}, {"limits": True}, [("modified", "limits", "1", "true")]),
        ({"limits": [0, {"a": False}]}, {"limits": [0.0, {"a": False}]}, []),
        ({"limits": False}, {"limits": None}, [("modified", "limits", "false", "null")]),
        (
            {"limits": {"cpu": None}},
            {"limits": None},
            [("added", "limits", "", "null"), ("removed", "limits.cpu", "null", "")],
        ),
    ],
)
def test_null_is_a_value_that_takes_a_charts_default_away(wanted: Document, found: Document, told: list[Any]) -> None:
    said = installed({**INSTALLED, "values": found}, components=[{**OPERATOR, "values": wanted}])
    root = "components.gpu-operator.values."
    assert [(kind, path.removeprefix(root), old, new) for kind, _, path, old, new in said] == told


def test_components_that_are_missing_and_releases_that_are_extra_are_told() -> None:
    other = {"name": "grafana", "namespace": "x", "chart": "grafana", "version": "9.0"}
    assert installed(other) == [
        ("removed", "critical", "components.gpu-operator", "gpu-operator v26.3.2", ""),
        ("added", "info", "releases.x/grafana", "", "grafana 9.0"),
    ]


def test_a_release_in_another_namespace_is_another_one() -> None:
    assert installed({**INSTALLED, "namespace": "elsewhere"})[0][:3] == (
        "removed",
        "critical",
        "components.gpu-operator",
    )


def test_a_component_that_is_switched_off_is_not_missing_but_may_be_extra() -> None:
    off = {**OPERATOR, "overrides": {"enabled": False}}
    assert installed(components=[off]) == []
    assert installed(INSTALLED, components=[off]) == [
        ("added", "warning", "components.gpu-operator", "", "gpu-operator v26.3.2")
    ]


def test_what_was_not_measured_is_not_equal() -> None:
    bare = {key: value for key, value in OPERATOR.items() if key != "values"}
    (said,) = installed(INSTALLED, components=[bare])
    assert said == ("unseen", "warning", "components.gpu-operator.values", "", "seen")


def test_releases_that_were_seen_in_part_are_not_missing() -> None:
    recipe = {"kind": "RecipeResult", "componentRefs": [OPERATOR]}
    partial = {"part": "releases", "state": "partial", "reason": "2 of 3 secrets could not be read"}
    taken = read_snapshot({"kind": "Snapshot", "releases": [], "coverage": [partial]})
    found = [(each.kind, each.path) for each in select(installed_drift(recipe, taken), least="critical")]
    assert found == [("unseen", "components.gpu-operator"), ("unseen", "releases")]


def test_releases_that_nobody_looked_for_are_not_missing() -> None:
    with pytest.raises(UnseenPart, match="holds no Helm releases"):
        installed(None)


# --- a bundle that was deployed ---------------------------------------------------------------------------------------

SLUG = "h100-eks-ubuntu-training-kubeflow"
SELECTED = {
    "acceleratedNodeSelector": ["pool=gpu"],
    "systemNodeSelector": ["pool=system"],
    "storageClass": "gp3",
    "set": ["gpuoperator:driver.version=590.48.01"],
}


@pytest.fixture(scope="module")
def recipe() -> Document:
    return whole_recipe(Question(SLUG))[0]


def deployed(recipe: Document, request: Document) -> Snapshot:
    """Return a cluster to which a bundle was deployed, as its Helm releases show it."""

    def release(folder: Folder) -> Document:
        chart, version = (folder.chart.name, folder.chart.version) if folder.chart else (folder.name, "0.1.0")
        values = clone(merge(dict(folder.values), folder.dynamic))
        found = {"name": folder.name, "namespace": folder.namespace, "chart": chart, "version": version}
        return {**found, "status": "deployed", "values": values}

    folders = render(recipe, request, "1").plan.folders
    return read_snapshot({"kind": "Snapshot", "releases": [release(folder) for folder in folders]})


@pytest.mark.parametrize("options", [{}, SELECTED, {"set": ["certmanager:enabled=false"]}])
def test_a_cluster_has_not_drifted_from_the_bundle_it_was_deployed_with(recipe: Document, options: Document) -> None:
    assert installed_drift(recipe, deployed(recipe, options), options) == []


def test_what_was_left_to_the_installation_is_worth_knowing(recipe: Document) -> None:
    options = {"dynamic": ["gpuoperator:driver.version"]}
    version = _driver(recipe)
    path = "components.gpu-operator.values.driver.version"
    found = installed_drift(recipe, deployed(recipe, options), options)
    assert found == [SnapshotChange("added", "info", path, "", version)]


def test_what_is_taken_from_a_secret_is_neither_drift_nor_shown(recipe: Document) -> None:
    options = {"setSecret": ["gpuoperator:driver.password=login/password"]}
    taken = deployed(recipe, options)
    (release,) = (each for each in taken.inventory.installed() if each.name == "gpu-operator")
    assert release.values is not None
    release.values["driver"]["password"] = "hunter2"  # type: ignore[index]  # noqa: S105
    assert installed_drift(recipe, taken, options) == []
    release.values["driver"]["passwords"] = "x"  # type: ignore[index]
    assert [each.path for each in installed_drift(recipe, taken, options)] == [
        "components.gpu-operator.values.driver.passwords"
    ]


def _driver(recipe: Document) -> str:
    found = next(each for each in recipe["componentRefs"] if each["name"] == "gpu-operator")
    return str(found["values"]["driver"]["version"])


def test_a_cluster_has_not_drifted_from_a_recipe_that_was_deployed_as_it_is(recipe: Document) -> None:
    assert installed_drift(recipe, deployed(recipe, {})) == []


def test_what_options_decide_is_worth_knowing_where_nobody_knows_the_options(recipe: Document) -> None:
    found = installed_drift(recipe, deployed(recipe, SELECTED))
    louder = [each for each in found if each.severity != "info"]
    path = "components.gpu-operator.values.driver.version"
    assert louder == [SnapshotChange("modified", "warning", path, _driver(recipe), "590.48.01")]
    assert {"components.gpu-operator.values.daemonsets.nodeSelector.pool"} < {each.path for each in found}
    assert all("elector" in each.path or "storageClass" in each.path for each in found if each not in louder)


def test_values_that_were_edited_by_hand_are_told(recipe: Document) -> None:
    taken = deployed(recipe, SELECTED)
    release = next(each for each in taken.inventory.installed() if each.name == "gpu-operator")
    assert release.values is not None
    release.values["driver"]["version"] = "1.2.3"  # type: ignore[index]
    assert [each.path for each in installed_drift(recipe, taken, SELECTED)] == [
        "components.gpu-operator.values.driver.version"
    ]


# --- what the recipe is for -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claimed", "said"),
    [
        ({"accelerator": "h100"}, []),
        ({"accelerator": "any", "intent": "training"}, []),
        ({"accelerator": "gb200"}, [("modified", "critical", "fingerprint.accelerator", "gb200")]),
        ({"service": "gke"}, [("modified", "critical", "fingerprint.service", "gke")]),
        ({"service": "eks", "accelerator": "h100", "os": "ubuntu"}, []),
        ({"os": "rhel"}, [("modified", "critical", "fingerprint.os", "rhel")]),
        (
            {"service": "gke", "accelerator": "gb200"},
            [
                ("modified", "critical", "fingerprint.accelerator", "gb200"),
                ("modified", "critical", "fingerprint.service", "gke"),
            ],
        ),
    ],
)
def test_a_cluster_that_a_recipe_is_not_for_has_drifted(claimed: Document, said: list[tuple[str, ...]]) -> None:
    found = against(cluster(node("a"), node("b")), claimed)
    assert sorted(each[:4] for each in found) == said
    assert {each[4] for each in found} <= {"eks", "h100", "ubuntu"}


def against(taken: Snapshot, claimed: Document) -> list[tuple[str, ...]]:
    """Return the drift of a cluster from a recipe that is for some criteria."""
    recipe = {"kind": "RecipeResult", "componentRefs": [], "criteria": claimed}
    nothing_installed = taken._replace(inventory=taken.inventory._replace(releases=[]))
    return [tuple(each) for each in select(installed_drift(recipe, nothing_installed))]


def test_of_several_kinds_of_nodes_one_is_enough() -> None:
    mixed = cluster(node("a"), node("b", {"nvidia.com/gpu.product": "NVIDIA-L40S"}))
    assert against(mixed, {"accelerator": "h100"}) == against(mixed, {"accelerator": "l40s"}) == []
    [change] = against(mixed, {"accelerator": "gb200"})
    assert change[:4] == ("modified", "critical", "fingerprint.accelerator", "gb200")
    assert "a is h100" in change[4]


def test_nodes_that_could_not_be_listed_may_be_others() -> None:
    gap = Gap("objects/v1/Node", "denied", "nodes is forbidden")
    found = against(cluster(gaps=(gap,)), {"accelerator": "h100"})
    assert found == [("unseen", "warning", "fingerprint.accelerator", "seen", "")]
