"""Large JSON is read quickly, and no key of it is lost on the way: whatever stands twice is left to the slow reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_fast import MAX_DEPTH
from clusterbook.inputs.fast import _json, read_document

TWICE = [
    '{"a":1,"a":2}',
    '{"a":1, "b" :2, "a" : 3}',
    '{"a":{"x":1},"a":{"x":1}}',
    '[{"b":[{"a":1,"a":1}]}]',
    '{"x\\\\":1,"a":1,"a":2}',
    '{"a" :1,"b":2,"b":3}',
    '{"a"\n:1,"b":2,"b":3}',
    '{"a\\":":1,"b":2,"b":3}',
    '{"say":"\\":","b":2,"b":3}',
    '{"":0,"":1}',
]
ONCE = [
    '{"a":1,"b":{"a":1}}',
    '{"a" : 1, "b"\t:2}',
    '{"x\\\\":1,"a":2}',
    '{"say":"\\"a\\":1, \\"a\\":2","a":3}',
    '{"note":"a : b","a":{"note":"\\": \\":"}}',
    '[1,[2,{"a":[]}],{}]',
    '"a"',
    "{}",
]


@pytest.mark.parametrize("text", TWICE)
def test_a_key_that_stands_twice_is_refused_however_it_is_written(text: str) -> None:
    json.loads(text)
    with pytest.raises(ValueError, match="twice"):
        _json(text)


@pytest.mark.parametrize("text", ONCE)
def test_what_only_looks_like_a_second_key_is_read(text: str) -> None:
    assert _json(text) == json.loads(text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_ends_where_that_of_yaml_does(opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return opening * depth + "1" + closing * depth

    _json(nested(MAX_DEPTH))
    with pytest.raises(ValueError, match="deep"):
        _json(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("form", ["a.yaml", "a.json"])
@pytest.mark.parametrize(
    ("kind", "version", "known"),
    [
        ("Snapshot", "aicr.run/v1beta1", "aicr.run/v1"),
        ("RecipeCriteria", "aicr.run/v1beta2", "aicr.run/v1"),
        ("AICRConfig", "aicr.run/v1", "aicr.run/v1beta1"),
        ("ClusterbookConfig", "aicr.run/v1alpha3", "aicr.run/v1beta1"),
        ("RecipeResult", "aicr.run/v1beta1", "aicr.run/v1beta2"),
    ],
)
def test_a_version_that_only_other_kinds_have_is_refused(
    kind: str, version: str, known: str, form: str, tmp_path: Path
) -> None:
    path = tmp_path / form
    path.write_text(json.dumps({"apiVersion": known, "kind": kind}) + "\n")
    assert read_document(str(path))["kind"] == kind
    path.write_text(json.dumps({"apiVersion": version, "kind": kind}) + "\n")
    with pytest.raises(InvalidRequest) as refused:
        read_document(str(path))
    assert known in refused.value.hint
