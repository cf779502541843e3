"""Disagreements: where the alphabet decides between two overlays that meet in one recipe on equal terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from clusterbook.catalog.layers import Layer
from clusterbook.catalog.values import Branch, Origin, Tree, stack
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.scope import Scope
from clusterbook.resolve.resolver import Resolver
from clusterbook.snapshot.constraint import floor, parse_expression

DISAGREEMENT = Code(
    "CB041",
    "disagreement between equals",
    "warning",
    "Two overlays match one query with equal specificity, neither based on the other: alphabetical order"
    " decides which wins.",
    "Set it in one place, make the values equal, or add an overlay that claims both criteria and decides.",
)


class Claims(NamedTuple):
    """What a run of layers says last about each thing."""

    words: Mapping[tuple[str, ...], Origin]
    trees: Mapping[str, Tree]


def disagreements(scope: Scope) -> Iterator[Finding]:
    """Yield CB041 for each thing that two equally specific overlays of one recipe say differently."""
    if not scope.recipes:
        return
    resolver = Resolver(scope.catalog)
    judged: set[tuple[str, str]] = set()
    for slug, recipe in scope.recipes.items():
        leaves = [(leaf, leaf.criteria) for leaf in resolver.leaves(recipe.criteria) if leaf.criteria]
        for (one, mine), (other, theirs) in combinations(leaves, 2):
            if mine.specificity() != theirs.specificity() or (one.name, other.name) in judged:
                continue
            judged.add((one.name, other.name))
            yield from _pair_disagreements(scope, one, other, slug)


def _pair_disagreements(scope: Scope, one: Layer, other: Layer, slug: str) -> Iterator[Finding]:
    """Yield what `one` and `other`, which merges later, say differently, each with the layers only it builds on."""
    chains = scope.catalog.chain(one.name), scope.catalog.chain(other.name)
    mine = _claims([layer for layer in chains[0] if layer not in chains[1]])
    theirs = _claims([layer for layer in chains[1] if layer not in chains[0]])
    pairs = [(path, mine.words[path], origin) for path, origin in theirs.words.items() if path in mine.words]
    for name, tree in theirs.trees.items():
        if name in mine.trees:
            pairs += _clashes(mine.trees[name], tree, (name, "overrides"))
    for path, loser, winner in pairs:
        if not _same(loser.value, winner.value) and not _both_floors(path, loser, winner):
            what = (
                f"{'.'.join(path)} is {_short(winner.value)} here and {_short(loser.value)} in '{loser.layer}' "
                f"({loser.place}); in {slug} the alphabet decides"
            )
            hint = f"set it in one of the two, or in an overlay that claims both {one.name} and {other.name}"
            yield DISAGREEMENT.finding(winner.place, what, hint)


def _claims(layers: Sequence[Layer]) -> Claims:
    """Return what `layers` say, the last word on each thing."""
    words: dict[tuple[str, ...], Origin] = {}
    trees: dict[str, Tree] = {}
    for layer in layers:
        words |= {("constraint", name): origin for name, origin in layer.constraints}
        for phase, phase_layer in layer.phases.items():
            words |= {(phase, name): origin for name, origin in phase_layer.constraints or ()}
            words |= {(phase, field): origin for field, origin in phase_layer.others.items()}
        for part in layer.components:
            words |= {(part.name, field): origin for field, origin in (*part.words.items(), *part.replaced.items())}
            if part.overrides is not None:
                trees[part.name] = stack(trees.get(part.name), part.overrides)
    return Claims(words, trees)


def _clashes(mine: Tree, theirs: Tree, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Origin, Origin]]:
    """Return (path, my origin, their origin) of every value that both trees set."""
    if isinstance(mine, Branch) and isinstance(theirs, Branch):
        both = [key for key in theirs.children if key in mine.children]
        return [clash for key in both for clash in _clashes(mine.children[key], theirs.children[key], (*path, key))]
    return [(path, mine.origins[-1], theirs.origins[-1])]


def _same(one: object, other: object) -> bool:
    """Return whether two values are the same in YAML too, where 1 is not true."""
    return repr(one) == repr(other) or (one == other and isinstance(one, dict))


def _both_floors(path: tuple[str, ...], one: Origin, other: Origin) -> bool:
    """Return whether two constraints only differ in height; a later one that is lower is found as such."""
    if not (isinstance(one.value, dict) and isinstance(other.value, dict) and "value" in one.value):
        return False
    try:
        floors = [floor(parse_expression(str(constraint.value.get("value", "")))) for constraint in (one, other)]
    except InvalidRequest:
        return True
    return None not in floors and len(path) == 2


def _short(value: object) -> str:
    """Return a value in at most a few words."""
    shown = value["value"] if isinstance(value, dict) and "value" in value else value
    text = "a map" if shown == {} else str(shown)
    return f"'{text[:40]}…'" if len(text) > 41 else f"'{text}'"
