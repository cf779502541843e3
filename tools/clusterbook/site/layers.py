"""Layers for the site: what each overlay and mixin says itself, and who builds on it.

The documents as they were written; nothing is merged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clusterbook.catalog.layers import ComponentLayer, Layer
from clusterbook.catalog.values import walk
from clusterbook.documents.selector import spell
from clusterbook.resolve.matrix import Matrix
from clusterbook.site.model import LayerView, RecipeSummary
from clusterbook.site.parts import row_text


def layers_of(matrix: Matrix, summaries: Iterable[RecipeSummary]) -> Iterator[LayerView]:
    """Yield base, the overlays and the mixins, each with the recipes that it is part of."""
    catalog = matrix.catalog
    recipes: dict[str, list[str]] = {}
    for summary in summaries:
        for name in summary.layers:
            recipes.setdefault(name, []).append(summary.slug)
    children: dict[str, list[str]] = {}
    for layer in catalog.layers:
        if layer is not catalog.base:
            children.setdefault(layer.base or catalog.base.name, []).append(layer.name)
        for origin in layer.mixins:
            children.setdefault(str(origin.value), []).append(layer.name)
    for layer in catalog.layers:
        parent = "" if layer is catalog.base else layer.base or catalog.base.name
        yield _view(layer, "overlay", parent, children, recipes)
    for name in sorted(catalog.mixins):
        yield _view(catalog.mixins[name], "mixin", "", children, recipes)


def _view(
    layer: Layer, kind: str, parent: str, children: dict[str, list[str]], recipes: dict[str, list[str]]
) -> LayerView:
    return LayerView(
        name=layer.name,
        kind=kind,
        criteria=layer.criteria.specified() if layer.criteria else {},
        file=layer.file,
        line=layer.place.line,
        parent=parent,
        children=tuple(children.get(layer.name, ())),
        mixins=tuple(str(origin.value) for origin in layer.mixins),
        constraints=tuple(
            (name, str(origin.value.get("value", "")), origin.place.line) for name, origin in layer.constraints
        ),
        components=tuple((part.name, tuple(_statements(part))) for part in layer.components),
        recipes=tuple(recipes.get(layer.name, ())),
    )


def _statements(part: ComponentLayer) -> Iterator[tuple[str, str, int]]:
    """Yield (what, value, line) of everything a layer says about a component."""
    for field, origin in part.words.items():
        text = "its own text" if field == "healthCheckAsserts" else str(origin.value)
        yield field, text, origin.place.line
    for field, origins in part.lists.items():
        for origin in origins:
            yield field, str(origin.value), origin.place.line
    for field, origin in part.replaced.items():
        yield field, row_text(origin.value), origin.place.line
    for field, origin in part.sticky.items():
        yield field, "true", origin.place.line
    if part.overrides is not None:
        for path, origins in walk(part.overrides):
            yield spell(path), row_text(origins[-1].value), origins[-1].place.line
