"""Diffs: what differs between two recipes, and the laws that hold between diffs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diff.facts import SECTIONS, Side
from clusterbook.diff.recipes import ABSENT, Diff, diff
from clusterbook.documents.digest import digest
from clusterbook.documents.equality import same

CONTENT: dict[str, Any] = {
    "apiVersion": "clusterbook.dev/v1alpha1",
    "kind": "RecipeResult",
    "metadata": {"slug": "eks", "state": "curated", "appliedOverlays": ["base", "eks"]},
    "criteria": {"service": "eks"},
    "componentRefs": [
        {
            "name": "a",
            "type": "Helm",
            "version": "1.0.0",
            "namespace": "ns",
            "values": {"x": {"y": 1, "list": [1, 2]}, "empty": {}},
            "overrides": {"x": {"y": 1}},
            "manifests": {"m.yaml": "sha256:1"},
            "images": ["quay.io/a:1", "quay.io/b:1"],
            "registry": {"storageClassPaths": ["x.storage"]},
        },
        {"name": "b", "type": "Helm", "version": "1.0.0"},
    ],
    "deploymentOrder": ["a", "b"],
    "constraints": [{"name": "K8s.server.version", "value": ">= 1.30"}],
    "validation": {"deployment": {"checks": ["one", "two"]}, "performance": {"timeout": "5m"}},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return CONTENT with the value at a dotted path replaced, or with ABSENT removed."""
    whole: Any = {"": CONTENT}
    keys = ["", *path.split(".")]

    def put(node: Any, rest: list[str]) -> Any:
        index: Any = int(rest[0]) if isinstance(node, list) else rest[0]
        copy = list(node) if isinstance(node, list) else dict(node)
        if len(rest) > 1:
            copy[index] = put(node[index], rest[1:])
        elif value is ABSENT:
            del copy[index]
        else:
            copy[index] = value
        return copy

    found: dict[str, Any] = put(whole, keys)[""]
    return found


def found(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str, str, Any, Any]]:
    changes = diff(Side("old", old), Side("new", new)).changes
    return [(each.section, each.component, each.key, each.old, each.new) for each in changes]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("componentRefs.0.version", "2.0.0", ("field", "a", "version", "1.0.0", "2.0.0")),
        ("componentRefs.0.values.x.y", True, ("value", "a", "/x/y", 1, True)),
        ("componentRefs.0.values.x.y", None, ("value", "a", "/x/y", 1, None)),
        ("componentRefs.0.values.x.list", [2, 1], ("value", "a", "/x/list", [1, 2], [2, 1])),
        ("componentRefs.0.values.new~/", "z", ("value", "a", "/new~0~1", ABSENT, "z")),
        ("componentRefs.0.values.empty", ABSENT, ("value", "a", "/empty", {}, ABSENT)),
        ("componentRefs.0.overrides", {}, ("field", "a", "overrides", {"x": {"y": 1}}, {})),
        ("componentRefs.0.manifests", {"m.yaml": "sha256:2"}, ("manifest", "a", "m.yaml", "sha256:1", "sha256:2")),
        ("componentRefs.0.images", ["quay.io/a:2", "quay.io/b:1"], ("image", "a", "quay.io/a", "1", "2")),
        ("componentRefs.0.images", ["quay.io/a:1"], ("image", "a", "quay.io/b", "1", ABSENT)),
        ("componentRefs.0.images", ABSENT, ("image", "a", "", ["quay.io/a:1", "quay.io/b:1"], ABSENT)),
        ("componentRefs.0.registry.storageClassPaths", [], ("registry", "a", "storageClassPaths", ["x.storage"], [])),
        ("constraints", ABSENT, ("constraint", "", "K8s.server.version", {"value": ">= 1.30"}, ABSENT)),
        ("validation.deployment.checks", ["two"], ("check", "", "deployment: one", {}, ABSENT)),
        ("validation.deployment.checks", ["two", "one"],
         ("order", "", "deployment: checks", ["one", "two"], ["two", "one"])),
        ("validation.performance.timeout", "6m", ("phase", "", "performance: timeout", "5m", "6m")),
        ("validation.conformance", {}, ("phase", "", "conformance", ABSENT, {})),
        ("deploymentOrder", ["b", "a"], ("order", "", "deployment", ["a", "b"], ["b", "a"])),
        ("metadata.state", "composed", ("recipe", "", "state", "curated", "composed")),
        ("criteria.service", "aks", ("recipe", "", "criteria: service", "eks", "aks")),
        ("apiVersion", "v2", ("recipe", "", "apiVersion", "clusterbook.dev/v1alpha1", "v2")),
        (
            "componentRefs.1",
            {"name": "c", "version": "3"},
            ("component", "b", "", {"version": "1.0.0", "deployed": True}, ABSENT),
        ),
    ],
)  # fmt: skip
def test_one_change_is_one_difference(path: str, value: Any, expected: tuple[Any, ...]) -> None:
    assert expected in found(CONTENT, changed(path, value))
    if path != "componentRefs.1":
        assert len(found(CONTENT, changed(path, value))) == 1


