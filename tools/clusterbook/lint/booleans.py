"""Booleans: words among values that Helm takes for true or false, and our reader for text.

Helm reads values by YAML 1.1, where an unquoted `no` is false; a bundle says what our reader understood, the text "no",
which is true in every `if` of a chart.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.scalars import BOOLEANS, boolean_remark
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope, key_place, maps, place

TRUE_OR_FALSE = Code(
    "CB057",
    "unquoted word that Helm takes for true or false",
    "error",
    "YAML 1.2 reads an unquoted `no`, `off`, `yes`, `on`, `y` or `n` as text, and Helm, by YAML 1.1, as a boolean: "
    "what was switched off would be on, since text is true in every `if` of a chart.",
    "Write true or false, or put the word in quotes where text is meant.",
)


def words_for_booleans(scope: Scope) -> Iterator[Finding]:
    """Yield CB057 for each unquoted word among values, key or value, that Helm takes for a boolean."""
    for values in scope.values:
        yield from words_in(values.node, values.file)
        for mapping in maps(values.node):
            for key, child in mapping.items():
                if key in BOOLEANS and not _is_quoted(scope, values.file, child):
                    yield _finding(key_place(values.file, child), "key", key)


def words_in(values: Node, file: str) -> Iterator[Finding]:
    """Yield CB057 for each such word among the values of one document."""
    for leaf in values.scalars():
        if leaf.plain and leaf.text in BOOLEANS:
            yield _finding(place(file, leaf), "value", leaf.text)


def _finding(where: Place, what: str, word: str) -> Finding:
    return TRUE_OR_FALSE.finding(where, *boolean_remark(word, what))


def _is_quoted(scope: Scope, file: str, child: Node) -> bool:
    """Return whether the key of a value stands in quotes; a merged-in one stands elsewhere, where it is found."""
    lines = scope.lines.get(file, [])
    line = lines[child.key_line - 1] if 0 < child.key_line <= len(lines) else ""
    return line[child.key_column - 1 : child.key_column] in ('"', "'")
