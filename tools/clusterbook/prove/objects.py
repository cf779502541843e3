"""Objects: manifests that helm rendered, told apart and compared field by field.

Text is compared before anything is parsed, since most of what two renders of a chart say is the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.documents.yaml_reader import parse

_SEPARATOR = re.compile(r"^---.*\n", re.MULTILINE)
_SOURCE = re.compile(r"^# Source: (\S+)$", re.MULTILINE)


class Rendering(NamedTuple):
    """What a chart renders to: the text of each document, or why it refuses."""

    documents: tuple[str, ...]
    refusal: str = ""


class Object(NamedTuple):
    """One object: its name among others (`Kind/name`), its data, and the file of the chart that it comes from."""

    name: str
    data: Mapping[str, Any]
    file: str


def split(text: str) -> tuple[str, ...]:
    """Return the documents in what helm rendered; those of comments alone are left out.

    A file that begins with a separator is parted from the comment that names it; the comment goes to what follows.
    """
    found, above = [], ""
    for each in _SEPARATOR.split(text):
        if _says_something(each):
            found.append(each if _SOURCE.search(each) else above + each)
            above = ""
        else:
            source = _SOURCE.search(each)
            above = f"{source[0]}\n" if source else ""
    return tuple(found)


def _says_something(document: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in document.splitlines())


def read(document: str) -> list[Object]:
    """Return the objects in a document: none where it is no YAML map, several in a List."""
    source = _SOURCE.search(document)
    file = source[1].partition("/")[2] if source else ""
    try:
        node = parse(document, file, first_only=True)
    except SourceErrors:
        return [Object(f"(unreadable)/{file}", {"text": document}, file)]
    data = node.data() if node else None
    if not isinstance(data, dict):
        return []
    items = data.get("items") if str(data.get("kind", "")).endswith("List") else None
    return [
        Object(_name(each), each, file)
        for each in (items if isinstance(items, list) else [data])
        if isinstance(each, dict)
    ]


def _name(data: Mapping[str, Any]) -> str:
    metadata = data.get("metadata")
    return f"{data.get('kind', '')}/{metadata.get('name', '') if isinstance(metadata, dict) else ''}"


class ObjectChange(NamedTuple):
    """One difference: `sign` is + for an object that only the first has, - for one that only the second has."""

    object: str
    pointer: str
    sign: str = ""

    def text(self) -> str:
        """Return the change as effects write it."""
        return f"{self.sign}{self.object}" if self.sign else f"{self.object}#{self.pointer}"


class Reader:
    """Reads documents, each text once."""

    def __init__(self) -> None:
        """Start without any."""
        self._known: dict[str, list[Object]] = {}

    def objects(self, documents: Iterable[str]) -> list[Object]:
        """Return the objects of all documents, in order."""
        found = []
        for document in documents:
            if document not in self._known:
                self._known[document] = read(document)
            found += self._known[document]
        return found

    def whole(self, documents: Iterable[str]) -> list[Object]:
        """Return the objects of one render, those that stand in one file with others named after that file too."""
        found = []
        file = ""
        for document in documents:
            for each in self.objects([document]):
                file = each.file or file
                found.append(each._replace(file=file))
        return found

    def changes(self, first: Sequence[str], second: Sequence[str]) -> list[ObjectChange]:
        """Return how the objects in `first` differ from those in `second`, sorted."""
        mine, other = Counter(first), Counter(second)
        left, right = self._named((mine - other).elements()), self._named((other - mine).elements())
        found = []
        for name in left.keys() | right.keys():
            for index in range(max(len(left.get(name, ())), len(right.get(name, ())))):
                one, two = left.get(name, [])[index : index + 1], right.get(name, [])[index : index + 1]
                if one and two:
                    found += [ObjectChange(name, pointer) for pointer in differences(one[0].data, two[0].data)]
                else:
                    found.append(ObjectChange(name, "", "+" if one else "-"))
        return sorted(set(found))

    def _named(self, documents: Iterable[str]) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for each in self.objects(documents):
            found.setdefault(each.name, []).append(each)
        return found


def differences(one: Any, two: Any, at: str = "") -> Iterator[str]:
    """Yield the JSON Pointers at which two values differ; elements with names are compared by name.

    A pointer to an element counts in `one` where it has the element, else in `two`.
    """
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted(one.keys() | two.keys(), key=str):
            here = f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key in one and key in two:
                yield from differences(one[key], two[key], here)
            else:
                yield here
    elif isinstance(one, list) and isinstance(two, list):
        yield from _list_differences(one, two, at)
    elif type(one) is not type(two) or one != two:
        yield at


def _list_differences(one: list[Any], two: list[Any], at: str) -> Iterator[str]:
    left, right = _by_name(one), _by_name(two)
    if left is not None and right is not None:
        for name in [*left, *(name for name in right if name not in left)]:
            if name in left and name in right:
                yield from differences(one[left[name]], two[right[name]], f"{at}/{left[name]}")
            else:
                yield f"{at}/{left.get(name, right.get(name))}"
    elif len(one) == len(two):
        for index, (mine, other) in enumerate(zip(one, two, strict=True)):
            yield from differences(mine, other, f"{at}/{index}")
    else:
        yield at


def _by_name(elements: list[Any]) -> dict[str, int] | None:
    """Return the place of each element by its name, None where they have none or one twice."""
    names = [str(each["name"]) if isinstance(each, dict) and "name" in each else "" for each in elements]
    return {name: index for index, name in enumerate(names)} if all(names) and len(set(names)) == len(names) else None
