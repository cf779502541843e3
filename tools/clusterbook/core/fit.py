"""Fit: which recipes a cluster could be given.

Knows how a recipe's criteria and constraints are held against a snapshot, and that ignorance is no fit. Does not look
at what is deployed: that is `judge`. Source: reference rows R9, R25, turned round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from clusterbook.core.judge import constraint
from clusterbook.core.judge.outcome import FAILED, PASSED
from clusterbook.core.judge.subject import subject
from clusterbook.core.snapshot import Snapshot, fingerprint

FITS, MISSES, UNKNOWN = "fits", "misses", "unknown"
_ANY = "any"


class Fit(NamedTuple):
    """What is to be said about one recipe; `why` names the first thing that does not fit or cannot be told."""

    recipe: str
    fit: str
    why: str
    specificity: int

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"recipe": self.recipe, "fit": self.fit, **({"why": self.why} if self.why else {})}


def fit(recipes: Iterable[tuple[str, Mapping[str, Any]]], taken: Snapshot) -> list[Fit]:
    """Return what is to be said about each (name, recipe): what fits first, the most specific before the others.

    Raises:
        InvalidRequest: a recipe is not written as it must be.
    """
    shown = fingerprint(taken)
    found = [_fit(name, recipe, taken, shown) for name, recipe in recipes]
    order = (FITS, UNKNOWN, MISSES)
    return sorted(found, key=lambda each: (order.index(each.fit), -each.specificity, each.recipe))


def _fit(name: str, recipe: Mapping[str, Any], taken: Snapshot, shown: Mapping[str, str]) -> Fit:
    """Return what is to be said about one recipe; a constraint that fails says more than a criterion nobody knows."""
    criteria = {key: str(value) for key, value in (recipe.get("criteria") or {}).items() if value not in (_ANY, 0, "")}
    unknown = ""
    for dimension in ("service", "accelerator", "os"):
        wanted = criteria.get(dimension)
        actual = shown.get(dimension)
        if wanted and actual and wanted != actual:
            return Fit(name, MISSES, f"it is for {dimension} {wanted}, and the cluster shows {actual}", len(criteria))
        if wanted and not actual:
            unknown = unknown or f"it is for {dimension} {wanted}, and the cluster does not show its own"
    for each in subject(recipe, taken).phases["readiness"].constraints:
        result = constraint(taken, each)
        if result.state == FAILED:
            return Fit(name, MISSES, f"{result.name}: {result.message}", len(criteria))
        if result.state != PASSED:
            unknown = unknown or f"{result.name}: {result.message}"
    return Fit(name, UNKNOWN if unknown else FITS, unknown, len(criteria))
