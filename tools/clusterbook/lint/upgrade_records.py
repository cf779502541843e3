"""Upgrade records: whether one adds up, so that whoever follows it is led from every version to the pinned one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import get_args

from clusterbook.catalog.components import RegistryEntry
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope, place
from clusterbook.transition.record import SAFE, Transition, UpgradeRecord
from clusterbook.transition.schema import Deployer
from clusterbook.transition.version_range import Bound, Rank, VersionRange, rank

CONTRADICTION = Code(
    "CB074",
    "inconsistent upgrade record",
    "error",
    "Upgrade plans rely on these records. One that calls an untried upgrade safe, or lacks the steps for a "
    "deployer, misleads; one with a gap is silent where it matters.",
    "Correct what the message names. In trees of others it is a warning, and so is a gap.",
)
_DEPLOYERS = get_args(Deployer)


def contradictions(scope: Scope) -> Iterator[Finding]:
    """Yield CB074 for each contradiction in a record that the registry names. Source: the reference's ADR-021."""
    for name, record in scope.catalog.upgrades.items():
        entry = scope.catalog.components[name]
        node = scope.catalog.documents[record.file]
        file = scope.catalog.tree.files[record.file].file
        for finding in _of_record(entry, record, node, file):
            yield finding if scope.ours(file) else finding._replace(severity="warning")


def _of_record(entry: RegistryEntry, record: UpgradeRecord, node: Node, file: str) -> Iterator[Finding]:
    """Yield what contradicts itself in one record; `node` is its document."""
    pinned = entry.defaults.get("version") or entry.defaults.get("tag")
    pin = str(pinned.value) if pinned else ""
    if record.component != entry.name:
        what = f"the registry names this record for '{entry.name}', but it is for '{record.component}'"
        yield CONTRADICTION.finding(
            place(file, node.get("component") or node), what, f"write 'component: {entry.name}'"
        )
    listed = node.get("transitions")
    nodes = listed.elements() if listed else []
    for transition, found in zip(record.transitions, nodes, strict=True):
        parts = {key: place(file, found.get(key) or found) for key in ("from", "to", "verdict", "stepsByDeployer")}
        yield from _of_ranges(transition, parts)
        yield from _of_verdict(transition, pin, parts)
    yield from _gaps(record, nodes, pin, file)


def _of_ranges(transition: Transition, places: Mapping[str, Place]) -> Iterator[Finding]:
    """Yield what is wrong with where a transition starts and leads to."""
    start, target = transition.start, transition.target
    if target.floor is None or not target.floor.inside:
        what = f"'{target.text}' does not name the first version that this leads to"
        yield CONTRADICTION.finding(places["to"], what, "start it with '=' or '>='")
    elif start.ceiling is None or _overlap(target.floor, start.ceiling):
        what = f"'{start.text}' reaches into '{target.text}', to which this leads"
        yield CONTRADICTION.finding(places["from"], what, f"end it with '<{target.floor.version}'")
    for key, span in (("from", start), ("to", target)):
        if span.floor and span.ceiling and _where(span.floor) > _where(span.ceiling):
            yield CONTRADICTION.finding(places[key], f"'{span.text}' contains no version", "swap its bounds")


def _overlap(floor: Bound, ceiling: Bound) -> bool:
    """Return whether a version is above a floor and below a ceiling."""
    low, high = _where(floor), _where(ceiling)
    return high > low or (high == low and floor.inside and ceiling.inside)


def _of_verdict(transition: Transition, pin: str, places: Mapping[str, Place]) -> Iterator[Finding]:
    """Yield what a verdict lacks, or has too much of."""
    if transition.verdict == SAFE:
        if not transition.verified_by:
            what = "this is called safe without verifiedBy"
            yield CONTRADICTION.finding(places["verdict"], what, "add verifiedBy, such as a run with its date")
        if transition.groups:
            what = "this is called safe but has steps"
            yield CONTRADICTION.finding(places["stepsByDeployer"], what, "write 'verdict: manual', or leave them out")
        if rank(pin) and not transition.target.has(pin) and not transition.target.ends_below(pin):
            what = f"this is called safe up to versions above {pin}, which the registry pins"
            yield CONTRADICTION.finding(places["to"], what, "only the pinned version was tried: end the range with it")
        if transition.target.ceiling is None and transition.target.floor is not None:
            what = "this is called safe for all future versions"
            yield CONTRADICTION.finding(places["to"], what, f"end it with '<={pin or transition.target.floor.version}'")
        return
    named = Counter(deployer for group in transition.groups for deployer in group.deployers)
    rest = sum(not group.deployers for group in transition.groups)
    twice = sorted(deployer for deployer, count in named.items() if count > 1)
    missing = [deployer for deployer in _DEPLOYERS if deployer not in named]
    if twice:
        what = f"there are two lists of steps for {', '.join(twice)}"
    elif rest > 1:
        what = f"{rest} lists of steps are for the rest of the deployers"
    elif missing and not rest:
        what = f"steps are missing for {', '.join(missing)}"
    else:
        return
    yield CONTRADICTION.finding(places["stepsByDeployer"], what, "one list a deployer; one may leave 'deployers' out")


def _gaps(record: UpgradeRecord, nodes: list[Node], pin: str, file: str) -> Iterator[Finding]:
    """Yield a warning for each gap below the pinned version that no transition starts from, above the first start."""
    if rank(pin) is None:
        return
    starts = sorted(
        zip((each.start for each in record.transitions), nodes, strict=True), key=lambda start: _where(start[0].floor)
    )
    reached: Bound | None = None
    for span, node in (*starts, (VersionRange("", Bound(pin, True), None), starts[-1][1])):
        low = span.floor
        if reached and low and _where(reached) < (rank(pin) or ()) and _apart(reached, low):
            what = f"no transition starts from {reached.version} and above, below {low.version}"
            where = place(file, node.get("from") or node)
            yield CONTRADICTION.finding(where, what, "describe an upgrade from there", "warning")
        if span.ceiling and _where(span.ceiling) > _where(reached):
            reached = span.ceiling


def _where(bound: Bound | None) -> Rank:
    """Return where an end of a range stands; an open one is below all."""
    return (rank(bound.version) or ()) if bound else ()


def _apart(ceiling: Bound, floor: Bound) -> bool:
    """Return whether a version is above a ceiling and below a floor."""
    return _where(floor) > _where(ceiling) or (
        _where(floor) == _where(ceiling) and not (floor.inside or ceiling.inside)
    )
