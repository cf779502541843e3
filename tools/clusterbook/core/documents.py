"""Documents: what a resolved recipe looks like to those who read it.

Knows the layout of the documents we write. Does not know files, formats or commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from clusterbook.core.assemble import Component
from clusterbook.core.layers import ADDITIVE, WORDS
from clusterbook.core.resolve import Phase, Recipe
from clusterbook.core.shapes import API_VERSION
from clusterbook.core.tracing import Origin, Origins, data, walk

Document = dict[str, Any]


def hydrated(recipe: Recipe, *, api_version: str = API_VERSION) -> Document:
    """Return the recipe with its values in place and no references to files. Source: reference row Q2."""
    document: Document = {
        "apiVersion": api_version,
        "kind": "RecipeResult",
        "metadata": {
            "appliedOverlays": list(recipe.applied),
            "excludedOverlays": [entry._asdict() for entry in recipe.excluded] or None,
            "constraintWarnings": [entry._asdict() for entry in recipe.warnings] or None,
        },
        "criteria": recipe.criteria._asdict(),
        "deploymentOrder": list(recipe.order),
        "components": {component.name: _hydrated_component(component) for component in recipe.components},
    }
    if recipe.constraints:
        document["constraints"] = [dict(origins[-1].value) for _, origins in recipe.constraints]
    return document


def _hydrated_component(component: Component) -> Document:
    """Return what one component deploys; empty fields are absent, except the source."""
    found: Document = {"name": component.name, "type": component.word("type"), "source": component.word("source")}
    for field in ("namespace", "chart", "version", "tag", "path"):
        if component.word(field):
            found[field] = component.word(field)
    if component.lists.get("dependencyRefs"):
        found["dependencyRefs"] = component.words_of("dependencyRefs")
    if component.settled:
        found["values"] = component.settled
    return found


def query_document(recipe: Recipe, *, state: str, api_version: str = API_VERSION) -> Document:
    """Return what selectors reach: the hydrated recipe, its validation and its manifests (L20)."""
    document = hydrated(recipe, api_version=api_version)
    document["metadata"] = {"slug": recipe.slug, "state": state, **document["metadata"]}
    for component in recipe.components:
        found = document["components"][component.name]
        for field in ("manifestFiles", "preManifestFiles"):
            if component.lists.get(field):
                found[field] = component.words_of(field)
        if component.replaced.get("expectedResources"):
            found["expectedResources"] = component.replaced["expectedResources"][-1].value
    if recipe.phases:
        document["validation"] = validation_document(recipe.phases)
    return document


def validation_document(phases: Mapping[str, Phase]) -> Document:
    """Return the validation phases. Source: reference row R17."""
    document: Document = {}
    for name, phase in phases.items():
        found: Document = {field: origins[-1].value for field, origins in phase.others.items()}
        if phase.constraints:
            found["constraints"] = [dict(origins[-1].value) for _, origins in phase.constraints]
        if phase.checks or "checks" in phase.dropped:
            found["checks"] = [origin.value for origin in phase.checks]
        document[name] = found
    return document


def recipe_document(recipe: Recipe, *, state: str) -> Document:
    """Return the recipe as `clusterbook recipe` prints it, health checks left out (`health_checks` has them).

    Source: reference rows R13-R17; `metadata.slug`, `metadata.state` and each component's `values` are ours.
    """
    metadata: Document = {"slug": recipe.slug, "state": state, "appliedOverlays": list(recipe.applied)}
    if recipe.excluded:
        metadata["excludedOverlays"] = [entry._asdict() for entry in recipe.excluded]
        metadata["constraintWarnings"] = [entry._asdict() for entry in recipe.warnings]
    document: Document = {
        "apiVersion": API_VERSION,
        "kind": "RecipeResult",
        "metadata": metadata,
        "criteria": recipe.criteria.specified(),
        "componentRefs": [_component_ref(component) for component in recipe.components],
        "deploymentOrder": list(recipe.order),
    }
    if recipe.constraints:
        document["constraints"] = [dict(origins[-1].value) for _, origins in recipe.constraints]
    if recipe.phases:
        document["validation"] = validation_document(recipe.phases)
    return document


def _component_ref(component: Component) -> Document:
    """Return one entry of componentRefs. Source: reference row R16."""
    found: Document = {"name": component.name, "type": component.word("type"), "source": component.word("source")}
    found |= {field: word for field in WORDS if field != "healthCheckAsserts" and (word := component.word(field))}
    found |= {field: component.words_of(field) for field in ADDITIVE if component.lists.get(field)}
    found |= {field: origins[-1].value for field, origins in component.replaced.items()}
    found |= {field: True for field in component.sticky}
    if component.overrides is not None:
        found["overrides"] = data(component.overrides)
    if component.settled:
        found["values"] = component.settled
    return found


def health_checks(recipe: Recipe) -> dict[str, str]:
    """Return the health check text of each component that has one."""
    return {c.name: text for c in recipe.components if (text := c.word("healthCheckAsserts"))}


def origins_document(recipe: Recipe) -> dict[str, list[Document]]:
    """Return the origins of everything a selector reaches: JSON Pointer → origins, winner last.

    Applied in order, the last origin of each pointer rebuilds the query document's constraints, components and
    validation. Source: design, section 5.
    """
    found = {pointer: _origins(origins) for pointer, origins in _pointers(recipe)}
    return found


def _origins(origins: Origins) -> list[Document]:
    return [_origin(origin) for origin in origins]


def _origin(origin: Origin) -> Document:
    """Return one origin; `removed` stands only where a layer took the value away."""
    found = {
        "layer": origin.layer,
        "file": origin.place.file,
        "line": origin.place.line,
        "column": origin.place.column,
        "value": origin.value,
    }
    if origin.removed:
        found["removed"] = True
    return found


def _pointers(recipe: Recipe) -> Iterator[tuple[str, Origins]]:
    for number, (_, origins) in enumerate(recipe.constraints):
        yield f"/constraints/{number}", origins
    for component in recipe.components:
        yield from component_pointers(component)
    for name, phase in recipe.phases.items():
        yield from _phase_pointers(f"/validation/{name}", phase)


def component_pointers(component: Component) -> Iterator[tuple[str, Origins]]:
    """Yield (pointer, origins) of everything a selector reaches below one component."""
    root = f"/components/{escape(component.name)}"
    yield f"{root}/name", component.declared
    unsaid = tuple(replace(origin, value="") for origin in component.declared)
    for field in ("type", "source", "namespace", "chart", "version", "tag", "path"):
        if field in component.words or field in ("type", "source"):
            yield f"{root}/{field}", component.words.get(field, unsaid)
    for field in ADDITIVE:
        for number, origin in enumerate(component.lists.get(field, ())):
            yield f"{root}/{field}/{number}", (origin,)
    if "expectedResources" in component.replaced:
        yield f"{root}/expectedResources", component.replaced["expectedResources"]
    for path, origins in walk(component.values):
        if path or origins:
            yield "/".join((root, "values", *map(escape, path))), origins


def _phase_pointers(root: str, phase: Phase) -> Iterator[tuple[str, Origins]]:
    for field, origins in phase.dropped.items():
        yield f"{root}/{field}", origins
    for field, origins in phase.others.items():
        yield f"{root}/{field}", origins
    for number, (_, origins) in enumerate(phase.constraints):
        yield f"{root}/constraints/{number}", origins
    for number, origin in enumerate(phase.checks):
        yield f"{root}/checks/{number}", (origin,)


def escape(key: str) -> str:
    """Return a key as a JSON Pointer step. Source: RFC 6901, section 3."""
    return key.replace("~", "~0").replace("/", "~1")
