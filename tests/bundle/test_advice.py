"""Needs: every kind in a manifest of our own catalog is Kubernetes', or brought, or said to be needed."""

from __future__ import annotations

import re

import pytest

from clusterbook.bundle.advice import Need, needs
from clusterbook.bundle.options import flag
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.resolve.recipe_schema import read_deployable
from tests.support.whole_recipes import Recipe, small, wholes

BUILT_IN = re.compile(r"([a-z]*|(apiextensions|networking|rbac\.authorization|resource|scheduling|storage)\.k8s\.io)")


def kinds_outside(recipe: Recipe) -> set[str]:
    """Return the kinds in the manifests of a bundle that neither Kubernetes nor its components bring, group/Kind."""
    plan = render(recipe, {}, "0").plan
    brought = {each for folder in plan.folders for each in folder.part.facts.get("crdGroups") or ()}
    named = {kind for need in needs(plan) for kind in need.kinds} | brought  # a kind by its name
    brought |= {kind.partition(".")[2] for kind in named}
    found = set()
    for text in (text for folder in plan.folders for text in folder.templates.values()):
        for document in re.split("^---", text, flags=re.M):
            head = dict(re.findall(r"^(apiVersion|kind): *[\"']?([^\s\"']+)", document, re.M))
            group = head.get("apiVersion", "").rpartition("/")[0]
            if not BUILT_IN.fullmatch(group) and group not in brought:
                found.add(f"{group}/{head['kind']}")
    return found


@pytest.mark.parametrize("slug", wholes())
def test_the_registry_says_where_every_kind_of_our_manifests_comes_from(slug: str) -> None:
    assert kinds_outside(wholes()[slug]) == set()


def test_a_kind_that_nobody_brings_would_be_found() -> None:
    recipe = small(operator={"registry": {}})
    recipe["files"] = dict.fromkeys(recipe["files"], "apiVersion: gone.example/v1\nkind: Thing\n")
    assert kinds_outside(recipe) == {"gone.example/Thing"}


def test_needs_are_those_of_the_components_that_are_installed() -> None:
    entry = {"kinds": ["gateways.g.example"], "how": "apply it"}
    recipe = small(operator={"registry": {"needsKinds": [entry]}}, metrics={"registry": {"needsKinds": [entry]}})
    assert needs(render(recipe, {}, "0").plan) == [Need(("operator", "metrics"), ("gateways.g.example",), "apply it")]
    (need,) = needs(render(recipe, {"set": ["metrics:enabled=false"]}, "0").plan)
    assert need.components == ("operator",)


@pytest.mark.parametrize(
    "entry",
    [
        {"kinds": ["--all"], "how": "x"},
        {"kinds": ["gateways"], "how": "x"},
        {"kinds": ["a.b c.d"], "how": "x"},
        {"kinds": ["a.b"], "how": "two\nlines"},
        {"kinds": ["a.b"], "how": ""},
        {"kinds": "a.b", "how": "x"},
    ],
)
def test_a_need_that_is_not_names_and_one_line_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match=r"registry\.needsKinds\[0\]"):
        read_deployable(small(operator={"registry": {"needsKinds": [entry]}}))


# --- checks of the reference's registry of August ---------------------------------------------------------------------

PREINSTALLED = {"labeler": {"assumeDriverInstalled": False}}
OWN_CLASS = {"operator": {"runtimeClass": "x"}}
STACK = {"gpu-operator": {"driver": {"enabled": False}}, "nvidia-dra-driver-gpu": {"nvidiaDriverRoot": "/"}}


def checked(name: str, component: str, **values: dict[str, object]) -> Recipe:
    """Return a recipe of these components, in whose registry one check of severity error stands beside one of them."""
    references = [
        {
            "name": each,
            "type": "Helm",
            "source": "https://charts.test",
            "chart": "c",
            "version": "1",
            "namespace": "n",
            "values": given,
            "registry": {},
        }
        for each, given in {key.replace("_", "-"): given for key, given in values.items()}.items()
    ]
    for each in references:
        if each["name"] == component:
            each["registry"] = {"validations": [{"function": name, "severity": "error"}]}
    document = {"apiVersion": "clusterbook.dev/v1alpha1", "kind": "RecipeResult", "metadata": {}, "criteria": {}}
    order = sorted(str(each["name"]) for each in references)
    return {**document, "componentRefs": references, "deploymentOrder": order}


