"""Recipes that somebody hands in: what is wrong with them is named, and none of it ends in a script or a path."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.resolve.recipe_schema import json_schema, read_deployable, read_recipe
from tests.support.goldens import GOLDENS
from tests.support.goldens import recipe as golden
from tests.support.whole_recipes import ROOT, small, wholes


def test_recipes_of_ours_are_sound() -> None:
    for recipe in wholes().values():
        read_deployable(recipe)
    for each in GOLDENS:
        read_deployable(golden(each))
    read_deployable(small())


def test_null_is_as_good_as_absent() -> None:
    read_deployable(small(crds={"registry": None, "values": None, "dependencyRefs": None}))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"metadata": None}, "the recipe has no metadata"),
        ({"criteria": None}, "the recipe has no criteria"),
        ({"criteria": []}, "criteria of the recipe is an empty list, not a map"),
        ({"componentRefs": None}, "the recipe has no componentRefs"),
        ({"componentRefs": ["crds"]}, "componentRefs[0] of the recipe is text 'crds', not a map"),
        ({"componentRefs": [None]}, "componentRefs[0] of the recipe is empty"),
        ({"deploymentOrder": []}, "its deploymentOrder is empty"),
        ({"deploymentOrder": "crds"}, "deploymentOrder of the recipe is text 'crds', not a list"),
        ({"deploymentOrder": ["crds", "none"]}, "the recipe deploys none, which is not in its componentRefs"),
        ({"deploymentOrder": ["crds", "crds"]}, "the recipe names crds twice in deploymentOrder"),
        ({"files": ["x"]}, "files of the recipe is a list of 1, not a map"),
        ({"files": {"a.yaml": 5}}, "files.a.yaml of the recipe is the value 5, not text"),
        ({"metadata": {"slug": 5}}, "metadata.slug of the recipe is the value 5, not text"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_named(change: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(what)) as caught:
        read_deployable({**small(), **change})
    assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"version": 1.10}, "version of the recipe is the value 1.1, not text"),
        ({"values": ["a"]}, "values of the recipe is a list of 1, not a map"),
        ({"dependencyRefs": "operator"}, "dependencyRefs of the recipe is text 'operator', not a list"),
        ({"manifestFiles": [5]}, "manifestFiles[0] of the recipe is the value 5, not text"),
        ({"registry": []}, "registry of the recipe is an empty list, not a map"),
        ({"registry": {"nodeScheduling": "x"}}, "registry.nodeScheduling of the recipe is text 'x', not a map"),
        ({"registry": {"install": {"timeout": "soon"}}}, "registry.install.timeout of the recipe is text 'soon'"),
        ({"registry": {"install": {"retries": True}}}, "registry.install.retries of the recipe is the value true"),
        ({"registry": {"install": {"retries": "1; id"}}}, "registry.install.retries of the recipe is text '1; id'"),
        ({"registry": {"crdGroups": ["END\nid"]}}, r"registry.crdGroups[0] of the recipe is text 'END\nid'"),
        ({"registry": {"nodeTaints": ["a b"]}}, "registry.nodeTaints[0] of the recipe is text 'a b'"),
        ({"registry": {"storageClassPaths": ["a..b"]}}, "registry.storageClassPaths[0] of the recipe is text 'a..b'"),
        ({"registry": {"ownedSecrets": ["a b"]}}, "registry.ownedSecrets[0] of the recipe is text 'a b'"),
        ({"registry": {"ownedSecrets": ["a;id"]}}, "registry.ownedSecrets[0] of the recipe is text 'a;id'"),
        ({"registry": {"podSecurity": "baseline"}}, "registry.podSecurity of the recipe is text 'baseline'"),
        ({"registry": {"validations": ["x"]}}, "registry.validations[0] of the recipe is text 'x', not a map"),
    ],
)
def test_what_is_wrong_with_a_component_is_named(change: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(f"componentRefs[0].{what}")):
        read_deployable(small(crds=change))


def called(name: str) -> dict[str, Any]:
    """Return the small recipe with another name for its first component."""
    found: dict[str, Any] = json.loads(json.dumps(small()).replace('"crds"', json.dumps(name)))
    return found


def with_manifest(path: str) -> dict[str, Any]:
    """Return the small recipe with a manifest of this path."""
    recipe = small(settings={"manifestFiles": [path]})
    recipe["files"][path] = "kind: ConfigMap\n"
    return recipe


@pytest.mark.parametrize("deployer", DEPLOYERS)
@pytest.mark.parametrize(
    ("recipe", "what"),
    [
        *((called(name), "cannot name a release") for name in ("../x", "a/b", "..", "", "A", "-a", "a b", "x" * 60)),
        *(
            (with_manifest(path), "cannot be called")
            for path in ("a/", "a/b\nc.yaml", "a/ .yaml", "a/-x.yaml", "a/_x.yaml", "a/NOTES.txt", "a\\..\\b")
        ),
        *(
            (with_manifest(path), "leaves the catalog")
            for path in ("..", "a/..", "../../../etc/x.yaml", "a/../../x.yaml", "/etc/x.yaml")
        ),
        *(
            (small(crds={"namespace": name}), f"'{name}' is not a namespace")
            for name in ("../ns", "kube system", "", "NS", "x;id")
        ),
        *((small(crds={"chart": name}), "is not a chart's name") for name in ("../c", "a/b", "-x", "$(id)")),
        *(
            (small(crds={"source": url}), "is not a chart repository")
            for url in ("file:///etc", "../x", "-x", "https://a b", "https://x'y", "ftp://x", "oci://x/{{ exec }}")
        ),
        *((small(crds={"version": word}), "is not a chart's version") for word in ("", "-x", "1 2", "$(id)", ">= 1")),
    ],
)
def test_no_name_leaves_the_bundle_or_becomes_a_flag(recipe: dict[str, Any], what: str, deployer: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(what)):
        render(recipe, {"deployer": deployer}, "1")


def test_a_path_of_a_manifest_counts_by_its_last_part_only() -> None:
    assert "006-settings/templates/x.yaml" in render(with_manifest("deep/down/..x/x.yaml"), {}, "1").files


@pytest.mark.parametrize("fact", ["crdGroups", "nodeTaints"])
@pytest.mark.parametrize("word", ["END\nid", "a b", "", "a\tb"])
def test_a_word_of_the_registry_never_ends_the_table_that_it_stands_in(fact: str, word: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a single word"):
        render(small(operator={"registry": {fact: [word]}}), {}, "1")


SCHEMA = Draft202012Validator(json_schema())


def test_the_json_schema_is_the_same_shape() -> None:
    for recipe in (*wholes().values(), *map(golden, GOLDENS), small()):
        assert SCHEMA.is_valid(recipe)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "Snapshot"},
        {"metadata": None},
        {"componentRefs": ["crds"]},
        {"deploymentOrder": "crds"},
        {"files": {"a.yaml": 5}},
        {"constraints": [{"name": "K8s.server.version"}]},
        {"constraints": [{"name": "K8s.server.version", "value": 1.3}]},
        {"validation": {"deployment": {"checks": "operator-health"}}},
        {"validation": []},
    ],
)
def test_what_the_shape_refuses_the_json_schema_refuses(change: dict[str, Any]) -> None:
    recipe = {**small(), **change}
    with pytest.raises(InvalidRequest):
        read_deployable(recipe)
    assert not SCHEMA.is_valid(recipe)


@pytest.mark.parametrize(
    "change", [{"other": 1}, {"files": None}, {"validation": {"readiness": None}}, {"constraints": None}]
)
def test_what_the_shape_accepts_the_json_schema_accepts(change: dict[str, Any]) -> None:
    recipe = {**small(), **change}
    assert read_deployable(recipe).document == recipe
    assert SCHEMA.is_valid(recipe)


@pytest.mark.parametrize(
    "change",
    [
        *({"componentRefs": refs} for refs in (None, 5, {}, ["x"], [None], [{}], [{"name": 5}], [{"name": ""}])),
        *({"validation": phases} for phases in (5, [], {"readiness": []}, {"readiness": {"checks": [5]}})),
        *({"constraints": list_} for list_ in ({}, [5], [{"value": "1"}], [{"name": "a.b.c", "value": True}])),
        {"kind": None},
    ],
)
def test_a_judgement_refuses_what_is_no_recipe(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_recipe({**small(), **change})
    assert caught.value.hint


# --- nobody reads a recipe by hand ------------------------------------------------------------------------------------

OWN = frozenset(  # what reads overlays or files of the ledger, whose keys have the same names
    """
    catalog/layers catalog/profile_schema catalog/schema documents/schema lint/scope lint/silences ledger/schema
    resolve/recipe resolve/recipe_schema snapshot/model
    """.split()
)


def test_the_components_of_a_recipe_are_read_through_its_view() -> None:
    tools = ROOT / "tools" / "clusterbook"
    paths = {path.relative_to(tools).with_suffix("").as_posix(): path for path in tools.rglob("*.py")}
    assert {name for name in OWN if name not in paths} == set()
    assert [
        name
        for name, path in paths.items()
        if name not in OWN and re.search(r"""["'](componentRefs|deploymentOrder)["']""", path.read_text())
    ] == []


