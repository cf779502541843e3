"""The floor of a recipe: the oldest Kubernetes that its constraints allow, which its charts have to render for."""

from __future__ import annotations

from clusterbook.catalog.values import Origin
from clusterbook.resolve.resolver import Recipe
from clusterbook.snapshot import constraint

VERSION = "K8s.server.version"
KUBERNETES = "1.34.0"
"""What charts are rendered for where a recipe sets no floor: the newest that one of ours asks for."""


def floor(recipe: Recipe) -> str:
    """Return the oldest Kubernetes that a recipe allows, in three numbers."""
    origin = origin_of(recipe)
    numbers = constraint.floor(constraint.parse_expression(str(origin.value.get("value", "")))) if origin else None
    return ".".join(map(str, (*numbers, 0, 0)[:3])) if numbers else KUBERNETES


def origin_of(recipe: Recipe) -> Origin | None:
    """Return the constraint that decides which Kubernetes a recipe allows, None where none does."""
    return next((origins[-1] for name, origins in recipe.constraints if name == VERSION), None)
