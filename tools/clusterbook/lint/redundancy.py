"""Redundancy: what could be removed without any recipe noticing.

A value is redundant when in each recipe it stands in, the same value stood there before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from clusterbook.catalog.layers import ADDITIVE
from clusterbook.catalog.values import Branch, Origin, Origins, Tree
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint.scope import Scope

REDUNDANT_VALUE = Code(
    "CB043",
    "value equal to what is inherited",
    "warning",
    "A value that is set twice gets changed once: the copy stays behind when the original moves.",
    "Remove it; the recipe stays the same.",
)


@dataclass
class _Occurrences:
    """What was seen of each origin, by its place."""

    needed: set[Place] = field(default_factory=set)
    repeated: dict[Place, tuple[str, Origin, Origin]] = field(default_factory=dict)

    def add(self, name: str, origins: Origins) -> None:
        """Note one thing's origins in one recipe."""
        before: Origin | None = None
        for origin in origins:
            if before is not None and same(before.value, origin.value) and before.place != origin.place:
                self.repeated.setdefault(origin.place, (name, origin, before))
            else:
                self.needed.add(origin.place)
            before = origin


def redundancies(scope: Scope) -> Iterator[Finding]:
    """Yield CB043 for each value, field and constraint that equals what is inherited wherever it counts."""
    occurrences = _Occurrences()
    for component in scope.components:
        for word, origins in component.words.items():
            if word != "type" or scope.catalog.tree.strict:  # the reference repeats the type everywhere
                occurrences.add(f"{component.name}.{word}", origins)
        for name, origins in component.replaced.items():
            occurrences.add(f"{component.name}.{name}", origins)
        for path, origins in leaves(component.values):
            occurrences.add(".".join((component.name, *path)), origins)
    for recipe in scope.recipes.values():
        pairs = list(recipe.constraints)
        for phase in recipe.phases.values():
            pairs += [*phase.constraints, *phase.others.items()]
        for name, origins in pairs:
            occurrences.add(name, origins)
    for place, (name, origin, before) in occurrences.repeated.items():
        if place not in occurrences.needed and place.file in scope.sources:
            what = f"{name} is {_short(origin.value)} already, from {_origin_text(before)}"
            yield REDUNDANT_VALUE.finding(place, what, "remove it")
    yield from _repeated_entries(scope)
    yield from _repeated_mixins(scope)


def _repeated_entries(scope: Scope) -> Iterator[Finding]:
    """Yield CB043 for the entries of an additive list that are there without this layer."""
    kept = {o.place for component in scope.components for name in ADDITIVE for o in component.lists.get(name, ())}
    kept |= {origin.place for recipe in scope.recipes.values() for p in recipe.phases.values() for origin in p.checks}
    applied = {name for recipe in scope.recipes.values() for name in recipe.applied}
    for layer in scope.catalog.layers:
        if layer.name not in applied:
            continue
        lists = [(f"{part.name}.{name}", part.lists.get(name, ())) for part in layer.components for name in ADDITIVE]
        lists += [(f"{phase}.checks", phase_layer.checks or ()) for phase, phase_layer in layer.phases.items()]
        for name, origins in lists:
            yield from _inherited_entries(
                name, [origin for origin in origins if origin.place not in kept], len(origins)
            )


def _repeated_mixins(scope: Scope) -> Iterator[Finding]:
    """Yield CB043 for each mixin that an overlay names although one it builds on does."""
    for name, layer in scope.catalog.overlays.items():
        chain = [scope.catalog.base, *scope.catalog.chain(name)[:-1]]
        inherited = {origin.value for parent in chain for origin in parent.mixins}
        yield from _inherited_entries(
            "mixins", [origin for origin in layer.mixins if origin.value in inherited], len(layer.mixins)
        )


def _inherited_entries(name: str, origins: list[Origin], count: int) -> Iterator[Finding]:
    """Yield one finding for all entries of one list that are inherited."""
    if origins:
        words = ", ".join(str(origin.value) for origin in origins)
        what = f"{name} has {words} already" if count > 1 else f"{name} has '{words}' already"
        hint = "remove the list" if len(origins) == count else "lists are merged; name only what is new"
        yield REDUNDANT_VALUE.finding(origins[0].place, what, hint)


def leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Origins]]:
    """Yield (path, origins) of every scalar, list and empty map."""
    if isinstance(tree, Branch) and tree.children:
        for key, child in tree.children.items():
            yield from leaves(child, (*path, key))
    elif path:
        yield path, tree.origins


def same(one: object, other: object) -> bool:
    """Return whether two values mean the same in YAML, where 1 is not true and the order of keys does not count."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def _origin_text(origin: Origin) -> str:
    return f"the {origin.layer} ({origin.place})" if origin.layer == "registry" else f"{origin.layer} ({origin.place})"


def _short(value: object) -> str:
    shown = value.get("value", value) if isinstance(value, dict) else value
    if isinstance(shown, list):
        return "this list" if shown else "an empty list"
    text = "null" if shown is None else str(shown).lower() if isinstance(shown, bool) else str(shown)
    return f"'{text[:40]}…'" if len(text) > 41 else f"'{text}'"
