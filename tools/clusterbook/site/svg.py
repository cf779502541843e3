"""Drawings as SVG of our own: the graph of a deployment, and the icons.

A drawing says nothing that the text beside it does not say: the graph stands in a table on the same page as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from clusterbook.diagnostics.errors import did_you_mean
from clusterbook.resolve.recipe import deployment_levels

_ICONS = {
    "curated": "M3 8.5 6.5 12 13 4.5",
    "composed": "M2.5 2.5h7v7h-7zM6.5 6.5h7v7h-7z",
    "inherited": "M8 2.5v9M4.5 8 8 11.5 11.5 8M3.5 14h9",
    "unsupported": "M4 4l8 8M12 4l-8 8",
    "unknown": "M5.5 6a2.5 2.5 0 1 1 3.4 2.3c-.6.3-.9.7-.9 1.4M8 12.6v.2",
    "withdrawn": "M8 2.5 14 13H2zM8 6.5v3M8 11.2v.1",
    "new": "M8 3v10M3 8h10",
    "changed": "M3 5.5h9L9.5 3M13 10.5H4L6.5 13",
    "gone": "M3 8h10",
    "feed": "M3.5 12.5h.1M3.5 8a4.5 4.5 0 0 1 4.5 4.5M3.5 3.5a9 9 0 0 1 9 9",
    "data": "M5.5 3c-2 0-1 4-3 5 2 1 1 5 3 5M10.5 3c2 0 1 4 3 5-2 1-1 5-3 5",
}
_WIDTH, _HEIGHT, _GAP, _ROW, _EDGE = 120, 38, 48, 14, 8
_LETTER, _LETTERS, _PAD = 6.6, 34, 11
"""How wide a letter of a name is at most, after how many a name is cut, and how far it stands from its box."""


class _Position(NamedTuple):
    """Where a box is, or a lane on which lines pass by the boxes of a level."""

    left: int
    middle: int
    width: int

    @property
    def right(self) -> int:
        """Return where it ends."""
        return self.left + self.width


def icon(name: str) -> Markup:
    """Return a drawing as an element; it says nothing that the text beside it does not say.

    Raises:
        KeyError: there is no such icon.
    """
    if name not in _ICONS:
        raise KeyError(f"there is no icon '{name}': {did_you_mean(name, _ICONS)}")
    drawing = Markup('<svg class="cb-icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>')
    return drawing.format(_ICONS[name])


def levels(needs: Mapping[str, Sequence[str]], order: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return `order` by level: what stands on one level does not need each other, and may deploy side by side."""
    level = deployment_levels(needs, order)
    return tuple(
        tuple(name for name in order if level[name] == number) for number in range(max(level.values(), default=-1) + 1)
    )


def deployment_graph(
    rows: Sequence[Sequence[str]],
    needs: Mapping[str, Sequence[str]],
    captions: Mapping[str, str],
    addresses: Mapping[str, str],
) -> Markup:
    """Return the drawing of `rows` (names by level) as an element.

    Args:
        rows: names by level.
        needs: what each name waits for.
        captions: a second line for each name.
        addresses: where each name leads; one that is not in it leads nowhere.
    """
    spots = _positions(rows, needs)
    level = {name: number for number, names in enumerate(rows) for name in names}
    width = max((spot.right for column in spots for spot in column.values()), default=0) + _EDGE
    height = max((spot.middle for column in spots for spot in column.values()), default=0) + _HEIGHT // 2 + _EDGE
    lines = "".join(
        _line([spots[at][need if at < level[name] else name] for at in range(level[need], level[name] + 1)])
        for name in level
        for need in needs.get(name, ())
        if need in level
    )
    boxes = "".join(
        _link(_box(name, captions.get(name, ""), spots[number][name]), addresses.get(name, ""))
        for name, number in level.items()
    )
    return Markup(  # noqa: S704 - every word in it was escaped above
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" '
        f'aria-label="{len(level)} components, left to right as they are deployed">'
        '<defs><marker id="cb-tip" viewBox="0 0 6 6" refX="5.5" refY="3" markerWidth="6" markerHeight="6"'
        ' orient="auto">'
        f'<path d="M0 0 6 3 0 6z"/></marker></defs><g class="cb-lines">{lines}</g>{boxes}</svg>'
    )


def _positions(rows: Sequence[Sequence[str]], needs: Mapping[str, Sequence[str]]) -> list[dict[str, _Position]]:
    """Return where boxes and lanes are, by level.

    Between a component and what needs it further on, each level has a lane under the name of the component, so that no
    line passes behind a box.
    """
    level = {name: number for number, names in enumerate(rows) for name in names}
    last = dict(level)  # how far its lines go
    for name in level:
        for need in needs.get(name, ()):
            if need in last:
                last[need] = max(last[need], level[name])
    found: list[dict[str, _Position]] = []
    left = _EDGE
    for number, names in enumerate(rows):
        box = max([_WIDTH, *(2 * _PAD + math.ceil(_LETTER * len(_truncate(name))) for name in names)])
        lanes = [name for name in level if level[name] < number < last[name]]
        before = found[-1] if found else {}
        column: dict[str, _Position] = {}
        top = _EDGE
        for name in sorted([*names, *lanes], key=lambda each: _height(each, needs, before)) if number else names:
            if name in lanes:
                column[name] = _Position(left, top, box)
                top += _ROW
            else:
                column[name] = _Position(left, top + _HEIGHT // 2, box)
                top += _HEIGHT + _ROW
        found.append(column)
        left += box + _GAP
    return found


def _height(name: str, needs: Mapping[str, Sequence[str]], before: Mapping[str, _Position]) -> tuple[float, str]:
    """Return the middle height of where the lines to `name` come from, so that lines cross little."""
    heights = [before[each].middle for each in (name, *needs.get(name, ())) if each in before]
    return (sum(heights) / len(heights) if heights else 0, name)


def _box(name: str, caption: str, spot: _Position) -> str:
    return (
        f'<g transform="translate({spot.left},{spot.middle - _HEIGHT // 2})"><rect width="{spot.width}"'
        f' height="{_HEIGHT}" rx="7"/>'
        f'<text x="{_PAD}" y="17">{escape(_truncate(name))}</text>'
        f'<text class="cb-below" x="{_PAD}" y="30">{escape(_truncate(caption))}</text></g>'
    )


def _link(drawing: str, address: str) -> str:
    return f'<a href="{escape(address)}">{drawing}</a>' if address else drawing


def _line(spots: Sequence[_Position]) -> str:
    """Return a line from the first box along the lanes to the last box."""
    path = f"M{spots[0].right} {spots[0].middle}"
    for start, end in pairwise(spots):
        path += f"C{start.right + 28} {start.middle} {end.left - 28} {end.middle} {end.left} {end.middle}"
        path += f"H{end.right}" if end is not spots[-1] else ""
    return f'<path d="{path}"/>'


def _truncate(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
