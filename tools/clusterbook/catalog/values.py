"""Values with their origins, and how layers of them merge.

Every origin is kept, winner last, so that the last origin of each path rebuilds the values. Trees are never changed
once made: a merge shares what it does not touch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from clusterbook.diagnostics.findings import Place
from clusterbook.documents.yaml_reader import Node


@dataclass(frozen=True, slots=True)
class Origin:
    """One layer's say about one value; `removed` says that it took the value away instead."""

    layer: str
    place: Place
    value: Any
    removed: bool = False


Origins = tuple[Origin, ...]
"""Everything that was said about one value, winner last."""


class Leaf:
    """A scalar or a list, with its origins; a removed one stays as a memory of what was there."""

    __slots__ = ("origins", "removed")

    def __init__(self, origins: Origins, *, removed: bool = False) -> None:
        self.origins = origins
        self.removed = removed


class Branch:
    """A map of trees, with the origins of the map itself (value `{}`) and of what it replaced."""

    __slots__ = ("children", "origins")

    def __init__(self, children: dict[str, Tree], origins: Origins) -> None:
        self.children = children
        self.origins = origins


Tree = Leaf | Branch


def trace(node: Node, layer: str, file: str) -> Tree:
    """Return the tree that one layer writes."""
    place = Place(file, node.line, node.column)
    if isinstance(node.value, dict):
        children = {key: trace(child, layer, file) for key, child in node.value.items()}
        return Branch(children, (Origin(layer, place, {}),))
    return Leaf((Origin(layer, place, node.data()),))


def stack(low: Tree | None, high: Tree) -> Tree:
    """Return `high` over `low`: maps merge, all else replaces, and null is kept to act later.

    This is how the overrides of several overlays become one. Source: reference row R29.
    """
    return _merge(low, high, stack)


def settle(low: Tree | None, high: Tree) -> Tree:
    """Return `high` over `low`: maps merge, all else replaces, and null removes what is below.

    This is how values files and overrides become values; a null in a map with nothing below stays null.
    Source: reference rows R37, R38.
    """
    if isinstance(high, Leaf) and high.origins[-1].value is None and not high.removed:
        last = high.origins[-1]
        gone = Origin(last.layer, last.place, None, removed=True)
        before = (low.origins if low else ()) + high.origins[:-1]
        return Leaf((*before, gone), removed=True)
    return _merge(low, high, settle)


def _merge(low: Tree | None, high: Tree, merge: Callable[[Tree | None, Tree], Tree]) -> Tree:
    """Return `high` over `low`, with the members of two maps merged by `merge`."""
    if low is None:
        return high
    origins = low.origins + high.origins
    if isinstance(high, Leaf):
        return Leaf(origins)
    if isinstance(low, Leaf):
        return Branch(high.children, origins)
    children = dict(low.children)
    for key, child in high.children.items():
        children[key] = merge(children.get(key), child)
    return Branch(children, origins)


def data(tree: Tree) -> Any:
    """Return the plain values of a tree; what was removed is absent."""
    if isinstance(tree, Branch):
        return {
            key: data(child) for key, child in tree.children.items() if not (isinstance(child, Leaf) and child.removed)
        }
    return tree.origins[-1].value


def walk(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Origins]]:
    """Yield (path, origins) of every leaf, of every removed value, of maps without members and of replaced scalars.

    Applied in order, the last origin of each path rebuilds `data(tree)`.
    """
    if isinstance(tree, Leaf):
        yield path, tree.origins
        return
    if not tree.children or any(origin.value != {} or origin.removed for origin in tree.origins):
        yield path, tree.origins
    for key, child in tree.children.items():
        yield from walk(child, (*path, key))
