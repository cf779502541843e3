"""Hold our sources against a tree of the reference, recipe by recipe and field by field, and print what differs.

    python -m tests.contract.parity TREE [--recipes recipes] [--departures FILE]

Both trees are resolved by this checkout's own engine, which test_reference.py and test_profiles.py hold against the
reference's own results. Every set of criteria that an overlay of TREE claims is asked of both, with every answer to a
choice that it offers; in which order checks stand is no difference. Asked for by name are the components and mixins
of TREE, and the leaves of its recipe-health.json where it has one. What differs on purpose, or is not here, is listed
in FILE with its reason; without a flag that is departures/NAME.yaml beside this module, for a TREE called NAME.
Prints what no departure accounts for, then the departures with the number of recipes that each of them is about, then
`equal N/M`; exits 0 when all are equal.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clusterbook.catalog.criteria import ANY, DIMENSIONS, Criteria
from clusterbook.cli.builder.recipe import load
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.resolve.document import recipe_document
from clusterbook.resolve.export import Query, every_query
from clusterbook.resolve.matching import COMPOSED, CURATED
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.views import query_view
from tests.contract.facts import differences, stated

DEPARTURES = Path(__file__).resolve().parent / "departures"
KINDS = ("repeated", "mended", "contradictory", "missing", "ours", "unused")
"""What a departure may be: the chart says the same by itself; a value of theirs does nothing or harm; the facts
contradict each other; a file of theirs is not to be had; we decide otherwise; no recipe of theirs has it."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A difference that is meant: patterns of recipes and of JSON Pointers, and why."""

    kind: str
    why: str
    at: tuple[str, ...]
    recipes: tuple[str, ...] = ("*",)

    def accounts_for(self, recipe: str, pointer: str) -> bool:
        """Return whether it is about what stands at `pointer` of `recipe`, which is a tuple."""
        return any(fnmatchcase(recipe, each) for each in self.recipes) and any(
            fnmatchcase(pointer, each) for each in self.at
        )


@dataclass(slots=True)
class Parity:
    """What came of holding one tree against another."""

    different: dict[str, list[str]] = field(default_factory=dict)
    """By tuple, what differs and is not accounted for."""
    departures: Counter[Departure] = field(default_factory=Counter)
    """How many recipes each departure is about."""
    patterns: Counter[tuple[Departure, str]] = field(default_factory=Counter)
    """The same for each of its pointers."""

    @property
    def equal(self) -> int:
        """Return how many recipes are equal but for departures."""
        return sum(not differences for differences in self.different.values())


def read_departures(path: Path) -> list[Departure]:
    """Return what a file of departures says."""
    said = YAML(typ="safe").load(path)
    return [
        Departure(each["kind"], each["why"], tuple(each["at"]), tuple(each.get("recipes") or ("*",)))
        for each in said["departures"]
    ]


def claimed(found: Matrix) -> Iterator[Query]:
    """Yield what the overlays of a tree claim, with every answer to what can be chosen there."""
    for query in every_query(found):
        if found.answer(query.criteria, query.asked).state == CURATED:
            yield query


def document(found: Matrix, query: Query) -> dict[str, Any] | None:
    """Return what a query is answered with, as facts state it; None where it is refused."""
    answer = found.answer(query.criteria, query.asked)
    if answer.slug is None or answer.state not in (CURATED, COMPOSED):
        return None
    recipe = found.recipes[answer.slug]
    view = query_view(recipe_document(recipe, state=answer.state))
    said = stated(view, enabled=set(recipe.order))
    for phase in said["validation"].values():
        phase.get("checks", []).sort()
    said["configuration"] = view.get("configuration") or {}
    said["selectedProfile"] = view["metadata"].get("selectedProfile") or {}
    return said


