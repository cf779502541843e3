"""The gutter: a recipe as YAML, and for each line the layer that had the last word about it.

Knows which line says what. Does not know HTML; the text is that of `yamlout`, to the letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from clusterbook.documents.yaml_writer import dump, places
from clusterbook.resolve.document import escape
from clusterbook.site.parts import Said

_FACTS = ("images", "registry")
"""What the catalog knows of a component, whichever recipe it is in: no layer says it."""


class Run(NamedTuple):
    """Lines that follow each other and were said by one layer; `fact` names what the catalog itself knows instead."""

    text: str
    said: Said | None
    fact: str = ""


class _Line(NamedTuple):
    text: str
    said: Said | None
    fact: str
    opens: bool

    @property
    def owner(self) -> tuple[str, str, str]:
        """Return what lines of one run have in common."""
        return (self.said.layer, self.said.file, "") if self.said else ("", "", self.fact)


def runs(value: Any, winners: Mapping[str, Said], *, first: str = "", indent: str = "") -> list[Run]:
    """Return `value` as YAML in runs; the first line stands behind `first`, the others behind `indent`.

    `winners` are by pointer into `value`. What stands in a list has the origin of the list, what belongs to a
    constraint that of the constraint; a line that only opens a map goes with the line below it.
    """
    opening = {pointer[:end] for pointer in winners for end in _ends(pointer) if end < len(pointer)}
    found: list[_Line] = []
    for text, path in zip(dump(value)[:-1].split("\n"), places(value), strict=True):
        pointer = "".join(f"/{escape(str(step))}" for step in path)
        fact = str(path[0]) if path and path[0] in _FACTS else ""
        opens = pointer in opening and pointer not in winners
        lead = indent if found else first
        found.append(_Line(f"{lead}{text}" if text else text, _nearest(pointer, winners), fact, opens))
    return list(_joined(found))


def _ends(pointer: str) -> Iterator[int]:
    """Yield where each step of a pointer ends, the last first."""
    end = len(pointer)
    while end > 0:
        yield end
        end = pointer.rfind("/", 0, end)


def _nearest(pointer: str, winners: Mapping[str, Said]) -> Said | None:
    """Return who said what is at `pointer`, or the collection that it is part of."""
    return next((winners[pointer[:end]] for end in _ends(pointer) if pointer[:end] in winners), None)


def _joined(lines: list[_Line]) -> Iterator[Run]:
    """Yield lines as runs."""
    owned: list[_Line] = []
    for line in reversed(lines):
        below = owned[-1] if line.opens and owned else line
        owned.append(below._replace(text=line.text))
    for _, group in groupby(reversed(owned), key=lambda line: line.owner):
        same = list(group)
        yield Run("\n".join(line.text for line in same), same[0].said, same[0].fact)
