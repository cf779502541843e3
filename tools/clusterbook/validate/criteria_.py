"""Criteria: whether a cluster is one that a recipe is for.

Knows which criteria a cluster shows, and of which it says nothing. Does not know constraints. The reference says this
in its evidence only (`criteriaMatch`, reference row V48); a recipe for another cluster is a failure here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.snapshot.model import Snapshot, fingerprint
from clusterbook.validate.result import CRITERION, FAILED, PASSED, READINESS, SKIPPED, Result

_SHOWN = ("service", "accelerator", "os")
_BY_PROVIDER = ("eks", "gke", "aks", "oke", "lke", "kind")
"""The services that a node's provider gives away; what else runs on rented machines shows their provider."""
_ANY = ("any", "", 0)


def criteria(recipe: Mapping[str, Any], taken: Snapshot) -> Iterator[Result]:
    """Yield what becomes of each criterion of a recipe that a cluster may show."""
    claimed = recipe.get("criteria")
    shown, version = fingerprint(taken), taken.reading("K8s", "server", "version")
    for dimension in _SHOWN:
        wanted = claimed.get(dimension, "") if isinstance(claimed, Mapping) else ""
        if wanted not in _ANY:
            state, message = _held(dimension, str(wanted), shown.get(dimension, ""), version)
            yield Result(READINESS, CRITERION, dimension, state, message)


def _held(dimension: str, wanted: str, actual: str, version: str) -> tuple[str, str]:
    """Return whether a cluster that shows `actual`, and runs Kubernetes `version`, is one for `wanted`."""
    if wanted == actual:
        return PASSED, f"it is {actual}"
    if not actual:
        return SKIPPED, f"the recipe is for {wanted}, and the cluster does not show its own"
    if dimension == "service" and wanted not in _BY_PROVIDER:
        if f"-{actual}" in version:  # v1.33.5-eks-3025e55, v1.33.5-gke.1201000: the service's own build
            return FAILED, f"the recipe is for {wanted}, and the cluster's Kubernetes is {version}"
        return SKIPPED, f"the recipe is for {wanted}, which no provider gives away; the cluster's is that of {actual}"
    return FAILED, f"the recipe is for {wanted}, and the cluster shows {actual}"
