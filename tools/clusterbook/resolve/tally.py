"""Tallies: how much a recipe decides, and how much two recipes differ, counted in components and values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from clusterbook.resolve.resolver import Recipe


class Tally(NamedTuple):
    """The number of components of a recipe, and of their values."""

    components: int
    values: int


class Swap(NamedTuple):
    """What changes from one recipe to another: components by name, and how many values of those both have."""

    out: tuple[str, ...]
    into: tuple[str, ...]
    values: int


def tally(recipe: Recipe) -> Tally:
    """Return how many components and values a recipe has; each element of a list counts, and so does an empty one."""
    values = sum(1 for component in recipe.components for _ in _leaves(component.settled))
    return Tally(len(recipe.components), values)


def swap(old: Recipe, new: Recipe) -> Swap:
    """Return what changes from `old` to `new`."""
    before = {component.name: component.settled for component in old.components}
    after = {component.name: component.settled for component in new.components}
    values = 0
    for name in before.keys() & after.keys():
        mine, theirs = dict(_leaves(before[name])), dict(_leaves(after[name]))
        values += sum(mine.get(path, _leaves) != theirs.get(path, _leaves) for path in mine.keys() | theirs.keys())
    return Swap(tuple(sorted(before.keys() - after.keys())), tuple(sorted(after.keys() - before.keys())), values)


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield (path, value) of every scalar and of every empty map or list; a component without values has none."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if members is None or (not value and path):
        yield path, value
        return
    for key, member in members:
        yield from _leaves(member, (*path, key))
