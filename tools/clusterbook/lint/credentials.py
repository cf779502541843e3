"""Credentials: what should not stand in a public file.

A value is a secret by the name of its key or by what it looks like. Names of Secrets, references to variables and
digests are left alone, and no secret is repeated in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.secret import KNOWN, is_random, is_secret
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope

SECRET = Code(
    "CB049",
    "value that looks like a secret",
    "warning",
    "What is published stays public, and a default password tends to stay in use.",
    "Remove it and refer to a Kubernetes Secret; change it if it was real.",
)

_LINE = re.compile(
    r"""^\s*(?:-\s+)?["']?(?P<key>[\w.-]+)["']?:\s+(?P<quote>["']?)(?P<value>[^\s"'#][^"'#]*?)(?P=quote)\s*(?:#.*)?$"""
)


def secrets(scope: Scope) -> Iterator[Finding]:
    """Yield CB049 for each line with a value that looks like a secret; the value itself is not repeated."""
    by_line: dict[tuple[str, int], Finding] = {}
    for file in sorted(scope.sources):
        for secret in _known_credentials(file, scope.sources[file].text):
            by_line[file, secret.place.line] = secret
        if "/manifests/" in scope.paths[file]:
            for secret in _in_manifest(file, scope.lines[file]):
                by_line.setdefault((file, secret.place.line), secret)
    for _, file, node in scope.documents:
        for secret in _in_node(file, node, ""):
            by_line.setdefault((file, secret.place.line), secret)
    yield from by_line.values()


def _known_credentials(file: str, text: str) -> Iterator[Finding]:
    """Yield a finding for everything in a text that has the form of a known kind of key."""
    for what, mark, pattern in KNOWN:
        for match in pattern.finditer(text) if mark in text else ():
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            yield _secret(Place(file, line, column), f"this looks like {what}")


def _in_manifest(file: str, lines: list[str]) -> Iterator[Finding]:
    """Yield a finding for each line of a manifest, which may be a template, that sets a password."""
    for number, line in enumerate(lines, 1):
        match = _LINE.match(line)
        if match and is_secret(match["key"], match["value"]):
            where = Place(file, number, match.start("value") + 1 - len(match["quote"]))
            yield _secret(where, f"'{match['key']}' has a literal value")


def _in_node(file: str, node: Node, key: str) -> Iterator[Finding]:
    """Yield a finding for each scalar below `node` that looks like a secret by its key or by itself."""
    if isinstance(node.value, dict):
        name, value = node.get("name"), node.get("value")
        if name and value and is_secret(name.string(), value.string(), spoken=not isinstance(value.value, bool)):
            yield _secret(Place(file, value.line, value.column), f"'{name.text}' has a literal value")
        for child_key, child in node.items():
            yield from _in_node(file, child, child_key)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from _in_node(file, child, key)
    elif isinstance(node.value, str | int | float) and not isinstance(node.value, bool):
        if is_secret(key, node.string()):
            yield _secret(Place(file, node.line, node.column), f"'{key}' has a literal value")
        elif is_random(key, node.string()):
            yield _secret(Place(file, node.line, node.column), f"'{key}' has a value that looks random")


def _secret(where: Place, what: str) -> Finding:
    hint = "name an existing Secret instead, and change it now if it was real, or say why with '# allow CB049: reason'"
    return SECRET.finding(where, what, hint)
