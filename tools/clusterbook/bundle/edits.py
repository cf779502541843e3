"""Edits: what somebody changed in the files of a bundle by hand, told by place and not by digest alone.

YAML is compared value by value and everything else word by word, so that a flag in a script, a field of a manifest and
a version in an Application are what they are. Law: files as they were made have no edit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from clusterbook.bundle.checksums import CHECKSUMS, sha256
from clusterbook.bundle.folders import Plan
from clusterbook.bundle.render import OPTIONS, PROVENANCE, RECIPE
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.diagnostics.printable import one_line
from clusterbook.documents.scalars import BOOLEANS
from clusterbook.documents.yaml_reader import Node, parse

Files = Mapping[str, bytes]
_LARGEST_BYTES = 1024 * 1024
_MOST_EDITS = 25
"""Most edits of one file that are told one by one."""
_MOST_LINES = 2_000
"""Longest part of a file whose lines are matched with each other: that takes their product in time."""
_LONGEST_TEXT = 160
_KEPT_FOR_PEOPLE = ("README.md", OPTIONS, RECIPE, PROVENANCE)
_SEPARATOR = re.compile(r"^---[ \t]*(#.*)?$", re.MULTILINE)


class Edit(NamedTuple):
    """One change by hand: `place` is the path of a value, "" for lines of text; `what` says what became of it.

    `line` is where it stands now, 0 for what is gone; `component` is whose release it concerns, "" for several.
    """

    path: str
    line: int
    place: str
    what: str
    component: str = ""

    def key(self) -> str:
        """Return where the edit is: a value by its path, text by its line."""
        return f"{self.path}: {self.place}" if self.place else f"{self.path}:{self.line}"

    def reader(self, deployer: str) -> str:
        """Return who acts on it."""
        where = f"{self.path}:{self.line}" if self.line else self.path
        if self.path in _KEPT_FOR_PEOPLE:
            return f"{where}, edited; {deployer} does not read it"
        return f"{where}, edited; the deployer {deployer} reads it"

    def __str__(self) -> str:
        """Return it as one line."""
        whose = f"{self.component}: " if self.component else ""
        line = f":{self.line}" if self.line else ""
        place = f": {self.place}" if self.place else ""
        return one_line(f"{whose}{self.path}{line}{place}: {self.what}")


def file_edits(files: Files, made: Files, planned: Plan, known: Mapping[str, str] | None = None) -> tuple[Edit, ...]:
    """Return what of files is not as they were made.

    Args:
        files: the bundle as it is.
        made: the bundle that its recipe and options make.
        planned: what they plan.
        known: the digests that were recorded when it was made, by path; what was made otherwise is not compared.
    """
    found: list[Edit] = []
    for path in sorted(files.keys() | made.keys()):
        before, after = made.get(path), files.get(path)
        if path == CHECKSUMS or before == after or path.startswith(".git/"):
            continue
        if known is not None and known.get(path) != (None if before is None else sha256(before)):
            continue
        component = _component(path, planned)
        edits = [
            each._replace(component=component or _of_release(each.place, planned))
            for each in _edits(path, before, after)
        ]
        left = len(edits) - _MOST_EDITS
        found += edits[:_MOST_EDITS]
        if left > 0:
            found.append(Edit(path, 0, "more", f"{left} more edits", component))
    return tuple(found)


def _component(path: str, planned: Plan) -> str:
    """Return the component whose release a file belongs to, "" for what belongs to several."""
    head, _, rest = path.partition("/")
    stem = rest.rpartition("/")[2].partition(".")[0]
    for folder in planned.folders:
        if head == folder.path or (head in ("static", "templates") and stem == folder.name):
            return folder.component
    return ""


def _of_release(place: str, planned: Plan) -> str:
    """Return the component of the release that a place of Helmfile's state is about, "" for that of none."""
    return next((each.component for each in planned.folders if place.startswith(f"releases[{each.name}]")), "")


def _edits(path: str, before: bytes | None, after: bytes | None) -> list[Edit]:
    old, new = _text(before), _text(after)
    if old is None or new is None:
        return []  # no text, or too long: that it is another file is told by its digest
    is_yaml = path.endswith((".yaml", ".yml"))
    olds, news = (_values(old, path), _values(new, path)) if is_yaml else (None, None)
    if before is None or after is None:
        objects = ", ".join(dict.fromkeys(value for _, value in _objects(news if before is None else olds)))
        verb = "brings" if before is None else "no longer brings"
        return [Edit(path, 0, "objects", f"{verb} {objects}")] if objects else []
    if olds is not None and news is not None and (changes := list(_value_edits(path, olds, news))):
        return changes
    return list(_line_edits(path, old.splitlines(), new.splitlines()))


