"""Envelopes: what the reference reads of an answer: a recipe that needs no catalog, its criteria, a configuration.

A recipe carries its values itself, since the files that ours name are none of the reference's. Source: reference rows
G6, R13-R17, R43.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.documents.api_version import API_VERSION, SOURCES, STABLE, WRITTEN, profiled
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.resolve.views import envelope_version

Document = dict[str, Any]
KINDS = {"recipe": "RecipeResult", "criteria": "RecipeCriteria", "config": "AICRConfig"}
"""What can be written of an answer, and the kind of that document."""


def read_version(version: str, kind: str) -> str:
    """Return an apiVersion that is written of a kind. Raises InvalidRequest for any other. Source: row G13."""
    known = WRITTEN[kind]
    if version not in known:
        raise InvalidRequest(f"{kind} cannot be written with apiVersion '{version}'", hint=did_you_mean(version, known))
    return version


def recipe_envelope(recipe: Document, api_version: str) -> Document:
    """Return a recipe as the reference writes it: without what is ours, its values where overrides stand."""
    metadata = {key: value for key, value in recipe["metadata"].items() if key not in ("slug", "state")}
    result = RecipeResult(recipe)
    components = []
    for component in result.components:
        document = {key: value for key, value in component.document.items() if key not in ("values", "valuesFile")}
        if component.values:
            document["overrides"] = dict(component.values)
        components.append(document)
    version = envelope_version(recipe, _result_version(recipe, api_version))
    return {**result.with_components(components), "apiVersion": version, "metadata": metadata}


def _result_version(recipe: Document, api_version: str) -> str:
    """Return the apiVersion of a recipe of which nothing was chosen, for one that names that of the others, too.

    Raises:
        InvalidRequest: no recipe is written in it, or none of which nothing was chosen.
    """
    plain = {profiled(each): each for each in WRITTEN["RecipeResult"] if profiled(each) != each}.get(api_version)
    if plain is None:
        version = read_version(api_version, "RecipeResult")
        if envelope_version(recipe, version) == version and RecipeResult(recipe).chosen:
            what = f"apiVersion '{version}' knows no choices, and {next(iter(RecipeResult(recipe).chosen))} was chosen"
            raise InvalidRequest(what, hint=f"write --api-version {STABLE}")
        return version
    if envelope_version(recipe, plain) != api_version:
        what = f"apiVersion '{api_version}' is for recipes with a chosen profile, and this one has none"
        raise InvalidRequest(what, hint=f"write --api-version {plain}")
    return plain


def named_manifests(recipe: Document) -> list[str]:
    """Return the files that a recipe names and its document does not carry, sorted."""
    return sorted(
        {
            path
            for component in RecipeResult(recipe).components
            for path in (*component.manifests_before, *component.manifests_after)
        }
    )


def manifest_tree(recipe: Document, files: Mapping[str, str]) -> dict[str, str]:
    """Return the manifests that a written recipe names, by path, as a tree that its reader takes with --data.

    Its registry adds no component: what is known of components is known to whoever reads the recipe.

    Args:
        recipe: as `recipe_envelope` returns it.
        files: the texts of all manifests there are, by path.
    """
    version = SOURCES.get(recipe["apiVersion"], recipe["apiVersion"])
    registry = f"apiVersion: {version}\nkind: ComponentRegistry\ncomponents: []\n"
    return {"registry.yaml": registry, **{path: files[path] for path in named_manifests(recipe)}}


def criteria_document(recipe: Document, api_version: str = "") -> Document:
    """Return the criteria that a recipe answers, as a document of their own."""
    return {
        "apiVersion": read_version(api_version, "RecipeCriteria") if api_version else API_VERSION,
        "kind": "RecipeCriteria",
        "metadata": {"name": recipe["metadata"]["slug"]},
        "spec": dict(recipe["criteria"]),
    }


def config_document(recipe: Document, api_version: str = "") -> Document:
    """Return the configuration with which `recipe` makes a recipe again."""
    result = RecipeResult(recipe)
    profile = result.selected_profile
    asked: Document = {"criteria": dict(result.criteria)}
    if profile:
        asked["profile"] = f"{profile['name']}={profile['value']}"
    configuration: Mapping[str, Any] | None = recipe.get("configuration")
    if configuration:
        asked["configuration"] = configuration
    return {
        "apiVersion": read_version(api_version, "AICRConfig") if api_version else API_VERSION,
        "kind": "AICRConfig" if api_version else "ClusterbookConfig",
        "metadata": {"name": result.slug},
        "spec": {"recipe": asked},
    }
