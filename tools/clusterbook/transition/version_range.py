"""Versions of charts, and ranges of them: `>=0.18.0 <0.19.0`, `=26.7.1`, `0.1.0-alpha.12`.

All terms of a range hold at once; there is no other way to join them. A pre-release stands below its release, and is
in a range like every other version. Source: semver.org 2.0.0, 9-11; the reference's ADR-021.
"""

from __future__ import annotations

import re

from clusterbook.records import Any, NamedTuple

VERSION = r"v?\d{1,18}\.\d{1,18}\.\d{1,18}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?"
"""A whole version, as a pattern."""
RANGE = rf"^\s*(?:[<>]=?|=)?\s*{VERSION}(?:(?:\s*,\s*|\s+)(?:[<>]=?|=)?\s*{VERSION})*\s*$"
"""A range, as a pattern."""
_TERM = re.compile(rf"([<>]=?|=)?\s*({VERSION})(?:\s*,\s*(?=\S)|\s+|$)", re.ASCII)
_WHOLE = re.compile(VERSION, re.ASCII)

Rank = tuple[Any, ...]
"""Where a version stands among others: ranks are compared as tuples are."""


def rank(version: str) -> Rank | None:
    """Return where a version stands among others; None where it is no whole version, such as the tag `main`."""
    if not _WHOLE.fullmatch(version):
        return None
    core, _, pre = version.removeprefix("v").partition("+")[0].partition("-")
    words = (_word(word) for word in pre.split(".")) if pre else ()
    return (*map(int, core.split(".")), not pre, *words)


def _word(word: str) -> tuple[int, Any]:
    """Return the rank of one word of a pre-release: numbers are below words, and compared as numbers."""
    number = word.isascii() and word.isdigit() and len(word) <= _LONGEST_NUMBER
    return (0, int(word)) if number else (1, word)


_LONGEST_NUMBER = 1000


class Bound(NamedTuple):
    """One end of a range: a version, and whether it is in the range itself."""

    version: str
    inside: bool


class VersionRange(NamedTuple):
    """Versions between two ends; an end that is None is open. `text` is the range as written."""

    text: str
    floor: Bound | None
    ceiling: Bound | None

    def has(self, version: str) -> bool | None:
        """Return whether a version is in the range; None where it is no version."""
        where = rank(version)
        return None if where is None else not self._is_below(where) and not self._is_above(where)

    def starts_above(self, version: str) -> bool:
        """Return whether the whole range is above a version."""
        where = rank(version)
        return where is not None and self._is_below(where)

    def ends_below(self, version: str) -> bool:
        """Return whether the whole range is below a version."""
        where = rank(version)
        return where is not None and self._is_above(where)

    def _is_below(self, where: Rank) -> bool:
        low = rank(self.floor.version) if self.floor else None
        return low is not None and (where < low or (where == low and not (self.floor and self.floor.inside)))

    def _is_above(self, where: Rank) -> bool:
        high = rank(self.ceiling.version) if self.ceiling else None
        return high is not None and (where > high or (where == high and not (self.ceiling and self.ceiling.inside)))


def read_range(text: str) -> VersionRange | None:
    """Return the range that `text` is, None where it is none; `1.2.3` alone is that one version."""
    rest, floor, ceiling = text.strip(), None, None
    if not rest:
        return None
    while rest:
        term = _TERM.match(rest)
        if term is None:
            return None
        rest, op, version = rest[term.end() :], term[1] or "=", term[2]
        bound = Bound(version, "=" in op)
        if op != "<" and op != "<=":
            floor = _tighter(floor, bound, 1)
        if op != ">" and op != ">=":
            ceiling = _tighter(ceiling, bound, -1)
    return VersionRange(text, floor, ceiling)


def _tighter(one: Bound | None, other: Bound, sign: int) -> Bound:
    """Return the bound of two that leaves less: the higher of two floors (sign 1), the lower of two ceilings (-1)."""
    if one is None:
        return other
    first, second = rank(one.version) or (), rank(other.version) or ()
    if first == second:
        return one if not one.inside else other
    return one if (first > second) == (sign > 0) else other
