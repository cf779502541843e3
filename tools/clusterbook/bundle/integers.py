"""Large integers: numbers of values that a chart would print as 1e+06 if Helm read them from a file.

Helm reads the numbers of values files as floats, and `{{ }}` prints those from a million on with an exponent: account
123456789012 becomes 1.23456789012e+11. What it is given by `--set` stays an integer, in text as in fields of objects.
So deployers give these numbers twice: in values, and by `--set` or what they have for it, which counts.
Source: Helm, pkg/strvals; Go, fmt, %v of a float64.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from clusterbook.bundle.folders import Folder
from clusterbook.bundle.template import fill
from clusterbook.records import Any

_FROM = 1_000_000
Path = tuple[str | int, ...]


def large_integers(folder: Folder) -> list[tuple[str, int]]:
    """Return path, as `--set` spells it, and value of each large integer that a chart is installed with.

    A chart that travels along inside another one has its values below its name there: see `subchart_integers`.
    """
    return [(spell_path(path), number) for path, number in walk_integers(folder.values)] if folder.chart else []


def integer_paths(folder: Folder) -> str:
    """Return the paths of a folder's large integers as JSON for the scripts, "" where there are none."""
    paths = [] if folder.chart is None else [path for path, _ in walk_integers(folder.values)]
    return json.dumps([{"path": path, "set": spell_path(path)} for path in paths]) if paths else ""


def refuse_twice() -> str:
    """Return the function of the shell by which scripts refuse a file of values that says one of these numbers."""
    return fill("integers.sh", {}).partition("\n\n")[2]


def file_integers() -> str:
    """Return the function of the shell by which scripts find these numbers in a file of values."""
    return fill("file_integers.sh", {}).partition("\n\n")[2]


def subchart_integers(folder: Folder) -> list[tuple[str, int]]:
    """Return the same for a deployer that installs a chart which travels along inside a chart around it."""
    head = f"{spell_path((folder.chart.name,))}." if folder.chart and folder.vendored else ""
    return [(f"{head}{path}", number) for path, number in large_integers(folder)]


def walk_integers(value: Any, path: Path = ()) -> Iterator[tuple[Path, int]]:
    """Yield path and value of each large integer below `value`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from walk_integers(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from walk_integers(inner, (*path, number))
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _FROM and all(map(_is_step, path)):
        yield path, value


def spell_path(path: Path) -> str:
    """Return a path as `--set` spells it."""
    steps = (f"[{step}]" if isinstance(step, int) else "." + re.sub(r"([\\.,=\[\]])", r"\\\1", step) for step in path)
    return "".join(steps).removeprefix(".")


def without(values: Mapping[str, Any], paths: set[Path]) -> dict[str, Any]:
    """Return values without those at some paths, none of which leads through a list."""

    def prune(value: Any, path: Path) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: prune(inner, (*path, key)) for key, inner in value.items() if (*path, key) not in paths}

    left: dict[str, Any] = prune(values, ())
    return left


def _is_step(step: str | int) -> bool:
    return step != ""
