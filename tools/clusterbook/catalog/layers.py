"""Layers: what one overlay, mixin or values file says, with the place of each word.

A layer says what stands in its document and nothing else; how layers combine is `resolve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusterbook.catalog.criteria import DIMENSIONS, Criteria
from clusterbook.catalog.schema import PHASES
from clusterbook.catalog.values import Branch, Origin, Tree, trace
from clusterbook.diagnostics.findings import Place
from clusterbook.documents.yaml_reader import Node

WORDS = ("namespace", "chart", "type", "source", "version", "tag", "path", "valuesFile", "healthCheckAsserts")
"""Fields of a component where the later non-empty word wins. Source: reference row R28."""
ADDITIVE = ("dependencyRefs", "manifestFiles", "preManifestFiles")
"""Fields of a component that layers add to. Source: reference row R30."""
REPLACED = ("expectedResources", "patches")
"""Fields of a component that a later non-empty list replaces. Source: reference row R31."""
STICKY = ("cleanup", "healthCheckSkip")
"""Fields of a component that stay true once true. Source: reference row R32."""
CONSTRAINT_WORDS = ("name", "value", "severity", "remediation", "unit")


@dataclass(frozen=True, slots=True, eq=False)
class ComponentLayer:
    """What one layer says about one component; identity is what tells two of them apart."""

    name: str
    layer: str
    place: Place
    words: Mapping[str, Origin]
    lists: Mapping[str, tuple[Origin, ...]]
    replaced: Mapping[str, Origin]
    sticky: Mapping[str, Origin]
    overrides: Tree | None


@dataclass(frozen=True, slots=True)
class PhaseLayer:
    """What one layer says about one validation phase; None means "says nothing", () means "drops what is inherited".

    `declared` says that it speaks of the phase at all: a phase that is named is a phase that runs.
    """

    declared: Origin
    checks: tuple[Origin, ...] | None
    constraints: tuple[tuple[str, Origin], ...] | None
    others: Mapping[str, Origin]
    cleared: Mapping[str, Origin]


@dataclass(frozen=True, slots=True)
class ProfileValue:
    """One choice of a profile: values that go over all layers, and constraints that join those of the recipe."""

    name: str
    place: Place
    components: tuple[ComponentLayer, ...]
    constraints: tuple[tuple[str, Origin], ...]
    advertiser: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A choice that an overlay declares for all that build on it; `values` are its answers by name.

    Of one that `confirms` the default is what the layers say anyway: it changes and records nothing.
    """

    name: str
    overlay: str
    place: Place
    default: str
    values: Mapping[str, ProfileValue]
    confirms: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One overlay or mixin."""

    name: str
    file: str
    place: Place
    base: str
    criteria: Criteria | None
    mixins: tuple[Origin, ...]
    constraints: tuple[tuple[str, Origin], ...]
    components: tuple[ComponentLayer, ...]
    phases: Mapping[str, PhaseLayer]
    node: Node
    external: bool = field(default=False)
    profile: Profile | None = field(default=None)


def read_layer(node: Node, file: str, *, name: str = "", external: bool = False) -> Layer:
    """Return the layer that a checked RecipeMetadata or RecipeMixin document says; `name` wins over its own."""
    name_node = node.get("metadata", "name")
    name = name or (name_node.string() if name_node else "")
    spec = node.get("spec") or node
    validation = spec.get("validation")
    return Layer(
        name=name,
        file=file,
        place=Place(file, name_node.line, name_node.column) if name_node else Place(file),
        base=_string(spec, "base"),
        criteria=read_overlay_criteria(spec.get("criteria")),
        mixins=_words(spec.get("mixins"), name, file) or (),
        constraints=_constraints(spec.get("constraints"), name, file) or (),
        components=tuple(_component(item, name, file) for item in _elements(spec.get("componentRefs"))),
        phases={
            phase: _phase(phase_node, name, file)
            for phase, phase_node in (validation.items() if validation else ())
            if phase in PHASES and phase_node.value is not None
        },
        node=node,
        external=external,
        profile=read_profile(spec.get("profile"), name, file),
    )


def read_profile(node: Node | None, overlay: str, file: str) -> Profile | None:
    """Return the profile that an overlay declares, None when it declares none."""
    values = node.get("values") if node else None
    if node is None or values is None or not isinstance(node.value, dict):
        return None
    name = _string(node, "name")
    choices = {}
    for value, said in values.items():
        layer = f"{overlay} {name}={value}"
        choices[value] = ProfileValue(
            name=value,
            place=Place(file, said.key_line, said.key_column),
            components=tuple(_component(item, layer, file) for item in _elements(said.get("componentRefs"))),
            constraints=_constraints(said.get("constraints"), layer, file) or (),
            advertiser=_string(said, "advertiser"),
        )
    place, confirms = Place(file, node.key_line, node.key_column), _string(node, "confirms") == "true"
    return Profile(name, overlay, place, _string(node, "default"), choices, confirms)


def _elements(node: Node | None) -> list[Node]:
    return node.elements() if node else []


def _string(node: Node, key: str) -> str:
    child = node.get(key)
    return child.string() if child else ""


def read_overlay_criteria(node: Node | None) -> Criteria | None:
    """Return the criteria an overlay claims, None when it has none and so matches nothing by itself."""
    if node is None or not isinstance(node.value, dict):
        return None
    words = {key: value.string().strip().lower() for key, value in node.items() if key in DIMENSIONS}
    return Criteria(**{key: word for key, word in words.items() if word}, nodes=_count(node.get("nodes")))


def _count(node: Node | None) -> int:
    """Return a whole number as YAML reads it, so that 010 is 8; 0 when there is none. The shape has been checked."""
    value = node.value if node else None
    return int(float(value)) if isinstance(value, (int, float)) or (isinstance(value, str) and value.strip()) else 0


def _words(node: Node | None, layer: str, file: str) -> tuple[Origin, ...] | None:
    """Return a list of words with their places, None when the layer does not have the list."""
    if node is None or node.value is None:
        return None
    return tuple(Origin(layer, Place(file, item.line, item.column), item.string()) for item in node.elements())


def _constraints(node: Node | None, layer: str, file: str) -> tuple[tuple[str, Origin], ...] | None:
    """Return constraints as (name, origin); the origin's value is the whole entry as text."""
    if node is None or node.value is None:
        return None
    constraints = []
    for item in node.elements():
        entry = {word: text for word in CONSTRAINT_WORDS if (text := _string(item, word))}
        value = item.get("value") or item
        constraints.append((entry.get("name", ""), Origin(layer, Place(file, value.line, value.column), entry)))
    return tuple(constraints)


