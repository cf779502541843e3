"""How an answer is written: YAML, JSON, or a table for people.

Part of every look-up, so the YAML writer is imported only where YAML is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from clusterbook.diagnostics.printable import one_line
from clusterbook.records import Any
from clusterbook.resolve.recipe import RecipeResult


def render(value: Any, form: str, table_of: Any = None) -> str:
    """Return a value as YAML, JSON or a table, ending in a newline. Source: reference rows G12, Q6."""
    if form == "json":
        return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if form == "table" and table_of is not None:
        return str(table_of(value))
    from clusterbook.documents.yaml_writer import text

    return text(value)


def table(heading: list[str], rows: list[list[str]]) -> str:
    """Return an aligned table of text, each row on one line."""
    rows = [list(map(one_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heading, *rows)
    ]
    return "\n".join(lines) + "\n"


def recipe_table(document: Mapping[str, Any]) -> str:
    """Return the components of a recipe as a table, in deployment order."""
    recipe = RecipeResult(document)
    order = {name: number for number, name in enumerate(recipe.order)}
    components = sorted(recipe.components, key=lambda each: (order.get(each.name, len(order)), each.name))
    rows = [
        [
            str(order[component.name] + 1) if component.name in order else "-",
            component.name,
            component.version,
            component.namespace,
            component.source,
        ]
        for component in components
    ]
    return table(["ORDER", "COMPONENT", "VERSION", "NAMESPACE", "SOURCE"], rows)


def leaves_table(value: Any) -> str:
    """Return every scalar of a value with its path, as a table."""
    rows: list[list[str]] = []

    def walk(found: Any, path: str) -> None:
        if isinstance(found, Mapping) and found:
            for key in sorted(found):
                walk(found[key], f"{path}.{key}" if path else key)
        elif isinstance(found, list) and found:
            for number, element in enumerate(found):
                walk(element, f"{path}[{number}]")
        else:
            rows.append([path or ".", found if isinstance(found, str) else json.dumps(found)])

    walk(value, "")
    return table(["PATH", "VALUE"], rows)
