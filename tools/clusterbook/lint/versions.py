"""Versions: whether they are written so that they stay what they are, and agree with the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope, below, maps, place

REGISTRY_DIFFERENCE = Code(
    "CB044",
    "version differs from the registry's",
    "warning",
    "Two versions of one chart split testing, and a bump in the registry does not reach this one.",
    "Change the registry, remove the version, or say `# allow CB044: reason`.",
)
UNQUOTED_VERSION = Code(
    "CB046",
    "unquoted version",
    "warning",
    "YAML reads 1.10 as the number 1.1.",
    "Put the version in quotes.",
)

_FIELDS = ("version", "tag", "defaultVersion", "defaultTag")
"""Fields of layers and registry entries that hold versions; house style quotes them all."""
_VERSION_KEY = re.compile(r"(version|tag)\Z", re.IGNORECASE)
_NUMBER_KEYS = frozenset({"tag", "imagetag"})
"""Keys of values where a whole number is a version too: charts print a long one as 2.0240101e+07."""
_LOOKS_LIKE_VERSION = re.compile(r"v?\d")


def registry_differences(scope: Scope) -> Iterator[Finding]:
    """Yield CB044 for each chart version of a layer that is not the registry's."""
    for ref in scope.component_refs:
        entry, version = scope.catalog.components.get(ref.component.name), ref.component.words.get("version")
        default = entry.defaults.get("version") if entry else None
        if version is not None and default is not None and version.value != default.value:
            what = f"{ref.component.name} is {version.value} here and {default.value} in the registry"
            yield REGISTRY_DIFFERENCE.finding(
                version.place, what, f"remove it, or change {default.place}; or '# allow CB044: reason'"
            )


def unquoted_versions(scope: Scope) -> Iterator[Finding]:
    """Yield CB046 for each version that YAML reads as a number, and in our own trees for each without quotes."""
    for ref in scope.component_refs:
        for field in _FIELDS[:2]:
            yield from _field(scope, ref.layer.file, ref.node.get(field))
    for component in scope.catalog.components.values():
        for section in ("helm", "kustomize"):
            for field in _FIELDS[2:]:
                yield from _field(scope, component.file, component.node.get(section, field))
    for layer in scope.layers:
        yield from _constraints(layer.file, layer.node)
    for values in scope.values:
        yield from _in_values(values.file, values.node)


def _field(scope: Scope, file: str, node: Node | None) -> Iterator[Finding]:
    """Yield a finding when a version field is plain and is a number, or is our own."""
    if node is None or not node.plain or node.value is None:
        return
    if isinstance(node.value, int | float):
        yield UNQUOTED_VERSION.finding(place(file, node), _as_number(node), f'write "{node.text}"')
    elif scope.ours(file) and _LOOKS_LIKE_VERSION.match(node.text or ""):
        yield UNQUOTED_VERSION.finding(
            place(file, node), f"the version {node.text} is not quoted", f'write "{node.text}"'
        )


def _constraints(file: str, document: Node) -> Iterator[Finding]:
    """Yield a finding for each plain number with a dot among the constraints of a layer."""
    spec = document.get("spec")
    validation = spec.get("validation") if spec else None
    phases = [phase for _, phase in validation.items()] if validation else []
    for node in [*below(spec, "constraints"), *(node for phase in phases for node in below(phase, "constraints"))]:
        value = node.get("value")
        if value and value.plain and isinstance(value.value, float):
            yield UNQUOTED_VERSION.finding(place(file, value), _as_number(value), f'write "{value.text}"')


def _in_values(file: str, node: Node) -> Iterator[Finding]:
    """Yield a finding for each value called a version or tag that is a number."""
    for mapping in maps(node):
        for key, child in mapping.items():
            kinds = (int, float) if key.lower() in _NUMBER_KEYS else (float,)
            if child.plain and _VERSION_KEY.search(key) and type(child.value) in kinds:
                yield UNQUOTED_VERSION.finding(
                    place(file, child), f"{key} {_as_number(child)}", f'write "{child.text}"'
                )


def _as_number(node: Node) -> str:
    """Return what is lost of a version that is a number: something of it, else of one that may follow it."""
    if node.text != str(node.value):
        return f"{node.text} is a number to YAML, which reads it as {node.value}"
    major, dot, minor = str(node.text).partition(".")
    if not dot or not minor.isdigit():
        return f"{node.text} is a number to YAML, and a version is text"
    later = f"{major}.{(int(minor) // 10 + 1) * 10}"
    return f"{node.text} is a number to YAML, which would read a later {later} as {float(later)}"