# --- what was chosen --------------------------------------------------------------------------------------------------

PROFILE = {"name": "gpuStack", "value": "ami", "ownedPaths": {"a": ["driver.enabled", "enabled"]}}


def of_version(version: str, profile: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """Return a recipe with one component a, for which a profile was chosen, or none."""
    document = small()
    document["componentRefs"] = [{**document["componentRefs"][0], "name": "a"}]
    document["metadata"] = {"selectedProfile": profile} if profile else {}
    return {**document, "apiVersion": version, **more}


@pytest.mark.parametrize(
    "document",
    [
        of_version("aicr.run/v1", PROFILE),
        of_version("aicr.run/v1alpha2", PROFILE),
        of_version("aicr.run/v1", None, configuration={"slurm": {"accounting": {"mode": "disabled"}}}),
        of_version("aicr.run/v1beta2", None),
        of_version("aicr.run/v1alpha3", None),
        of_version("aicr.run/v1beta2", {**PROFILE, "ownedPaths": {"b": ["enabled"]}}),
        of_version("aicr.run/v1beta2", {**PROFILE, "ownedPaths": {"a": ["x", "enabled"]}}),
        of_version("aicr.run/v1beta2", {**PROFILE, "ownedPaths": {"a": ["driver.enabled"]}}),
        of_version("aicr.run/v1beta2", {**PROFILE, "ownedPaths": ["a"]}),
        of_version("aicr.run/v1beta2", {"name": "gpuStack"}),
    ],
)
def test_what_was_chosen_and_the_api_version_belong_together(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_recipe(document)
    assert caught.value.hint


@pytest.mark.parametrize("version", ["aicr.run/v1beta2", "aicr.run/v1alpha3", "clusterbook.dev/v1alpha1"])
def test_a_recipe_of_which_something_was_chosen_is_read(version: str) -> None:
    assert read_recipe(of_version(version, PROFILE)).chosen == {"gpuStack": "ami"}
