"""YAML text in, values with places out.

YAML is read as the reference's reader understands it (Go's yaml.v3: YAML 1.2 scalars plus 1.1 octals, duplicate keys
refused), and within bounds: a hostile file can exhaust neither memory nor stack. ruamel.yaml composes; its types and
errors end here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Place, SourceErrors
from clusterbook.documents.scalars import scalar

TOO_LARGE = Code(
    "CB001",
    "file too large",
    "error",
    "A source file of this size is a mistake or an attack; it is refused before it is read.",
    "Split it, or carry the data elsewhere.",
)
NOT_YAML = Code(
    "CB002",
    "not YAML",
    "error",
    "The file cannot be read from this place on, so nothing in it is checked.",
    "Look at indentation, quotes and colons on the line and the one above. Quote what starts with `>`, `*` or `&`.",
)
TOO_DEEP = Code(
    "CB003",
    "nested too deep",
    "error",
    "No chart takes values this deep; such a file is an attack on its reader.",
    "Flatten it.",
)
TOO_MANY_VALUES = Code(
    "CB004",
    "too many values",
    "error",
    "Aliases can turn ten lines into a billion values; the file is refused once it says more than a million.",
    "Write the values out, or split the file.",
)
REPEATED_KEY = Code(
    "CB005",
    "key is given twice",
    "error",
    "Only one of the two can win, and parsers do not agree which.",
    "Remove one of them, or merge what they hold.",
)
UNREAD_FEATURE = Code(
    "CB006",
    "unsupported YAML feature",
    "error",
    "Tags, and in our own sources aliases and merge keys, hide where a value comes from; layers do that openly.",
    "Write the value itself; say what is common in a broader overlay or a mixin.",
)

MAX_BYTES = 10 * 1024 * 1024
"""Largest file that is read. Source: reference row F19."""
MAX_DEPTH = 64
_SHOWN = 40
"""Most characters of a value that a message repeats."""
"""Deepest nesting that is read; real values files stay under 12."""
MAX_NODES = 1_000_000
"""Most values in one document once its aliases are written out, so that nine lines cannot mean a billion values."""

_SAFE_LINE = 2_000
_SAFE_OPENERS = 2_000
"""Below these bounds no document can nest deep enough to overrun the stack of the C composer (it stands 5,000 levels
and more; 100,000 end the process). Above them the events are counted first, which is slower and cannot recurse."""

_TAGS = frozenset(f"tag:yaml.org,2002:{tag}" for tag in "str int float bool null timestamp merge value seq map".split())
"""The kinds of values there are; every other tag means what only its writer's program knows."""
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What may not stand in a YAML file. Source: YAML 1.2.2, section 5.1."""
_T = TypeVar("_T")
_NO_TAG = Tag(suffix="")


@dataclass(slots=True)
class Node:
    """One parsed value and where it stands.

    `value` is a dict of nodes, a list of nodes, or a scalar (None, bool, int, float, str). `line` and `column` count
    from 1 and mark the value, `key_line` and `key_column` the key it stands under (else the value again). `text` is a
    scalar as written, without quotes; `plain` says that it was written without quotes.
    """

    value: Any
    line: int
    column: int
    key_line: int
    key_column: int
    text: str | None = None
    plain: bool = False

    def get(self, *keys: str) -> Node | None:
        """Return the node below `keys`, or None where there is none."""
        node = self
        for key in keys:
            if not isinstance(node.value, dict) or key not in node.value:
                return None
            node = node.value[key]
        return node

    def items(self) -> Iterator[tuple[str, Node]]:
        """Yield the members of a map in written order; nothing when this is no map."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def elements(self) -> list[Node]:
        """Return the elements of a list; [] when this is no list."""
        return self.value if isinstance(self.value, list) else []

    def scalars(self) -> Iterator[Node]:
        """Yield every scalar at or below this node, in written order."""
        if isinstance(self.value, dict | list):
            for child in self.value.values() if isinstance(self.value, dict) else self.value:
                yield from child.scalars()
        else:
            yield self

    def string(self) -> str:
        """Return a scalar as written, so that 1.10 stays 1.10; "" for null, maps and lists."""
        return self.text if self.text is not None and self.value is not None else ""

    def data(self) -> Any:
        """Return plain Python data."""
        if isinstance(self.value, dict):
            return {key: node.data() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.data() for node in self.value]
        return self.value

    def text_data(self) -> Any:
        """Return plain data with its scalars as text, and without the keys whose value is null."""
        if isinstance(self.value, dict):
            return {key: child.text_data() for key, child in self.value.items() if child.value is not None}
        if isinstance(self.value, list):
            return [child.text_data() for child in self.value]
        return self.text


