"""The viewer: recipes as the sources say them now.

Knows the catalog; components that recipes share are read once. Does not know what was published (`editions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.documents.digest import digest
from clusterbook.resolve.component import Component
from clusterbook.resolve.content import Gatherer
from clusterbook.resolve.document import component_pointers, escape, recipe_pointers
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.provenance_ import brief
from clusterbook.resolve.resolver import Recipe
from clusterbook.site import wording as plain
from clusterbook.site.model import Document, RecipeView
from clusterbook.site.parts import Part, read_part
from clusterbook.site.views_ import view


class Viewer:
    """Makes the views of the recipes of one catalog."""

    def __init__(self, matrix: Matrix, recipes: Mapping[str, Recipe]) -> None:
        """Prepare for any of `recipes`."""
        self.matrix = matrix
        self.recipes = recipes
        self._gatherer = Gatherer(matrix.catalog)
        self._parts: dict[int, tuple[Component, Part]] = {}
        self._parts_of: dict[str, dict[str, Part]] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._open: dict[tuple[str, tuple[Any, ...]], list[str]] = {}
        self.descriptions = {
            name: found.string() if (found := node.get("description")) else ""
            for name, node in matrix.catalog.validators.items()
        }
        for slug, recipe in recipes.items():
            for position, dimension in enumerate(recipe.criteria._fields[:-1]):
                rest = (*recipe.criteria[:position], *recipe.criteria[position + 1 :])
                self._open.setdefault((dimension, rest), []).append(slug)

    def content(self, recipe: Recipe) -> Document:
        """Return the content of a recipe. Raises Conflict where a manifest does not exist."""
        return self._gatherer.content(recipe, state=self.matrix.answer(recipe.criteria).state)

    def digest(self, slug: str) -> str:
        """Return the digest of a recipe as the sources say it now."""
        return digest(self.content(self.recipes[slug]))

    def part(self, component: Component, said: Document) -> Part:
        """Return the part that a component of the catalog is; `said` is its entry in a content."""
        known = self._parts.get(id(component))
        if known is None:
            root = f"/components/{escape(component.name)}"
            origins = {
                pointer.removeprefix(root): brief(found) for pointer, found in component_pointers(component) if found
            }
            key = f"now{len(self._parts)}"
            known = self._parts[id(component)] = (component, read_part(said, origins, key))
        return known[1]

    def parts(self, recipe: Recipe) -> dict[str, Part]:
        """Return the parts of a recipe by name."""
        known = self._parts_of.get(recipe.slug)
        if known is None:
            said = self.content(recipe)["componentRefs"]
            known = {each.name: self.part(each, ref) for each, ref in zip(recipe.components, said, strict=True)}
            self._parts_of[recipe.slug] = known
        return known

    def recipe(self, slug: str) -> RecipeView:
        """Return the view of a recipe as the sources say it now."""
        recipe = self.recipes[slug]
        origins = {pointer: brief(found) for pointer, found in recipe_pointers(recipe) if found}
        note = self.matrix.answer(recipe.criteria).reason
        return view(self.content(recipe), origins, self.parts(recipe), note=note, checks=self.descriptions)

    def version(self, recipe: Recipe, name: str) -> str:
        """Return the version of one component of a recipe."""
        component = next(each for each in recipe.components if each.name == name)
        return component.word("version") or component.word("tag")

    def layers(self, recipe: Recipe) -> tuple[str, ...]:
        """Return every layer of a recipe: base and overlays, and the mixins they name."""
        catalog = self.matrix.catalog
        overlays = [catalog.base if name == "base" else catalog.overlays[name] for name in recipe.applied]
        mixins = {str(origin.value): None for layer in overlays for origin in layer.mixins}
        return (*recipe.applied, *mixins)

    def constraints(self, recipe: Recipe) -> Iterator[tuple[str, str]]:
        """Yield name and value of what is judged before anything is installed."""
        readiness = recipe.phases.get("readiness")
        for _, origins in (*recipe.constraints, *(readiness.constraints if readiness else ())):
            said = origins[-1].value
            yield said["name"], said["value"]

    def checks(self, recipe: Recipe) -> int:
        """Return how many checks a recipe declares, health checks included."""
        healthy = sum(bool(each.word("healthCheckAsserts")) for each in recipe.components if each.enabled)
        return healthy + sum(len(phase.checks) for phase in recipe.phases.values())

    def neighbours(self, slug: str) -> Iterator[tuple[str, str, int, int]]:
        """Yield (what is different, slug, components, values) of the recipes that differ in one criterion.

        `components` counts those that come, go or have another version, `values` those that differ in the others.
        """
        criteria = self.recipes[slug].criteria
        for position, dimension in enumerate(criteria._fields[:-1]):
            rest = (*criteria[:position], *criteria[position + 1 :])
            for other in self._open[dimension, rest]:
                if other == slug:
                    continue
                value = str(getattr(self.recipes[other].criteria, dimension))
                mine = getattr(criteria, dimension)
                what = f"without {plain.name(mine)}" if value == "any" else f"with {plain.name(value)}"
                yield (what, other, *self._distance(slug, other))

    def _distance(self, one: str, two: str) -> tuple[int, int]:
        left, right = self.parts(self.recipes[one]), self.parts(self.recipes[two])
        components = len(left.keys() ^ right.keys())
        values = 0
        for name in left.keys() & right.keys():
            components += left[name].version != right[name].version
            values += self._differing(left[name], right[name])
        return components, values

    def _differing(self, one: Part, two: Part) -> int:
        if one.key == two.key:
            return 0
        pair = (min(one.key, two.key), max(one.key, two.key))
        if pair not in self._counts:
            left = {row.path: row.full for row in one.rows if not row.removed}
            right = {row.path: row.full for row in two.rows if not row.removed}
            self._counts[pair] = len(dict(left.items() ^ right.items()))
        return self._counts[pair]
