"""Fit: which recipes a cluster could be given, by criteria and constraints; ignorance is no fit.

Source: reference rows R9, R25, turned round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from clusterbook.records import Any, NamedTuple
from clusterbook.snapshot.model import OF_CLUSTERS, Snapshot
from clusterbook.validate.judge import constraint
from clusterbook.validate.result import CRITERION, FAILED, PASSED, READINESS, Result
from clusterbook.validate.subject import criteria, subject

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


def fit_recipes(recipes: Iterable[tuple[str, Mapping[str, Any]]], snapshot: Snapshot) -> list[Fit]:
    """Return what is to be said about each (name, recipe): what fits first, the most specific before the others.

    Raises:
        InvalidRequest: a recipe is not written as it must be.
    """
    found = [_fit(name, recipe, snapshot) for name, recipe in recipes]
    order = (FITS, UNKNOWN, MISSES)
    return sorted(found, key=lambda each: (order.index(each.fit), -each.specificity, each.recipe))


def _fit(name: str, recipe: Mapping[str, Any], snapshot: Snapshot) -> Fit:
    """Return what is to be said about one recipe; what fails says more than what nobody knows."""
    about = subject(recipe, snapshot)
    claimed = about.recipe.criteria
    specificity = sum(value not in (_ANY, 0, "") for value in claimed.values())
    unknown, left = "", False
    held: list[Result] = []
    constraints = (constraint(snapshot, each) for each in about.phases[READINESS].constraints)
    for result in (*criteria(claimed, snapshot), *constraints):
        why = f"{result.name}: {result.message}"
        if result.state == FAILED:
            return Fit(name, MISSES, why, specificity)
        if result.state == PASSED:
            held.append(result)
        elif snapshot.alone and _is_the_clusters(result):  # of every recipe, so it is worth no line of each
            left = True
        else:
            unknown = unknown or why
    if left and not unknown:
        unknown = _partial_fit(held)
    return Fit(name, UNKNOWN if unknown else FITS, unknown, specificity)


def _partial_fit(result: Sequence[Result]) -> str:
    """Return what of a recipe a machine without its cluster shows to hold."""
    shown = [each.name for each in result if each.kind == CRITERION]
    count = len(result) - len(shown)
    shown += [f"{count} constraint{'s' if count > 1 else ''}"] if count else []
    return f"as far as one machine shows: {', '.join(shown) or 'nothing'}"


def _is_the_clusters(result: Result) -> bool:
    """Return whether only a cluster could tell what nobody can tell."""
    return result.name == "service" or result.name.partition(".")[0] in OF_CLUSTERS