def parse(text: str, file: str, *, first_only: bool = False, plain: bool = False) -> Node | None:
    """Return the document in `text`, or None when it holds none.

    Args:
        text: a whole YAML file.
        file: its name in messages.
        first_only: read the first of several documents, as the reference does, instead of refusing.
        plain: refuse aliases, merge keys and tags, as our own sources do without them.

    Raises:
        SourceErrors: with one finding (CB001 to CB006) that names the place.
    """
    if len(text) > MAX_BYTES:
        raise _error(
            TOO_LARGE, Place(file), f"larger than {MAX_BYTES // 1024 // 1024} MB", "split it, or carry it elsewhere"
        )
    if "\x00" in text:
        raise _error(NOT_YAML, Place(file), "holds a NUL byte, so it is not YAML", "save it as UTF-8 text")
    try:
        _refuse_depth(text, file)
        documents = _read(lambda yaml: list(islice(yaml.compose_all(text), 1 if first_only else 2)))
    except YAMLError as error:
        raise _syntax_error(error, text, file) from error
    except RecursionError as error:
        raise _error(TOO_DEEP, Place(file), f"nests deeper than {MAX_DEPTH} levels", "flatten it") from error
    if len(documents) > 1:
        line = documents[1].start_mark.line + 1
        raise _error(NOT_YAML, Place(file, line, 1), "a second document begins here", "keep one document per file")
    return (
        _NodeReader(file, plain=plain).node(documents[0], None, 1) if documents and documents[0] is not None else None
    )


class _UntaggedResolver(VersionedResolver):
    """A resolver that leaves it to us what a scalar means, so that a tag in a node is one that was written."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Tag:  # noqa: ARG002 (ruamel.yaml's signature)
        return _NO_TAG


class _Composer(YAML):
    """A reader that composes nodes and constructs nothing, in a third of the time that ruamel's own resolver takes."""

    def __init__(self, *, pure: bool) -> None:
        super().__init__(typ="safe", pure=pure)
        self.Resolver = _UntaggedResolver
        if pure:
            self.composer.warn_double_anchors = False

    def official_plug_ins(self) -> list[Any]:
        return []  # else the disk is searched for each file


def _read(ask: Callable[[YAML], _T]) -> _T:
    """Return what `ask` gets out of a composer.

    The one in C goes by YAML 1.1 and refuses `{source: oci://x}`, `[a:b]` and an anchor that is set anew, all of which
    yaml.v3 understands. The one in Python does, too, and has a second try, since it takes eight times as long.
    It may go when ruamel.yaml.clib carries libyaml 0.2.
    """
    try:
        return ask(_Composer(pure=False))
    except YAMLError as error:
        if not any(words in str(error) for words in ("found unexpected ':'", "found duplicate anchor")):
            raise
        try:
            return ask(_Composer(pure=True))
        except YAMLError:
            raise error from None


def _error(code: Code, place: Place, what: str, hint: str) -> SourceErrors:
    return SourceErrors([code.finding(place, what, hint)])


def _syntax_error(error: YAMLError, text: str, file: str) -> SourceErrors:
    """Return what the composer could not read, as a finding."""
    if not isinstance(error, MarkedYAMLError):
        character = _UNPRINTABLE.search(text)
        if character is None:
            return _error(NOT_YAML, Place(file), f"not YAML: {error}", "save it as UTF-8 text")
        before = text[: character.start()]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        return _error(
            NOT_YAML, place, f"not YAML: control character U+{ord(character[0]):04X}", "write it as an escape"
        )
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    if mark and _is_tab(text, mark.line, mark.column):
        return _error(NOT_YAML, place, "not YAML: a tab indents here", "indent with spaces")
    what = " ".join(str(part) for part in (error.context, error.problem) if part)
    return _error(NOT_YAML, place, f"not YAML: {what}", "check indentation, quotes and colons on this line and above")


def _is_tab(text: str, line: int, column: int) -> bool:
    """Return whether a tab stands there, counted from 0; where the composer stops at one, it indents."""
    lines = text.split("\n")
    return line < len(lines) and lines[line][column : column + 1] == "\t"


def _refuse_depth(text: str, file: str) -> None:
    """Raise CB003 when `text` nests too deep to be composed safely."""
    openers = text.count("[") + text.count("{")
    if openers < _SAFE_OPENERS and max(map(len, text.split("\n"))) < _SAFE_LINE:
        return
    place = _read(lambda yaml: _first_too_deep(yaml.parse(text)))
    if place is not None:
        raise _error(TOO_DEEP, Place(file, *place), f"nests deeper than {MAX_DEPTH} levels", "flatten it")


