"""Views: the shapes in which one recipe document is handed out: stored, walked by selectors, or as the reference's own.

Part of every look-up, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.documents.api_version import profiled
from clusterbook.records import Any
from clusterbook.resolve.recipe import ORDER, RecipeResult

Document = dict[str, Any]

_HYDRATED = ("name", "type", "source", "namespace", "chart", "version", "tag", "path", "dependencyRefs", "values")
_BEYOND = ("manifestFiles", "preManifestFiles", "expectedResources")


def query_view(recipe: Document) -> Document:
    """Return what selectors walk: components by name with their values in place, validation and manifests besides.

    Source: reference rows Q2, Q9; reaching validation and manifests is ours (L20).
    """
    fields = (*_HYDRATED, *_BEYOND)
    document: Document = {key: recipe[key] for key in ("apiVersion", "kind", ORDER)}
    metadata = {"excludedOverlays": None, "constraintWarnings": None, **recipe["metadata"]}
    document["metadata"] = metadata
    document["criteria"] = {**dict.fromkeys(("service", "accelerator", "intent", "os", "platform"), "any"), "nodes": 0}
    document["criteria"] |= recipe["criteria"]
    document["components"] = {
        component.name: {field: component.document[field] for field in fields if field in component.document}
        for component in RecipeResult(recipe).components
    }
    for key in ("constraints", "configuration", "validation"):
        if key in recipe:
            document[key] = recipe[key]
    return document


def hydrated_view(recipe: Document, *, api_version: str = "") -> Document:
    """Return the recipe with its values in place, exactly as the reference shapes it. Source: reference row Q2."""
    document = query_view(recipe)
    document.pop("validation", None)
    document["metadata"] = {key: value for key, value in document["metadata"].items() if key not in ("slug", "state")}
    document["apiVersion"] = envelope_version(recipe, api_version) or document["apiVersion"]
    for component in document["components"].values():
        for field in _BEYOND:
            component.pop(field, None)
    return document


def with_health_checks(recipe: Document, texts: Mapping[str, str]) -> Document:
    """Return the recipe with the text of its health checks in place. Source: reference row R16."""
    result = RecipeResult(recipe)
    return result.with_components(
        {**component.document, "healthCheckAsserts": texts[component.name]}
        if component.name in texts
        else component.document
        for component in result.components
    )


def envelope_version(recipe: Document, api_version: str) -> str:
    """Return the apiVersion of a recipe as the reference writes it: another one where something was chosen."""
    chosen = "selectedProfile" in recipe["metadata"] or "configuration" in recipe
    return profiled(api_version) if chosen else api_version
