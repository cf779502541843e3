from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from clusterbook.documents.yaml_writer import dump
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.schema import SnapshotShape
from tests.support.clusters import FILES, SNAPSHOTS

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "v1" / "snapshot.schema.json").read_text())


@pytest.mark.parametrize("name", FILES)
def test_a_snapshot_has_the_shape_the_schema_describes(name: str) -> None:
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(FILES[name])] == []
    SnapshotShape.model_validate(FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_the_files_hold_the_clusters_they_are_named_after(name: str) -> None:
    path = SNAPSHOTS / f"{name}.yaml"
    assert path.read_text(encoding="utf-8") == dump(FILES[name]), (
        f"write tests.support.clusters.FILES['{name}'] to {path.name}"
    )


@pytest.mark.parametrize("name", FILES)
def test_what_has_the_shape_can_be_judged(name: str) -> None:
    found = read_snapshot(FILES[name])
    assert found.metadata["timestamp"] == "2026-07-14T08:30:00Z"
    assert found.measurements


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"measurments": []}, "measurments"),
        ({"coverage": [{"part": "releases", "state": "unknown"}]}, "state"),
        ({"objects": [{"kind": "Pod", "items": []}]}, "apiVersion"),
        ({"releases": [{"name": "x", "values": []}]}, "values"),
    ],
)
def test_another_shape_is_refused(change: dict[str, Any], where: str) -> None:
    def messages(errors: Any) -> list[str]:
        return [text for error in errors for text in (str(error), *messages(error.context))]

    errors = messages(Draft202012Validator(SCHEMA).iter_errors({"kind": "Snapshot", **change}))
    assert any(where in text for text in errors)
