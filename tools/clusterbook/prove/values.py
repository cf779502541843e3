"""Values as a chart takes them: each with its path, each can be taken out, and each may be the chart's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from clusterbook.catalog.chart import ChartKeys
from clusterbook.diagnostics.errors import nearest

Steps = tuple[str, ...]
ABSENT = object()


def leaves(values: Mapping[str, Any], path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Yield (path, value) of everything that is no map, and of maps that are empty."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def pointer(path: Steps) -> str:
    """Return a path as a JSON Pointer."""
    return "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in path)


def get(values: Any, path: Steps) -> Any:
    """Return what stands at a path, ABSENT where nothing does."""
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return ABSENT
        values = values[key]
    return values


def without(values: Mapping[str, Any], *paths: Steps) -> dict[str, Any]:
    """Return `values` without what stands at `paths`, nor the maps that held nothing else."""
    found = dict(values)
    for path in paths:
        found = _without(found, path)
    return found


def _without(values: Mapping[str, Any], path: Steps) -> dict[str, Any]:
    found = dict(values)
    if len(path) == 1:
        found.pop(path[0], None)
    elif isinstance(found.get(path[0]), Mapping):
        inner = _without(found[path[0]], path[1:])
        if inner:
            found[path[0]] = inner
        else:
            del found[path[0]]
    return found


def merge_values(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Return `high` over `low` as helm lays values over a chart's: maps merge, null takes away, all else replaces."""
    found = dict(low)
    for key, value in high.items():
        inner = found.get(key)
        if value is None:
            found.pop(key, None)
        else:
            found[key] = (
                merge_values(inner, value) if isinstance(value, Mapping) and isinstance(inner, Mapping) else value
            )
    return found


def with_value(values: Mapping[str, Any], path: Steps, value: Any) -> dict[str, Any]:
    """Return `values` with another value at a path."""
    found = dict(values)
    inner = found.get(path[0])
    found[path[0]] = (
        value if len(path) == 1 else with_value(inner if isinstance(inner, Mapping) else {}, path[1:], value)
    )
    return found


def same(one: Any, two: Any) -> bool:
    """Return whether a chart reads two values as the same: 1 is 1.0, true is not 1."""
    return _canonical_json(one) == _canonical_json(two)


def _canonical_json(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def known_steps(chart: ChartKeys, path: Steps) -> int:
    """Return how many steps of a path the chart has before the first that it has not; all of them if it has it.

    A chart has what its values, its schema and its templates name, and anything below a map that they read as a whole.
    """
    for length in range(1, len(path) + 1):
        here = path[:length]
        value = get(chart.values, here)
        if here in chart.read or value == {}:
            return len(path)
        spelled = any(read[:length] == here for read in chart.read)
        if value is ABSENT and not spelled and here[-1] not in _properties(chart, here[:-1]):
            return length - 1
    return len(path)


def _properties(chart: ChartKeys, path: Steps) -> Mapping[str, Any]:
    """Return the properties that a chart's schema names at a path, {} where it says nothing."""
    schema: Any = chart.schema
    for step in ("properties", *(step for key in path for step in (key, "properties"))):
        schema = schema.get(step) if isinstance(schema, Mapping) else None
    return schema if isinstance(schema, Mapping) else {}


def nearest_pointer(chart: ChartKeys, path: Steps, at: int) -> str:
    """Return the pointer of the value that was probably meant, of a path whose step `at` the chart does not have.

    A value of the same name elsewhere counts where none of a similar name stands beside it; not for names that stand
    everywhere.
    """
    known = {known for known, _ in leaves(chart.values)} | set(chart.read)
    beside = {each[at] for each in known if len(each) > at and each[:at] == path[:at]} | set(
        _properties(chart, path[:at])
    )
    if at == len(path) - 1:
        word = nearest(path[at], beside)
        if word:
            return pointer((*path[:at], word))
    else:
        word = next(iter(get_close_matches(path[at], sorted(beside), 1, _CLOSE)), "")
        if word and any(each[: len(path)] == (*path[:at], word, *path[at + 1 :]) for each in known):
            return pointer((*path[:at], word, *path[at + 1 :]))
    for length in range(len(path), 0, -1):
        if length == 1 and path[-1] in _EVERYWHERE:
            break
        matches = sorted(
            (each for each in known if each[-length:] == path[-length:]), key=lambda it: (_distance(it, path), it)
        )
        if matches:
            return pointer(matches[0])
    return ""


def _distance(one: Steps, two: Steps) -> tuple[int, int]:
    """Return how far two paths are apart: the fewer steps they begin with together, the further."""
    together = next((i for i, (mine, other) in enumerate(zip(one, two, strict=False)) if mine != other), len(one))
    return -together, len(one)


def other_value(value: Any) -> Any:
    """Return a value of the same type that is not `value`."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return [*value[:-1], *map(other_value, value[-1:])] if value else [_PROBE]
    if isinstance(value, Mapping):
        return {**value, _PROBE: _PROBE}
    return f"{value}-{_PROBE}" if value else _PROBE


_PROBE = "probe"
_CLOSE = 0.75
_EVERYWHERE = frozenset("create deploy enable enabled install kind labels name port replicas type version".split())


def switches(chart: ChartKeys, values: Mapping[str, Any], path: Steps) -> Iterator[tuple[Steps, bool]]:
    """Yield (path, other value) of the switches that may keep a value from having an effect, nearest first."""
    seen = {path}
    for length in range(len(path) - 1, -1, -1):
        holder = path[:length]
        beside = {**_map(get(chart.values, holder)), **_map(get(values, holder))}
        found = [(*holder, key) for key, value in beside.items() if isinstance(value, bool)]
        below = [(*holder, key, "enabled") for key, value in beside.items() if isinstance(value, Mapping)]
        conditions = [each for sub in (path[:length],) for each in chart.conditions.get(sub, ())]
        near_path = [each for each in below if each[: length + 1] == path[: length + 1]]
        candidates = sorted(found, key=lambda each: (each[-1] not in _SWITCHES, each))
        for each in (*conditions, *near_path, *candidates):
            value = get(values, each)
            value = get(chart.values, each) if value is ABSENT else value
            if each not in seen and (value is ABSENT or isinstance(value, bool)):
                seen.add(each)
                yield each, value is not True


_SWITCHES = frozenset({"enabled", "enable", "create", "install", "deploy", "deployed"})


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
