"""Silences: what a layer seems to take away and does not, since layers only add to these fields.

An empty word, an empty list or a null says nothing in a place where a later layer adds; whoever wrote it meant "none".
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.catalog.layers import ADDITIVE, REPLACED, STICKY, WORDS
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope, key_place

TAKES_NOTHING_AWAY = Code(
    "CB069",
    "empty value without effect",
    "error",
    'Layers add to these fields: `dependencyRefs: []`, `version: ""`, `valuesFile: null` or `healthCheckSkip: false` '
    "leave everything as it was inherited, although they look as if they removed it.",
    "Remove the line; to remove something, change the layer that sets it.",
)

_OF_COMPONENTS = (*WORDS, *ADDITIVE, *REPLACED, "overrides")
_OF_LAYERS = ("mixins", "constraints", "componentRefs")


def empty_fields(scope: Scope) -> Iterator[Finding]:
    """Yield CB069 for each field of a layer that says nothing where something may be inherited."""
    for layer in scope.layers:
        spec = layer.node.get("spec")
        if spec is not None and scope.strict(layer.file):
            yield from _empty(spec, _OF_LAYERS, layer.file)
    for ref in scope.component_refs:
        if scope.strict(ref.layer.file):
            yield from _empty(ref.node, _OF_COMPONENTS, ref.layer.file)
            yield from _never_unset(ref.node, ref.layer.file)


def _empty(node: Node, keys: tuple[str, ...], file: str) -> Iterator[Finding]:
    """Yield a finding for each of these fields that holds nothing."""
    for key in keys:
        child = node.get(key) if isinstance(node.value, dict) else None
        if child is not None and child.value in (None, "", [], {}):
            shown = {None: "null", "": '""'}.get(child.value) if not isinstance(child.value, list | dict) else ""
            shown = shown or ("[]" if isinstance(child.value, list) else "{}")
            what = f"{key}: {shown} has no effect: the inherited value stays"
            yield TAKES_NOTHING_AWAY.finding(key_place(file, child), what, f"remove '{key}:'")


def _never_unset(node: Node, file: str) -> Iterator[Finding]:
    """Yield a finding for each flag that is said to be off, since no layer can switch it off again."""
    for key in STICKY:
        child = node.get(key)
        if child is not None and child.string().lower() in ("false", "no", "off", ""):
            what = f"{key}: {child.string() or 'null'} has no effect: once true, it stays true"
            yield TAKES_NOTHING_AWAY.finding(key_place(file, child), what, f"remove '{key}:'")
