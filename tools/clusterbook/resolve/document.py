"""The documents of a resolved recipe: the recipe as it is written, and the origins of everything in it.

A pointer of the origins leads to the same value in the query view: applied in order, origins rebuild it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from clusterbook.catalog.layers import ADDITIVE, WORDS
from clusterbook.catalog.values import Origin, Origins, data, walk
from clusterbook.documents.api_version import API_VERSION
from clusterbook.resolve.component import Component
from clusterbook.resolve.phases import Phase
from clusterbook.resolve.recipe import COMPONENTS, KIND, ORDER
from clusterbook.resolve.resolver import Recipe

Document = dict[str, Any]


def validation_document(phases: Mapping[str, Phase]) -> Document:
    """Return the validation phases. Source: reference row R17."""
    document: Document = {}
    for name, phase in phases.items():
        found: Document = {field: origins[-1].value for field, origins in phase.others.items()}
        if phase.constraints or "constraints" in phase.dropped:
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
    if recipe.profile is not None:
        metadata["selectedProfile"] = recipe.profile.document()
    document: Document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "criteria": recipe.criteria.specified(),
        COMPONENTS: [_component_ref(component) for component in recipe.components],
        ORDER: list(recipe.order),
    }
    if recipe.constraints:
        document["constraints"] = [dict(origins[-1].value) for _, origins in recipe.constraints]
    if recipe.configuration:
        document["configuration"] = recipe.configuration
    if recipe.phases:
        document["validation"] = validation_document(recipe.phases)
    return document


def _component_ref(component: Component) -> Document:
    """Return one entry of componentRefs. Source: reference row R16."""
    found: Document = {"name": component.name, "type": component.word("type"), "source": component.word("source")}
    found |= {field: word for field in WORDS if field != "healthCheckAsserts" and (word := component.word(field))}
    found |= {field: component.words_of(field) for field in ADDITIVE if component.lists.get(field)}
    found |= {field: origins[-1].value for field, origins in component.replaced.items()}
    found |= dict.fromkeys(component.sticky, True)
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

    Applied in order, the last origin of each pointer rebuilds the query view's constraints, components and validation.
    Source: design, section 5.
    """
    found = {pointer: origin_list(origins) for pointer, origins in recipe_pointers(recipe)}
    for component in recipe.components:
        found |= {pointer: origin_list(origins) for pointer, origins in component_pointers(component)}
    return found


def origin_list(origins: Origins) -> list[Document]:
    """Return origins as documents, winner last."""
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


def recipe_pointers(recipe: Recipe) -> Iterator[tuple[str, Origins]]:
    """Yield (pointer, origins) of the recipe's own constraints and validation."""
    for number, (_, origins) in enumerate(recipe.constraints):
        yield f"/constraints/{number}", origins
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
    yield root, phase.declared
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


# --- origins in few words ---------------------------------------------------------------------------------------------

Brief = str | list[dict[str, Any]]
"""Origins where all of them are kept.

    base recipes/overlays/base.yaml:11:14              one layer said it, and the value stands beside
    [{by: base …, value: 1}, {by: eks …, value: 2}]    several did, winner last
"""


_PLACE = re.compile(r"(.+):([0-9]{1,9}):([0-9]{1,9})")


def brief(origins: Origins) -> Brief:
    """Return origins in few words."""
    if len(origins) == 1 and not origins[0].removed:
        return _author(origins[0])
    return [
        {"by": _author(origin), "value": origin.value, **({"removed": True} if origin.removed else {})}
        for origin in origins
    ]


def _author(origin: Origin) -> str:
    return f"{origin.layer} {origin.place}"


def expand(origins: Brief, pointer: str, view: Mapping[str, Any], effect: Mapping[str, Any]) -> list[Document]:
    """Return origins in full as `origin_list` does; what one layer said alone stands at `pointer` in the query view.

    `effect` is what is said of the effect of a value, which is kept elsewhere.
    """
    said = [{"by": origins, "value": _at(view, pointer)}] if isinstance(origins, str) else origins
    found: list[Document] = []
    for each in said:
        layer, _, place = str(each["by"]).partition(" ")
        written = _PLACE.fullmatch(place)
        file, line, column = written.groups() if written else (place, 0, 0)
        one = {"layer": layer, "file": file, "line": int(line), "column": int(column), "value": each.get("value")}
        found.append(one | ({"removed": True} if each.get("removed") else {}))
    if "/values/" in pointer and found:
        found[-1]["effect"] = effect
    return found


def _at(document: Any, pointer: str) -> Any:
    """Return what stands at a pointer, None for nothing. Source: RFC 6901, section 4."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            document = document[int(key)] if key.isdecimal() and int(key) < len(document) else None
        else:
            document = document.get(key) if isinstance(document, dict) else None
    return document


def winner(origins: Brief) -> str:
    """Return who had the last word, "" when nobody is known."""
    if isinstance(origins, str):
        return origins
    return str(origins[-1]["by"]) if origins else ""


def winners(pointers: Mapping[str, Brief]) -> dict[str, str]:
    """Return who had the last word by pointer."""
    return {pointer: winner(origins) for pointer, origins in pointers.items()}


def component_winners(component: Component) -> dict[str, str]:
    """Return who had the last word about everything in a component, by the pointers of its origins."""
    return {pointer: _author(origins[-1]) for pointer, origins in component_pointers(component) if origins}


def recipe_winners(
    recipe: Recipe, winners_of: Callable[[Component], Mapping[str, str]] = component_winners
) -> dict[str, str]:
    """Return who had the last word about everything in a recipe, by the pointers of its origins.

    `winners_of` says it of a component; whoever asks of many recipes gives one that keeps what they share.
    """
    last = {pointer: _author(origins[-1]) for pointer, origins in recipe_pointers(recipe) if origins}
    for component in recipe.components:
        last |= winners_of(component)
    return last
