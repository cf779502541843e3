"""Components for the site: what the registry says of each, who uses it, and which of its values differ.

A component is listed though no recipe uses it; a value though only one recipe sets it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.catalog.components import RegistryEntry
from clusterbook.catalog.images import image_lists, pattern
from clusterbook.documents.yaml_reader import Node
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.resolver import Recipe
from clusterbook.site.model import ComponentView, ValueView
from clusterbook.site.parts import PartView, compact
from clusterbook.site.recipes import RecipeViews


def components_of(matrix: Matrix, recipes: Mapping[str, Recipe], views: RecipeViews) -> Iterator[ComponentView]:
    """Yield every component of the registry, sorted by name."""
    catalog = matrix.catalog
    used: dict[str, dict[str, list[str]]] = {}
    parts: dict[str, dict[str, PartView]] = {}
    parts_in: dict[str, dict[str, list[str]]] = {}
    for slug, recipe in recipes.items():
        for name, part in views.parts(recipe).items():
            if name in recipe.order:
                used.setdefault(name, {}).setdefault(part.version, []).append(slug)
            parts.setdefault(name, {})[part.key] = part
            parts_in.setdefault(name, {}).setdefault(part.key, []).append(slug)
    needs = {name: {need for part in variants.values() for need in part.needs} for name, variants in parts.items()}
    listed = image_lists(catalog.documents)
    for name, entry in sorted(catalog.components.items()):
        yield ComponentView(
            name=name,
            title=_title(entry),
            facts=tuple(_facts(entry.node)),
            file=entry.file,
            line=entry.node.line,
            used={version: tuple(slugs) for version, slugs in sorted(used.get(name, {}).items())},
            needs=tuple(sorted(needs.get(name, ()))),
            needed_by=tuple(sorted(other for other, names in needs.items() if name in names)),
            images=tuple(sorted({pattern(image.word(), image.suffix) for image in listed.get(name, ())})),
            files=tuple(
                source.file
                for path, source in sorted(catalog.tree.files.items())
                if path.startswith(f"components/{name}/") or path == entry.assert_file
            ),
            parts=tuple(parts.get(name, {}).values()),
            parts_in={key: tuple(slugs) for key, slugs in parts_in.get(name, {}).items()},
        )


def _title(entry: RegistryEntry) -> str:
    title = entry.node.get("displayName")
    return title.string() if title else entry.name


def _facts(node: Node) -> Iterator[tuple[str, str]]:
    """Yield (field, value) of what the registry says of a component."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for key, child in value.items():
                yield from walk(child, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            yield path, ", ".join(value)
        else:
            yield path, compact(value)

    for path, text in walk(node.data(), ""):
        if path not in ("name", "displayName"):
            yield path, text


def values_of(recipes: Mapping[str, Recipe], views: RecipeViews) -> Iterator[ValueView]:
    """Yield every value path of every component, sorted, with its values over all recipes."""
    slugs: dict[str, list[str]] = {}
    parts: dict[str, PartView] = {}
    for slug, recipe in recipes.items():
        for part in views.parts(recipe).values():
            parts[part.key] = part
            slugs.setdefault(part.key, []).append(slug)
    values: dict[tuple[str, str], dict[str, tuple[list[str], set[str]]]] = {}
    for key, part in parts.items():
        for row in part.rows:
            texts = values.setdefault((part.name, row.path), {})
            users, layers = texts.setdefault("removed" if row.removed else row.text, ([], set()))
            users += slugs[key]
            layers.add(row.by)
    for (component, path), texts in sorted(values.items()):
        rows = ((text, tuple(sorted(users)), tuple(sorted(layers))) for text, (users, layers) in texts.items())
        yield ValueView(component, path, tuple(sorted(rows, key=lambda row: (-len(row[1]), row[0]))))
