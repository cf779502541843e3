"""Values of charts: whether a chart reads what it is told.

A chart may read what has no default: what its schema names, what its templates spell out, and anything below a map that
they read as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import nearest
from clusterbook.diagnostics.findings import Finding
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope, key_place
from clusterbook.resolve.recipe import SWITCHES

UNKNOWN_CHART_KEY = Code(
    "CB047",
    "key that the chart does not have",
    "warning",
    "A chart ignores values it does not know, so the setting has no effect.",
    "Correct the path; `helm show values` prints those of the chart.",
)

Steps = tuple[str, ...]

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_OURS = frozenset(SWITCHES)
"""Keys at the top that speak to the bundler, whether or not the chart knows them. Source: reference row R39."""
_FREE = tuple(
    "affinity annotations args config data env extraargs extraenv global labels limits matchlabels nodeselector "
    "requests resources securitycontext tolerations updatestrategy".split()
)

if TYPE_CHECKING:
    from clusterbook.catalog.chart import ChartKeys
"""Ends of the names of maps whose keys are the user's or Kubernetes' choice, so that defaults tell nothing."""


def unknown_keys(scope: Scope) -> Iterator[Finding]:
    """Yield CB047 for each value that the chart at hand does not have."""
    for name, file, node in scope.values:
        chart = scope.charts.get(name)
        if chart is not None:
            chart = chart._replace(words=chart.words | _manifest_words(scope, name))
            spelled = {path[:length] for path in chart.read for length in range(1, len(path) + 1)}
            for path, siblings, child in _below(chart, spelled, node, ()):
                yield UNKNOWN_CHART_KEY.finding(
                    key_place(file, child), _unknown_value(chart, path), _hint(scope, chart, name, path, siblings)
                )


def _manifest_words(scope: Scope, component: str) -> set[str]:
    """Return every word in the template actions of a component's own manifests, which read the same values."""
    folder = f"components/{component}/manifests/"
    texts = [source.text for path, source in scope.catalog.tree.files.items() if path.startswith(folder)]
    return {word for text in texts for action in _ACTION.findall(text) for word in _WORD.findall(action)}


def _unknown_value(chart: ChartKeys, path: Steps) -> str:
    return f"chart {chart.name} {chart.version} has no value '{'.'.join(path)}'"


def _hint(scope: Scope, chart: ChartKeys, component: str, path: Steps, known_parts: Mapping[str, object]) -> str:
    """Return the nearest value the chart has, and a word of caution where the recipe means another version of it."""
    near = nearest(path[-1], known_parts)
    words = sorted(known_parts)
    hint = f"did you mean '{'.'.join((*path[:-1], near))}'?" if near else f"known there: {', '.join(words[:8])}"
    pinned = {each.word("version") for each in scope.components if each.name == component} - {""}
    if pinned and chart.version.removeprefix("v") not in {version.removeprefix("v") for version in pinned}:
        hint += f" (recipes take {', '.join(sorted(pinned))}; check that version too)"
    return hint


def _below(
    chart: ChartKeys, spelled: set[Steps], node: Node, path: Steps
) -> Iterator[tuple[Steps, Mapping[str, object], Node]]:
    """Yield (path, what is known beside it, node) of the first step of each path that the chart does not have."""
    siblings = {**_properties(chart, path), **_defaults(chart, path)}
    for key, child in node.items():
        here = (*path, key)
        if key.lower().endswith(_FREE) or (key in _OURS and not path):
            continue
        if key in siblings or here in spelled:
            if (_defaults(chart, here) or _properties(chart, here)) and here not in chart.read:
                yield from _below(chart, spelled, child, here)
        elif key not in chart.words or _is_closed(chart, path):
            yield here, siblings, child


def _defaults(chart: ChartKeys, path: Steps) -> Mapping[str, object]:
    """Return the map that a chart has by default at `path`, empty where it has none."""
    values: object = chart.values
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values if isinstance(values, Mapping) else {}


def _properties(chart: ChartKeys, path: Steps) -> Mapping[str, object]:
    """Return the properties that a chart's schema names at `path`."""
    properties = _schema(chart, path).get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _is_closed(chart: ChartKeys, path: Steps) -> bool:
    """Return whether a chart's schema refuses every property at `path` that it does not name."""
    return _schema(chart, path).get("additionalProperties") is False


def _schema(chart: ChartKeys, path: Steps) -> Mapping[str, object]:
    """Return the part of a chart's schema at `path`, empty where it says nothing; references inside it are followed."""
    schema: object = _dereference(chart, chart.schema)
    for key in path:
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        schema = _dereference(chart, properties.get(key) if isinstance(properties, Mapping) else None)
    return schema if isinstance(schema, Mapping) else {}


def _dereference(chart: ChartKeys, schema: object) -> object:
    """Return what a `$ref` refers to in the same schema; after eight steps it is taken for a circle."""
    for _ in range(8):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        schema = chart.schema
        for step in reference[2:].split("/"):
            schema = schema.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(schema, Mapping) else None
    return None
