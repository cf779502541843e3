"""The catalog's checks and public API groups, as the sources say them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clusterbook.documents.yaml_reader import parse
from clusterbook.validate.checks import read_checks

RECIPES = Path(__file__).parents[2] / "recipes"
_validators = parse((RECIPES / "validators" / "catalog.yaml").read_text(encoding="utf-8"), "catalog.yaml")
_registry = parse((RECIPES / "registry.yaml").read_text(encoding="utf-8"), "registry.yaml")
assert _validators
assert _registry

ENTRIES: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in _validators.data()["validators"]}
CHECKS = read_checks(ENTRIES)
GROUPS: list[str] = _registry.data()["publicGroups"]