def hold(ours: Matrix, theirs: Matrix, departures: Iterable[Departure], leaves: Iterable[Criteria] = ()) -> Parity:
    """Return what differs between two trees in all that the second one claims, and what of it the first one lacks."""
    listed = list(departures)
    parity = Parity()
    for what, pointer in absent(ours, theirs, leaves):
        _account(parity, listed, what, [(pointer, "not here")])
    for finding in theirs.findings:
        _account(parity, listed, "unresolved", [(f"/{finding.place.file.rpartition('/')[2]}", finding.what)])
    for query in claimed(theirs):
        fact, recipe = document(theirs, query), document(ours, query)
        assert fact is not None
        found = [("", "not here")] if recipe is None else _pointers(recipe, fact)
        _account(parity, listed, query.text(), found)
    return parity


def absent(ours: Matrix, theirs: Matrix, leaves: Iterable[Criteria]) -> Iterator[tuple[str, str]]:
    """Yield (what, pointer) of each component, mixin and leaf that a tree has and we have nothing of that name for.

    A component is what its registry names or has a folder for; a leaf is one of `leaves` that is not answered here.
    """
    folders = {path.split("/")[1] for path in theirs.catalog.tree.files if path.startswith("components/")}
    for name in sorted({*theirs.catalog.components, *folders} - {*ours.catalog.components}):
        yield "component", f"/{name}"
    mixins = {*theirs.catalog.mixins, *theirs.catalog.unread_mixins}
    for name in sorted(mixins - {*ours.catalog.mixins}):
        yield "mixin", f"/{name}"
    for leaf in leaves:
        if ours.answer(leaf).state not in (CURATED, COMPOSED):
            yield "leaf", "/" + "-".join(map(str, leaf.specified().values()))


def listed_leaves(tree: Path) -> list[Criteria]:
    """Return the criteria of the leaves that a tree's recipe-health.json lists, none where it has no such file."""
    path = tree / "recipe-health.json"
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return [Criteria(**{each: entry.get(each) or ANY for each in DIMENSIONS}) for entry in entries]


def _pointers(recipe: Mapping[str, Any], fact: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what differs; a component that one of them lacks is said once, and not of the order again."""
    shared = {*recipe["deploymentOrder"]} & {*fact["deploymentOrder"]}
    one, other = (
        {**each, "deploymentOrder": [name for name in each["deploymentOrder"] if name in shared]}
        for each in (recipe, fact)
    )
    return list(differences(one, other, ""))


def _account(parity: Parity, departures: list[Departure], recipe: str, found: list[tuple[str, str]]) -> None:
    """Add what was found of one recipe: what a departure accounts for, and the rest."""
    left, about = [], set()
    for pointer, what in found:
        matching = [each for each in departures if each.accounts_for(recipe, pointer)]
        about |= {*matching}
        for each in matching:
            parity.patterns.update((each, pattern) for pattern in each.at if fnmatchcase(pointer, pattern))
        if not matching:
            left.append(f"{pointer}: {what}")
    parity.departures.update(about)
    parity.different[recipe] = parity.different.get(recipe, []) + left


def main() -> int:
    """Print the comparison; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--recipes", type=Path, default=Path("recipes"))
    parser.add_argument("--departures", type=Path)
    arguments = parser.parse_args()
    listed = arguments.departures or DEPARTURES / f"{arguments.tree.resolve().name}.yaml"
    try:
        departures = read_departures(listed) if arguments.departures or listed.exists() else []
        leaves = listed_leaves(arguments.tree)
        parity = hold(load(arguments.recipes, None), load(arguments.tree, None), departures, leaves)
    except (ClusterbookError, OSError) as error:
        print(error, file=sys.stderr)
        return getattr(error, "exit_status", 2)
    for recipe, found in parity.different.items():
        if found:
            print(f"{recipe}: different")
            for difference in found:
                print(f"  {difference}")
    for departure, count in parity.departures.items():
        print(f"{departure.kind}, {count} recipes: {', '.join(departure.at)}\n  {departure.why}")
    print(f"equal {parity.equal}/{len(parity.different)}")
    return 0 if parity.different and parity.equal == len(parity.different) else 1


if __name__ == "__main__":
    sys.exit(main())
