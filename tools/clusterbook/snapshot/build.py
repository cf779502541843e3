"""The Snapshot document, made of what several collectors captured.

Of a subtype that two collectors bring the first counts, and what could not be seen is said under `coverage`.
Source: reference rows S1, S3; objects, releases and coverage are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.documents.api_version import API_VERSION, WRITTEN
from clusterbook.snapshot.fingerprint import describe
from clusterbook.snapshot.inventory import Gap
from clusterbook.snapshot.model import KIND, Item, Reading, read_snapshot

Document = dict[str, Any]


class SubtypeReadings(NamedTuple):
    """The readings of one subtype."""

    data: Mapping[str, Reading] = {}
    items: Sequence[Item] = ()
    context: Mapping[str, Reading] = {}


class Capture(NamedTuple):
    """What one collector brings home, or several together.

    `measurements` maps type and subtype to readings. `objects` are blocks of one kind each, as the document has them.
    `releases` is None when nobody looked. `gaps` say what could not be seen, and why.
    """

    measurements: Mapping[str, Mapping[str, SubtypeReadings]] = {}
    objects: Sequence[Mapping[str, Any]] = ()
    releases: Sequence[Mapping[str, Any]] | None = None
    gaps: Sequence[Gap] = ()


def measurement_part(kind: str, subtype: str = "") -> str:
    """Return how `coverage` spells the readings of a type, or of one of its subtypes."""
    return f"measurements/{kind}.{subtype}" if subtype else f"measurements/{kind}"


def combine(parts: Iterable[Capture]) -> Capture:
    """Return all parts as one; of a subtype that two brought the first counts."""
    measurements: dict[str, dict[str, SubtypeReadings]] = {}
    objects: list[Mapping[str, Any]] = []
    releases: list[Mapping[str, Any]] | None = None
    gaps: list[Gap] = []
    for part in parts:
        for kind, groups in part.measurements.items():
            measurements[kind] = {**groups, **measurements.get(kind, {})}
        objects += part.objects
        if part.releases is not None:
            releases = [*(releases or ()), *part.releases]
        gaps += part.gaps
    return Capture(measurements, objects, releases, gaps)


def document(capture: Capture, metadata: Mapping[str, str]) -> Document:
    """Return the snapshot; types, subtypes, objects and gaps are sorted, so that two of them can be compared.

    Args:
        capture: what was collected.
        metadata: timestamp, version and source-node, as far as known.
    """
    found: Document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {key: value for key, value in metadata.items() if value},
        "measurements": [
            {"type": kind, "subtypes": [_subtype(name, group) for name, group in sorted(groups.items())]}
            for kind, groups in sorted(capture.measurements.items())
            if groups
        ],
        "coverage": [_gap(gap) for gap in sorted(set(capture.gaps))],
    }
    if capture.objects:
        found["objects"] = sorted(capture.objects, key=lambda each: (str(each["apiVersion"]), str(each["kind"])))
    if capture.releases is not None:
        found["releases"] = list(capture.releases)
    found["fingerprint"] = describe(read_snapshot(found))
    return found


def envelope(snapshot: Document, version: str) -> Document:
    """Return a snapshot as the reference reads it: its measurements, with one of its apiVersions.

    Raises:
        InvalidRequest: it has no such apiVersion.
    """
    known = WRITTEN[KIND]
    if version not in known:
        raise InvalidRequest(f"{KIND} cannot be written with apiVersion '{version}'", hint=did_you_mean(version, known))
    kept: Document = {key: snapshot[key] for key in ("kind", "metadata", "measurements") if key in snapshot}
    return {**kept, "apiVersion": version}


def subtype_documents(groups: Mapping[str, SubtypeReadings]) -> dict[str, Document]:
    """Return the subtypes of one type as a snapshot has them, by name."""
    return {name: _subtype(name, group) for name, group in groups.items()}


def _subtype(name: str, group: SubtypeReadings) -> Document:
    found: Document = {"subtype": name, "data": dict(group.data)}
    if group.context:
        found["context"] = dict(group.context)
    if group.items:
        found["items"] = [
            {"data": dict(each.data), **({"context": dict(each.context)} if each.context else {})}
            for each in group.items
        ]
    return found


def _gap(gap: Gap) -> Document:
    return {key: value for key, value in gap._asdict().items() if value}
