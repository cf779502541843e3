"""From a matrix to the parts of an index; what recipes share is written once.

Same matrix, same bytes. Source: design, section 9, as far as one machine goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.schema import PHASES
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.lookup.format import (
    CHOICES,
    GROUPS,
    HEAD,
    KIT,
    LISTING,
    SOURCES,
    UPGRADES,
    VALIDATORS,
    Index,
    blob_part,
    encode,
    encode_head,
    recipe_part,
)
from clusterbook.resolve.choices import SEPARATOR
from clusterbook.resolve.component import Component
from clusterbook.resolve.document import (
    component_pointers,
    health_checks,
    origin_list,
    recipe_document,
    recipe_pointers,
)
from clusterbook.resolve.gather_inputs import gather_inputs
from clusterbook.resolve.matching import CURATED, UNSUPPORTED
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.proof import Proofs, with_effects
from clusterbook.resolve.resolver import Recipe
from clusterbook.snapshot.constraint import parse_expression, parse_path


def index_parts(matrix: Matrix) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of every part of the index of `matrix`, each name once, in a fixed order."""
    catalog = matrix.catalog
    yield HEAD, encode_head(Index(matrix.matcher, catalog.vocabulary))
    yield from catalog_parts(matrix)
    blobs = _Blobs(Proofs(catalog))
    for slug, recipe in matrix.recipes.items():  # all: what needs an OS of its own may still be what is inherited
        yield recipe_part(slug), encode(_record(matrix, recipe, blobs))
    for digest, data in sorted(blobs.found.items()):
        yield blob_part(digest), data


def catalog_parts(matrix: Matrix) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of the parts that are about the catalog as a whole, its sources among them."""
    catalog = matrix.catalog
    yield LISTING, encode(index_listing(matrix))
    yield VALIDATORS, encode({name: node.data() for name, node in catalog.validators.items()})
    yield GROUPS, encode(catalog.public_groups)
    yield CHOICES, encode({slug: _choices(recipe) for slug, recipe in matrix.recipes.items() if recipe.offers})
    yield UPGRADES, encode({name: catalog.documents[each.file].data() for name, each in catalog.upgrades.items()})
    yield KIT, encode(gather_inputs(catalog)._asdict())
    yield SOURCES, encode({path: source.text for path, source in sorted(catalog.tree.files.items())})


def served_recipes(matrix: Matrix) -> Iterator[tuple[str, Recipe]]:
    """Yield (slug, recipe) of every recipe that some query is answered with."""
    for slug, recipe in matrix.recipes.items():
        if matrix.answer(recipe.criteria).state != UNSUPPORTED:
            yield slug, recipe


class _Blobs:
    """Content that recipes share, by digest."""

    def __init__(self, proofs: Proofs) -> None:
        self.found: dict[str, bytes] = {}
        self._proofs = proofs
        self._of: dict[int, str] = {}

    def add(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()[:24]
        self.found[digest] = data
        return digest

    def origins(self, component: Component) -> str:
        """Return the digest of a component's origins; components are shared, so each is written once."""
        known = self._of.get(id(component))
        if known is None:
            document = {pointer: origin_list(origins) for pointer, origins in component_pointers(component)}
            document = with_effects(document, component, self._proofs.effects(component))
            known = self._of[id(component)] = self.add(encode(document))
        return known


def _record(matrix: Matrix, recipe: Recipe, blobs: _Blobs) -> dict[str, Any]:
    """Return what the part of one recipe holds."""
    choices = _choices(recipe)
    own = {pointer: origin_list(origins) for pointer, origins in recipe_pointers(recipe)}
    origins = {component.name: blobs.origins(component) for component in recipe.components}
    return {
        "recipe": recipe_document(recipe, state=matrix.answer(recipe.criteria).state),
        "checks": {name: blobs.add(text.encode()) for name, text in health_checks(recipe).items()},
        "origins": {**origins, "": blobs.add(encode(own))},
        **({"choices": choices} if choices else {}),
    }


def _choices(recipe: Recipe) -> dict[str, list[str]]:
    """Return what can be chosen for a recipe, by name: the answers, that of the default first."""
    return {
        name: [offer.default, *(value for value in offer.values if value != offer.default)]
        for name, offer in recipe.offers.items()
    }


def index_listing(matrix: Matrix) -> list[dict[str, Any]]:
    """Return a line about every served recipe, curated ones under their overlay's name. Source: reference row R44."""
    overlays: dict[Criteria, list[str]] = {Criteria(): ["base"]}
    for name, criteria in matrix.matcher.overlays:
        overlays.setdefault(criteria, []).append(name)
    parents = {layer.base or "base" for layer in matrix.catalog.overlays.values()}
    lines = []
    for slug, recipe in served_recipes(matrix):
        state = matrix.answer(recipe.criteria).state
        plain, _, chosen = slug.partition(SEPARATOR)
        for overlay in overlays[recipe.criteria] if state == CURATED else [plain]:
            name, layer = overlay + SEPARATOR * bool(chosen) + chosen, matrix.catalog.overlays.get(overlay)
            lines.append(
                {
                    "name": name,
                    "slug": slug,
                    "state": state,
                    "criteria": recipe.criteria._asdict(),
                    "is_leaf": overlay not in parents,
                    "source": "external" if layer is not None and layer.external else "embedded",
                    "health": recipe_health(recipe),
                }
            )
    return sorted(lines, key=lambda line: str(line["name"]))


def recipe_health(recipe: Recipe) -> dict[str, Any]:
    """Return what can be told about a recipe without a cluster. Source: reference row R44."""
    pinned = all(
        component.word("version") or not component.word("source")
        for component in recipe.components
        if component.enabled and component.word("type") == "Helm"
    )
    dimensions = {"chart_pinned": pinned, "constraints_wellformed": _wellformed(recipe), "resolves": True}
    checks = {name: [origin.value for origin in recipe.phases[name].checks] for name in PHASES if name in recipe.phases}
    return {
        "status": "pass" if all(dimensions.values()) else "fail",
        "dimensions": {name: "pass" if passed else "fail" for name, passed in dimensions.items()},
        "coverage": {name: len(found) for name, found in checks.items()},
        "checks": checks,
    }


def _wellformed(recipe: Recipe) -> bool:
    """Return whether every constraint has a path and an expression that can be read."""
    try:
        for name, origins in recipe.constraints:
            parse_path(name)
            parse_expression(str(origins[-1].value.get("value", "")))
    except ClusterbookError:
        return False
    return True
