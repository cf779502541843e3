"""Image variants: images whose tags an operator completes with what it finds on each node.

A recipe that pins the system of its nodes knows such a tag, `driver:580.126.20-ubuntu24.04`; one that does not, or an
operator that goes by the architecture or the kernel, leaves it open, and nobody can mirror it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from clusterbook.snapshot.constraint import parse_expression

_OS = ("OS.release.ID", "OS.release.VERSION_ID")


def variants(image: str, suffix: Sequence[str], recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the images that nodes may pull, () where the recipe leaves that open.

    Args:
        image: `registry/repository:tag`, without what is added.
        suffix: what is added in this order: os, architecture, kernel.
        recipe: the recipe's document; its constraints say which nodes it is for.
    """
    pinned = _allowed_values(recipe)
    known = {"os": tuple("".join(words) for words in product(*(pinned.get(name, ()) for name in _OS)))}
    endings = product(*(known.get(part, ()) for part in suffix))
    return tuple("-".join((image, *ending)) for ending in endings)


def _allowed_values(recipe: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return by name the values that a constraint allows, where it allows a few only."""
    found = {}
    for constraint in recipe.get("constraints") or ():
        if constraint["name"] in _OS:
            expression = parse_expression(str(constraint["value"]))
            each = expression.parts if expression.op in ("in", "or") else (expression,)
            if all(part.op in ("", "==") for part in each):
                found[str(constraint["name"])] = tuple(dict.fromkeys(part.value for part in each))
    return found