def _first_too_deep(events: Iterable[Any]) -> tuple[int, int] | None:
    """Return line and column of the first event that nests too deep, None when none does."""
    depth = 0
    for event in events:
        name = type(event).__name__
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            depth += 1
            if depth > MAX_DEPTH:
                return event.start_mark.line + 1, event.start_mark.column + 1
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            depth -= 1
    return None


class _NodeReader:
    """Turns composed nodes into ours, within the limits."""

    def __init__(self, file: str, *, plain: bool) -> None:
        self.file = file
        self.plain = plain
        self.count = 0
        self.seen: set[int] = set()

    def place(self, composed: Any) -> Place:
        return Place(self.file, composed.start_mark.line + 1, composed.start_mark.column + 1)

    def node(self, composed: Any, key: Any, depth: int) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise _error(
                TOO_MANY_VALUES,
                self.place(composed),
                f"more than {MAX_NODES:,} values once aliases are written out",
                "write the values out, or split the file",
            )
        if depth > MAX_DEPTH:
            raise _error(TOO_DEEP, self.place(composed), f"nests deeper than {MAX_DEPTH} levels", "flatten it")
        if self.plain:
            self.refuse_reuse(composed, key)
        tag = composed.tag
        if tag and tag not in _TAGS:
            raise _error(
                UNREAD_FEATURE, self.place(composed), f"the tag {tag} is not supported", "write the value itself"
            )
        mark = composed.start_mark
        line, column = mark.line + 1, mark.column + 1
        key_line, key_column = (
            (key.start_mark.line + 1, key.start_mark.column + 1) if key is not None else (line, column)
        )
        if isinstance(composed, ScalarNode):
            text = composed.value
            plain = not composed.style
            value = self.scalar(composed, text) if plain else text
            return Node(value, line, column, key_line, key_column, text, plain)
        if isinstance(composed, SequenceNode):
            elements = [self.node(element, None, depth + 1) for element in composed.value]
            return Node(elements, line, column, key_line, key_column)
        return Node(self.mapping(composed, depth), line, column, key_line, key_column)

    def scalar(self, composed: ScalarNode, text: str) -> object:
        """Return what an unquoted scalar means, unless it carries a tag that says otherwise."""
        if str(composed.tag).endswith(":str"):
            return text
        value = scalar(text)
        if isinstance(value, float) and not math.isfinite(value):
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            raise _error(
                UNREAD_FEATURE, self.place(composed), f"{shown} is not a finite number", "quote it, or write a number"
            )
        return value

    def refuse_reuse(self, composed: Any, key: Any) -> None:
        """Raise CB006 on an alias, which composes to a node seen before, and on a tag or anchor of a plain scalar."""
        where = self.place(key if key is not None else composed)
        if id(composed) in self.seen:
            raise _error(UNREAD_FEATURE, where, "an alias repeats a value from elsewhere", "write the value itself")
        self.seen.add(id(composed))
        one_line = composed.start_mark.line == composed.end_mark.line
        if isinstance(composed, ScalarNode) and not composed.style and one_line and self.has_tag(composed):
            raise _error(UNREAD_FEATURE, where, "a tag or anchor stands before the value", "write the value alone")

    def has_tag(self, composed: ScalarNode) -> bool:
        """Return whether the scalar carries an explicit tag; the mark then stands on the tag, before the text."""
        start, end = composed.start_mark, composed.end_mark
        return bool(end.line > start.line or end.column - start.column > len(composed.value))

    def mapping(self, composed: MappingNode, depth: int) -> dict[str, Node]:
        """Return the members of a map; members that `<<` merges in stand behind its own."""
        members: dict[str, Node] = {}
        merged: list[Any] = []
        for key, value in composed.value:
            if not isinstance(key, ScalarNode):
                raise _error(NOT_YAML, self.place(key), "a key is not a scalar", "use text as keys")
            if key.value == "<<" and not key.style:
                if self.plain:
                    raise _error(
                        UNREAD_FEATURE, self.place(key), "'<<' merges in a map from elsewhere", "write its keys here"
                    )
                merged.extend(value.value if isinstance(value, SequenceNode) else [value])
                continue
            if key.value in members:
                first = members[key.value]
                raise _error(
                    REPEATED_KEY,
                    self.place(key),
                    f"key '{key.value}' is given twice in one map",
                    f"the first is on line {first.key_line}; remove one of them",
                )
            members[key.value] = self.node(value, key, depth + 1)
        for source in merged:
            if not isinstance(source, MappingNode):
                raise _error(NOT_YAML, self.place(source), "'<<' merges something that is not a map", "merge a map")
            for name, node in self.mapping(source, depth + 1).items():
                members.setdefault(name, node)
        return members
