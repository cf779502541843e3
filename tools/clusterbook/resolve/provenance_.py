"""Provenance: origins in few words, for where all of them are kept.

Knows how origins are written down compactly, and read back. Does not know pointers nor documents.

    base recipes/overlays/base.yaml:11:14              one layer said it, and the value stands beside
    [{by: base …, value: 1}, {by: eks …, value: 2}]    several did, winner last
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.catalog.values import Origin, Origins
from clusterbook.resolve.document import component_pointers, recipe_pointers
from clusterbook.resolve.resolver import Recipe

Brief = str | list[dict[str, Any]]


def brief(origins: Origins) -> Brief:
    """Return origins in few words."""
    if len(origins) == 1 and not origins[0].removed:
        return _by(origins[0])
    return [
        {"by": _by(origin), "value": origin.value, **({"removed": True} if origin.removed else {})}
        for origin in origins
    ]


def _by(origin: Origin) -> str:
    return f"{origin.layer} {origin.place}"


def winner(found: Brief) -> str:
    """Return who had the last word, "" when nobody is known."""
    if isinstance(found, str):
        return found
    return str(found[-1]["by"]) if found else ""


def winners(found: Mapping[str, Brief]) -> dict[str, str]:
    """Return who had the last word by pointer."""
    return {pointer: winner(each) for pointer, each in found.items()}


def recipe_winners(recipe: Recipe) -> dict[str, str]:
    """Return who had the last word about everything in a recipe, by the pointers of its origins."""
    found = {pointer: winner(brief(origins[-1:])) for pointer, origins in recipe_pointers(recipe) if origins}
    for component in recipe.components:
        found |= {pointer: winner(brief(origins[-1:])) for pointer, origins in component_pointers(component) if origins}
    return found
