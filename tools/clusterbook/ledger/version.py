"""Versions: what a recipe's next one is, from what has changed since its last.

Source: design, section 9; site/docs/decisions/0006-what-moves-a-version.md; Semantic Versioning 2.0.0.

    major   a component goes, or becomes another; a constraint tightens
    minor   a component comes; a chart moves by a minor version or more
    patch   everything else
"""

from __future__ import annotations

import re
from typing import NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diff.recipes import ABSENT, Change, Diff
from clusterbook.snapshot.constraint import parse_version
from clusterbook.snapshot.tightening import tightens

PATTERN = r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})"
_WRITTEN = re.compile(PATTERN)
MAJOR, MINOR, PATCH = "major", "minor", "patch"
_LEVELS = (PATCH, MINOR, MAJOR)
_IDENTITY = ("type", "chart", "namespace")
"""Fields whose change means that one installation goes and another comes."""


class LedgerVersion(NamedTuple):
    """A version, of a recipe or of a release."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Return `1.2.3`."""
        return f"{self.major}.{self.minor}.{self.patch}"

    def after(self, level: str) -> LedgerVersion:
        """Return the next version by `level`: major, minor or patch."""
        if level == MAJOR:
            return LedgerVersion(self.major + 1, 0, 0)
        if level == MINOR:
            return LedgerVersion(self.major, self.minor + 1, 0)
        return LedgerVersion(self.major, self.minor, self.patch + 1)


FIRST = LedgerVersion(1, 0, 0)
"""The version of a recipe that was never published."""


def is_version(text: str) -> bool:
    """Return whether `text` is written as a version."""
    return _WRITTEN.fullmatch(text) is not None


def read_version(text: str) -> LedgerVersion:
    """Return the version that `text` spells.

    Raises:
        InvalidRequest: not three numbers without leading zeros.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"'{text}' is not a version", hint="write three numbers: 1.2.3")
    return LedgerVersion(*map(int, match.groups()))


class Step(NamedTuple):
    """How far a version moves, and the change that decides it in one sentence."""

    level: str
    because: str


def step(diff: Diff) -> Step:
    """Return how far `diff` moves a version: as far as the weightiest of its changes."""
    best = Step(PATCH, "nothing comes, goes or tightens")
    for change in diff.changes:
        weight = _weigh(change)
        if _LEVELS.index(weight.level) > _LEVELS.index(best.level):
            best = weight
    return best


def _weigh(change: Change) -> Step:
    """Return how far one change moves a version."""
    name = change.component
    if change.section == "component":
        before, after = (side is not ABSENT and side["deployed"] for side in (change.old, change.new))
        if before and not after:
            return Step(MAJOR, f"{name} goes")
        if after and not before:
            return Step(MINOR, f"{name} comes")
    elif change.section == "field" and change.key in _IDENTITY:
        return Step(MAJOR, f"{name} has another {change.key}")
    elif change.section == "field" and change.key in ("version", "tag"):
        return _weigh_move(name, change)
    elif change.section == "constraint":
        old, new = (None if side is ABSENT else side for side in (change.old, change.new))
        if tightens(old, new):
            return Step(MAJOR, f"{change.key} {'tightens' if old else 'is demanded'}")
    return Step(PATCH, "")


def _weigh_move(name: str, change: Change) -> Step:
    """Return how far a chart that moves takes its recipe; what cannot be read as a version may be anything."""
    old, new = (parse_version(side) if isinstance(side, str) else None for side in (change.old, change.new))
    if old and new and (*old, 0)[:2] == (*new, 0)[:2]:
        return Step(PATCH, "")
    shown = ["no version" if side is ABSENT else str(side) for side in (change.old, change.new)]
    return Step(MINOR, f"{name} moves from {shown[0]} to {shown[1]}")
