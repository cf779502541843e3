"""Drift: what is different between two snapshots, and how much it matters.

Some differences follow from a cluster merely running, others change what it is. What could not be seen is said once,
and never taken for something that went away.
Source: reference rows D1-D3; severities and ignoring are ours (L22).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from json import dumps
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.documents.equality import same
from clusterbook.documents.selector import spell
from clusterbook.documents.yaml_writer import scalar
from clusterbook.snapshot.constraint import parse_version
from clusterbook.snapshot.criteria import DIMENSIONS, UNREADABLE, fingerprint, origin, read_dimension
from clusterbook.snapshot.inventory import ABSENT, PARTIAL, RELEASES, InstalledRelease, Inventory, UnseenPart
from clusterbook.snapshot.model import Snapshot
from clusterbook.snapshot.topology import only_in_items
from clusterbook.validate.workloads import health_fault

ADDED, REMOVED, MODIFIED, UNSEEN = "added", "removed", "modified", "unseen"
CRITICAL, WARNING, INFO, NOISE = "critical", "warning", "info", "noise"
SEVERITIES = (CRITICAL, WARNING, INFO, NOISE)
"""It is another cluster, or part of it is gone; it behaves otherwise; it is worth knowing; it merely runs."""


class SnapshotChange(NamedTuple):
    """One difference; `baseline` is "" where it was added, `target` where it was removed."""

    kind: str
    severity: str
    path: str
    baseline: str
    target: str

    def document(self) -> dict[str, str]:
        """Return it as plain data. Source: reference row D2."""
        sides = {"baseline": self.baseline, "target": self.target}
        known = {side: value for side, value in sides.items() if value or self.kind == MODIFIED}
        return {"kind": self.kind, "severity": self.severity, "path": self.path, **known}


def unseen_change(path: str, *, expected: bool, found: bool) -> SnapshotChange:
    """Return that nobody can tell whether something differs: `expected` before, `found` after."""
    return SnapshotChange(UNSEEN, WARNING, path, "seen" if expected else "", "seen" if found else "")


_RULES: tuple[tuple[str, str], ...] = (
    # it merely runs
    ("OS.sysctl./proc/sys/kernel/random/*", NOISE),
    ("OS.sysctl./proc/sys/kernel/ns_last_pid", NOISE),
    ("OS.sysctl./proc/sys/kernel/pty/nr", NOISE),
    ("OS.sysctl./proc/sys/fs/*-nr", NOISE),
    ("OS.sysctl./proc/sys/fs/*-state", NOISE),
    ("OS.sysctl./proc/sys/fs/quota/*", NOISE),
    ("OS.sysctl./proc/sys/kernel/hostname", NOISE),
    ("SystemD.*Timestamp*", NOISE),
    ("SystemD.*PID", NOISE),
    ("SystemD.*InvocationID", NOISE),
    ("SystemD.*NSec", NOISE),
    ("SystemD.*USec*", NOISE),
    ("SystemD.*Memory*", NOISE),
    ("SystemD.*Tasks*", NOISE),
    ("SystemD.*IO*Bytes", NOISE),
    ("SystemD.*IO*Operations", NOISE),
    ("SystemD.*IP*Bytes", NOISE),
    ("SystemD.*IP*Packets", NOISE),
    ("SystemD.*NRestarts", NOISE),
    ("K8s.node.source-node", NOISE),
    ("K8s.node.provider-id", NOISE),
    ("GPU.smi*temperature*", NOISE),
    ("GPU.smi*utilization*", NOISE),
    # it is another cluster
    ("fingerprint.nodes", INFO),
    ("fingerprint.*", CRITICAL),
    ("GPU.hardware.*", CRITICAL),
    ("K8s.node.provider", CRITICAL),
    # it behaves otherwise
    ("GPU.smi*uuid", INFO),
    ("GPU.smi*serial", INFO),
    ("GPU.*", WARNING),
    ("K8s.server.platform", CRITICAL),
    ("K8s.server.goVersion", INFO),
    ("K8s.server.*", WARNING),
    ("K8s.node.*", WARNING),
    ("K8s.policy.*", WARNING),
    ("OS.release.*", WARNING),
    ("OS.*", WARNING),
    ("SystemD.*ActiveState", CRITICAL),
    ("SystemD.*UnitFileState", WARNING),
    ("NodeTopology.taint.*", WARNING),
    ("NetworkTopology.*", WARNING),
    ("Performance.*", WARNING),
    ("Checks.*", WARNING),
)
"""The first pattern that fits a reading's path decides; what no pattern fits is worth knowing. Of versions only the
last number counts for less: see `_severity`."""
_KINDS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "StatefulSet"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
)


def drift(before: Snapshot, after: Snapshot, *, ignore: Sequence[str] = (), least: str = INFO) -> list[SnapshotChange]:
    """Return what is different in `after`, the most severe first, then by path.

    Args:
        before: the baseline.
        after: the target.
        ignore: patterns of paths that are left out: `OS.sysctl.*`, say.
        least: the least severity that is listed.

    Raises:
        InvalidRequest: `least` is no severity.
    """
    found = [
        *_fingerprints(before, after),
        *_readings(before, after),
        *_objects(before, after),
        *_releases(before, after),
    ]
    return select(found, ignore=ignore, least=least)


def select(changes: Sequence[SnapshotChange], *, ignore: Sequence[str] = (), least: str = INFO) -> list[SnapshotChange]:
    """Return the changes that are to be listed, in order; see `drift`."""
    if least not in SEVERITIES:
        raise InvalidRequest(f"there is no severity '{least}'", hint=did_you_mean(least, SEVERITIES))
    shown = SEVERITIES[: SEVERITIES.index(least) + 1]
    kept = (
        each
        for each in changes
        if (each.severity in shown or each.kind == UNSEEN)  # what nobody saw may be as severe as anything
        and not any(fnmatchcase(each.path, glob) for glob in ignore)
    )
    return sorted(kept, key=lambda each: (SEVERITIES.index(each.severity), each.path, each.kind))


def _severity(path: str, kind: str, baseline: str, target: str) -> str:
    """Return how much a changed reading matters; of a version the first two numbers count."""
    severity = next((severity for glob, severity in _RULES if fnmatchcase(path, glob)), INFO)
    old, new = parse_version(baseline), parse_version(target)
    if severity == WARNING and kind == MODIFIED and old and new and min(len(old), len(new)) > 1 and old[:2] == new[:2]:
        return INFO
    return severity


def unmeasured_parts(before: Snapshot, after: Snapshot) -> list[str]:
    """Return what one of two snapshots does not hold, as nobody looked for it, so that nothing can be said about it."""
    pairs = [(f"objects.{kind}", [_was_captured(side, api, kind) for side in (before, after)]) for api, kind in _KINDS]
    pairs.append(("releases", [side.inventory.releases is not None for side in (before, after)]))
    values = [
        [release.values is not None for release in side.inventory.releases or ()] or [True] for side in (before, after)
    ]
    pairs.append(("values of releases", [all(values[0]), all(values[1])]))
    return [name for name, known in pairs if not all(known)]


def _was_captured(side: Snapshot, api_version: str, kind: str) -> bool:
    try:
        side.inventory.kind(api_version, kind)
    except UnseenPart as error:
        return error.looked
    return True


# --- snapshots --------------------------------------------------------------------------------------------------------


def _reading_changes(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SnapshotChange]:
    """Yield the differences of two maps of readings, keys spelled behind `path`."""
    for key in sorted(old.keys() | new.keys()):
        if key in old and key in new and same(old[key], new[key]):
            continue
        baseline, target = (_text(side[key]) if key in side else "" for side in (old, new))
        kind = ADDED if key not in old else REMOVED if key not in new else MODIFIED
        where = f"{path}.{key}" if path else key
        yield SnapshotChange(kind, _severity(where, kind, baseline, target), where, baseline, target)


def _text(value: object) -> str:
    """Return a value for people."""
    if value is None or isinstance(value, str | int | float):
        return scalar(value)
    return dumps(value, sort_keys=True, ensure_ascii=False)


def _fingerprints(before: Snapshot, after: Snapshot) -> Iterator[SnapshotChange]:
    """Yield what makes it another cluster; what one side could not look for has not gone."""
    sides = [fingerprint(before), fingerprint(after)]
    for change in _reading_changes("fingerprint", *sides):
        dimension = change.path.partition(".")[2]
        teller, other = (before, after) if change.kind == REMOVED else (after, before)
        kind, _, rest = (origin(teller, dimension) or _COUNTED).partition(".")
        blind = _gap_reason(other.inventory, kind, rest.partition(".")[0]) or _is_unknown(other, dimension)
        if change.kind != MODIFIED and blind:
            seen = ["seen" if dimension in side else "" for side in sides]
            yield SnapshotChange(UNSEEN, WARNING, change.path, *seen)
        else:
            yield change


def _is_unknown(side: Snapshot, dimension: str) -> bool:
    """Return whether one side has no value because it could not be seen, or not of all nodes."""
    if dimension not in DIMENSIONS:
        return side.nodes.gap is not None
    seen = read_dimension(side, dimension)
    return seen.state == UNREADABLE or bool(seen.limit)


_COUNTED = "NodeTopology.summary.node-count"
"""Where the number of nodes is from, which a fingerprint does not say."""


def _readings(before: Snapshot, after: Snapshot) -> Iterator[SnapshotChange]:
    """Yield the differences of all readings; a group that one side could not see is one change."""
    groups = {
        (kind, name): None for side in (before, after) for kind, names in side.measurements.items() for name in names
    }
    for kind, name in groups:
        path = spell([kind, name])
        sides = [side.measurements.get(kind, {}).get(name) for side in (before, after)]
        blind = next((why for side, found in zip((before, after), sides, strict=True) if found is None
                      and (why := _gap_reason(side.inventory, kind, name))), "")  # fmt: skip
        if blind:
            yield SnapshotChange(UNSEEN, WARNING, path, *("" if found is None else "seen" for found in sides))
            continue
        old, new = ({} if found is None else {**found.data, **only_in_items(found.items)} for found in sides)
        partial = [_is_partial(side.inventory, kind, name) for side in (before, after)]
        changes = _spread_changes(path, old, new) if (kind, name) in _SPREADS else _reading_changes(path, old, new)
        yield from _without_partial(path, changes, partial, counted=kind == "NodeTopology")
        items = [() if found is None or (kind, name) in _SPREADS else found.items for found in sides]
        for number in range(max(map(len, items))):
            each = [{**side[number].context, **side[number].data} if number < len(side) else {} for side in items]
            yield from _reading_changes(f"{path}[{number}]", *each)


def _is_partial(inventory: Inventory, kind: str, name: str) -> bool:
    """Return whether one side saw a part of a group only."""
    gaps = (inventory.gap(f"measurements/{part}") for part in (f"{kind}.{name}", kind))
    return any(gap is not None and gap.state == PARTIAL for gap in gaps)


def _without_partial(
    path: str, changes: Iterator[SnapshotChange], partial: Sequence[bool], *, counted: bool
) -> Iterator[SnapshotChange]:
    """Yield changes without those that a partial view makes: what one side did not see has neither come nor gone.

    Where nodes are `counted`, nothing can be said at all.
    """
    hidden = False
    for change in changes:
        missing = {ADDED: partial[0], REMOVED: partial[1], MODIFIED: counted and any(partial)}
        if missing.get(change.kind, False) or (counted and any(partial)):
            hidden = True
        else:
            yield change
    if hidden:
        yield SnapshotChange(UNSEEN, WARNING, path, *("" if part else "seen" for part in partial))


_SPREADS = (("NodeTopology", "label"), ("NodeTopology", "taint"))
"""Where a reading is a value and the nodes that have it. Source: reference rows S15, S16."""


def _spread_changes(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SnapshotChange]:
    """Yield the differences of labels or taints; that one node took the place of another is noise."""
    for change in _reading_changes(path, old, new):
        (was, _, before), (now, _, after) = (text.rpartition("|") for text in (change.baseline, change.target))
        counts = [names.count(",") + 1 if names else 0 for names in (before, after)]
        severity = NOISE if change.kind == MODIFIED and was == now and counts[0] == counts[1] else change.severity
        said = [f"{value} on {count} nodes" if count else "" for value, count in zip((was, now), counts, strict=True)]
        yield change._replace(severity=severity, baseline=said[0], target=said[1])


def _gap_reason(inventory: Inventory, kind: str, name: str) -> str:
    """Return why one side has no such group although the cluster may, "" where it has none."""
    for part in (f"measurements/{kind}.{name}", f"measurements/{kind}"):
        gap = inventory.gap(part)
        if gap is not None and gap.state != ABSENT:
            return gap.reason or gap.state
    return ""


def _objects(before: Snapshot, after: Snapshot) -> Iterator[SnapshotChange]:
    """Yield workloads and kinds that came or went, whose images changed, or that stopped being healthy.

    Pods are left out: they come and go with the workloads they belong to.
    """
    for api_version, kind in _KINDS:
        sides: list[dict[str, Mapping[str, Any]]] = []
        gaps = []
        for side in (before, after):
            try:
                found, gap = side.inventory.kind(api_version, kind)
            except UnseenPart as error:
                gaps.append(error)
                continue
            if gap is not None:
                gaps.append(UnseenPart(gap.reason, looked=True))
            sides.append({_name(each["metadata"]): each for each in found})
        if gaps:
            if any(error.looked for error in gaps):  # else nobody looked, on one side at least: see `unmeasured`
                yield SnapshotChange(UNSEEN, WARNING, f"objects.{kind}", "", "")
            continue
        old, new = ({name: _state(kind, each) for name, each in side.items()} for side in sides)
        for name in sorted(old.keys() | new.keys()):
            path = f"objects.{kind} {name}"
            if name not in new:
                yield SnapshotChange(REMOVED, CRITICAL, path, "there", "")
            elif name not in old:
                yield SnapshotChange(ADDED, INFO, path, "", "there")
            else:
                yield from _state_changes(path, old[name], new[name])


def _name(metadata: Mapping[str, Any]) -> str:
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata.get('name')}" if namespace else str(metadata.get("name"))


def _state(kind: str, found: Mapping[str, Any]) -> dict[str, str]:
    """Return what of an object is compared: its images, and whether it is healthy."""
    pod = ((found.get("spec") or {}).get("template") or {}).get("spec") or {}
    images = {f"image {each.get('name')}": str(each.get("image")) for each in pod.get("containers") or ()}
    return {**images, "health": health_fault(kind, found) or "healthy"}


def _state_changes(path: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[SnapshotChange]:
    for change in _reading_changes(path, old, new):
        worse = change.path.endswith(".health") and old["health"] == "healthy"
        severity = CRITICAL if worse else INFO if change.path.endswith(".health") else WARNING
        yield change._replace(severity=severity)


def _releases(before: Snapshot, after: Snapshot) -> Iterator[SnapshotChange]:
    """Yield Helm releases that came, went or changed."""
    sides: list[dict[str, InstalledRelease]] = []
    gaps: list[UnseenPart] = []
    for side in (before, after):
        try:
            sides.append({f"{each.namespace}/{each.name}": each for each in side.inventory.installed()})
        except UnseenPart as error:
            gaps.append(error)
    if gaps:
        if any(error.looked for error in gaps):
            yield SnapshotChange(UNSEEN, WARNING, "releases", "", "")
        return
    old, new = sides
    for name in sorted(old.keys() | new.keys()):
        path = f"releases.{name}"
        other = after if name not in new else before
        gap = other.inventory.gap(RELEASES, name.partition("/")[0])
        if (name not in new or name not in old) and gap is not None and gap.state == PARTIAL:
            yield SnapshotChange(UNSEEN, WARNING, path, *("seen" if name in side else "" for side in sides))
        elif name not in new:
            yield SnapshotChange(REMOVED, CRITICAL, path, chart_of(old[name]), "")
        elif name not in old:
            yield SnapshotChange(ADDED, INFO, path, "", chart_of(new[name]))
        else:
            yield from _release_changes(path, old[name], new[name])


def chart_of(release: InstalledRelease) -> str:
    """Return the chart and version of a release."""
    return f"{release.chart} {release.version}".strip()


def _release_changes(path: str, old: InstalledRelease, new: InstalledRelease) -> Iterator[SnapshotChange]:
    """Yield the differences of two states of one release."""
    if old.status != new.status:
        severity = INFO if new.status == "deployed" else CRITICAL
        yield SnapshotChange(MODIFIED, severity, f"{path}.status", old.status, new.status)
    if (old.chart, old.version) != (new.chart, new.version):
        yield SnapshotChange(MODIFIED, WARNING, f"{path}.version", chart_of(old), chart_of(new))
    if old.values is None or new.values is None:
        return  # see `unmeasured`
    yield from value_changes(path, old.values, new.values)


def value_changes(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SnapshotChange]:
    """Yield the differences of two maps of chart values, leaf by leaf; lists are leaves."""
    for change in _reading_changes(f"{path}.values", dict(leaves(old)), dict(leaves(new))):
        yield change._replace(severity=WARNING)


def leaves(values: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each leaf. Null is one: it takes a chart's default away."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*place, str(key)))
        else:
            yield spell([*place, str(key)]), value
