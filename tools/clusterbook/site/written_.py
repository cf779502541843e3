"""Written: recipes as YAML, where what they share is written once.

Knows that a component says the same in every recipe that shares it. Does not know who said it (`gutter`).
"""

from __future__ import annotations

from typing import Any

from clusterbook.documents.yaml_writer import dump
from clusterbook.site.model import RecipeView
from clusterbook.site.parts import Part


class Writer:
    """Writes recipes as YAML, to the letter as `yamlout` does; a component is written once for all that share it."""

    def __init__(self) -> None:
        """Begin without any component."""
        self._parts: dict[str, str] = {}

    def text(self, found: RecipeView) -> str:
        """Return a recipe as YAML, ending in a newline."""
        above, below = halves(found)
        keys = {part.name: part for part in (*found.parts, *found.switched_off)}
        parts = (self._part(keys[reference["name"]]) for reference in found.document["componentRefs"])
        return "".join((dump(above) if above else "", opening(found), "\n", *parts, dump(below) if below else ""))

    def _part(self, part: Part) -> str:
        if part.key not in self._parts:
            lines = dump([part.document]).split("\n")
            self._parts[part.key] = "\n".join(f"  {line}" if line else "" for line in lines)
        return self._parts[part.key]


def halves(found: RecipeView) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what stands in a recipe above its components, and what stands below them."""
    keys = found.document.keys()
    return (
        {key: found.document[key] for key in keys if key < "componentRefs"},
        {key: found.document[key] for key in keys if key > "componentRefs"},
    )


def opening(found: RecipeView) -> str:
    """Return the line above the components of a recipe."""
    return "componentRefs:" if found.document["componentRefs"] else "componentRefs: []"
