"""Inheritance: what of an older recipe a new one keeps, and what of it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.resolve.inherit import inherit, object_names


def component(name: str = "operator", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "Helm", "version": "1.0.0", "namespace": "old", "source": "https://old", **more}


def recipe(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "kind": "RecipeResult",
        "metadata": {"slug": "eks", "version": "1.0.0", "digest": "sha256:0"},
        "criteria": {"service": "eks"},
        "componentRefs": list(components),
        **more,
    }


def test_a_component_stays_where_it_is_and_gets_the_new_version_and_values() -> None:
    new = component(version="2.0.0", namespace="new", source="oci://new", chart="c", values={"x": 2})
    old = component(chart="b", values={"x": 1}, preManifestFiles=["p"], manifestFiles=[])
    found, notes = inherit(recipe(new), recipe(old), {})
    (kept,) = found["componentRefs"]
    assert kept == {**new, "namespace": "old", "source": "https://old", "chart": "b", "preManifestFiles": ["p"]}
    assert notes == ("operator keeps namespace old, chart b, source https://old, preManifestFiles p",)
    assert found["metadata"] == {"slug": "eks"}


def test_a_set_of_manifests_is_restored_whole_and_an_empty_one_is_not() -> None:
    new = component(manifestFiles=["a", "b"])
    for before, after in ((["c"], ["c"]), ([], ["a", "b"]), (None, ["a", "b"])):
        found, _ = inherit(recipe(new), recipe(component(manifestFiles=before)), {})
        assert found["componentRefs"][0]["manifestFiles"] == after


def test_the_text_of_a_manifest_comes_along_where_the_new_recipe_has_none() -> None:
    old = recipe(component(manifestFiles=["a", "b"]), files={"a": "old a", "b": "old b", "c": "old c"})
    found, _ = inherit(recipe(component(), files={"b": "new b"}), old, {})
    assert found["files"] == {"a": "old a", "b": "new b"}


def test_of_a_component_that_is_deployed_in_another_way_the_namespace_alone_is_kept() -> None:
    new = component(type="Kustomize", namespace="new", source="https://git", path="x")
    found, _ = inherit(recipe(new), recipe(component(chart="b")), {})
    assert found["componentRefs"] == [{**new, "namespace": "old"}]
    del new["type"]
    found, _ = inherit(recipe(new), recipe(component()), {})
    assert found["componentRefs"] == [{**new, "namespace": "old", "source": "https://old"}]


def test_what_must_exist_is_looked_for_where_the_component_stays() -> None:
    expected = [{"kind": "Deployment", "name": "x", "namespace": "new"}, {"kind": "Node", "name": "y"}]
    expected += [{"kind": "Secret", "name": "z", "namespace": "elsewhere"}]
    found, _ = inherit(recipe(component(namespace="new", expectedResources=expected)), recipe(component()), {})
    kept = found["componentRefs"][0]["expectedResources"]
    assert [each.get("namespace") for each in kept] == ["old", None, "elsewhere"]


def test_objects_keep_their_names_and_names_that_are_new_are_unset() -> None:
    new = component(values={"fullnameOverride": "new", "sub": {"nameOverride": "added"}, "same": {"nameOverride": "s"}})
    names = {"operator": {("fullnameOverride",): "old", ("same", "nameOverride"): "s", ("more", "nameOverride"): "m"}}
    found, notes = inherit(recipe(new), recipe(component()), names)
    values = {
        "fullnameOverride": "old",
        "sub": {"nameOverride": None},
        "same": {"nameOverride": "s"},
        "more": {"nameOverride": "m"},
    }
    kept = found["componentRefs"][0]
    assert kept["values"] == values
    assert kept["overrides"] == {key: value for key, value in values.items() if key != "same"}
    assert "sub.nameOverride unset" in notes[0]


def test_what_differs_in_nothing_stays_what_it_is() -> None:
    same = recipe(component(values={"fullnameOverride": "x"}))
    assert inherit(same, recipe(component()), {"operator": {("fullnameOverride",): "x"}}) == (same, ())
    other = recipe(component("other"))
    assert inherit(other, recipe(component()), {}) == (other, ())
    assert inherit(other, recipe(), {}) == (other, ())


def test_inheriting_twice_is_inheriting_once() -> None:
    new, old = recipe(component(namespace="new", values={"nameOverride": "n"})), recipe(component())
    names = {"operator": {("fullnameOverride",): "old"}}
    once, _ = inherit(new, old, names)
    assert inherit(once, old, names) == (once, ())


@pytest.mark.parametrize("dimension", ["service", "accelerator", "intent", "os"])
def test_an_older_recipe_of_another_cluster_is_refused(dimension: str) -> None:
    other = {**recipe(component()), "criteria": {"service": "eks", dimension: "x"}}
    for new, old in ((recipe(), other), (other, recipe())):
        with pytest.raises(InvalidRequest) as caught:
            inherit(new, old, {})
        assert dimension in caught.value.what


def test_another_platform_is_the_same_cluster() -> None:
    old = {**recipe(component()), "criteria": {"service": "eks", "platform": "kubeflow"}}
    found, _ = inherit(recipe(component(namespace="new")), old, {})
    assert found["componentRefs"][0]["namespace"] == "old"


def test_names_of_objects_are_those_of_subcharts_too() -> None:
    values = {"fullnameOverride": "a", "nameOverride": "", "x": {"fullnameOverride": 1, "nameOverride": "b"}, "y": [{}]}
    assert object_names(values) == {("fullnameOverride",): "a", ("x", "nameOverride"): "b"}
