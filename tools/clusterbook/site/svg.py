"""The graph of a deployment: who waits for whom, as SVG.

Knows where boxes and lines go. Does not know recipes: names, needs and levels go in, and everything drawn stands in a
table on the same page as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

_WIDTH, _HEIGHT, _GAP, _ROW, _EDGE = 120, 38, 48, 14, 8
_LETTER, _LETTERS, _PAD = 6.6, 34, 11
"""How wide a letter of a name is at most, after how many a name is cut, and how far it stands from its box."""

_Place = tuple[int, int, int]
"""Where a box is: left, top, width."""


def levels(needs: Mapping[str, Sequence[str]], order: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return `order` by level: what stands on one level does not need each other, and may deploy side by side."""
    level: dict[str, int] = {}
    for name in order:
        level[name] = 1 + max((level[need] for need in needs[name] if need in level), default=-1)
    return tuple(
        tuple(name for name in order if level[name] == number) for number in range(max(level.values(), default=-1) + 1)
    )


def svg(
    rows: Sequence[Sequence[str]],
    needs: Mapping[str, Sequence[str]],
    below: Mapping[str, str],
    addresses: Mapping[str, str],
) -> Markup:
    """Return the drawing of `rows` (names by level) as an element.

    Args:
        rows: names by level.
        needs: what each name waits for.
        below: a second line for each name.
        addresses: where each name leads; one that is not in it leads nowhere.
    """
    placed: dict[str, _Place] = {}
    left = _EDGE
    for level, names in enumerate(rows):
        box = max([_WIDTH, *(2 * _PAD + math.ceil(_LETTER * len(_short(name))) for name in names)])
        ordered = sorted(names, key=lambda name: (_height(name, needs, placed), name)) if level else list(names)
        for row, name in enumerate(ordered):
            placed[name] = (left, _EDGE + row * (_HEIGHT + _ROW), box)
        left += box + _GAP
    width = max((x + box for x, _, box in placed.values()), default=0) + _EDGE
    height = max((y for _, y, _ in placed.values()), default=0) + _HEIGHT + _EDGE
    lines = "".join(
        _line(placed[need], placed[name]) for name in placed for need in needs.get(name, ()) if need in placed
    )
    boxes = "".join(
        _linked(_box(name, below.get(name, ""), place), addresses.get(name, "")) for name, place in placed.items()
    )
    return Markup(  # noqa: S704 - every word in it was escaped above
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" '
        f'aria-label="{len(placed)} components, left to right as they are deployed">'
        '<defs><marker id="cb-tip" viewBox="0 0 6 6" refX="5.5" refY="3" markerWidth="6" markerHeight="6"'
        ' orient="auto">'
        f'<path d="M0 0 6 3 0 6z"/></marker></defs><g class="cb-lines">{lines}</g>{boxes}</svg>'
    )


def _box(name: str, below: str, place: _Place) -> str:
    return (
        f'<g transform="translate({place[0]},{place[1]})"><rect width="{place[2]}" height="{_HEIGHT}" rx="7"/>'
        f'<text x="{_PAD}" y="17">{escape(_short(name))}</text>'
        f'<text class="cb-below" x="{_PAD}" y="30">{escape(_short(below))}</text></g>'
    )


def _linked(drawn: str, address: str) -> str:
    return f'<a href="{escape(address)}">{drawn}</a>' if address else drawn


def _height(name: str, needs: Mapping[str, Sequence[str]], placed: Mapping[str, _Place]) -> float:
    """Return the middle height of what `name` needs, so that lines cross little."""
    heights = [placed[need][1] for need in needs.get(name, ()) if need in placed]
    return sum(heights) / len(heights) if heights else 0


def _line(start: _Place, end: _Place) -> str:
    x1, y1, x2, y2 = start[0] + start[2], start[1] + _HEIGHT // 2, end[0], end[1] + _HEIGHT // 2
    return f'<path d="M{x1} {y1}C{x1 + 28} {y1} {x2 - 28} {y2} {x2} {y2}"/>'


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
