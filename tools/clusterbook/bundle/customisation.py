"""Customisation: what options and local values make of a recipe that is not its own bundle.

A recipe's own bundle is the one for the same deployer with no other option. Whoever verifies a bundle is not always the
one who chose its options, so each of them, and each value that is another one for it, can be told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.checksums import sha256
from clusterbook.bundle.folders import Folder, Plan
from clusterbook.bundle.local_chart import LATER
from clusterbook.bundle.options import OPTIONS, REPEATED, SWITCHES, OptionWords, flag
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.documents.yaml_reader import parse
from clusterbook.resolve.bundle_inputs import build_file, files_of
from clusterbook.resolve.recipe import RecipeResult

_ABSENT = object()


class ValueChange(NamedTuple):
    """One value of a release that is another one: as JSON, "" for none; `path` is dotted."""

    release: str
    path: str
    before: str
    after: str

    def __str__(self) -> str:
        """Return it as one line."""
        if not self.path:
            return f"{self.release}: {self.after}"
        return f"{self.release}: {self.path}: {self.before or 'not set'} -> {self.after or 'not set'}"


class UnpinnedContent(NamedTuple):
    """A part of a bundle that no recipe pins, and what it is; `component` has it for a chart, "" where it is none."""

    path: str
    sha256: str
    what: str
    component: str = ""


def option_words(request: OptionWords) -> tuple[str, ...]:
    """Return the options of a request as they are typed, one each, the deployer left out."""
    found: list[str] = []
    for option in OPTIONS:
        value = request.get(option)
        if not value or option == "deployer":
            continue
        name = flag(option)
        if option in SWITCHES:
            found.append(name)
        elif option in REPEATED:
            found += [f"{name} {word}" for word in value]
        else:
            found.append(f"{name} {value}")
    return tuple(found)


def plan_value_changes(own: Plan, other: Plan) -> tuple[ValueChange, ...]:
    """Return which values of the releases of a plan are not those of the recipe's own."""
    return tuple(_plan_changes(own, other))


def _plan_changes(own: Plan, other: Plan) -> Iterator[ValueChange]:
    mine, theirs = ({folder.name: folder for folder in plan.folders} for plan in (own, other))
    for name in sorted(mine.keys() | theirs.keys()):
        before, after = mine.get(name), theirs.get(name)
        if after is None:
            yield ValueChange(name, "", "", "left out")
        elif before is None:
            yield ValueChange(name, "", "", "added")
            yield from value_changes(name, {}, after.values)
        else:
            yield from value_changes(name, before.values, after.values)
            yield from value_changes(f"{name} (set at install time)", before.dynamic, after.dynamic)
            for what, (one, another) in _rest(before, after).items():
                if one != another:
                    yield ValueChange(name, what, one, another)


def _rest(before: Folder, after: Folder) -> dict[str, tuple[str, str]]:
    """Return what else there is to a release, by what it is called: before and after."""
    pairs = {"namespace": (before.namespace, after.namespace)}
    taken = [
        {f"{each.dotted()} (read at install time)": str(each.value) for each in folder.secrets}
        for folder in (before, after)
    ]
    for place in sorted({*taken[0], *taken[1]}):
        pairs[place] = (taken[0].get(place, ""), taken[1].get(place, ""))
    for name in sorted(before.templates.keys() | after.templates.keys()):
        pairs[f"templates/{name}"] = (_digest(before.templates.get(name)), _digest(after.templates.get(name)))
    return pairs


def _digest(text: str | None) -> str:
    return "" if text is None else f"sha256:{sha256(text.encode())}"


def value_changes(release: str, before: Any, after: Any, path: str = "") -> Iterator[ValueChange]:
    """Yield which values of a release are others, leaf by leaf."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}, key=str):
            below = f"{path}.{_step(str(key))}" if path else _step(str(key))
            yield from value_changes(release, before.get(key, _ABSENT), after.get(key, _ABSENT), below)
    elif isinstance(after, Mapping) and after and before is _ABSENT:
        yield from value_changes(release, {}, after, path)
    elif before is _ABSENT or after is _ABSENT or _json(before) != _json(after):
        yield ValueChange(release, path or ".", _json(before), _json(after))


def _step(key: str) -> str:
    return json.dumps(key, ensure_ascii=False) if "." in key or not key else key


def _json(value: Any) -> str:
    return "" if value is _ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def unpinned_content(recipe: Mapping[str, Any], planned: Plan) -> tuple[UnpinnedContent, ...]:
    """Return what of a bundle nothing in its recipe says the bytes of: charts that travel along, and kustomizations."""
    result = RecipeResult(recipe)
    found = [
        UnpinnedContent(
            f"{folder.path}/charts/{folder.vendored.tarball}",
            sha256(folder.vendored.data),
            f"the chart {folder.chart.name} {folder.chart.version}",
            folder.component,
        )
        for folder in planned.folders
        if folder.vendored is not None and folder.chart is not None
    ]
    for component in result.components:
        path = build_file(component.name)
        if path in result.files:
            what = f"what kustomize built of {component.name}"
            found.append(UnpinnedContent(f"recipe.yaml: files: {path}", sha256(str(result.files[path]).encode()), what))
    return tuple(found)


def unnamed_files(recipe: Mapping[str, Any]) -> list[str]:
    """Return the files that a recipe carries and none of its components names, sorted; no digest covers them."""
    result = RecipeResult(recipe)
    named: set[str] = set()
    for component in result.components:
        named |= {*files_of(component, result.files), build_file(component.name)}
    return sorted(result.files.keys() - named)


def is_local(path: str) -> bool:
    """Return whether a file of a bundle is where its user may write the values of one cluster."""
    return path.count("/") == 1 and path.endswith(f"/{LATER}")


def local_changes(path: str, before: bytes, after: bytes) -> tuple[ValueChange, ...]:
    """Return which values of a cluster-values.yaml are others than its bundle was made with."""
    release = path.partition("/")[0]
    old, new = _values(before, path), _values(after, path)
    if old is None or new is None:
        return (ValueChange(release, "", "", f"{LATER} cannot be read as YAML"),)
    return tuple(value_changes(f"{release}/{LATER}", old, new))


def _values(data: bytes, path: str) -> Any:
    """Return the values in a file, None when it cannot be read."""
    try:
        node = parse(data.decode(), path)
        found = node.data() if node else {}
    except (SourceErrors, UnicodeDecodeError):
        return None
    return {} if found is None else found if isinstance(found, dict) else None
