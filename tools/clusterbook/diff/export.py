"""The facts of a recipe for whoever compares elsewhere: key, text, and who had the last word.

A page joins two of these as `diff` joins two sides, and computes nothing itself: two facts of one key differ just when
their `same` does, which is the text where nothing else is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from clusterbook.diff.facts import SECTIONS, Document, Fact, FactSubject, Side, component_facts, recipe_facts
from clusterbook.diff.recipe_report import NAMED, value_text
from clusterbook.resolve.recipe import ComponentRef, RecipeResult

_LONGEST = 160
"""Most characters of a value that are exported; the rest is in the recipe."""


class Exporter:
    """Exports the facts of many recipes; components that they share are put into words once."""

    def __init__(self) -> None:
        """Prepare for recipes whose entries of one component are the same object just when their origins are, too."""
        self._known: dict[tuple[int, bool], tuple[ComponentRef, list[Any]]] = {}

    def export(self, side: Side) -> Document:
        """Return the facts of one side as data.

        `facts` holds [section, component, origins, rows], a row being [key, text, origin, same]: section is a place in
        `sections` (the order in which changes are shown), origin one in `origins`, and `same` is left out where it is
        the text.
        """
        recipe = RecipeResult(side.content)
        found = _groups(recipe_facts(side))
        for component in recipe.components:
            deployed = component.name in recipe.order
            known = self._known.get((id(component.document), deployed))
            if known is None:  # the component is kept as well, so that its id stays its own
                groups = _groups(component_facts(component, side.origins, deployed=deployed))
                known = self._known[id(component.document), deployed] = (component, groups)
            found += known[1]
        return {"sections": list(SECTIONS), "facts": found}


def _groups(pairs: Iterable[tuple[FactSubject, Fact]]) -> list[Any]:
    """Return facts by section and component."""
    groups: dict[tuple[str, str], tuple[dict[str, int], list[Any]]] = {}
    for key, fact in pairs:
        origins, rows = groups.setdefault((key.section, key.component), ({}, []))
        text, same = fact_text(key, fact.value), _comparison_key(key, fact.value)
        row = [key.key, text, origins.setdefault(fact.origin, len(origins))]
        rows.append(row if same == text else [*row, same])
    return [[SECTIONS.index(section), name, list(by), rows] for (section, name), (by, rows) in groups.items()]


def export(side: Side) -> Document:
    """Return the facts of one side as data; see `Exporter.export`."""
    return Exporter().export(side)


def fact_text(key: FactSubject, value: Any) -> str:
    """Return the text of a fact, as the commands show it, cut where it is long."""
    if value == {} and key.section in NAMED:
        return "declared"
    text = value_text(key.section, key.key, value) or "deployed"  # a component may have no version
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _comparison_key(key: FactSubject, value: Any) -> Any:
    """Return what two facts of one key have in common just when they do not differ."""
    if key.section == "component":
        return value["deployed"]
    if key.section == "order":
        return value
    if key.section == "image" and not key.key:
        return ""
    text = value_text(key.section, key.key, value)
    if value == {"value": text} or (isinstance(value, str) and text == value and not _reads_as_json(text)):
        return text
    canonical = json.dumps(_plain(value), ensure_ascii=False, sort_keys=True)
    if len(canonical) <= _LONGEST:
        return canonical
    return f"sha256:{sha256(canonical.encode()).hexdigest()[:16]}"


def _reads_as_json(text: str) -> bool:
    """Return whether text could be taken for a value that is no text."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    """Return a value in which numbers that mean the same are the same: 1.0 is 1."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
