"""The snapshot: what was measured on a cluster, and what was found there beside readings.

Documents of ours and of the reference are read (rows S1-S16). Plain dicts go in, so that a judgement needs no shape
library.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType

from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean
from clusterbook.documents.api_version import API_VERSION, READ
from clusterbook.documents.selector import listing, suggestion
from clusterbook.documents.yaml_writer import scalar
from clusterbook.records import Any, NamedTuple
from clusterbook.snapshot.inventory import (
    ABSENT,
    DENIED,
    EMPTY,
    FAILED,
    NODES,
    PARTIAL,
    SKIPPED,
    STATES,
    Gap,
    Inventory,
    entries,
    mapping,
    name_of,
    read_inventory,
    wrong_shape,
)
from clusterbook.snapshot.nodes import NodeView, view
from clusterbook.snapshot.recognition import DRA_VERSIONS
from clusterbook.snapshot.topology import NodeLabel, labels

Reading = str | int | float | bool | None

KIND = "Snapshot"
OF_CLUSTERS = frozenset(("K8s", "NodeTopology"))
"""The types of readings that a cluster tells, and no machine."""
_NODE_PARTS = ("objects/v1/Node", "measurements/NodeTopology", NODES)
"""Where `coverage` says that not all nodes were seen."""
_AGAIN = "capture a new one: clusterbook snapshot --cluster -o cluster.yaml"


class Item(NamedTuple):
    """One of several alike things, such as a GPU; `context` helps people and is not judged first."""

    data: Mapping[str, Reading]
    context: Mapping[str, Reading] = {}


class Subtype(NamedTuple):
    """One group of readings; `data` maps a key, which may contain dots, to a scalar."""

    data: Mapping[str, Any]
    items: tuple[Item, ...]


class _SnapshotFields(NamedTuple):
    stated: Mapping[str, Any]
    measurements: Mapping[str, Mapping[str, Subtype]]
    inventory: Inventory = EMPTY
    metadata: Mapping[str, Any] = MappingProxyType({})
    chosen: frozenset[str] | None = None


class Snapshot(_SnapshotFields):
    """A snapshot whose shape was checked; `measurements` maps type and subtype to readings.

    `stated` is the document's own fingerprint block, {} where it has none; `inventory` what was found beside readings;
    `chosen` the names of the nodes that somebody picked to be judged, None where all are meant.
    """

    @cached_property
    def nodes(self) -> NodeView:
        """The nodes that are meant, each by itself."""
        gaps = [self.inventory.gap(part) for part in _NODE_PARTS]
        gaps.append(_access_gap(self.inventory.gap("measurements/K8s")))
        worst = max(
            (gap for gap in gaps if gap is not None and gap.state in (PARTIAL, DENIED, FAILED)),
            key=lambda gap: STATES.index(gap.state),
            default=None,
        )
        objects = self.inventory.objects
        slices = [each for (_, kind), found in objects.items() if kind == "ResourceSlice" for each in found]
        seen = view(objects.get(("v1", "Node"), ()), self.labels, worst, slices)
        return seen if self.chosen is None else seen.only(self.chosen)

    @property
    def slices_gap(self) -> Gap | None:
        """Why the slices are unknown that say which GPUs there are to claim, None where they are not."""
        gaps = (self.inventory.gap(f"objects/{version}/ResourceSlice") for version in DRA_VERSIONS)
        return next((gap for gap in gaps if gap is not None and gap.state not in (ABSENT, SKIPPED)), None)

    def with_claims(self) -> Snapshot:
        """Return the snapshot for a recipe whose pods claim their GPUs: what no slice shows may be there."""
        found = self._replace()
        found.__dict__["nodes"] = self.nodes.without_claims(self.slices_gap)
        return found

    def pick(self, names: Collection[str]) -> Snapshot:
        """Return the snapshot with some of its nodes to be judged."""
        found = self._replace(chosen=frozenset(names))
        found.__dict__["nodes"] = self.nodes.only(names)  # the view is of 10,000 nodes, and made once
        return found

    @property
    def labels(self) -> Iterator[NodeLabel]:
        """Yield the labels of the nodes that the snapshot lists."""
        listed = self.measurements.get("NodeTopology", {}).get("label", Subtype({}, ()))
        return labels(listed.data, listed.items)

    @cached_property
    def label_keys(self) -> frozenset[str]:
        """The keys of those labels, each once: a fit asks for every recipe, and 10,000 nodes have as many labels."""
        return frozenset(each.key for each in self.labels)

    def labelled(self, wanted: Mapping[str, str]) -> frozenset[str]:
        """Return the names of the nodes that have all of some labels.

        Raises:
            InvalidRequest: there are none, or the snapshot cuts the list of nodes that have one.
        """
        found: frozenset[str] | None = None
        for key, value in wanted.items():
            fitting = [each for each in self.labels if (each.key, each.value) == (key, value)]
            if any(each.unnamed for each in fitting):
                what = f"the snapshot lists only some of the nodes with {key}={value}"
                raise InvalidRequest(what, hint="capture it without --max-nodes-per-entry")
            these = frozenset(name for each in fitting for name in each.nodes)
            found = these if found is None else found & these
        if not found:
            said = ", ".join(f"{key}={value}" for key, value in wanted.items())
            if self.metadata.get("redacted"):
                what = f"the snapshot is redacted, so the nodes with {said} are not known"
                raise InvalidRequest(
                    what, hint="pick a pool by its pseudonym with --pool, or capture it without --redact"
                )
            raise InvalidRequest(f"the snapshot shows no node with {said}", hint="`kubectl get nodes --show-labels`")
        return found

    def own_node(self, path: str) -> str:
        """Return the node that the readings of a type, or of `OS.release`, are of; "" where nobody says."""
        by_api = self.reading("K8s", "node", "source-node")
        if path.startswith("K8s") or (self.reading("OS", "release", "Source") and path.startswith("OS.release")):
            return by_api
        return self._itself or by_api

    @cached_property
    def _itself(self) -> str:
        """The node that was looked into; a machine may call itself by the first part of its node's name only."""
        said = str(self.metadata.get("source-node") or "")
        names = [node.name for node in self.nodes.all]
        if said in names:
            return said
        alike = [name for name in names if name.partition(".")[0] == said.partition(".")[0]]
        return alike[0] if len(alike) == 1 else said

    @property
    def alone(self) -> bool:
        """Whether it is of one machine, and nobody asked its cluster."""
        found, gap = self.inventory, self.inventory.gap("measurements/K8s")
        asked = gap is not None and gap.state not in (ABSENT, SKIPPED)
        told = found.objects or found.releases is not None or OF_CLUSTERS & self.measurements.keys()
        return bool(self.measurements) and not (asked or told)

    def subtype(self, kind: str, name: str) -> Subtype:
        """Return the readings of subtype `name` of type `kind`.

        Raises:
            NotFound: not measured; the message lists what was.
        """
        groups = self.measurements.get(kind)
        if groups is None:
            what = f"the snapshot has no measurement of type '{kind}'; it has: {listing(self.measurements)}"
            raise NotFound(what, hint=suggestion(kind, self.measurements))
        if name not in groups:
            what = f"{kind} has no subtype '{name}'; it has: {listing(groups)}"
            raise NotFound(what, hint=suggestion(name, groups))
        return groups[name]

    def reading(self, kind: str, name: str, key: str) -> str:
        """Return one reading as text, "" where it was not measured."""
        subtype = self.measurements.get(kind, {}).get(name)
        value = subtype.data.get(key) if subtype else None
        return "" if value is None else scalar(value).strip()


