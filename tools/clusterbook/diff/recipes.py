"""What differs between two recipes, fact by fact, in the order in which people look at it.

Laws: the diff of a content with itself is empty, a diff is empty only then, and turned round it is the diff the other
way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from clusterbook.diff.facts import BEYOND, ROOTS, SECTIONS, Fact, FactSubject, Side, facts, shared
from clusterbook.documents.equality import same


class Absence(Enum):
    """The value of what is not there; null is a value."""

    ABSENT = "absent"


ABSENT = Absence.ABSENT


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that differs: `old` or `new` is ABSENT where a side lacks it. `component` is "" for the whole recipe."""

    section: str
    component: str
    key: str
    old: Any
    new: Any
    old_origin: str = ""
    new_origin: str = ""

    @property
    def kind(self) -> str:
        """Return added, removed or changed."""
        if self.old is ABSENT:
            return "added"
        return "removed" if self.new is ABSENT else "changed"

    def inverse(self) -> Change:
        """Return the change the other way."""
        return replace(self, old=self.new, new=self.old, old_origin=self.new_origin, new_origin=self.old_origin)


@dataclass(frozen=True, slots=True)
class Diff:
    """All that differs between two recipes, in the order of SECTIONS, then by component and key.

    `uncompared` are those of the two whose manifests, images and registry facts are not at hand, so that nobody can
    tell whether they differ.
    """

    old: str
    new: str
    changes: tuple[Change, ...]
    uncompared: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything differs, or may differ for all that is known."""
        return bool(self.changes or self.uncompared)

    def of(self, *sections: str) -> list[Change]:
        """Return the changes in some of SECTIONS."""
        return [change for change in self.changes if change.section in sections]

    def inverse(self) -> Diff:
        """Return the diff the other way."""
        return Diff(self.new, self.old, tuple(change.inverse() for change in self.changes), self.uncompared[::-1])


_NOTHING = Fact(ABSENT)


def diff(old: Side, new: Side) -> Diff:
    """Return what differs from `old` to `new`."""
    alike = shared(old, new)
    before, after = dict(facts(old, alike)), dict(facts(new, alike))
    told = {key for key in before.keys() ^ after.keys() if not key.key and key.section in ROOTS}
    untold = () if old.whole and new.whole else BEYOND
    if old.options is None or new.options is None:  # a recipe does not say how it is delivered
        untold = (*untold, "option")
    changes = []
    for key in before.keys() | after.keys():
        was, now = before.get(key, _NOTHING), after.get(key, _NOTHING)
        if was.value is now.value or key.section in untold or not _differ(key, was.value, now.value):
            continue  # recipes share most of what they say
        above = {FactSubject("component", key.component, ""), key._replace(key="")} - {key}
        if not told & above:
            changes.append(Change(*key, was.value, now.value, was.origin, now.origin))
    changes.sort(key=_place)
    uncompared = tuple(side.label for side in (old, new) if not side.whole)
    return Diff(old.label, new.label, tuple(_without_echoes(changes)), uncompared)


def _differ(key: FactSubject, old: Any, new: Any) -> bool:
    """Return whether two facts of the same key differ."""
    if old is ABSENT or new is ABSENT:
        return key.section != "order"  # what is put in order has come or gone, which is told already
    if key.section == "order":
        return [each for each in old if each in new] != [each for each in new if each in old]
    if key.section == "component":
        return bool(old["deployed"] != new["deployed"])
    return not same(old, new) and bool(key.key)


def _place(change: Change) -> tuple[int, str, str]:
    return SECTIONS.index(change.section), change.component, change.key


def _without_echoes(changes: list[Change]) -> Iterator[Change]:
    """Leave out the overrides of components whose values tell the same."""
    told = {change.component for change in changes if change.section == "value"}
    for change in changes:
        if not (change.section == "field" and change.key == "overrides" and change.component in told):
            yield change
