"""Components for the site: what the registry says of each, who uses it, and which of its values differ.

A component is listed though no recipe uses it; a value though only one recipe sets it. Law: only recipes that deploy a
component count, and a value counts where nothing above it is `enabled: false`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.catalog.components import RegistryEntry
from clusterbook.catalog.images import image_lists, pattern
from clusterbook.catalog.load import Catalog
from clusterbook.catalog.proofs import DEFAULT
from clusterbook.documents.selector import parse
from clusterbook.documents.yaml_reader import Node
from clusterbook.mirror.list import ImageGap
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.resolver import Recipe
from clusterbook.site.chart_facts import chart_facts
from clusterbook.site.model import ComponentView, ValueView
from clusterbook.site.parts import PartView, ValueRow, compact, row_text
from clusterbook.site.recipes import RecipeViews


def components_of(matrix: Matrix, recipes: Mapping[str, Recipe], views: RecipeViews) -> Iterator[ComponentView]:
    """Yield every component of the registry, sorted by name."""
    catalog = matrix.catalog
    used: dict[str, dict[str, list[str]]] = {}
    parts: dict[str, dict[str, PartView]] = {}
    parts_in: dict[str, dict[str, list[str]]] = {}
    needs: dict[str, set[str]] = {}
    for slug, recipe in recipes.items():
        for name, part in views.deployed(recipe).items():
            used.setdefault(name, {}).setdefault(part.version, []).append(slug)
            parts.setdefault(name, {})[part.key] = part
            parts_in.setdefault(name, {}).setdefault(part.key, []).append(slug)
            needs.setdefault(name, set()).update(need for need in part.needs if need in recipe.order)
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
            image_gaps=tuple(
                sorted(
                    {
                        *_unlisted(catalog, name),
                        *(gap for part in parts.get(name, {}).values() for gap in part.image_gaps),
                    }
                )
            ),
            files=tuple(
                source.file
                for path, source in sorted(catalog.tree.files.items())
                if path.startswith(f"components/{name}/") or path == entry.assert_file
            ),
            chart_facts=chart_facts(
                (part.proof, len(parts_in[name][key])) for key, part in parts.get(name, {}).items()
            ),
            parts=tuple(parts.get(name, {}).values()),
            parts_in={key: tuple(slugs) for key, slugs in parts_in.get(name, {}).items()},
            transitions=catalog.upgrades[name].transitions if name in catalog.upgrades else (),
        )


def _unlisted(catalog: Catalog, name: str) -> Iterator[str]:
    """Yield what the list of a component's images itself says that it lacks."""
    node = catalog.documents.get(f"components/{name}/images.yaml")
    listed = node.get("spec", "incomplete") if node else None
    for gap in listed.data() if listed else ():
        yield ImageGap(name, gap["reason"], missing=gap["missing"]).sentence


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
        for part in views.deployed(recipe).values():
            parts[part.key] = part
            slugs.setdefault(part.key, []).append(slug)
    values: dict[tuple[str, str], dict[str, _Uses]] = {}
    for key, part in parts.items():
        for row in part.rows:
            texts = values.setdefault((part.name, row.path), {})
            uses = texts.setdefault("removed" if row.removed else row.text, _Uses([], [], set(), Counter(), set()))
            (uses.off if is_switched_off(part.document.get("values") or {}, row.path) else uses.on).extend(slugs[key])
            uses.layers.add(row.by)
            if row.effect is not None:
                uses.effects[row.effect.effect] += len(slugs[key])
                uses.defaults.update(_defaults(row))
    for (component, path), texts in sorted(values.items()):
        rows = [(text, tuple(sorted(uses.on)), tuple(sorted(uses.layers))) for text, uses in texts.items()]
        off = {text: tuple(sorted(uses.off)) for text, uses in texts.items() if uses.off}
        yield ValueView(
            component,
            path,
            tuple(sorted(rows, key=lambda row: (-len(row[1]), row[0]))),
            off,
            {text: dict(uses.effects) for text, uses in texts.items() if uses.effects},
            tuple(sorted(set().union(*(uses.defaults for uses in texts.values())))),
        )


def _defaults(row: ValueRow) -> Iterator[str]:
    """Yield what the chart says by itself: what `row` says where that is its default, which is not written twice."""
    assert row.effect is not None
    if row.effect.default:
        yield row_text(row.effect.default[0])
    elif row.effect.effect == DEFAULT and not row.effect.why:
        yield row.text


class _Uses(NamedTuple):
    """Recipes that say one value, those in which it is switched off apart, the layers that say it, and what it does."""

    on: list[str]
    off: list[str]
    layers: set[str]
    effects: Counter[str]
    defaults: set[str]


def is_switched_off(values: Mapping[str, Any], path: str) -> bool:
    """Return whether a map that holds the value at `path` is `enabled: false`, its own switch left out."""
    steps = parse(path)
    found: Any = values
    for depth, step in enumerate(steps[:-1]):
        found = found.get(step) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping) and found.get("enabled") is False and steps[depth + 1 :] != ("enabled",):
            return True
    return False
