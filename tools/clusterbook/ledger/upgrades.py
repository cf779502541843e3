"""Upgrades: the plan of every upgrade from one published version of a recipe to a later one, made beforehand.

    ledger + the index of each release ─ a side for each version ─ a plan for each pair ─ facts, each written once

Hundreds of recipes share their components, so plans share their steps. The planner is that of `upgrade plan`: a plan is
kept as the document that it reports, and taken out of the facts it is that document again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.version import LedgerVersion
from clusterbook.lookup.chart_proofs import chart_proofs
from clusterbook.lookup.format import KIT, decode_inputs
from clusterbook.lookup.index import IndexShelf
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.resolve.bundle_inputs import complete
from clusterbook.transition.record import UpgradeRecord
from clusterbook.upgrade.planned import PlannedRecipe, plan_between, plan_recipe
from clusterbook.upgrade.report import as_data

Document = dict[str, Any]
MOST_VERSIONS = 12
"""From how many versions back upgrades to a version are planned beforehand; from older ones the command does."""
_LISTS = ("releases", "needsYou", "requirements")


class UpgradeFacts(NamedTuple):
    """Every plan: the lists of their documents, each entry once, and of each plan the numbers of its entries.

    `lists` are by the name that they have in a plan; `plans` are by the two names SLUG@VERSION, the target first.
    `releases` says which release brought a version, `refused` why none can be planned from or to a version.
    """

    lists: Mapping[str, Sequence[Document]]
    plans: Mapping[str, Mapping[str, Sequence[Sequence[int]]]]
    releases: Mapping[str, str]
    refused: Mapping[str, str]

    def plan(self, old: str, new: str) -> Document | None:
        """Return the document of the upgrade from one SLUG@VERSION to another, None where it is not planned."""
        numbers = self.plans.get(new, {}).get(old)
        if numbers is None:
            return None
        found = {name: [self.lists[name][n] for n in each] for name, each in zip(_LISTS, numbers, strict=True)}
        head = {"apiVersion": "clusterbook.dev/v1alpha1", "kind": "UpgradePlan"}
        return {**head, "metadata": {"from": old, "to": new, "deployer": "helm"}, "spec": {**found, "notes": []}}

    def to_release(self, release: str) -> UpgradeFacts:
        """Return the plans whose target a release brought, with what they are made of alone."""
        plans = {new: each for new, each in self.plans.items() if self.releases.get(new) == release}
        used = [[n for each in plans.values() for of in each.values() for n in of[at]] for at in range(len(_LISTS))]
        kept = [list(dict.fromkeys(each)) for each in used]
        places = [{number: place for place, number in enumerate(each)} for each in kept]
        return UpgradeFacts(
            {name: [self.lists[name][n] for n in each] for name, each in zip(_LISTS, kept, strict=True)},
            {
                new: {
                    old: [[place[n] for n in numbers] for place, numbers in zip(places, of, strict=True)]
                    for old, of in each.items()
                }
                for new, each in plans.items()
            },
            dict.fromkeys(plans, release),
            {},
        )


NONE = UpgradeFacts(dict.fromkeys(_LISTS, ()), {}, {}, {})
"""No upgrade was planned: there is no history to plan from."""


def plan_upgrades(
    ledger: Ledger, open_index: Callable[[str], IndexFiles], *, most_versions: int = MOST_VERSIONS
) -> UpgradeFacts:
    """Return every upgrade between versions of a recipe, and from one that is gone to those that answer in its place.

    Args:
        ledger: the releases and their versions.
        open_index: gives the index of a release by its name, or raises ClusterbookError where there is none.
        most_versions: from how many versions back upgrades are planned.

    Raises:
        BrokenLedger: the ledger is not what it should be.
    """
    releases = ledger.releases()
    entries = {name: ledger.entries(name) for name in releases}
    first: dict[str, dict[LedgerVersion, str]] = {}
    last: dict[str, dict[LedgerVersion, str]] = {}
    for name in releases:
        for slug, entry in entries[name].items():
            first.setdefault(slug, {}).setdefault(entry.version, name)
            last.setdefault(slug, {})[entry.version] = name
    sides = _Sides(open_index)
    facts = _Facts()
    gone = {slug: each for name in releases for slug, each in (ledger.release(name).get("successors") or {}).items()}
    for slug, versions in first.items():
        successors = () if slug in entries[releases[-1]] else gone.get(slug, ())
        places = [(each, first[each]) for each in successors if each in first]
        for old, new in _pairs(slug, versions, places, most_versions):
            one, other = (sides.side(name, version, last[name][version]) for name, version in (old, new))
            if one is not None and other is not None:
                facts.add(one, other, sides.records(last[new[0]][new[1]]))
    return UpgradeFacts(
        facts.lists,
        facts.plans,
        {f"{slug}@{version}": name for slug, versions in first.items() for version, name in versions.items()},
        dict(sorted(sides.refused.items())),
    )


Version = tuple[str, LedgerVersion]


def _pairs(
    slug: str,
    versions: Mapping[LedgerVersion, str],
    successors: Sequence[tuple[str, Mapping[LedgerVersion, str]]],
    most: int,
) -> Iterator[tuple[Version, Version]]:
    """Yield the upgrades that there are from versions of a recipe: to its later ones, or to the last of a successor."""
    known = list(versions)
    for place, new in enumerate(known):
        for old in known[max(0, place - most) : place]:
            yield (slug, old), (slug, new)
    for other, theirs in successors:
        for old in known[max(0, len(known) - most) :]:
            yield (slug, old), (other, max(theirs))


class _Sides:
    """What each version installs, made when it is asked for."""

    def __init__(self, open_index: Callable[[str], IndexFiles]) -> None:
        self._open = open_index
        self._indexes: dict[str, Any] = {}
        self._made: dict[str, PlannedRecipe | None] = {}
        self.refused: dict[str, str] = {}

    def side(self, slug: str, version: LedgerVersion, release: str) -> PlannedRecipe | None:
        """Return what a version installs, as `release` serves it, None where no bundle can be made of it."""
        name = f"{slug}@{version}"
        if name not in self._made:
            try:
                index, inputs, proofs_of, _ = self._index(release)
                whole = complete(index.record(slug).recipe, inputs)
                self._made[name] = plan_recipe(name, whole, {}, proofs_of)
            except ClusterbookError as error:
                self._made[name], self.refused[name] = None, error.what
        return self._made[name]

    def records(self, release: str) -> Mapping[str, UpgradeRecord]:
        """Return the upgrade records with which upgrades to a release are planned: its own over those built in."""
        return self._index(release)[3]  # type: ignore[no-any-return]

    def _index(self, release: str) -> Any:
        if release not in self._indexes:
            index = self._open(release)
            records = {**IndexShelf(IndexFiles()).upgrade_records(), **IndexShelf(index).upgrade_records()}
            inputs = decode_inputs(index.need(KIT), f"{index}/{KIT}")
            self._indexes[release] = index, inputs, chart_proofs(index, ""), records
        return self._indexes[release]


class _Facts:
    """What plans are made of, each entry once."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Document]] = {name: [] for name in _LISTS}
        self.plans: dict[str, dict[str, list[list[int]]]] = {}
        self._known: dict[str, int] = {}

    def add(self, old: PlannedRecipe, new: PlannedRecipe, records: Mapping[str, UpgradeRecord]) -> None:
        """Plan an upgrade and keep it."""
        spec = as_data(plan_between(old, new, records))["spec"]
        numbers = [[self._number(name, entry) for entry in spec[name]] for name in _LISTS]
        self.plans.setdefault(new.side.label, {})[old.side.label] = numbers

    def _number(self, name: str, entry: Document) -> int:
        key = f"{name} {json.dumps(entry, sort_keys=True)}"
        if key not in self._known:
            self._known[key] = len(self.lists[name])
            self.lists[name].append(entry)
        return self._known[key]
