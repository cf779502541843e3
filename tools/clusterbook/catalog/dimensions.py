"""Dimensions: which values of criteria the criteria file allows, and how else they are spelt."""

from __future__ import annotations

from collections.abc import Iterable

from clusterbook.catalog.criteria import ANY, DIMENSIONS, Criteria, Vocabulary, claimed_values
from clusterbook.documents.yaml_reader import Node


def read_vocabulary(dimensions: Node | None, claims: Iterable[Criteria]) -> Vocabulary:
    """Return the allowed values: those that `dimensions` lists, and those of `claims`. Source: reference row R7."""
    known: dict[str, tuple[str, ...]] = {}
    aliases: dict[str, dict[str, str]] = {}
    for name in DIMENSIONS:
        dimension = dimensions.get(name) if dimensions else None
        if dimension is None:
            continue
        listed = dimension.get("values")
        known[name] = tuple(item.string() for item in listed.elements()) if listed else ()
        spellings = dimension.get("aliases")
        aliases[name] = {word: target.string() for word, target in (spellings.items() if spellings else ())}
        wildcard = dimension.get("any")
        aliases[name] |= {item.string(): ANY for item in (wildcard.elements() if wildcard else ())}
    return Vocabulary(known, claimed_values(claims), aliases)
