"""Policies: the GPU operator's own account, as readings. Source: reference row S12."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clusterbook.snapshot.build import Group, Reading


def policies(found: Iterable[Mapping[str, Any]]) -> Group:
    """Return K8s.policy: what cluster policies specify and which state they are in, by keys with dots."""
    readings: dict[str, Reading] = {}
    for policy in found:
        readings.update(_flat(policy.get("spec") or {}, ""))
        readings.update(_flat({"state": (policy.get("status") or {}).get("state")}, ""))
    return Group(dict(sorted(readings.items())))


def _flat(found: Mapping[str, Any], path: str) -> Iterator[tuple[str, Reading]]:
    """Yield every leaf with its path; a list is one leaf, as JSON."""
    for key, value in found.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            yield from _flat(value, where)
        elif isinstance(value, list):
            yield where, json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        elif value is not None:
            yield where, value
