"""The algebra of merging, held against a second implementation on plain data. Source: design, section 6."""

from __future__ import annotations

import copy
from functools import reduce
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clusterbook.catalog.values import Tree, data, settle, stack, trace, walk
from clusterbook.documents.yaml_reader import Node
from tests.support.replay import descend

KEYS = st.sampled_from("abc")
WORDS = st.sampled_from([None, True, False, 0, 1, 1.5, "x", ""])
LISTS = st.lists(st.one_of(WORDS, st.dictionaries(KEYS, WORDS, max_size=1)), max_size=2)


def maps(words: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return maps of maps, lists and `words`."""
    inner = st.recursive(st.one_of(words, LISTS), lambda more: st.dictionaries(KEYS, more, max_size=3), max_leaves=6)
    return st.dictionaries(KEYS, inner, max_size=3)


MAPS = maps(WORDS)
WITHOUT_NULL = maps(WORDS.filter(lambda word: word is not None))
STACKS = st.lists(MAPS, min_size=1, max_size=4)


def node(value: Any) -> Node:
    """Return a document that says `value`, every part of it on a line of its own."""
    if isinstance(value, dict):
        return Node({key: node(child) for key, child in value.items()}, 1, 1, 1, 1)
    if isinstance(value, list):
        return Node([node(child) for child in value], 1, 1, 1, 1)
    return Node(value, 1, 1, 1, 1)


def layer(value: Any, name: str = "layer") -> Tree:
    """Return the tree of a layer that says `value`."""
    return trace(node(value), name, f"{name}.yaml")


def layers(values: list[dict[str, Any]]) -> list[Tree]:
    """Return the trees of layers called 0, 1, 2 …"""
    return [layer(value, str(number)) for number, value in enumerate(values)]


def plain_stack(low: Any, high: Any) -> Any:
    """Return `high` over `low` by row R29, on plain data: maps merge, all else replaces, null is a value."""
    if not (isinstance(low, dict) and isinstance(high, dict)):
        return copy.deepcopy(high)
    return {**low, **{key: plain_stack(low.get(key), value) for key, value in high.items()}}


def plain_settle(low: Any, high: Any) -> Any:
    """Return `high` over `low` by row R38, on plain data: like `plain_stack`, but null deletes where maps meet."""
    if not (isinstance(low, dict) and isinstance(high, dict)):
        return copy.deepcopy(high)
    merged = dict(low)
    for key, value in high.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = plain_settle(merged.get(key), value)
    return merged


def rebuilt(tree: Tree) -> dict[str, Any]:
    """Return what the last origins that `walk` yields build, applied in order."""
    document: dict[str, Any] = {}
    for path, origins in walk(tree):
        winner = origins[-1]
        if not path:
            continue
        if winner.removed:
            descend(document, path[:-1]).pop(path[-1], None)
        else:
            descend(document, path[:-1])[path[-1]] = copy.deepcopy(winner.value)
    return document


def kinds(value: Any, path: str = "") -> dict[str, str]:
    """Return for every path whether a map, or something that replaces as a whole, stands there."""
    if not isinstance(value, dict):
        return {path: "word"}
    found = {path: "map"}
    for key, child in value.items():
        found |= kinds(child, f"{path}/{key}")
    return found


def agree(values: list[dict[str, Any]]) -> bool:
    """Return whether every path is of one kind in all of `values`."""
    known: dict[str, str] = {}
    return all(known.setdefault(path, kind) == kind for value in values for path, kind in kinds(value).items())


# --- against the second implementation --------------------------------------------------------------------------------


@given(STACKS)
def test_stacking_gives_what_plain_data_gives(values: list[dict[str, Any]]) -> None:
    assert data(reduce(stack, layers(values))) == reduce(plain_stack, values)


@given(STACKS)
def test_settling_gives_what_plain_data_gives(values: list[dict[str, Any]]) -> None:
    assert data(reduce(settle, layers(values))) == reduce(plain_settle, values)


@given(MAPS, MAPS, STACKS)
def test_files_and_stacked_overrides_give_what_plain_data_gives(
    own: dict[str, Any], chosen: dict[str, Any], overrides: list[dict[str, Any]]
) -> None:
    tree = settle(settle(layer(own), layer(chosen)), reduce(stack, layers(overrides)))
    assert data(tree) == plain_settle(plain_settle(own, chosen), reduce(plain_stack, overrides))


# --- laws -------------------------------------------------------------------------------------------------------------


@given(MAPS)
def test_an_empty_layer_changes_nothing(value: dict[str, Any]) -> None:
    for merge in (stack, settle):
        assert data(merge(layer(value), layer({}))) == value
        assert data(stack(layer({}), layer(value))) == value


@given(WITHOUT_NULL)
def test_an_empty_layer_below_changes_nothing_unless_nulls_delete(value: dict[str, Any]) -> None:
    assert data(settle(layer({}), layer(value))) == value


@given(MAPS, MAPS)
def test_merging_a_layer_twice_equals_once(low: dict[str, Any], high: dict[str, Any]) -> None:
    once = stack(layer(low), layer(high))
    assert data(stack(once, layer(high))) == data(once)
    assert data(stack(layer(low), layer(low))) == low


@given(WITHOUT_NULL, WITHOUT_NULL)
def test_settling_a_layer_twice_equals_once(low: dict[str, Any], high: dict[str, Any]) -> None:
    once = settle(layer(low), layer(high))
    assert data(settle(once, layer(high))) == data(once)


@given(MAPS, MAPS, MAPS)
def test_grouping_does_not_matter_where_kinds_agree(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    if agree([one, two, three]):
        a, b, c = layers([one, two, three])
        assert data(stack(stack(a, b), c)) == data(stack(a, stack(b, c)))


@given(WITHOUT_NULL, WITHOUT_NULL, WITHOUT_NULL)
def test_grouping_does_not_matter_when_settling_where_kinds_agree(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    if agree([one, two, three]):
        a, b, c = layers([one, two, three])
        assert data(settle(settle(a, b), c)) == data(settle(a, settle(b, c)))


@given(WITHOUT_NULL, WITHOUT_NULL)
def test_layers_that_say_different_things_may_change_places(one: dict[str, Any], two: dict[str, Any]) -> None:
    apart = {f"1{key}": value for key, value in one.items()}
    for merge in (stack, settle):
        assert data(merge(layer(apart), layer(two))) == data(merge(layer(two), layer(apart)))


@given(STACKS)
def test_the_last_layer_has_the_last_word(values: list[dict[str, Any]]) -> None:
    for merge in (stack, settle):
        merged = data(reduce(merge, layers(values)))
        for key, value in values[-1].items():
            if not isinstance(value, dict) and not (merge is settle and value is None):
                assert merged[key] == value


# --- origins ----------------------------------------------------------------------------------------------------------


@given(STACKS, STACKS)
def test_the_origins_rebuild_the_values(files: list[dict[str, Any]], overrides: list[dict[str, Any]]) -> None:
    stacked = reduce(stack, layers(overrides))
    for tree in (stacked, reduce(settle, layers(files)), settle(reduce(settle, layers(files)), stacked)):
        assert rebuilt(tree) == data(tree)


@given(STACKS)
def test_every_layer_that_said_a_word_is_among_its_origins_in_order(values: list[dict[str, Any]]) -> None:
    for merge in (stack, settle):
        for path, origins in walk(reduce(merge, layers(values))):
            spoke = [int(origin.layer) for origin in origins]
            assert all(one < two for one, two in pairwise(spoke))
            if len(path) == 1 and not any(isinstance(value.get(path[0]), dict) for value in values):
                assert spoke == [number for number, value in enumerate(values) if path[0] in value]


@given(STACKS)
def test_merging_changes_none_of_its_layers(values: list[dict[str, Any]]) -> None:
    trees = layers(values)
    for merge in (stack, settle):
        reduce(merge, trees)
        assert [data(tree) for tree in trees] == values
