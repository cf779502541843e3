"""Resolution: from criteria to a recipe in which every value knows its layers.

Selection, chains, mixins, validation and deployment order; the result depends on the set of matched overlays alone.
Source: reference rows R18-R42.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.layers import ComponentLayer, Layer, Profile
from clusterbook.catalog.load import BASE, Catalog
from clusterbook.catalog.profiles import owned_paths
from clusterbook.catalog.values import Origin, Origins
from clusterbook.diagnostics.errors import nearest
from clusterbook.diagnostics.findings import Place
from clusterbook.resolve.choices import Offers, Selection, chosen_slug, select
from clusterbook.resolve.component import Component, Conflict, assemble
from clusterbook.resolve.matching import Matcher
from clusterbook.resolve.mixins import refuse_collisions
from clusterbook.resolve.order import deployment_order
from clusterbook.resolve.phases import Phase, merge_phases
from clusterbook.resolve.profiles import (
    SelectedProfile,
    declared_profile,
    join_constraints,
    lay_over,
    offered_configurations,
    offers_of,
    refuse_absent,
    refuse_disabled,
    refuse_shared,
)
from clusterbook.snapshot.constraint import Verdict

Evaluator = Callable[[str, str], Verdict]
"""Judges one constraint (name, value) against a snapshot."""
Unmeasured = Callable[[str, str, str], None]
"""Is told of a constraint (name, value) that cannot be judged, and why."""


class ExcludedOverlay(NamedTuple):
    """An overlay that matched but that the snapshot rules out."""

    name: str
    reason: str


class ConstraintWarning(NamedTuple):
    """The constraint that ruled an overlay out."""

    overlay: str
    constraint: str
    expected: str
    actual: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """One resolved recipe. `constraints` and `components` are sorted by name; `order` deploys dependencies first."""

    criteria: Criteria
    applied: tuple[str, ...]
    constraints: tuple[tuple[str, Origins], ...]
    components: tuple[Component, ...]
    order: tuple[str, ...]
    phases: Mapping[str, Phase]
    excluded: tuple[ExcludedOverlay, ...] = ()
    warnings: tuple[ConstraintWarning, ...] = ()
    profile: SelectedProfile | None = None
    offers: Offers = field(default_factory=dict)
    selection: Selection = ()

    @property
    def slug(self) -> str:
        """Return the recipe's name."""
        return chosen_slug(self.criteria.slug(), self.offers, self.selection)

    @property
    def configuration(self) -> dict[str, Any]:
        """Return what was chosen besides a profile, nested by the parts of its name: {slurm: {accounting: …}}."""
        document: dict[str, Any] = {}
        for name, value in self.selection:
            silent = self.offers[name].is_silent_about(value)
            if not silent and (self.profile is None or name != self.profile.profile.name):
                *folders, last = name.split(".")
                place = document
                for folder in folders:
                    place = place.setdefault(folder, {})
                place[last] = value
        return document


