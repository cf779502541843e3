"""Traced values: the two ways in which layers merge, and what each of them remembers."""

from __future__ import annotations

from typing import Any

from clusterbook.catalog.values import Branch, Leaf, Tree, data, settle, stack, trace, walk
from clusterbook.diagnostics.findings import Place
from clusterbook.documents.yaml_reader import parse


def written(text: str, layer: str) -> Tree:
    """Return the tree that one layer writes."""
    node = parse(text, f"{layer}.yaml")
    assert node is not None
    return trace(node, layer, f"{layer}.yaml")


def said(tree: Tree) -> dict[str, list[tuple[str, Any, bool]]]:
    """Return what every layer said about every value: path → (layer, value, removed)."""
    return {
        ".".join(path): [(origin.layer, origin.value, origin.removed) for origin in origins]
        for path, origins in walk(tree)
    }


def test_every_value_knows_its_layer_and_its_place() -> None:
    tree = written("a:\n  b: [1, {c: x}]\n  d: 1.10\n", "low")
    origins = {".".join(path): origin for path, (origin,) in walk(tree)}
    assert (origins["a.b"].value, origins["a.b"].place) == ([1, {"c": "x"}], Place("low.yaml", 2, 6))
    assert (origins["a.d"].value, origins["a.d"].place) == (1.1, Place("low.yaml", 3, 6))
    assert data(tree) == {"a": {"b": [1, {"c": "x"}], "d": 1.1}}


def test_maps_merge_and_all_else_replaces() -> None:
    low, high = written("m: {a: 1, b: [1, 2]}\ns: x\n", "low"), written("m: {b: [3], c: 4}\ns: {t: 1}\n", "high")
    for merge in (stack, settle):
        assert data(merge(low, high)) == {"m": {"a": 1, "b": [3], "c": 4}, "s": {"t": 1}}


def test_a_map_that_is_replaced_by_a_word_is_gone() -> None:
    low, high = written("m: {a: 1}\n", "low"), written("m: off\n", "high")
    for merge in (stack, settle):
        assert data(merge(low, high)) == {"m": "off"}


def test_a_replaced_value_stays_in_the_origins_and_the_winner_is_last() -> None:
    tree = stack(stack(written("a: 1\n", "one"), written("a: 2\n", "two")), written("a: 3\n", "three"))
    assert said(tree)["a"] == [("one", 1, False), ("two", 2, False), ("three", 3, False)]


def test_stacking_keeps_null_and_settling_lets_it_delete() -> None:
    low, high = written("a: 1\nb: {c: 2}\n", "low"), written("a: null\nb: {c: null}\nd: null\n", "high")
    assert data(stack(low, high)) == {"a": None, "b": {"c": None}, "d": None}
    assert data(settle(low, high)) == {"b": {}}


def test_a_null_in_a_map_that_has_no_peer_stays() -> None:
    tree = settle(written("a: 1\n", "low"), written("new: {x: null, y: 2}\n", "high"))
    assert data(tree) == {"a": 1, "new": {"x": None, "y": 2}}


def test_a_map_over_a_null_of_another_overlay_meets_what_is_below() -> None:
    overrides = stack(written("m: null\n", "one"), written("m: {b: 2}\n", "two"))
    assert data(settle(written("m: {a: 1}\n", "file"), overrides)) == {"m": {"a": 1, "b": 2}}


def test_a_null_over_a_map_of_another_overlay_deletes_what_is_below() -> None:
    overrides = stack(written("m: {b: 2}\n", "one"), written("m: null\n", "two"))
    assert data(settle(written("m: {a: 1}\n", "file"), overrides)) == {}


def test_a_null_in_the_lowest_file_is_a_value() -> None:
    assert data(settle(written("a: null\nb: 1\n", "low"), written("b: 2\n", "high"))) == {"a": None, "b": 2}


def test_a_null_inside_a_list_is_a_value() -> None:
    assert data(settle(written("a: [1]\n", "low"), written("a: [null]\n", "high"))) == {"a": [None]}


def test_what_was_deleted_is_remembered() -> None:
    tree = settle(written("a: 1\n", "low"), written("a: null\n", "high"))
    assert said(tree)["a"] == [("low", 1, False), ("high", None, True)]


def test_what_overlays_said_before_one_deleted_it_is_remembered_too() -> None:
    overrides = stack(written("a: 2\n", "one"), written("a: null\n", "two"))
    tree = settle(written("a: 1\n", "file"), overrides)
    assert said(tree)["a"] == [("file", 1, False), ("one", 2, False), ("two", None, True)]


def test_what_was_deleted_may_come_back() -> None:
    gone = settle(written("a: {x: 1}\n", "one"), written("a: null\n", "two"))
    tree = settle(gone, written("a: {y: 2}\n", "three"))
    assert data(tree) == {"a": {"y": 2}}


def test_a_map_over_a_word_remembers_the_word() -> None:
    tree = stack(written("a: word\n", "low"), written("a: {b: 1}\n", "high"))
    assert said(tree) == {"a": [("low", "word", False), ("high", {}, False)], "a.b": [("high", 1, False)]}


def test_merging_changes_neither_side() -> None:
    low, high = written("m: {a: 1}\n", "low"), written("m: {a: 2, b: null}\n", "high")
    for merge in (stack, settle):
        merge(low, high)
        merge(merge(low, high), low)
        assert data(low) == {"m": {"a": 1}}
        assert data(high) == {"m": {"a": 2, "b": None}}


def test_an_empty_map_is_a_value() -> None:
    tree = written("a: {}\n", "low")
    assert data(tree) == {"a": {}}
    assert said(tree) == {"a": [("low", {}, False)]}
    assert data(stack(tree, written("a: {b: 1}\n", "high"))) == {"a": {"b": 1}}
    assert data(stack(written("a: {b: 1}\n", "low"), tree)) == {"a": {"b": 1}}


def test_nothing_below_leaves_the_layer_as_it_is() -> None:
    tree = written("a: 1\n", "only")
    assert stack(None, tree) is tree
    assert isinstance(settle(None, tree), Branch)
    assert isinstance(settle(None, written("a: null\n", "x").children["a"]), Leaf)  # type: ignore[union-attr]
