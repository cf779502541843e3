"""The snapshot: what was measured on a cluster, and which criteria that makes.

Documents of ours and of the reference are read (rows S1-S16). Plain dicts go in, so that a judgement needs no shape
library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean
from clusterbook.documents.api_version import API_VERSIONS
from clusterbook.documents.selector import listing, suggestion
from clusterbook.documents.yaml_writer import scalar
from clusterbook.snapshot.inventory import (
    ABSENT,
    EMPTY,
    SKIPPED,
    Inventory,
    entries,
    mapping,
    misshapen,
    name_of,
    read_inventory,
)

KIND = "Snapshot"
OF_CLUSTERS = frozenset(("K8s", "NodeTopology"))
"""The types of readings that a cluster tells, and no machine."""
_AGAIN = "take a new one: clusterbook snapshot --cluster -o cluster.yaml"
ACCELERATORS = ("a100", "b200", "gb200", "gb300", "h100", "h200", "l40", "l40s", "rtx-pro-6000")
"""Source: reference row R2."""

_SERVICES = {"aws": "eks", "gce": "gke", "azure": "aks", "oci": "oke", "linode": "lke"}
"""Cloud provider → service. Source: reference row S13."""
SYSTEMS = {
    **{name: name for name in ("ubuntu", "rhel", "cos", "amazonlinux", "ol", "talos")},
    **dict.fromkeys(("amzn", "amazon", "al2", "al2023"), "amazonlinux"),
    **dict.fromkeys(("redhat", "redhatenterpriselinux"), "rhel"),
}
"""ID of /etc/os-release → os. Source: reference rows R4, S7."""
PRODUCT_LABEL = "nvidia.com/gpu.product"
UNKNOWN_SKU = "unknown-sku"
"""Note of a fingerprint: the GPU is none that whoever took the snapshot had a name for."""
_STATED = {"service": ("service",), "accelerator": ("accelerator",), "os": ("os",), "nodes": ("nodes", "nodeCount")}
"""Dimension → its names in the fingerprint block, the first that is there counts. Source: reference row S2."""

_DERIVED_FROM = {"service": "K8s.node.provider", "os": "OS.release.ID"}


class Item(NamedTuple):
    """One element of a list of alike things, say network interfaces."""

    data: Mapping[str, Any]
    context: Mapping[str, Any]


class Subtype(NamedTuple):
    """One group of readings; `data` maps a key, which may contain dots, to a scalar."""

    data: Mapping[str, Any]
    items: tuple[Item, ...]


class Snapshot(NamedTuple):
    """A snapshot whose shape was checked; `measurements` maps type and subtype to readings.

    `stated` is the document's own fingerprint block, {} where it has none; `inventory` what was found beside readings.
    """

    stated: Mapping[str, Any]
    measurements: Mapping[str, Mapping[str, Subtype]]
    inventory: Inventory = EMPTY
    metadata: Mapping[str, Any] = MappingProxyType({})

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


def read(document: object) -> Snapshot:
    """Return the snapshot that `document`, a parsed file, holds.

    Where a type or a subtype stands twice, the first counts.

    Raises:
        InvalidRequest: another kind or apiVersion, or not of the shape of reference row S1.
    """
    top = mapping(document, "the document")
    kind, version = top.get("kind"), top.get("apiVersion") or ""
    if kind != KIND:
        hint = f"name a document that says 'kind: {KIND}', or take one: clusterbook snapshot --cluster -o cluster.yaml"
        raise InvalidRequest(f"this is no snapshot: its kind is '{kind or ''}', not '{KIND}'", hint=hint)
    if version not in ("", *API_VERSIONS):
        what = f"apiVersion '{version}' of the snapshot is not known; allowed: {', '.join(API_VERSIONS)}"
        raise InvalidRequest(what, hint=did_you_mean(str(version), API_VERSIONS) or _AGAIN)
    measurements: dict[str, Mapping[str, Subtype]] = {}
    for place, entry in entries(top, "measurements", ""):
        measurements.setdefault(name_of(entry, "type", place), _subtypes(entry, place))
    stated = mapping(top.get("fingerprint"), "fingerprint")
    return Snapshot(stated, measurements, read_inventory(top), mapping(top.get("metadata"), "metadata"))


def read_whole(document: object) -> Snapshot:
    """Return the snapshot that a document holds, one that shows something; see `read`.

    Raises:
        InvalidRequest: besides, it has neither measurements nor anything else that was found or looked for.
    """
    found = read(document)
    if not (found.measurements or any(found.inventory)):
        raise InvalidRequest("this snapshot shows nothing: it has no measurements", hint=_AGAIN)
    return found


def fingerprint(snapshot: Snapshot, accelerators: Iterable[str] = ACCELERATORS) -> dict[str, str]:
    """Return the criteria that the cluster shows, dimension → value, as far as known: service, accelerator, os, nodes.

    What the snapshot's own fingerprint says about a dimension counts, even that nothing is known; a dimension it does
    not mention is derived from the measurements. The number of nodes is never derived: a recipe for exactly that many
    nodes must be asked for. `accelerators` are the names to look for in a GPU's product name.
    Source: reference rows R9, S2.
    """
    derived = {
        "service": service_of(snapshot.reading("K8s", "node", "provider")),
        "accelerator": _accelerator(snapshot, tuple(accelerators)),
        "os": SYSTEMS.get(snapshot.reading("OS", "release", "ID").lower(), ""),
        "nodes": "",
    }
    values = {}
    for dimension, names in _STATED.items():
        stated = next((snapshot.stated[name] for name in names if name in snapshot.stated), None)
        if isinstance(stated, Mapping) and stated.get("note") == UNKNOWN_SKU:
            stated = None  # to whoever took it, perhaps not to this catalog
        value = derived[dimension] if stated is None else _stated(stated)
        if value not in ("", "0" if dimension == "nodes" else ""):
            values[dimension] = value
    return values


def origin(snapshot: Snapshot, dimension: str) -> str:
    """Return the reading from which `fingerprint` has the value of a dimension, "" where nobody says."""
    stated = next((snapshot.stated[name] for name in _STATED[dimension] if name in snapshot.stated), None)
    if stated is not None:
        return str(stated.get("source") or "") if isinstance(stated, Mapping) else ""
    if dimension == "accelerator":
        labelled = any(_is_product(key) for key in _labels(snapshot))
        return f"NodeTopology.label.{PRODUCT_LABEL}" if labelled else "GPU.hardware.model"
    return _DERIVED_FROM.get(dimension, "")


# --- what the measurements say ----------------------------------------------------------------------------------------


def _stated(entry: object) -> str:
    """Return the value of one dimension of a fingerprint, which is the value itself or a map around it."""
    value = entry.get("value") if isinstance(entry, Mapping) else entry
    return scalar(value).strip() if isinstance(value, str | int) else ""


def service_of(provider: str) -> str:
    """Return the service of a cloud provider; one that is not known stays as it is. Source: reference row S13."""
    return "oke" if provider.startswith("ocid1") else _SERVICES.get(provider, provider)


def _accelerator(snapshot: Snapshot, known: tuple[str, ...]) -> str:
    """Return the one accelerator of the cluster, "" where there is none, an unknown one, or several.

    Node labels count first, since they cover every node; the snapshot's own node is asked when they say nothing.
    Source: reference rows S2, S9, S16.
    """
    labels = _labels(snapshot)
    products = {scalar(value).partition("|")[0] for key, value in labels.items() if _is_product(key)}
    found = {accelerator_in(product, known) for product in products}
    if len(found) > 1:
        return ""
    return "".join(found) or accelerator_in(snapshot.reading("GPU", "hardware", "model"), known)


def _labels(snapshot: Snapshot) -> Mapping[str, Any]:
    return snapshot.measurements.get("NodeTopology", {}).get("label", Subtype({}, ())).data


def _is_product(key: str) -> bool:
    """Return whether a label names a GPU; its value is part of the key where nodes have several."""
    return key == PRODUCT_LABEL or key.startswith(f"{PRODUCT_LABEL}.")


def accelerator_in(product: str, known: tuple[str, ...]) -> str:
    """Return the accelerator that a product name speaks of, "" when it is none of `known`.

    Whole words are compared, so that GH200 is no H200 and L40S no L40; the longest name wins.
    """
    words = f"-{'-'.join(''.join(c if c.isalnum() else ' ' for c in product.lower()).split())}-"
    return next((name for name in sorted(known, key=len, reverse=True) if f"-{name}-" in words), "")


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
            raise misshapen(f"{place}.{key} at '{name}'", value, "a scalar")
    return readings
