"""One component: everything that the applied layers say about it, merged field by field.

Each field has one merge rule, and every value keeps the origins of all layers that set it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from clusterbook.catalog.layers import ComponentLayer
from clusterbook.catalog.load import Catalog
from clusterbook.catalog.values import Branch, Leaf, Origin, Origins, Tree, data, settle, stack
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.findings import Place
from clusterbook.resolve.coherence import COHERENT, incoherence
from clusterbook.resolve.recipe import SWITCHES, TYPES

CONTRADICTION = Code(
    "CB030",
    "recipe that contradicts itself",
    "error",
    "The layers that one query matches cannot be deployed together.",
    "Fix the layer that the message names.",
)


class Conflict(ClusterbookError):
    """Layers that match one query contradict each other, or the result could not be deployed.

    `check` shows every such conflict with its place; fix the layer that it names.
    """

    code = "CB030"
    exit_status = 2


@dataclass(frozen=True, eq=False)
class Component:
    """One resolved component; shared by all recipes to which the same layers apply.

    `words` maps a field to its origins, registry default first and winner last; `lists` a field to its elements.
    `values` is the traced tree of its Helm values. Source: reference rows R16, R28-R32, R36-R38.
    """

    name: str
    declared: Origins
    words: Mapping[str, Origins]
    lists: Mapping[str, tuple[Origin, ...]]
    replaced: Mapping[str, Origins]
    sticky: Mapping[str, Origin]
    overrides: Tree | None
    values: Tree
    problem: Conflict | None

    def word(self, field: str) -> str:
        """Return a field's value, "" when no layer and no default sets it."""
        origins = self.words.get(field)
        return str(origins[-1].value) if origins else ""

    def words_of(self, field: str) -> list[str]:
        """Return the elements of a list field, in order."""
        return [str(origin.value) for origin in self.lists.get(field, ())]

    @cached_property
    def enabled(self) -> bool:
        """Return whether the component is deployed; only a real `false` switches it off. Source: reference row R39."""
        overrides = self.overrides.children if isinstance(self.overrides, Branch) else {}
        switches = (overrides.get(name) for name in SWITCHES)
        return not any(isinstance(switch, Leaf) and switch.origins[-1].value is False for switch in switches)

    @cached_property
    def settled(self) -> dict[str, Any]:
        """Return the plain Helm values."""
        found: dict[str, Any] = data(self.values)
        return found


def assemble(catalog: Catalog, layers: Sequence[ComponentLayer]) -> Component:
    """Return the component that `layers`, merged in order, describe."""
    name = layers[0].name
    words: dict[str, Origins] = {}
    lists: dict[str, tuple[Origin, ...]] = {}
    replaced: dict[str, Origins] = {}
    sticky: dict[str, Origin] = {}
    overrides: Tree | None = None
    for layer in layers:
        for field, origin in layer.words.items():
            words[field] = (*words.get(field, ()), origin)
        for field, origins in layer.lists.items():
            lists[field] = _union(lists.get(field, ()), origins)
        for field, origin in layer.replaced.items():
            replaced[field] = (*replaced.get(field, ()), origin)
        for field, origin in layer.sticky.items():
            sticky.setdefault(field, origin)
        if layer.overrides is not None:
            overrides = stack(overrides, layer.overrides)
    _canonical_type(words)
    _add_defaults(catalog, name, words, healthy="healthCheckSkip" not in sticky)
    entry = catalog.components.get(name)
    if entry is not None and entry.manifests and "manifestFiles" not in lists:
        lists["manifestFiles"] = entry.manifests
    values, problem = values_of(catalog, name, words.get("valuesFile", ()), overrides)
    component = Component(
        name=name,
        declared=tuple(Origin(layer.layer, layer.place, name) for layer in layers),
        words=words,
        lists=lists,
        replaced=replaced,
        sticky=sticky,
        overrides=overrides,
        values=values,
        problem=problem,
    )
    if problem is None and component.enabled:
        what = _incoherence(component)
        if what:
            place = _likely_place(component, layers[-1].place)
            problem = Conflict(f"component '{name}' {what[0]}", hint=what[1], place=place)
            component = replace(component, problem=problem)
    return component


def _likely_place(component: Component, otherwise: Place) -> Place:
    """Return where a layer said what most likely cannot be, so that all recipes it is in name one place."""
    words = (component.words.get(field, ()) for field in ("tag", "path", "type", "chart", "source", "version"))
    for origins in (component.replaced.get("patches", ()), *words):
        if origins and origins[-1].layer != "registry":
            return origins[-1].place
    return otherwise


def _union(known: tuple[Origin, ...], more: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """Return both lists, each word once, the earlier first. Source: reference row R30."""
    seen = {origin.value for origin in known}
    result = list(known)
    for origin in more:
        if origin.value not in seen:
            seen.add(origin.value)
            result.append(origin)
    return tuple(result)


def _canonical_type(words: dict[str, Origins]) -> None:
    """Write `helm` and `kustomize` the way they are written; unknown types stay for the coherence check."""
    origins = words.get("type")
    if origins:
        last = origins[-1]
        word = TYPES.get(str(last.value).lower(), last.value)
        words["type"] = (*origins[:-1], Origin(last.layer, last.place, word))


def _add_defaults(catalog: Catalog, name: str, words: dict[str, Origins], *, healthy: bool) -> None:
    """Put the registry's defaults below what the layers say. Source: reference row R36."""
    entry = catalog.components.get(name)
    if entry is None:
        return
    kind = words["type"][-1].value if "type" in words else entry.defaults["type"].value
    for field, origin in entry.defaults.items():
        if field == "type" or kind == entry.defaults["type"].value:
            words[field] = (origin, *words.get(field, ()))
    text = catalog.tree.files.get(entry.assert_file)
    if healthy and text is not None and "healthCheckAsserts" not in words:
        words["healthCheckAsserts"] = (Origin("registry", Place(text.file, 1, 1), text.text),)


def values_of(catalog: Catalog, name: str, files: Origins, overrides: Tree | None) -> tuple[Tree, Conflict | None]:
    """Return the component's values: its own values.yaml, then the chosen values file, then overrides.

    Its own values.yaml takes part only when a values file is chosen, and may be absent when that is another file.
    Source: reference rows R37, R38.
    """
    tree: Tree = Branch({}, ())
    merge = stack if catalog.keeps_null else settle
    if files:
        chosen, own = str(files[-1].value), f"components/{name}/values.yaml"
        if chosen != own and own in catalog.values:
            tree = catalog.values[own]
        if chosen not in catalog.values:
            problem = Conflict(
                f"values file '{chosen}' of component '{name}' does not exist",
                place=files[-1].place,
                hint=f"add it below the tree's root, or name {own}",
            )
            return tree, problem
        tree = merge(tree, catalog.values[chosen]) if chosen != own else catalog.values[chosen]
    if overrides is not None:
        tree = merge(tree, overrides)
    return tree, None


def _incoherence(component: Component) -> tuple[str, str] | None:
    """Return what keeps an enabled component from being deployed, and how to mend it; None when nothing does."""
    lists = {"patches": component.replaced.get("patches"), "manifestFiles": component.lists.get("manifestFiles")}
    return incoherence({"name": component.name, **{word: component.word(word) for word in COHERENT}, **lists})
