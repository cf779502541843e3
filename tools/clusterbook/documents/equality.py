"""Equality: whether two values of documents mean the same, wherever documents are compared."""

from __future__ import annotations

from clusterbook.records import Any


def same(old: Any, new: Any) -> bool:
    """Return whether two values mean the same: true is not 1, but 1.0 is."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    return bool(old == new)
