"""The index: every answer finds its parts, and the same catalog gives the same bytes."""

from __future__ import annotations

import json
from typing import Any

from clusterbook.lookup import format as index_format
from clusterbook.lookup.build import index_parts
from clusterbook.resolve.document import origins_document, recipe_document
from clusterbook.resolve.matching import COMPOSED, INHERITED, UNSUPPORTED
from clusterbook.resolve.matrix import Matrix
from tests.support.trees import build

FILES = {
    "base": "componentRefs: [{name: a, valuesFile: components/a/values.yaml}]\nconstraints: [{name: K, value: '1'}]",
    "components/a/values.yaml": "x: 1\n",
    "eks": "criteria: {service: eks}\ncomponentRefs: [{name: a, overrides: {y: 2}}]",
    "h100": "criteria: {accelerator: h100}",
    "gated": "criteria: {service: eks, accelerator: h100, os: ubuntu}",
    "other-os": "criteria: {service: gke, os: cos}",
}


def parts(matrix: Matrix) -> dict[str, bytes]:
    """Return the parts of the index of a matrix; each name stands once."""
    found = list(index_parts(matrix))
    assert len(found) == len(dict(found))
    return dict(found)


def record(found: dict[str, bytes], slug: str) -> index_format.Record:
    """Return one recipe of an index."""
    part = index_format.recipe_part(slug)
    return index_format.decode_record(found[part], part)


def test_the_head_answers_as_the_matrix_does() -> None:
    matrix = build(FILES)
    head = index_format.decode_head(parts(matrix)[index_format.HEAD], index_format.HEAD)
    assert [head.matcher.answer(query) for query in matrix.tuples()] == list(map(matrix.answer, matrix.tuples()))
    assert head.vocabulary.values("service") == ("eks", "gke")


def test_every_recipe_that_an_answer_leads_to_is_there() -> None:
    matrix = build(FILES)
    found = parts(matrix)
    answers = [matrix.answer(query) for query in matrix.tuples()]
    states = {answer.slug: answer.state for answer in answers if answer.honoured == answer.query}
    assert states["h100-eks"] == UNSUPPORTED  # by itself it needs an OS …
    assert any(answer.slug == "h100-eks" and answer.state == INHERITED for answer in answers)  # … but not with cos
    for answer in answers:
        if answer.state != UNSUPPORTED:
            assert record(found, answer.slug or "").recipe["metadata"]["slug"] == answer.slug


def test_a_record_has_the_recipe_and_leads_to_its_origins() -> None:
    matrix = build(FILES)
    found = parts(matrix)
    one = record(found, "h100-gke-cos")
    assert one.recipe == recipe_document(matrix.recipes["h100-gke-cos"], state=COMPOSED)
    origins: dict[str, Any] = {}
    for digest in one.origins.values():
        origins |= json.loads(found[index_format.blob_part(digest)])
    assert origins == json.loads(json.dumps(origins_document(matrix.recipes["h100-gke-cos"])))


def test_recipes_share_the_blobs_of_components_they_share() -> None:
    found = parts(build(FILES))
    assert record(found, "base").origins["a"] == record(found, "h100-gke-cos").origins["a"]
    assert record(found, "base").origins["a"] != record(found, "eks").origins["a"]


def test_the_sources_are_carried_along() -> None:
    found = json.loads(parts(build(FILES))[index_format.SOURCES])
    assert found["components/a/values.yaml"] == "x: 1\n"


def test_the_same_catalog_gives_the_same_bytes() -> None:
    assert parts(build(FILES)) == parts(build(dict(reversed(FILES.items()))))


def test_what_needs_an_os_is_not_listed() -> None:
    assert "h100-eks" not in {line["slug"] for line in json.loads(parts(build(FILES))[index_format.LISTING])}
