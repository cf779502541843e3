"""Recipes for the site: as the sources say them now, and how the content of any version becomes what a page shows.

One function makes the view of both, so that a version that was published looks as it did on its day. Components that
recipes share are read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.schema import PHASES
from clusterbook.diff.facts import Side
from clusterbook.diff.recipes import diff
from clusterbook.documents.digest import digest
from clusterbook.resolve.choices import SEPARATOR, split_slug
from clusterbook.resolve.component import Component
from clusterbook.resolve.content import Gatherer
from clusterbook.resolve.document import (
    Brief,
    brief,
    component_pointers,
    component_winners,
    escape,
    recipe_pointers,
    recipe_winners,
)
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.proof import Proofs
from clusterbook.resolve.recipe import COMPONENTS, ORDER, RecipeResult
from clusterbook.resolve.resolver import Recipe
from clusterbook.site import svg, wording
from clusterbook.site.model import ConstraintView, Document, PhaseView, RecipeView
from clusterbook.site.parts import PartView, history, origin, part_view, winners


class RecipeViews:
    """Makes the views of the recipes of one catalog."""

    def __init__(self, matrix: Matrix, recipes: Mapping[str, Recipe]) -> None:
        """Prepare for any of `recipes`."""
        self.matrix = matrix
        self.recipes = recipes
        self._gatherer = Gatherer(matrix.catalog)
        self._proofs = Proofs(matrix.catalog)
        self._parts: dict[int, tuple[Component, PartView]] = {}
        self._winners: dict[int, tuple[Component, Mapping[str, str]]] = {}
        self._parts_of: dict[str, dict[str, PartView]] = {}
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}
        self._without: dict[tuple[str, tuple[Any, ...]], list[str]] = {}
        self._namesakes: dict[str, list[str]] = {}
        self.descriptions = {
            name: text.string() if (text := node.get("description")) else ""
            for name, node in matrix.catalog.validators.items()
        }
        for slug, recipe in recipes.items():
            self._namesakes.setdefault(split_slug(slug)[0], []).append(slug)
            for position, dimension in enumerate(recipe.criteria._fields[:-1]):
                rest = (*recipe.criteria[:position], *recipe.criteria[position + 1 :])
                self._without.setdefault((dimension, rest), []).append(slug)

    def content(self, recipe: Recipe) -> Document:
        """Return the content of a recipe. Raises Conflict where a manifest does not exist."""
        return self._gatherer.content(recipe, state=self.matrix.answer(recipe.criteria).state)

    def digest(self, slug: str) -> str:
        """Return the digest of a recipe as the sources say it now."""
        return digest(self.content(self.recipes[slug]))

    def part(self, component: Component, document: Document) -> PartView:
        """Return the part that a component of the catalog is; `document` is its entry in a content."""
        kept = self._parts.get(id(component))
        if kept is None:
            root = f"/components/{escape(component.name)}"
            origins = {
                pointer.removeprefix(root): brief(chain) for pointer, chain in component_pointers(component) if chain
            }
            key = f"now{len(self._parts)}"
            part = part_view(document, origins, key, self._proofs.of(component))
            kept = self._parts[id(component)] = (component, part)
        return kept[1]

    def parts(self, recipe: Recipe) -> dict[str, PartView]:
        """Return the parts of a recipe by name."""
        parts = self._parts_of.get(recipe.slug)
        if parts is None:
            pairs = zip(recipe.components, RecipeResult(self.content(recipe)).components, strict=True)
            parts = {component.name: self.part(component, ref.document) for component, ref in pairs}
            self._parts_of[recipe.slug] = parts
        return parts

    def deployed(self, recipe: Recipe) -> dict[str, PartView]:
        """Return the parts of a recipe that it deploys, by name."""
        return {name: part for name, part in self.parts(recipe).items() if name in recipe.order}

    def recipe(self, slug: str) -> RecipeView:
        """Return the view of a recipe as the sources say it now."""
        recipe = self.recipes[slug]
        origins = {pointer: brief(chain) for pointer, chain in recipe_pointers(recipe) if chain}
        note = self.matrix.answer(recipe.criteria).reason
        return view(self.content(recipe), origins, self.parts(recipe), note=note, checks=self.descriptions)

    def side(self, slug: str) -> Side:
        """Return a recipe as the sources say it now as one side of a diff. Raises as `content`."""
        recipe = self.recipes[slug]
        return Side(slug, self.content(recipe), recipe_winners(recipe, self._component_winners))

    def _component_winners(self, component: Component) -> Mapping[str, str]:
        """Return who had the last word in a component; read once for all recipes that share it."""
        kept = self._winners.get(id(component))
        if kept is None:  # the component is kept as well, so that its id stays its own
            kept = self._winners[id(component)] = (component, component_winners(component))
        return kept[1]

    def version(self, recipe: Recipe, name: str) -> str:
        """Return the version of one component of a recipe."""
        component = next(part for part in recipe.components if part.name == name)
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
            constraint = origins[-1].value
            yield constraint["name"], constraint["value"]

    def checks(self, recipe: Recipe) -> int:
        """Return how many checks a recipe declares, health checks included."""
        healthy = sum(bool(part.word("healthCheckAsserts")) for part in recipe.components if part.enabled)
        return healthy + sum(len(phase.checks) for phase in recipe.phases.values())

    def neighbours(self, slug: str) -> Iterator[tuple[str, str, int, int]]:
        """Yield (what is different, slug, components, values) of the recipes that differ in one criterion, or choice.

        `components` counts those that come, go or have another version, `values` those that differ in the others.
        """
        criteria, (plain, chosen) = self.recipes[slug].criteria, split_slug(slug)
        for other in self._namesakes[plain]:
            if other != slug:
                answers = split_slug(other)[1]
                what = f"with {', '.join(answers)}" if answers else f"without {', '.join(chosen)}"
                yield (what, other, *self._distance(slug, other))
        for position, dimension in enumerate(criteria._fields[:-1]):
            rest = (*criteria[:position], *criteria[position + 1 :])
            for other in self._without[dimension, rest]:
                value = str(getattr(self.recipes[other].criteria, dimension))
                mine = getattr(criteria, dimension)
                if value == str(mine):
                    continue
                if chosen or SEPARATOR in other:  # of namesakes, the one of which the same is chosen
                    other_plain, _ = split_slug(other)
                    same = SEPARATOR.join((other_plain, *chosen))
                    if other != (same if same in self.recipes else other_plain):
                        continue
                what = f"without {wording.name(mine)}" if value == "any" else f"with {wording.name(value)}"
                yield (what, other, *self._distance(slug, other))

    def _distance(self, one: str, two: str) -> tuple[int, int]:
        left, right = self.deployed(self.recipes[one]), self.deployed(self.recipes[two])
        counts = [self._differing(left[name], right[name]) for name in left.keys() & right.keys()]
        moved, values = (sum(column) for column in zip((0, 0), *counts, strict=True))
        return len(left.keys() ^ right.keys()) + moved, values

    def _differing(self, one: PartView, two: PartView) -> tuple[int, int]:
        """Return whether a component has another version, and how many of its values differ."""
        pair = (min(one.key, two.key), max(one.key, two.key))
        if pair not in self._counts:
            sides = (Side("", {"metadata": {}, COMPONENTS: [part.document], ORDER: [part.name]}) for part in (one, two))
            changes = [] if one.key == two.key else diff(*sides).changes
            moved = any(change.key in ("version", "tag") for change in changes if change.section == "field")
            self._counts[pair] = int(moved), sum(change.section == "value" for change in changes)
        return self._counts[pair]


def view(
    content: Document,
    origins: Mapping[str, Brief],
    parts: Mapping[str, PartView],
    *,
    note: str,
    checks: Mapping[str, str],
) -> RecipeView:
    """Return the view of a recipe.

    Args:
        content: the recipe with its parts in place, as its digest covers it.
        origins: those of its own constraints and phases, by pointer.
        parts: its components by name.
        note: what to say about its state, "" for nothing.
        checks: what each check of the validator catalog checks.
    """
    slug = content["metadata"]["slug"]
    order = [name for name in RecipeResult(content).order if name in parts]
    needs = {name: parts[name].needs for name in order}
    criteria = content.get("criteria", {})
    validation = content.get("validation", {})
    return RecipeView(
        slug=slug,
        title=wording.title(criteria, split_slug(slug)[1]),
        criteria={name: criteria[name] for name in Criteria._fields if name in criteria},
        state=content["metadata"]["state"],
        note=note,
        layers=tuple(content["metadata"]["appliedOverlays"]),
        parts=tuple(parts[name] for name in order),
        switched_off=tuple(part for name, part in sorted(parts.items()) if name not in order),
        levels=svg.levels(needs, order),
        constraints=tuple(_constraints(content.get("constraints", ()), "/constraints", origins, slug)),
        phases=tuple(_phase(name, validation[name], origins, checks, slug) for name in PHASES if name in validation),
        document=content,
        winners=winners(origins),
    )


def _constraints(constraints: Any, root: str, origins: Mapping[str, Brief], slug: str) -> Iterator[ConstraintView]:
    for number, constraint in enumerate(constraints):
        yield ConstraintView(
            constraint["name"],
            constraint["value"],
            wording.meaning(constraint["name"], constraint["value"]),
            history(origin(origins, f"{root}/{number}", slug), constraint),
            constraint.get("remediation", ""),
            constraint.get("unit", ""),
        )


def _phase(name: str, phase: Document, origins: Mapping[str, Brief], checks: Mapping[str, str], slug: str) -> PhaseView:
    constraints = _constraints(phase.get("constraints", ()), f"/validation/{name}/constraints", origins, slug)
    descriptions = tuple((check, checks.get(check, "")) for check in phase.get("checks", ()))
    return PhaseView(name, wording.PHASES[name], descriptions, tuple(constraints))
