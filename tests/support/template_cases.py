"""Manifests with everything that they are rendered with, for tests; and the table of templates that all agree about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve import matrix

TABLE = Path(__file__).parents[1] / "gotemplate" / "templates.yaml"


class Manifest(NamedTuple):
    """One manifest of one component with the values that a recipe settles for it."""

    path: str
    text: str
    data: dict[str, Any]
    slug: str


def table() -> dict[str, Any]:
    """Return the values of the table, what renders with them and what fails."""
    found: dict[str, Any] = YAML(typ="safe").load(TABLE.read_text(encoding="utf-8"))
    return found


def documents(text: str) -> list[Any]:
    """Return every YAML document in what was rendered."""
    return [each for each in YAML(typ="safe").load_all(text) if each is not None]


def manifests(root: Path) -> Iterator[Manifest]:
    """Yield each manifest of each recipe of the tree at `root`; recipes that settle the same values share one."""
    built = matrix.build(load_catalog(read_tree(root)))
    seen = set()
    for slug, recipe in built.recipes.items():
        for component in recipe.components:
            release = {"Name": component.name, "Namespace": component.word("namespace"), "Service": "Helm"}
            data = {
                "Values": {component.name: component.settled},
                "Release": release,
                "Chart": {"Name": component.name, "Version": "0.1.0"},
            }
            for path in [*component.words_of("preManifestFiles"), *component.words_of("manifestFiles")]:
                key = path, json.dumps(data, sort_keys=True)
                if key not in seen:
                    seen.add(key)
                    yield Manifest(path, built.catalog.tree.files[path].text, data, slug)
