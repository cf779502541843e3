"""Trees of values: what is at a path of them, and how one becomes another. Values of charts are JSON-like."""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.bundle.settings import Path, Setting
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import Any

_ABSENT = object()


def merge(low: Any, high: Any) -> dict[str, Any]:
    """Return both objects as one: maps merge, everything else of `high` replaces.

    Null is a value like any other: Helm takes it for the wish to have the chart's default away.
    """
    found = dict(low)
    for key, value in high.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merge(found[key], value)
        else:
            found[key] = clone(value)
    return found


def clone(value: Any) -> Any:
    """Return a copy that shares nothing with a JSON-like value."""
    if isinstance(value, dict):
        return {key: clone(inner) for key, inner in value.items()}
    return [clone(inner) for inner in value] if isinstance(value, list) else value


def without_null(value: Any) -> Any:
    """Return a copy of a value without keys that are null, for manifests of ours: no chart is below their values."""
    if isinstance(value, dict):
        return {key: without_null(inner) for key, inner in value.items() if inner is not None}
    return clone(value)


def get(values: Mapping[str, Any], path: Path) -> Any:
    """Return the value at a path, None when there is none."""
    found: Any = values
    for key in path:
        found = found.get(key, _ABSENT) if isinstance(found, dict) else _ABSENT
        if found is _ABSENT:
            return None
    return found


def put(values: dict[str, Any], path: Path, value: Any, setting: Setting | None = None) -> None:
    """Write the value at a path, making the maps on the way.

    Raises:
        InvalidRequest: something on the way is no map, so that `setting` would lose it.
    """
    found = values
    for depth, key in enumerate(path[:-1]):
        inner = found.get(key)
        if setting is not None and inner is not None and not isinstance(inner, dict):
            raise InvalidRequest(
                f"{setting.flag} {setting.target}:{setting.dotted()}: {'.'.join(path[: depth + 1])} is not a map",
                hint=f"replace it whole: --set-json {setting.target}:{'.'.join(path[: depth + 1])}='{{…}}'",
            )
        if not isinstance(inner, dict):
            inner = found[key] = {}
        found = inner
    found[path[-1]] = value


def remove(values: dict[str, Any], path: Path) -> None:
    """Remove the value at a path, and the maps on the way that it leaves empty."""
    if len(path) > 1:
        inner = values.get(path[0])
        if isinstance(inner, dict):
            remove(inner, path[1:])
            if not inner:
                values.pop(path[0])
    else:
        values.pop(path[0], None)
