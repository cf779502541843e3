"""What tests of bundles on disk share: what a folder holds, and what a bundle says it was asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def keep(recipe: dict[str, Any]) -> None:
    """Write recipe.json where we are."""
    Path("recipe.json").write_text(json.dumps(recipe), encoding="utf-8")


def files(folder: str) -> dict[str, bytes]:
    """Return what a folder holds, by path."""
    found = Path(folder)
    return {path.relative_to(found).as_posix(): path.read_bytes() for path in found.rglob("*") if path.is_file()}


def here() -> list[str]:
    """Return the names of what lies where we are, sorted."""
    return sorted(path.name for path in Path().iterdir())


def options(folder: str = "bundle") -> dict[str, Any]:
    """Return the options that a bundle records."""
    found: dict[str, Any] = YAML(typ="safe").load(Path(folder, "options.yaml").read_text(encoding="utf-8"))["spec"]
    return found