def _component(node: Node, layer: str, file: str) -> ComponentLayer:
    overrides = node.get("overrides")
    tree = trace(overrides, layer, file) if overrides and overrides.value else None

    def origin(child: Node, value: Any) -> Origin:
        return Origin(layer, Place(file, child.line, child.column), value)

    return ComponentLayer(
        name=_string(node, "name"),
        layer=layer,
        place=Place(file, node.line, node.column),
        words={word: origin(child, child.string()) for word in WORDS if (child := node.get(word)) and child.string()},
        lists={key: words for key in ADDITIVE if (words := _words(node.get(key), layer, file))},
        replaced={key: origin(child, _texts(child)) for key in REPLACED if (child := node.get(key)) and child.value},
        sticky={key: origin(child, True) for key in STICKY if (child := node.get(key)) and _true(child)},
        overrides=tree if isinstance(tree, Branch) else None,
    )


def _true(node: Node) -> bool:
    """Return whether a flag is set; typed flags accept YAML 1.1 spellings, as the reference's reader does."""
    return node.string().lower() in ("true", "yes", "on", "y", "t", "1")


def _texts(node: Node) -> Any:
    """Return a list or map with its scalars as written."""
    if isinstance(node.value, dict):
        return {key: _texts(child) for key, child in node.value.items() if child.value is not None}
    if isinstance(node.value, list):
        return [_texts(child) for child in node.value]
    return node.string()


def _phase(node: Node, layer: str, file: str) -> PhaseLayer:
    others: dict[str, Origin] = {}
    for key in ("timeout", "infrastructure", "nodeSelection"):
        child = node.get(key)
        if child and child.value not in (None, ""):
            value = _node_selection(child) if key == "nodeSelection" else child.string()
            others[key] = Origin(layer, Place(file, child.line, child.column), value)
    cleared = {
        key: Origin(layer, Place(file, child.line, child.column), [])
        for key in ("checks", "constraints")
        if (child := node.get(key)) and child.value == []
    }
    return PhaseLayer(
        declared=Origin(layer, Place(file, node.line, node.column), {}),
        checks=_words(node.get("checks"), layer, file),
        constraints=_constraints(node.get("constraints"), layer, file),
        others=others,
        cleared=cleared,
    )


def _node_selection(node: Node) -> Any:
    """Return a node selection with its one number as a number."""
    selection = _texts(node)
    return {**selection, "maxNodes": _count(node.get("maxNodes"))} if "maxNodes" in selection else selection