def test_a_component_that_comes_is_told_once_and_not_by_its_values() -> None:
    old = changed("componentRefs", CONTENT["componentRefs"][1:])
    old["deploymentOrder"] = ["b"]
    assert found(old, CONTENT) == [
        ("component", "a", "", ABSENT, {"version": "1.0.0", "namespace": "ns", "deployed": True})
    ]


def test_a_component_that_is_switched_off_goes() -> None:
    (change,) = diff(Side("old", CONTENT), Side("new", changed("deploymentOrder", ["a"]))).of("component")
    assert (change.component, change.kind, change.new["deployed"]) == ("b", "changed", False)


def test_overrides_are_not_told_beside_the_values_they_set() -> None:
    new = changed("componentRefs.0.values.x.y", 2)
    new["componentRefs"][0]["overrides"] = {"x": {"y": 2}}
    assert [each[:3] for each in found(CONTENT, new)] == [("value", "a", "/x/y")]


def test_a_recipe_that_is_handed_in_is_compared_as_far_as_it_goes() -> None:
    keys = ("manifests", "images", "registry")
    bare = {key: value for key, value in CONTENT["componentRefs"][0].items() if key not in keys}
    handed_in = Side("file", changed("componentRefs.0", {**bare, "healthCheckAsserts": "x"}), whole=False)
    (change,) = diff(Side("old", CONTENT), handed_in).changes
    assert (change.key, change.kind) == ("healthCheck", "added")


def test_a_change_knows_who_had_the_last_word_on_each_side() -> None:
    pointer = "/components/a/values/x/y"
    old, new = Side("old", CONTENT, {pointer: "base f:1:2"}), Side("new", changed("componentRefs.0.values.x.y", 2), {})
    (change,) = diff(old, new).changes
    assert (change.old_origin, change.new_origin) == ("base f:1:2", "")


def test_changes_stand_in_the_order_in_which_people_look() -> None:
    new = changed("constraints", [])
    new["componentRefs"] = changed("componentRefs.0.version", "2")["componentRefs"]
    new["metadata"] = {**CONTENT["metadata"], "state": "composed"}
    sections = [each[0] for each in found(CONTENT, new)]
    assert sections == sorted(sections, key=SECTIONS.index) == ["recipe", "field", "constraint"]


@pytest.mark.parametrize(
    ("old", "new", "alike"),
    [(1, 1.0, True), (1, True, False), (0, False, False), ("1", 1, False), (None, ABSENT, False), ([1], [True], False),
     ({"a": 1}, {"a": 1.0}, True), ({"a": 1}, {"b": 1}, False), ([1], [1, 2], False)],
)  # fmt: skip
def test_values_are_the_same_when_they_mean_the_same(old: object, new: object, alike: bool) -> None:
    assert same(old, new) is same(new, old) is alike


# --- laws -------------------------------------------------------------------------------------------------------------

WORD = st.sampled_from(["a", "b", "c"])
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | WORD,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORD, inner, min_size=1, max_size=2),
    max_leaves=4,
)


@st.composite
def contents(draw: Any) -> dict[str, Any]:
    """Return the content of a small recipe."""
    components = []
    for name in draw(st.lists(WORD, unique=True, max_size=3)):
        component: dict[str, Any] = {"name": name, "version": draw(WORD)}
        if draw(st.booleans()):
            component["values"] = draw(st.dictionaries(WORD, VALUE, min_size=1, max_size=2))
        if draw(st.booleans()):
            component["images"] = sorted(draw(st.sets(st.sampled_from(["r/a:1", "r/a:2", "r/b:1"]), max_size=2)))
        components.append(component)
    names = [component["name"] for component in components]
    phases = draw(st.dictionaries(st.sampled_from(["deployment", "performance"]), st.none(), max_size=2))
    validation: dict[str, Any] = {}
    for phase in phases:
        validation[phase] = {"checks": draw(st.lists(WORD, unique=True, max_size=2))} if draw(st.booleans()) else {}
    return {
        "apiVersion": "v1",
        "kind": "RecipeResult",
        "metadata": {"slug": draw(WORD)},
        "criteria": {},
        "componentRefs": sorted(components, key=lambda component: component["name"]),
        "deploymentOrder": draw(st.permutations(names)),
        "constraints": [{"name": name, "value": draw(WORD)} for name in sorted(draw(st.sets(WORD, max_size=2)))],
        "validation": validation,
    }


def between(old: dict[str, Any], new: dict[str, Any]) -> Diff:
    return diff(Side("one", old), Side("one", new))


@given(contents())
def test_nothing_differs_from_itself(content: dict[str, Any]) -> None:
    assert not between(content, content)


@given(contents(), contents())
def test_two_differ_just_when_their_digests_do(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert bool(between(old, new)) == (digest(old) != digest(new))


@given(contents(), contents())
def test_the_diff_turned_round_is_the_diff_the_other_way(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert between(old, new).inverse() == between(new, old)
    assert between(old, new).inverse().inverse() == between(old, new)


def test_values_that_come_where_there_were_none_are_told_one_by_one() -> None:
    old = changed("componentRefs.0.values", {})
    assert ("value", "a", "/x/y", ABSENT, 1) in found(old, CONTENT)
    assert ("value", "a", "", {}, ABSENT) in found(old, CONTENT)
