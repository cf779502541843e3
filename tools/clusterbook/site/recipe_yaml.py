"""Recipes as YAML: the text, and for each line the layer that had the last word about it.

The text is that of `documents.yaml_writer`, to the letter; a component is written once for all recipes that share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from clusterbook.documents.yaml_writer import dump, places
from clusterbook.resolve.document import escape
from clusterbook.resolve.recipe import COMPONENTS, RecipeResult
from clusterbook.site.model import RecipeView
from clusterbook.site.parts import OriginView, PartView

_FACTS = ("images", "registry")
"""What the catalog holds of a component, whichever recipe it is in: no layer says it."""


class Run(NamedTuple):
    """Lines that follow each other and were set by one layer; `fact` names what the catalog itself holds instead."""

    text: str
    origin: OriginView | None
    fact: str = ""


class _YamlLine(NamedTuple):
    text: str
    origin: OriginView | None
    fact: str
    opens: bool

    @property
    def owner(self) -> tuple[str, str, str]:
        """Return what lines of one run have in common."""
        return (self.origin.layer, self.origin.file, "") if self.origin else ("", "", self.fact)


def runs(value: Any, winners: Mapping[str, OriginView], *, first: str = "", indent: str = "") -> list[Run]:
    """Return `value` as YAML in runs; the first line stands behind `first`, the others behind `indent`.

    `winners` are by pointer into `value`. What stands in a list has the origin of the list, what belongs to a
    constraint that of the constraint; a line that only opens a map goes with the line below it.
    """
    parents = {pointer[:end] for pointer in winners for end in _ends(pointer) if end < len(pointer)}
    lines: list[_YamlLine] = []
    for text, path in zip(dump(value)[:-1].split("\n"), places(value), strict=True):
        pointer = "".join(f"/{escape(str(step))}" for step in path)
        fact = str(path[0]) if path and path[0] in _FACTS else ""
        opens = pointer in parents and pointer not in winners
        lead = indent if lines else first
        lines.append(_YamlLine(f"{lead}{text}" if text else text, _nearest(pointer, winners), fact, opens))
    return list(_runs(lines))


def _ends(pointer: str) -> Iterator[int]:
    """Yield where each step of a pointer ends, the last first."""
    end = len(pointer)
    while end > 0:
        yield end
        end = pointer.rfind("/", 0, end)


def _nearest(pointer: str, winners: Mapping[str, OriginView]) -> OriginView | None:
    """Return who set what is at `pointer`, or the collection that it is part of."""
    return next((winners[pointer[:end]] for end in _ends(pointer) if pointer[:end] in winners), None)


def _runs(lines: list[_YamlLine]) -> Iterator[Run]:
    """Yield lines as runs."""
    owned: list[_YamlLine] = []
    for line in reversed(lines):
        below = owned[-1] if line.opens and owned else line
        owned.append(below._replace(text=line.text))
    for _, group in groupby(reversed(owned), key=lambda line: line.owner):
        same = list(group)
        yield Run("\n".join(line.text for line in same), same[0].origin, same[0].fact)


class RecipeWriter:
    """Writes recipes as YAML, a component once for all that share it."""

    def __init__(self) -> None:
        """Begin without any component."""
        self._parts: dict[str, str] = {}

    def text(self, recipe: RecipeView) -> str:
        """Return a recipe as YAML, ending in a newline."""
        above, below = around_components(recipe)
        keys = {part.name: part for part in (*recipe.parts, *recipe.switched_off)}
        parts = (self._part(keys[component.name]) for component in RecipeResult(recipe.document).components)
        return "".join(
            (dump(above) if above else "", components_line(recipe), "\n", *parts, dump(below) if below else "")
        )

    def _part(self, part: PartView) -> str:
        if part.key not in self._parts:
            lines = dump([part.document]).split("\n")
            self._parts[part.key] = "\n".join(f"  {line}" if line else "" for line in lines)
        return self._parts[part.key]


def around_components(recipe: RecipeView) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what stands in a recipe above its components, and what stands below them."""
    keys = recipe.document.keys()
    return (
        {key: recipe.document[key] for key in keys if key < COMPONENTS},
        {key: recipe.document[key] for key in keys if key > COMPONENTS},
    )


def components_line(recipe: RecipeView) -> str:
    """Return the line above the components of a recipe."""
    return f"{COMPONENTS}:" if recipe.document[COMPONENTS] else f"{COMPONENTS}: []"
