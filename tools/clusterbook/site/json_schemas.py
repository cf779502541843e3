"""JSON Schemas, generated from the shapes, so that no field is described twice. Source: JSON Schema 2020-12."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from clusterbook.catalog.proof_schema import PROOF_SHAPES
from clusterbook.catalog.schema import SHAPES
from clusterbook.diagnostics.errors import Unwritable
from clusterbook.files.write import write_bytes
from clusterbook.inputs.config_schema import ConfigShape
from clusterbook.ledger.schema import LEDGER_SHAPES
from clusterbook.resolve import recipe_schema
from clusterbook.snapshot.schema import SnapshotShape
from clusterbook.trust.policy_schema import POLICY_SHAPES
from clusterbook.upgrade.schema import PLAN_SHAPES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
RECIPE_RESULT = "recipe-result"


@cache
def schemas() -> Mapping[str, str]:
    """Return the text of each schema file by name."""
    shapes = {**SHAPES, **PROOF_SHAPES, **LEDGER_SHAPES, **POLICY_SHAPES, **PLAN_SHAPES}
    documents: dict[str, type[BaseModel]] = {**shapes, "snapshot": SnapshotShape, "config": ConfigShape}
    found = {name: shape.model_json_schema(by_alias=True) for name, shape in documents.items()}
    found[RECIPE_RESULT] = recipe_schema.json_schema()
    return {f"{name}.schema.json": _text(name, schema) for name, schema in found.items()}


def _text(name: str, schema: dict[str, Any]) -> str:
    """Return a schema as text; null is allowed wherever a key may be absent, as in the sources."""
    document = {"$schema": DIALECT, "$id": f"https://clusterbook.dev/schemas/v1/{name}.schema.json", **_plain(schema)}
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _plain(schema: Any) -> Any:
    """Return a schema without what pydantic makes up: titles like Python names, defaults that say nothing."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: part for key, part in schema.items() if part is not None and not (key == "title" and type(part) is str)
    }
    return {key: _plain(part) for key, part in kept.items()}


def write(folder: Path) -> list[Path]:
    """Write every schema below `folder`; return the paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritable(f"{folder} cannot be written: {error.strerror}", hint="name a folder") from error
    paths = []
    for name, text in schemas().items():
        write_bytes(folder / name, text.encode())
        paths.append(folder / name)
    return paths


def outdated_files(folder: Path) -> list[str]:
    """Return the names of schema files below `folder` that are missing, stale or left over."""
    current = schemas()
    files = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in current.keys() | files.keys() if current.get(name) != files.get(name))
