"""YAML in, quickly: the part of YAML that programs write, and nothing else.

That is block maps and lists, words, quoted text on one line, literal blocks and short JSON in a line. Whatever looks
like anything more is left to `yaml_reader`, which reads all of YAML but takes longer to import than a judgement may
last. Wherever this reader gives an answer, it is the answer of `yaml_reader`; tests hold the two against each other.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache

from clusterbook.documents.scalars import scalar
from clusterbook.records import Any

MAX_DEPTH = 60
"""Deepest nesting that is read here; a little less than what `yaml_reader` reads."""
_INDICATORS = frozenset("?:,[]{}#&*!|>'\"%@`")
"""Characters that mean something to YAML at the start of a word; `-` is looked at more closely."""
_FLOW = re.compile(r'\[(("[^"\\]*"|[a-z][a-z-]*)(, ("[^"\\]*"|[a-z][a-z-]*))*)?\]|\{\}')
"""A list of texts and words, or nothing: what may stand in a line."""
_ELEMENT = re.compile(r'"[^"\\]*"|[a-z][a-z-]*')
_LITERALS = frozenset(("|", "|-", "|+"))
_KNOWN_LINES = 4096
"""How many lines are remembered: what programs write says the same of ten thousand nodes."""
_QUOTED_KEY = re.compile(r'("[^"\\]*"|\'[^\']*\'):(?: |\Z)')


class _NotPlain(Exception):
    """The document uses more of YAML than is read here."""


def read(text: str) -> Any:
    """Return the document in `text`, or None where it takes `yaml_reader` to read it, if anything can."""
    if not text.replace("\n", "").isprintable() or text.startswith("\ufeff"):
        return None
    try:
        return _Reader(text.split("\n")).document()
    except _NotPlain:
        return None


class _Reader:
    """Reads one document from its first line to its last; `indent` and `text` are those of the line it stands at."""

    def __init__(self, raw: list[str]) -> None:
        self.raw = raw
        self.number = self.indent = -1
        self.text = ""
        self.advance()

    def document(self) -> Any:
        """Return the whole document."""
        if self.indent != 0:
            raise _NotPlain
        value = self.block(0, 1)
        if self.indent != -1:
            raise _NotPlain
        return value

    def advance(self) -> None:
        """Go to the next line that holds something; behind the last one the indentation is -1."""
        raw = self.raw
        for number in range(self.number + 1, len(raw)):
            line = raw[number]
            text = line.lstrip(" ")
            if text and text[0] != "#":
                self.number, self.indent = number, len(line) - len(text)
                self.text = text.rstrip(" ") if text[-1] == " " else text
                return
        self.number, self.indent, self.text = len(raw), -1, ""

    def block(self, indent: int, depth: int) -> Any:
        """Return the map or list that starts on this line."""
        if depth > MAX_DEPTH:
            raise _NotPlain
        text = self.text
        return self.sequence(indent, depth) if text == "-" or text.startswith("- ") else self.mapping(indent, depth)

    def sequence(self, indent: int, depth: int) -> list[Any]:
        """Return the list whose dashes stand at `indent`."""
        elements: list[Any] = []
        while self.indent == indent and (self.text == "-" or self.text.startswith("- ")):
            rest = self.text[2:].lstrip(" ")
            if not rest:
                raise _NotPlain
            if _split(rest) is None and not rest.startswith("- "):
                elements.append(self.value(rest, indent, depth))
                continue
            deeper = indent + len(self.text) - len(rest)
            self.indent, self.text = deeper, rest
            elements.append(self.block(deeper, depth + 1))
        if self.indent > indent:
            raise _NotPlain
        return elements

    def mapping(self, indent: int, depth: int) -> dict[str, Any]:
        """Return the map whose keys stand at `indent`."""
        members: dict[str, Any] = {}
        while self.indent == indent:
            parts = _split(self.text)
            if parts is None:
                raise _NotPlain
            key, rest = parts
            if key in members or key == "<<":
                raise _NotPlain
            if rest:
                members[key] = self.value(rest, indent, depth)
                continue
            self.advance()
            is_list = self.indent == indent and (self.text == "-" or self.text.startswith("- "))
            members[key] = self.block(self.indent, depth + 1) if self.indent > indent or is_list else None
            if is_list:
                continue
        if self.indent > indent:
            raise _NotPlain
        return members

    def value(self, text: str, indent: int, depth: int) -> Any:
        """Return what stands behind a key or a dash, and go on behind it."""
        if depth >= MAX_DEPTH:
            raise _NotPlain
        if text in _LITERALS:
            return self.literal(text, indent)
        value = _flow(text) if text[0] in "[{" else _word(text)
        self.advance()
        if self.indent > indent:
            raise _NotPlain  # a word that goes on, or a mistake
        return value

    def literal(self, style: str, indent: int) -> str:
        """Return the text of a literal block below something at `indent`."""
        number = self.number + 1
        first = number
        while first < len(self.raw) and not self.raw[first].strip(" "):
            first += 1
        if first == len(self.raw):
            raise _NotPlain
        deeper = len(self.raw[first]) - len(self.raw[first].lstrip(" "))
        if deeper <= indent or any(len(self.raw[each]) > deeper for each in range(number, first)):
            raise _NotPlain
        pad = " " * deeper
        lines = []
        while number < len(self.raw):
            raw = self.raw[number]
            if raw.startswith(pad):
                lines.append(raw[deeper:])
            elif not raw.strip(" "):
                lines.append("")
            else:
                break
            number += 1
        whole = number == len(self.raw)
        if whole and self.raw[-1]:
            raise _NotPlain  # the last line has no end
        if whole:
            lines.pop()
        body = "\n".join(lines).rstrip("\n") if style != "|+" else "\n".join(lines)
        if not lines or not body:
            raise _NotPlain
        self.number = number - 1
        self.advance()
        return body if style == "|-" else f"{body}\n"


@lru_cache(maxsize=_KNOWN_LINES)
def _split(text: str) -> tuple[str, str] | None:
    """Return the key at the start of a line and what follows it, None where there is no key."""
    if text[0] in "\"'":
        match = _QUOTED_KEY.match(text)
        if match is None:
            return None
        return match[1][1:-1], text[match.end() :].strip(" ")
    if text[0] in _INDICATORS or text[:2] == "- ":
        return None
    at = text.find(": ")
    if at < 0:
        if text[-1] != ":":
            return None
        at = len(text) - 1
    key = text[:at]
    if " #" in key or key != key.rstrip(" ") or not key or len(key) > 1000 or key.startswith(("---", "...")):
        raise _NotPlain
    return key, text[at + 1 :].strip(" ")


def _flow(text: str) -> Any:
    """Return the list or the map that stands in one line."""
    if not _FLOW.fullmatch(text):
        raise _NotPlain
    return {} if text[0] == "{" else [_element(each) for each in _ELEMENT.findall(text)]


@lru_cache(maxsize=_KNOWN_LINES)
def _word(text: str) -> Any:
    """Return what a word in one line means."""
    first = text[0]
    if first == '"':
        return _double(text)
    if first == "'":
        inner = text[1:-1]
        if len(text) < 2 or text[-1] != "'" or "'" in inner.replace("''", ""):
            raise _NotPlain
        return inner.replace("''", "'")
    if first in _INDICATORS or text in ("-", "---", "...") or text[:2] == "- " or text[:4] in ("--- ", "... "):
        raise _NotPlain
    if ": " in text or text[-1] == ":" or " #" in text:
        raise _NotPlain
    value = scalar(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise _NotPlain
    return value


def _element(text: str) -> Any:
    """Return one element of a list in a line."""
    return text[1:-1] if text[0] == '"' else scalar(text)


def _double(text: str) -> str:
    """Return what stands in double quotes, where it is written as in JSON."""
    if "\\" not in text:
        if len(text) < 2 or text.find('"', 1) != len(text) - 1:
            raise _NotPlain
        return text[1:-1]
    try:
        value = json.loads(text)
    except ValueError:
        raise _NotPlain from None
    if not isinstance(value, str) or any("\ud800" <= each <= "\udfff" for each in value):
        raise _NotPlain
    return value