@pytest.mark.parametrize(
    ("name", "component", "values", "words", "holds"),
    [
        ("CheckWildcardAcceleratedToleration", "a", {"a": {}}, {}, False),
        ("CheckWildcardAcceleratedToleration", "a", {"a": {}}, {"acceleratedNodeToleration": ["*"]}, False),
        ("CheckWildcardAcceleratedToleration", "a", {"a": {}}, {"acceleratedNodeToleration": ["x:NoSchedule"]}, True),
        ("CheckDriverOwnershipCoherence", "gpu-operator", STACK, {}, True),
        ("CheckDriverOwnershipCoherence", "gpu-operator", STACK | {"gpu-operator": {}}, {}, False),
        ("CheckDriverOwnershipCoherence", "gpu-operator", {"gpu-operator": {}}, {}, True),
        (
            "CheckDriverOwnershipCoherence",
            "gpu-operator",
            STACK,
            {"set": ["nvidia-dra-driver-gpu:nvidiaDriverRoot=/run/nvidia/driver"]},
            False,
        ),
        ("CheckNVSentinelDriverLabelDetectable", "s", STACK | {"s": {}}, {}, False),
        ("CheckNVSentinelDriverLabelDetectable", "s", STACK | {"s": PREINSTALLED}, {}, True),
        ("CheckNVSentinelRuntimeClassCoherence", "s", {"gpu-operator": OWN_CLASS, "s": {}}, {}, False),
        ("CheckNVSentinelRuntimeClassCoherence", "s", {"gpu-operator": {}, "s": {}}, {}, True),
        ("CheckMariaDBOperatorOwnershipCoherence", "mariadb-operator", {"mariadb-operator": {}}, {}, False),
    ],
)
def test_a_check_of_the_reference_refuses_what_it_refuses(
    name: str, component: str, values: dict[str, dict[str, object]], words: dict[str, list[str]], holds: bool
) -> None:
    recipe = checked(name, component, **values)
    if holds:
        assert render(recipe, words, "0").files
    else:
        with pytest.raises(InvalidRequest) as caught:
            render(recipe, words, "0")
        assert caught.value.what.startswith(f"{component}: ")


PATHS = {"nodeScheduling": {"system": {"nodeSelectorPaths": ["nodeSelector"]}, "nodeCountPaths": ["count"]}}
IDLE = {
    "workloadSelector": ["job=train"],
    "workloadGate": "x=y:NoSchedule",
    "storageClass": "gp3",
    "nodes": "4",
    "acceleratedNodeSelector": ["gpu=yes"],
    "acceleratedNodeToleration": ["x=y:NoSchedule"],
    "systemNodeSelector": ["role=system"],
    "systemNodeToleration": ["x=y:NoSchedule"],
    "readinessHooks": True,
}


@pytest.mark.parametrize("option", IDLE)
def test_an_option_that_no_component_takes_up_is_told(option: str) -> None:
    bare = {"registry": {}, "podSecurity": None}
    recipe = small(crds=bare, operator=bare, metrics=bare)
    recipe["files"] = {path: text for path, text in recipe["files"].items() if not path.endswith("readiness.yaml")}
    notes = render(recipe, {option: IDLE[option]}, "0").notes
    assert f"{flag(option)} has no effect: no component of this bundle uses it" in notes
    assert not [note for note in render(recipe, {}, "0").notes if "changes nothing" in note]


def test_an_option_that_a_component_takes_up_is_not_told() -> None:
    recipe = small(operator={"registry": PATHS})
    for option in ("systemNodeSelector", "nodes"):
        assert not [note for note in render(recipe, {option: IDLE[option]}, "0").notes if "changes nothing" in note]


@pytest.mark.parametrize(
    ("entry", "words", "refused"),
    [
        ({"requireNodeSelector": True}, {}, True),
        ({"requireNodeSelector": True}, {"acceleratedNodeSelector": ["gpu=yes"]}, False),
        ({"requireNodeSelector": True}, {"setJson": ['a:nodes={"gpu":"yes"}']}, False),
        ({"requireNodeSelector": False}, {}, False),
        ({"requireNodeSelectorIfStorageClassSet": True}, {}, False),
        ({"requireNodeSelectorIfStorageClassSet": True}, {"storageClass": "fast"}, True),
        ({"requireNodeSelectorIfStorageClassSet": True}, {"sharedStorageClass": "fast"}, True),
    ],
)
def test_nodes_are_selected_where_the_registry_wants_it(
    entry: dict[str, bool], words: dict[str, object], refused: bool
) -> None:
    recipe = checked("", "", a={})
    recipe["componentRefs"][0]["registry"] = {
        "nodeScheduling": {"accelerated": {"nodeSelectorPaths": ["nodes"], **entry}}
    }
    if not refused:
        assert render(recipe, words, "0").files
        return
    with pytest.raises(InvalidRequest) as caught:
        render(recipe, words, "0")
    assert "--accelerated-node-selector" in caught.value.hint