def _access_gap(gap: Gap | None) -> Gap | None:
    """Return a gap that says that the cluster could not be asked."""
    return gap if gap is not None and gap.state in (DENIED, FAILED) else None


def read_snapshot(document: object) -> Snapshot:
    """Return the snapshot that `document`, a parsed file, holds.

    Where a type or a subtype stands twice, the first counts. One with measurements needs no kind and no apiVersion, as
    older tools and the reference's own tests write them.

    Raises:
        InvalidRequest: another kind or apiVersion, or not of the shape of reference row S1.
    """
    top = mapping(document, "the document")
    kind, version = top.get("kind"), top.get("apiVersion") or ""
    if not is_snapshot(top):
        hint = (
            f"name a document that says 'kind: {KIND}', or capture one: clusterbook snapshot --cluster -o cluster.yaml"
        )
        raise InvalidRequest(f"this is not a snapshot: its kind is '{kind or ''}', not '{KIND}'", hint=hint)
    if version not in ("", *READ[KIND]):
        what = f"apiVersion '{version}' of the snapshot is not supported; allowed: {', '.join(READ[KIND])}"
        raise InvalidRequest(what, hint=did_you_mean(str(version), READ[KIND]) or _AGAIN)
    measurements: dict[str, Mapping[str, Subtype]] = {}
    for place, entry in entries(top, "measurements", ""):
        measurements.setdefault(name_of(entry, "type", place), _subtypes(entry, place))
    stated = mapping(top.get("fingerprint"), "fingerprint")
    return Snapshot(stated, measurements, read_inventory(top), mapping(top.get("metadata"), "metadata"))


