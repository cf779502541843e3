"""Planned recipes: what a recipe installs with options, as one side of an upgrade, with what is known of it.

Everybody who plans an upgrade between recipes comes this way, on a command line as for the site.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.bundle.advice import Need, needs
from clusterbook.bundle.components import select
from clusterbook.bundle.folders import plan
from clusterbook.bundle.options import OptionWords, read_options
from clusterbook.records import Any, NamedTuple
from clusterbook.transition.record import UpgradeRecord
from clusterbook.upgrade.plan import Knowledge, UpgradePlan, make_plan
from clusterbook.upgrade.proven import ProofsOf, ProvenFacts
from clusterbook.upgrade.side import UpgradeSide, planned_side


class PlannedRecipe(NamedTuple):
    """What a recipe installs, the kinds that it needs and nothing in it brings, and what is proven of its charts."""

    side: UpgradeSide
    needs: tuple[Need, ...]
    proven: ProvenFacts


def plan_recipe(label: str, recipe: Mapping[str, Any], words: OptionWords, proofs_of: ProofsOf) -> PlannedRecipe:
    """Return what a whole recipe installs with options.

    Raises:
        ClusterbookError: no bundle can be made of it.
    """
    options = read_options({**words, "vendorCharts": False})  # what travels along is installed all the same
    planned = plan(recipe, select(recipe, options), options, {})
    side = planned_side(label, recipe, planned, str(words.get("deployer") or "helm"))
    return PlannedRecipe(side, tuple(needs(planned)), ProvenFacts(recipe, proofs_of))


def plan_between(old: PlannedRecipe, new: PlannedRecipe, records: Mapping[str, UpgradeRecord]) -> UpgradePlan:
    """Return the plan of an upgrade from one recipe to another."""
    return make_plan(old.side, new.side, known_between(old, new, records))


def known_between(old: PlannedRecipe, new: PlannedRecipe, records: Mapping[str, UpgradeRecord]) -> Knowledge:
    """Return what is known of an upgrade from one recipe to another; `records` are upgrade records by component."""
    return Knowledge(
        records, old.proven.kinds, new.proven.kinds, old.proven.effects, new.proven.effects, old.needs, new.needs
    )
