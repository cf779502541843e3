"""The reference's own tree, resolved: equal to what the reference makes of it, for every combination of criteria.

`shared/reference/2026.03` is a real tree in the reference's format and `2026.03.expected.json` what the reference
resolves from it: `combos` maps each tuple to a key of `results`, which have the shape of row Q2 without `criteria`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from clusterbook.catalog.criteria import Criteria, product
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.catalog.tree import SourceTree
from clusterbook.documents.api_version import FIRST_GENERATION
from clusterbook.resolve import matrix
from clusterbook.resolve.document import origins_document, recipe_document
from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.views import hydrated_view, query_view
from tests.support.replay import replay
from tests.support.trees import shared_folder

FIELDS = ("apiVersion", "kind", "metadata", "constraints", "components", "deploymentOrder")


class Reference(NamedTuple):
    """The tree, what we make of it, and what the reference makes of it."""

    tree: SourceTree
    matrix: Matrix
    combinations: Mapping[str, str]
    results: Mapping[str, dict[str, Any]]


@pytest.fixture(scope="module")
def reference() -> Reference:
    """Return the reference tree, resolved."""
    tree = read_tree(shared_folder("reference/2026.03"))
    expected = json.loads(shared_folder("reference/2026.03.expected.json").read_text(encoding="utf-8"))
    return Reference(tree, matrix.build(load_catalog(tree)), expected["combos"], expected["results"])


def as_json(document: Any) -> Any:
    """Return a document as whoever reads it gets it."""
    return json.loads(json.dumps(document, allow_nan=False))


def hydrated(found: Matrix, slug: str) -> dict[str, Any]:
    """Return a recipe as the reference shapes it."""
    document: dict[str, Any] = as_json(recipe_document(found.recipes[slug], state=CURATED))
    return hydrated_view(document, api_version=FIRST_GENERATION)


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yield path and both values of everything that differs, types included."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from differences(ours.get(key, "(absent)"), theirs.get(key, "(absent)"), f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, two) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, two, f"{path}/{number}")
    elif ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
        yield f"{path}: ours {ours!r}, theirs {theirs!r}"


# --- equality ---------------------------------------------------------------------------------------------------------


def test_the_tree_is_read_without_a_finding(reference: Reference) -> None:
    assert reference.matrix.catalog.findings == ()
    assert reference.matrix.findings == ()


@pytest.mark.parametrize("field", FIELDS)
def test_every_tuple_resolves_to_what_the_reference_resolves(reference: Reference, field: str) -> None:
    ours = {slug: hydrated(reference.matrix, slug) for slug in reference.matrix.recipes}
    different = {}
    for text, key in reference.combinations.items():
        slug = reference.matrix.answer(Criteria(*text.split("/"))).slug
        assert slug is not None, text
        found = list(differences(ours[slug][field], reference.results[key][field], field))
        if found:
            different[text] = found[:3]
    assert different == {}


def test_nothing_but_the_fields_that_are_compared_is_in_a_result(reference: Reference) -> None:
    assert len(reference.combinations) == 1620
    for result in reference.results.values():
        assert set(result) == set(FIELDS)
    for slug in reference.matrix.recipes:
        assert set(hydrated(reference.matrix, slug)) - {"criteria"} <= set(FIELDS)


def test_as_many_recipes_come_out_as_the_reference_has_results(reference: Reference) -> None:
    reached = {reference.matrix.answer(Criteria(*text.split("/"))).slug for text in reference.combinations}
    assert reached == set(reference.matrix.recipes)
    assert len(reached) == len(reference.results)


# --- the matrix is total and closed -----------------------------------------------------------------------------------


def queries(reference: Reference) -> list[Criteria]:
    """Return the whole product: the catalog's values, and in each dimension one that no overlay claims."""
    vocabulary = reference.matrix.catalog.vocabulary
    return list(product({name: (*vocabulary.values(name), "unheard-of") for name in Criteria._fields[:5]}))


def test_every_query_has_exactly_one_state_and_a_reason_unless_it_is_curated(reference: Reference) -> None:
    for query in queries(reference):
        answer = reference.matrix.answer(query)
        assert answer.state in (CURATED, COMPOSED, INHERITED, UNSUPPORTED), query
        assert bool(answer.reason) == (answer.state != CURATED), query
        assert bool(answer.lost) == (answer.state == INHERITED), query
        assert (answer.honoured == query) or answer.state in (INHERITED, UNSUPPORTED), query


def test_the_answer_to_an_answer_is_the_same_recipe(reference: Reference) -> None:
    for query in queries(reference):
        answer = reference.matrix.answer(query)
        again = reference.matrix.answer(answer.honoured)
        assert (again.slug, again.honoured) == (answer.slug, answer.honoured), query
        if answer.state != UNSUPPORTED:
            assert again.state in (CURATED, COMPOSED), query


def test_a_query_and_its_slug_apply_the_same_overlays(reference: Reference) -> None:
    matcher = reference.matrix.matcher
    for query in queries(reference):
        assert matcher.matched(query) == matcher.matched(matcher.honoured(matcher.matched(query))), query