def _text(data: bytes | None) -> str | None:
    if data is None:
        return ""
    try:
        return data.decode() if len(data) <= _LARGEST_BYTES else None
    except UnicodeDecodeError:
        return None


class _Value(NamedTuple):
    text: str
    line: int


def _values(text: str, path: str) -> dict[str, _Value] | None:
    """Return the values in the documents of a YAML file by path, None where it is none, such as a template."""
    documents: list[tuple[int, Node]] = []
    start = 0
    ends = [*(match.start() for match in _SEPARATOR.finditer(text)), len(text)]
    for number, end in enumerate(ends):
        head, _, below = text[start:end].partition("\n")
        try:
            node = parse(below if number else f"{head}\n{below}", path)
        except SourceErrors:
            return None
        if node is not None:
            documents.append((text.count("\n", 0, start) + bool(number), node))
        start = end
    found: dict[str, _Value] = {}
    leads: set[str] = set()
    for number, (above, node) in enumerate(documents):
        lead = f"{_object(node) or number} " if len(documents) > 1 else ""
        lead = f"{lead}({number}) " if lead in leads else lead
        leads.add(lead)
        _walk(node, lead, "", above, found)
    return found


def _object(node: Node) -> str:
    """Return what an object of Kubernetes is called, "" for what is none."""
    kind, name = node.get("kind"), node.get("metadata", "name")
    return f"{kind.string()}/{name.string()}" if kind and name and kind.string() and name.string() else ""


def _walk(node: Node, lead: str, path: str, above: int, found: dict[str, _Value]) -> None:
    if isinstance(node.value, dict) and node.value:
        for key, child in node.value.items():
            step = f'"{key}"' if "." in str(key) or not key else str(key)
            _walk(child, lead, f"{path}.{step}" if path else step, above, found)
    elif isinstance(node.value, list) and node.value:
        names = [child.get("name") if isinstance(child.value, dict) else None for child in node.value]
        words = [name.string() for name in names if name is not None]
        by_name = len({*words}) == len(node.value) and all(words)
        for number, child in enumerate(node.value):
            _walk(child, lead, f"{path}[{words[number] if by_name else number}]", above, found)
    else:
        found[f"{lead}{path or '.'}"] = _Value(_spelled(node), node.line + above)


def _spelled(node: Node) -> str:
    """Return a value so that text is told from a number, and from an unquoted `no`, which Helm takes for false."""
    return str(node.text) if node.plain and node.text in BOOLEANS else json.dumps(node.data(), ensure_ascii=False)


def _objects(values: Mapping[str, _Value] | None) -> Iterator[tuple[str, str]]:
    """Yield the kinds and names of the objects in a file."""
    for path, value in (values or {}).items():
        lead, _, step = path.rpartition(" ")
        if step == "metadata.name":
            kind = (values or {}).get(f"{lead} kind".lstrip(), _Value("", 0)).text
            yield path, f"{kind} {value.text}".replace('"', "").strip()


def _value_edits(path: str, old: Mapping[str, _Value], new: Mapping[str, _Value]) -> Iterator[Edit]:
    for place in [*new, *(each for each in old if each not in new)]:
        before, after = old.get(place), new.get(place)
        if before is None and after is not None:
            yield Edit(path, after.line, place, f"{_shown(after.text)} added")
        elif after is None and before is not None:
            yield Edit(path, 0, place, f"{_shown(before.text)} removed")
        elif before is not None and after is not None and before.text != after.text:
            yield Edit(path, after.line, place, f"{_shown(before.text)} -> {_shown(after.text)}")


def _line_edits(path: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Edit]:
    head = next(
        (n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new))
    )
    most = min(len(old), len(new)) - head
    tail = next((n for n in range(most) if old[-1 - n] != new[-1 - n]), most)
    olds, news = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(len(olds), len(news)) > _MOST_LINES:
        yield Edit(path, head + 1, "", f"{len(olds)} lines -> {len(news)} lines")
        return
    for kind, i, j, k, m in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Edit(path, head + k + 1, "", _word_edits("\n".join(olds[i:j]), "\n".join(news[k:m])))


def _word_edits(old: str, new: str) -> str:
    """Return which words of a text are others: added, removed, or one for the other."""
    olds, news = old.split(), new.split()
    if olds == news or max(len(olds), len(news)) > _MOST_LINES:
        return f"{_shown(old)} -> {_shown(new)}"
    gone, come = [], []
    for kind, i, j, k, m in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if kind != "equal":
            gone += olds[i:j]
            come += news[k:m]
    key = f"{olds[0]} " if olds[:1] == news[:1] and olds[0].endswith(":") and "\n" not in old + new else ""
    before, after = _shown(" ".join(gone)), _shown(" ".join(come))
    return key + (f"{before} -> {after}" if gone and come else f"{before} removed" if gone else f"{after} added")


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
