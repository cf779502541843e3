"""The schema of proofs: what is written is what it describes, and what it does not describe is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from clusterbook.catalog.proofs import Archive, Effect, Proof, encode
from tests.support.whole_recipes import ROOT

SCHEMA = Draft202012Validator(json.loads((ROOT / "schemas/v1/component-proof.schema.json").read_text()))
CHART = Archive("a", "1.0.0", f"sha256:{'0' * 64}")
DEAD = Effect("dead", default=(None,), near="/x", switch="/s", shared=("/t",), why="w", changes=("+A/b",), more=2)
FACTS = {"images": [{"image": "b:1", "objects": ["Deployment/d"]}]}
PROOFS = [
    Proof("1" * 16, CHART, ("1.30.0",), {"/x/y": Effect("live"), "/a~1b": DEAD}, FACTS),
    Proof("2" * 16, Archive("a", "0.9.0", CHART.digest, exact=False), (), {}, {}, "never"),
    Proof("3" * 16, Archive(), ("1.30.0",), {"/on": Effect("own")}, {}),
]  # fmt: skip


def test_every_proof_of_ours_is_as_the_schema_says() -> None:
    paths = sorted(ROOT.glob("recipes/components/*/proof.json"))
    assert len(paths) > 20
    for path in paths:
        assert [error.message for error in SCHEMA.iter_errors(json.loads(path.read_text()))] == [], path


def test_what_is_written_is_as_the_schema_says() -> None:
    assert [error.message for error in SCHEMA.iter_errors(json.loads(encode("a", PROOFS)))] == []


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "Proof"},
        {"spec": {"method": 1, "renders": [], "values": []}},
        {"spec": {"method": 1, "renders": [], "values": [{"path": "x", "effect": "live"}], "facts": {}}},
        {"spec": {"method": 1, "renders": [], "values": [{"path": "/x", "effect": "alive"}], "facts": {}}},
        {"spec": {"method": 1, "renders": [], "values": [], "facts": {"pods": []}}},
        {"spec": {"method": 1, "renders": [{"key": "1"}], "values": [], "facts": {}}},
    ],
)
def test_what_is_no_proof_is_refused(change: Mapping[str, Any]) -> None:
    document = {**json.loads(encode("a", PROOFS)), **change}
    assert list(SCHEMA.iter_errors(document)) != []
