"""Fields: the parts of a snapshot's document, or an error that names the place.

Knows maps, lists and names. Does not know which field means what. Plain dicts go in, so that a judgement needs no shape
library.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.selector import describe


def entries(entry: Mapping[str, Any], key: str, place: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return place and map of every element of the list under `key`; nulls are left out, as the reference does."""
    where = f"{place}.{key}" if place else key
    value = entry.get(key)
    if not isinstance(value, list | None):
        raise misshapen(where, value, "a list")
    numbered = [(f"{where}[{number}]", each) for number, each in enumerate(value or [])]
    return [(at, mapping(each, at)) for at, each in numbered if each is not None]


def mapping(value: object, place: str) -> Mapping[str, Any]:
    """Return `value` if it is a map, {} if it is nothing."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise misshapen(place, value, "a map")
    if not all(isinstance(key, str) for key in value):
        raise misshapen(place, value, "a map whose keys are text")
    return value


def name_of(entry: Mapping[str, Any], key: str, place: str) -> str:
    """Return the name of a measurement or a subtype."""
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise misshapen(f"{place}.{key}", value, "a name")
    return value


def misshapen(place: str, value: object, wanted: str) -> InvalidRequest:
    """Return the error for a part of a snapshot that has another shape."""
    return InvalidRequest(
        f"this is no snapshot that can be read: {place} is {describe(value)}, not {wanted}",
        hint="take a new one with `clusterbook snapshot`",
    )