def test_the_order_of_files_does_not_matter(reference: Reference) -> None:
    paths = list(reference.tree.files)
    documents = [origins_document(recipe) for recipe in reference.matrix.recipes.values()]
    for seed in range(3):
        random.Random(seed).shuffle(paths)  # noqa: S311 (a fixed shuffle, no secret)
        tree = SourceTree({path: reference.tree.files[path] for path in paths}, {}, reference.tree.strict)
        found = matrix.build(load_catalog(tree))
        assert list(found.recipes) == list(reference.matrix.recipes)
        assert [found.answer(query) for query in found.tuples()] == [
            reference.matrix.answer(query) for query in reference.matrix.tuples()
        ]
        assert [origins_document(recipe) for recipe in found.recipes.values()] == documents


# --- origins ----------------------------------------------------------------------------------------------------------


def test_the_origins_of_every_recipe_replay_to_the_recipe(reference: Reference) -> None:
    for slug, recipe in reference.matrix.recipes.items():
        whole = query_view(as_json(recipe_document(recipe, state=CURATED)))
        replayed = replay(as_json(origins_document(recipe)))
        for part in ("constraints", "components", "validation"):
            assert list(differences(replayed.get(part), whole.get(part), f"{slug}/{part}")) == []


@cache
def nodes(file: str) -> Mapping[tuple[int, int], list[Any]]:
    """Return what stands at each line and column of a file, read by another reader than the core's."""
    found: dict[tuple[int, int], list[Any]] = {}

    def visit(node: Any) -> None:
        mark = node.start_mark
        found.setdefault((mark.line + 1, mark.column + 1), []).append(node)
        for child in node.value if not isinstance(node, ScalarNode) else ():
            for each in child if isinstance(child, tuple) else (child,):
                visit(each)

    for document in YAML(typ="safe", pure=True).compose_all(Path(file).read_text(encoding="utf-8")):
        visit(document)
    return found


def holds(node: Any, value: Any) -> bool:
    """Return whether a node of the source says `value`."""
    if isinstance(node, MappingNode):
        if value == {}:
            return True
        members = {key.value: child for key, child in node.value}
        return isinstance(value, dict) and all(
            key in members and holds(members[key], each) for key, each in value.items()
        )
    if isinstance(node, SequenceNode):
        return isinstance(value, list) and all(map(holds, node.value, value)) and len(node.value) == len(value)
    text = str(node.value)
    if isinstance(value, bool) or value is None:
        return not node.style and text.lower() in (("", "~", "null") if value is None else (str(value).lower(),))
    if isinstance(value, int | float):
        return not node.style and float(text) == value
    return bool(text == value)


def says(pointer: str, origin: Mapping[str, Any]) -> bool:
    """Return whether the source really says what an origin claims, at the place it names."""
    value, file = origin["value"], origin["file"]
    field = pointer.rpartition("/")[2]
    standing = nodes(file).get((origin["line"], origin["column"]), [])
    component = pointer.startswith("/components/") and pointer.count("/") == 3
    if pointer.startswith("/constraints/") or "/constraints/" in pointer:
        return any(holds(node, value["value"]) for node in standing)
    if component and field == "name":
        return any(isinstance(node, MappingNode) and holds(node, {"name": value}) for node in standing)
    if component and field == "type" and origin["layer"] == "registry":
        return any(isinstance(node, MappingNode) for node in standing)  # it follows from which block is there
    if component and field == "source" and value == "":
        return any(isinstance(node, MappingNode) for node in standing)  # nobody says it; the component's own place
    if component and field == "chart" and origin["layer"] == "registry":
        return any(isinstance(node, ScalarNode) and node.value.rpartition("/")[2] == value for node in standing)
    if value == {} and origin["line"] == origin["column"] == 1 and not standing:
        return True  # an empty file
    return any(holds(node, value) for node in standing)


def test_every_origin_names_a_place_that_really_says_its_value(reference: Reference) -> None:
    seen = set()
    for recipe in reference.matrix.recipes.values():
        for pointer, origins in origins_document(recipe).items():
            for origin in origins:
                key = (pointer if pointer.startswith("/components/") else pointer.split("/")[1], repr(origin))
                if key not in seen:
                    seen.add(key)
                    assert says(pointer, origin), (pointer, origin)
    assert len(seen) > 800


def test_an_origin_one_line_off_is_noticed(reference: Reference) -> None:
    origins = origins_document(reference.matrix.recipes["h100-eks-training"])
    moved = [
        (pointer, {**origin, "line": origin["line"] + 1})
        for pointer, said in origins.items()
        for origin in said
        if origin["value"] not in ({}, "", None) and origin["layer"] != "registry"
    ]
    noticed = sum(not says(pointer, origin) for pointer, origin in moved)
    assert noticed > 0.9 * len(moved)


def test_the_origins_of_a_value_are_in_the_order_of_its_layers(reference: Reference) -> None:
    for recipe in reference.matrix.recipes.values():
        order = {name: number for number, name in enumerate(("registry", *recipe.applied))}
        for pointer, origins in origins_document(recipe).items():
            named = [order[origin["layer"]] for origin in origins if origin["layer"] in order]
            assert named == sorted(named), (recipe.slug, pointer)