def is_snapshot(document: Mapping[str, Any]) -> bool:
    """Return whether a document is a snapshot: by its kind, or without kind and apiVersion by what it holds."""
    named = document.get("kind") or document.get("apiVersion") or "componentRefs" in document
    measured = isinstance(document.get("measurements"), list) and bool(document["measurements"])
    return document.get("kind") == KIND or (measured and not named)


def snapshot_age(document: Mapping[str, Any], version: str) -> str:
    """Return what to know of the tool that took a snapshot, for one of the version `version`; "" where nothing is.

    Of one that the reference took nothing is said: its versions are not ours.
    """
    taken = str((document.get("metadata") or {}).get("version") or "")
    if not taken or taken == version or document.get("apiVersion") != API_VERSION:
        return ""
    old, new = (tuple(map(int, _NUMBERS.findall(text))) for text in (taken, version))
    which = "a newer" if old > new else "an older" if old < new else "another"
    return f"the snapshot was taken by {which} version, {taken}; this is {version}"


_NUMBERS = re.compile(r"\d{1,9}")


def read_measured_snapshot(document: object) -> Snapshot:
    """Return the snapshot that a document holds, one that shows something; see `read`.

    Raises:
        InvalidRequest: besides, it has neither measurements nor anything else that was found or looked for.
    """
    found = read_snapshot(document)
    if not (found.measurements or any(found.inventory)):
        raise InvalidRequest("this snapshot is empty: it has no measurements", hint=_AGAIN)
    return found


# --- the shape --------------------------------------------------------------------------------------------------------


def _subtypes(entry: Mapping[str, Any], place: str) -> dict[str, Subtype]:
    """Return the subtypes of one measurement by name."""
    found: dict[str, Subtype] = {}
    for where, each in entries(entry, "subtypes", place):
        items = tuple(
            Item(_readings(item, "data", at), _readings(item, "context", at))
            for at, item in entries(each, "items", where)
        )
        found.setdefault(name_of(each, "subtype", where), Subtype(_readings(each, "data", where), items))
    return found


def _readings(entry: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    """Return the map under `key`, each value of which is a scalar."""
    readings = mapping(entry.get(key), f"{place}.{key}")
    for name, value in readings.items():
        if not isinstance(value, str | int | float | None):
            raise wrong_shape(f"{place}.{key} at '{name}'", value, "a scalar")
    return readings
