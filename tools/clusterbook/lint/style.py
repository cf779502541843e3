"""Style: what our own sources promise beyond being right, a first line and reasons. Trees of others are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterbook.catalog.tree import CRITERIA, REGISTRY, VALIDATORS, images_of
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope, below, key_place

NO_SCHEMA_LINE = Code(
    "CB050",
    "no schema line",
    "warning",
    "Editors complete and check a file only when its first line names its schema.",
    "Make the line that the hint shows the first one.",
)
NO_REASON = Code(
    "CB051",
    "pin, limit or disabled component without a reason",
    "warning",
    "A pin that nobody can explain is never updated.",
    "Write `# why: …` above it, in your own words.",
)

_SCHEMAS = {REGISTRY: "component-registry", VALIDATORS: "validator-catalog", CRITERIA: "criteria"}
_WHY = re.compile(r"(?:^|\s)#\s*why:\s*\S")


def schema_lines(scope: Scope) -> Iterator[Finding]:
    """Yield CB050 for each document of ours whose first line does not name its schema."""
    upgrades = {entry.upgrades_file for entry in scope.catalog.components.values()}
    for path, file, _ in scope.documents:
        folder = path.split("/")[0]
        schema = _SCHEMAS.get(path) or {"overlays": "recipe-metadata", "mixins": "recipe-mixin"}.get(folder)
        schema = "component-images" if images_of(path) else schema
        schema = "component-upgrades" if path in upgrades else schema
        if schema is None or not scope.ours(file):
            continue
        line = f"# yaml-language-server: $schema={'../' * (path.count('/') + 1)}schemas/v1/{schema}.schema.json"
        if scope.lines[file][0].rstrip() != line:
            yield NO_SCHEMA_LINE.finding(Place(file, 1, 1), "the first line does not name the schema", f"write {line}")


def reasons(scope: Scope) -> Iterator[Finding]:
    """Yield CB051 for each pin, limit and switch-off of ours that does not say why."""
    for file, node, what in _decisions(scope):
        if scope.ours(file) and not has_why(scope.lines[file], node.key_line):
            yield NO_REASON.finding(
                key_place(file, node), f"{what} without a reason", "write '# why: …' on the line above"
            )


def _decisions(scope: Scope) -> Iterator[tuple[str, Node, str]]:
    """Yield (file, node, what it is) of everything that somebody decided and others will want to move."""
    for component in scope.catalog.components.values():
        for keys in (("helm", "defaultVersion"), ("kustomize", "defaultTag")):
            if (node := component.node.get(*keys)) and node.string():
                yield component.file, node, f"{component.name} is pinned to {node.string()}"
    for ref in scope.component_refs:
        for field in ("version", "tag"):
            if (node := ref.node.get(field)) and node.string():
                yield ref.layer.file, node, f"{ref.component.name} is pinned to {node.string()}"
    for layer in scope.layers:
        for node in below(layer.node, "spec", "constraints"):
            if (name := node.get("name")) and (value := node.get("value")):
                yield layer.file, name, f"{name.string()} is limited to '{value.string()}'"
    for values in scope.values:
        yield from _switches(values.file, values.node, values.component)


def _switches(file: str, node: Node, name: str) -> Iterator[tuple[str, Node, str]]:
    """Yield what values switch off, and the image tags they pin; `name` is what they are about."""
    for key, child in node.items():
        if key == "enabled" and child.value is False:
            yield file, child, f"{name} is disabled"
        elif key == "tag" and child.string():
            yield file, child, f"{name} is pinned to {child.string()}"
        else:
            yield from _switches(file, child, f"{name}.{key}")


def has_why(lines: list[str], line: int, *, beside: bool = True) -> bool:
    """Return whether the key on `line` (counted from 1) has a `# why:` that speaks for it.

    One does on the line itself, in the comment right above it, anywhere above it in its own map unless that is the
    whole document, and in the same way at each key or list element that holds it. Without `beside`, what is above
    another key of its map does not.
    """
    at: int | None = min(line, len(lines)) - 1
    own_map = beside
    while at is not None and at >= 0:
        if _WHY.search(lines[at]) or any(_WHY.search(text) for text in _comment_above(lines, at)):
            return True
        column = _key_column(lines[at])
        holder = _holder(lines, at)
        if (
            own_map
            and column
            and any(
                _WHY.search(text) and _column(text) == column for text in lines[(holder or 0) : at] if _is_comment(text)
            )
        ):
            return True
        own_map = beside and holder is not None and _key_column(lines[holder]) == column
        at = holder
    return False


def _comment_above(lines: list[str], at: int) -> Iterator[str]:
    """Yield the lines of the comment that ends right above `lines[at]`, last first."""
    while at > 0 and _is_comment(lines[at - 1]):
        at -= 1
        yield lines[at]


def _holder(lines: list[str], at: int) -> int | None:
    """Return which line holds the one at `at`: the head of its list element, else the key above it; None at the top."""
    dashed = lines[at].lstrip().startswith("-")
    column = _column(lines[at]) if dashed else _key_column(lines[at])
    for above in range(at - 1, -1, -1):
        text = lines[above]
        if not text.strip() or _is_comment(text):
            continue
        head = text.lstrip().startswith("-")
        if _key_column(text) < column or (_key_column(text) == column and head != dashed):
            return above
    return None


def _is_comment(text: str) -> bool:
    return text.lstrip().startswith("#")


def _key_column(text: str) -> int:
    """Return the column of the first key on a line, behind the dashes of lists."""
    return len(text) - len(text.lstrip("- "))


def _column(text: str) -> int:
    return len(text) - len(text.lstrip())