class Resolver:
    """Resolves queries against one catalog; components that share their layers are assembled once."""

    def __init__(self, catalog: Catalog) -> None:
        """Prepare `catalog` for any number of queries."""
        self.catalog = catalog
        claims = {name: layer.criteria for name, layer in catalog.overlays.items()}
        claims |= {name: unread.criteria for name, unread in catalog.unread.items()}
        self.matcher = Matcher([(name, claim) for name, claim in sorted(claims.items()) if claim is not None], {})
        self._components: dict[tuple[int, ...], Component] = {}

    def resolve(
        self,
        criteria: Criteria,
        evaluate: Evaluator | None = None,
        *,
        asked: Mapping[str, str] = MappingProxyType({}),
    ) -> Recipe:
        """Return the recipe for `criteria`.

        Args:
            criteria: a query; whether it is honoured is the matrix's question, not this one.
            evaluate: judges constraints on a snapshot; overlays that fail are left out (row R25).
            asked: what is chosen of what the recipe offers, by name; the rest is as it is by default.

        Raises:
            Conflict: the layers contradict each other.
            InvalidRequest: the recipe does not offer what is chosen.
        """
        leaves = self.leaves(criteria)
        declared = declared_profile(self.applied(leaves))
        excluded: list[ExcludedOverlay] = []
        warnings: list[ConstraintWarning] = []
        if evaluate is not None:
            leaves = _passing_leaves(leaves, evaluate, excluded, warnings)
        layers = self.applied(leaves)
        if evaluate is not None:
            failing = self._mixin_failures(leaves, layers, evaluate, warnings)
            if failing:
                excluded += [
                    ExcludedOverlay(leaf.name, "mixin-constraint-failed") for leaf in leaves if leaf.name in failing
                ]
                layers = self.applied([leaf for leaf in leaves if leaf.name not in failing])
        _refuse_lost(declared, layers, excluded)
        recipe = self.compose(criteria, layers, asked)
        return replace(recipe, excluded=tuple(excluded), warnings=tuple(warnings))

    def fitting(
        self,
        criteria: Criteria,
        evaluate: Evaluator,
        unmeasured: Unmeasured,
        *,
        asked: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[Recipe, str]:
        """Return what of the recipe for `criteria` is for a cluster, and why base is not, "" when it is.

        All constraints of the merged recipe count: those that fail rule out the leaves which bring them, directly or
        through what they build on, until none fails. One that nobody measured rules nothing out; it is told.

        Raises:
            Conflict: the layers contradict each other.
        """
        leaves = self.leaves(criteria)
        declared = declared_profile(self.applied(leaves))
        excluded: list[ExcludedOverlay] = []
        warnings: list[ConstraintWarning] = []
        while True:
            layers = self.applied(leaves)
            _refuse_lost(declared, layers, excluded)
            recipe = self.compose(criteria, layers, asked)
            failing = list(_failing_constraints(recipe, evaluate, unmeasured))
            if not failing:
                return replace(recipe, excluded=tuple(excluded), warnings=tuple(warnings)), ""
            names: dict[str, None] = {}
            for name, origin, verdict in failing:
                expected = str(origin.value.get("value", ""))
                for leaf in leaves:
                    if origin.layer in self._authors(leaf):
                        names[leaf.name] = None
                        warnings.append(ConstraintWarning(leaf.name, name, expected, verdict.actual, verdict.reason))
            if not names:
                name, origin, verdict = failing[0]
                return recipe, f"{verdict.reason} ({origin.place})"
            excluded += [ExcludedOverlay(name, "constraint-failed") for name in names]
            leaves = [leaf for leaf in leaves if leaf.name not in names]

    def _authors(self, leaf: Layer) -> set[str]:
        """Return the names of the layers and mixins that a leaf brings, base left out."""
        chain = self.catalog.chain(leaf.name)
        return {layer.name for layer in chain} | {str(said.value) for layer in chain for said in layer.mixins}

    def leaves(self, criteria: Criteria) -> list[Layer]:
        """Return the matched overlays that no other match builds on, the most specific last.

        Raises:
            Conflict: one of those that match is not understood. Source: reference rows R18-R20.
        """
        overlays = self.catalog.overlays
        names = self.matcher.names(self.matcher.matched(criteria))
        for unread in (self.catalog.unread[name] for name in names if name in self.catalog.unread):
            what = f"the overlay '{unread.root}' cannot be parsed"
            raise Conflict(what, place=unread.place, hint="fix it, or read the tree with a newer version")
        matched = [overlays[name] for name in names]
        ancestors = {layer.name for leaf in matched for layer in self.catalog.chain(leaf.name)[:-1]}
        leaves = [leaf for leaf in matched if leaf.name not in ancestors]
        return sorted(leaves, key=lambda leaf: (leaf.criteria.specificity() if leaf.criteria else 0, leaf.name))

    def applied(self, leaves: Iterable[Layer]) -> list[Layer]:
        """Return base and the chains of `leaves`, root first, each layer once. Source: reference row R21.

        Raises:
            Conflict: a chain does not reach base.
        """
        layers = [self.catalog.base]
        for leaf in leaves:
            chain = self.catalog.chain(leaf.name)
            self._refuse_loose_end(chain[0])
            layers += [layer for layer in chain if layer not in layers]
        return layers

    def _refuse_loose_end(self, root: Layer) -> None:
        """Raise Conflict when the first layer of a chain still has a parent: none of that name, or a circle."""
        if root.base in ("", BASE):
            return
        node = root.node.get("spec", "base")
        place = Place(root.file, node.line, node.column) if node else root.place
        if root.base in self.catalog.overlays:
            what = f"'{root.name}' builds on itself through '{root.base}'"
            raise Conflict(what, place=place, hint="break the cycle")
        near = nearest(root.base, self.catalog.overlays.keys() - {root.name})
        hint = f"did you mean '{near}'?" if near else "name an overlay, or leave base out"
        raise Conflict(f"base '{root.base}' does not exist", place=place, hint=hint)

    def compose(
        self, criteria: Criteria, layers: Sequence[Layer], asked: Mapping[str, str] = MappingProxyType({})
    ) -> Recipe:
        """Return the recipe that `layers`, the mixins they name and what is chosen make.

        Raises:
            Conflict: a mixin collides, a dependency is unknown or circular, or a component cannot be deployed.
            InvalidRequest: the recipe does not offer what is chosen.
        """
        constraints: dict[str, Origins] = {}
        parts: dict[str, list[ComponentLayer]] = {}
        for layer in layers:
            for name, origin in layer.constraints:
                constraints[name] = (*constraints.get(name, ()), origin)
            for part in layer.components:
                parts.setdefault(part.name, []).append(part)
        for mixin, origin in self._mixins(layers):
            refuse_collisions(self.catalog, mixin, origin, constraints, parts)
            for name, said in mixin.constraints:
                constraints[name] = (said,)
            for part in mixin.components:
                parts.setdefault(part.name, []).append(part)
        declared = declared_profile(layers)
        is_enabled = lambda name: self._component(parts[name]).enabled  # noqa: E731
        configurations = offered_configurations(self.catalog.configurations, parts, is_enabled)
        offers = offers_of([*([declared] if declared else ()), *configurations])
        selection = select(offers, asked, recipe=criteria.slug())
        chosen = dict(selection)
        for configuration in configurations:
            if configuration.confirms and chosen[configuration.name] == configuration.default:
                continue
            lay_over(configuration.values[chosen[configuration.name]], parts)
        profile = None
        if declared is not None:
            value = declared.values[chosen[declared.name]]
            profile = SelectedProfile(declared, value, owned_paths(declared))
            refuse_absent(declared, parts)
            refuse_shared(declared, configurations)
            join_constraints(profile, constraints)
            lay_over(value, parts)
        components = tuple(self._component(parts[name]) for name in sorted(parts))
        if declared is not None:
            refuse_disabled(declared, components)
        for component in components:
            if component.problem is not None:
                raise component.problem
        return Recipe(
            criteria=criteria,
            applied=tuple(layer.name for layer in layers),
            constraints=tuple((name, constraints[name]) for name in sorted(constraints)),
            components=components,
            order=deployment_order(components),
            phases=merge_phases(layers),
            profile=profile,
            offers=offers,
            selection=selection,
        )

    def _component(self, parts: list[ComponentLayer]) -> Component:
        key = tuple(map(id, parts))
        known = self._components.get(key)
        if known is None:
            known = self._components[key] = assemble(self.catalog, parts)
        return known

    def _mixins(self, layers: Sequence[Layer]) -> list[tuple[Layer, Origin]]:
        """Return the mixins that `layers` name, each once, in order. Source: reference row R34.

        Raises:
            Conflict: a mixin does not exist.
        """
        named: dict[str, Origin] = {}
        for layer in layers:
            for origin in layer.mixins:
                named.setdefault(str(origin.value), origin)
        for name, origin in named.items():
            if name in self.catalog.unread_mixins:
                unread = self.catalog.unread_mixins[name]
                what = f"the mixin '{name}' cannot be parsed"
                raise Conflict(what, place=unread.place, hint=f"fix it; it is named at {origin.place}")
            if name not in self.catalog.mixins:
                known = ", ".join(sorted(self.catalog.mixins)) or "none"
                raise Conflict(f"mixin '{name}' does not exist", place=origin.place, hint=f"mixins: {known}")
        return [(self.catalog.mixins[name], origin) for name, origin in named.items()]

    def _mixin_failures(
        self, leaves: Sequence[Layer], layers: Sequence[Layer], evaluate: Evaluator, warnings: list[ConstraintWarning]
    ) -> set[str]:
        """Return the leaves whose mixins' constraints fail on the snapshot, adding a warning for each failure.

        Source: reference row R25.
        """
        failing: set[str] = set()
        for mixin, _ in self._mixins(layers):
            for name, origin in mixin.constraints:
                verdict = evaluate(name, str(origin.value.get("value", "")))
                if verdict.passed:
                    continue
                for leaf in leaves:
                    chain = [self.catalog.base, *self.catalog.chain(leaf.name)]
                    if any(mixin.name == said.value for layer in chain for said in layer.mixins):
                        failing.add(leaf.name)
                        warnings.append(
                            ConstraintWarning(
                                leaf.name,
                                name,
                                origin.value.get("value", ""),
                                verdict.actual,
                                f"mixin-constraint-failed: {verdict.reason}",
                            )
                        )
        return failing


def _refuse_lost(declared: Profile | None, layers: Sequence[Layer], excluded: Sequence[ExcludedOverlay]) -> None:
    """Raise Conflict where a snapshot rules out all that declares the profile: there is no recipe without it."""
    if declared is not None and declared not in [layer.profile for layer in layers]:
        names = ", ".join(entry.name for entry in excluded)
        what = f"profile '{declared.name}' is declared by overlays that are not for this cluster: {names}"
        raise Conflict(what, place=declared.place, hint="leave the snapshot out to get the recipe anyway")


def resolve(catalog: Catalog, criteria: Criteria, evaluate: Evaluator | None = None) -> Recipe:
    """Return the recipe for one query; use a `Resolver` for many.

    Raises:
        Conflict: the layers contradict each other.
    """
    return Resolver(catalog).resolve(criteria, evaluate)


def _failing_constraints(
    recipe: Recipe, evaluate: Evaluator, unmeasured: Unmeasured
) -> Iterator[tuple[str, Origin, Verdict]]:
    """Yield the constraints of a recipe that fail, with who says them; what was not measured is told instead.

    Those of the phase readiness count as the recipe's own do: `validate` and `fit` judge both before anything is
    deployed.
    """
    readiness = recipe.phases.get("readiness")
    for name, origins in (*recipe.constraints, *(readiness.constraints if readiness else ())):
        expected = str(origins[-1].value.get("value", ""))
        verdict = evaluate(name, expected)
        if not verdict.passed and verdict.measured:
            yield name, origins[-1], verdict
        elif not verdict.passed:
            unmeasured(name, expected, verdict.reason)


def _passing_leaves(
    leaves: Iterable[Layer], evaluate: Evaluator, excluded: list[ExcludedOverlay], warnings: list[ConstraintWarning]
) -> list[Layer]:
    """Return the leaves whose own constraints all hold, recording the others. Source: reference row R25."""
    passing = []
    for leaf in leaves:
        failed = []
        for name, origin in leaf.constraints:
            expected = str(origin.value.get("value", ""))
            verdict = evaluate(name, expected)
            if not verdict.passed:
                failed.append(ConstraintWarning(leaf.name, name, expected, verdict.actual, verdict.reason))
        if failed:
            excluded.append(ExcludedOverlay(leaf.name, "constraint-failed"))
            warnings.extend(failed)
        else:
            passing.append(leaf)
    return passing
