"""The fingerprint: what kind of cluster a snapshot shows, each value with the reading that says so.

It is advisory. Where nodes disagree, or not all were seen, it says so instead of choosing; `criteria.fingerprint` reads
it back. Source: row S2.
"""

from __future__ import annotations

from typing import Any

from clusterbook.snapshot.criteria import SEVERAL, UNKNOWN_SKU, DimensionReading, own_products, read_dimension
from clusterbook.snapshot.gpus import tally
from clusterbook.snapshot.model import Snapshot
from clusterbook.snapshot.recognition import ACCELERATORS, PRESENT_LABEL, SYSTEMS

Document = dict[str, Any]

_REGION_LABEL = "topology.kubernetes.io/region"
MULTI_GPU, MULTI_OS, MULTI_REGION, UNKNOWN_OS = "multi-gpu", "multi-os", "multi-region", "unknown-os"
"""Notes: the nodes have several GPU models, systems or regions; no recipe is for this operating system."""
PARTIAL = "partial"
"""Note: not all nodes were seen, so that nobody knows what the others have."""


def describe(snapshot: Snapshot) -> Document:
    """Return the fingerprint block of a snapshot, with what its readings say and nothing else."""
    measured = snapshot._replace(stated={})
    accelerator, model = _gpu(measured)
    service = read_dimension(measured, "service")
    found = {
        "service": _value(service.value, service.source, _partial(service)),
        "accelerator": accelerator,
        "gpuModel": model,
        "os": _os(measured),
        "k8sVersion": _value(snapshot.reading("K8s", "server", "version"), "K8s.server.version"),
        "region": _region(snapshot),
        "nodeCount": _count(measured),
        "gpuNodeCount": _gpu_nodes(measured),
        "gpus": _gpus(measured),
    }
    return {name: entry for name, entry in found.items() if entry}


def _partial(snapshot: DimensionReading) -> str:
    return PARTIAL if snapshot.values and (snapshot.limit or snapshot.unread) else ""


def _value(value: str, source: str, note: str = "") -> Document:
    """Return one entry; without a value it says nothing but its note, and without that nothing at all."""
    if not value and not note:
        return {}
    return {**({"value": value} if value else {}), "source": source, **({"note": note} if note else {})}


def _os(snapshot: Snapshot) -> Document:
    """Return the operating system by the name that recipes have for it; no recipe could be asked for by another."""
    seen = read_dimension(snapshot, "os")
    if seen.state == SEVERAL:
        return _value("", seen.source, MULTI_OS)
    name = next(iter(seen.values), "")
    known = name if name in SYSTEMS.values() else ""
    details = seen.details.get(name, ())
    version = details[0].partition(" ")[2] if len(details) == 1 else ""
    found = _value(known if seen.value else "", seen.source, UNKNOWN_OS if name and not known else _partial(seen))
    return {**found, "version": version} if found and version else found


def _gpu(snapshot: Snapshot) -> tuple[Document, Document]:
    """Return accelerator and gpuModel: by what covers every node, else by the node's own GPUs."""
    seen = read_dimension(snapshot, "accelerator")
    products = {node.gpus.product for node in snapshot.nodes.gpu if node.gpus and node.gpus.product}
    source, own = own_products(snapshot)
    if products:
        source = seen.source
    model = _value(next(iter(products)) if len(products) == 1 else "" if products or len(own) != 1 else own[0], source,
                   MULTI_GPU if len(products or own) > 1 else _partial(seen))  # fmt: skip
    if not products and source == "GPU.hardware.model" and len(own) < 2:  # that is a name of ours
        model = _value(snapshot.reading("GPU", "hardware", "product"), "GPU.hardware.product")
    if seen.state == SEVERAL:
        return _value("", seen.source, MULTI_GPU), model
    name = next(iter(seen.values), "")
    known = name if name in ACCELERATORS else ""
    there = bool(seen.values or seen.unread) or snapshot.reading("GPU", "hardware", "gpu-present") == "true"
    note = UNKNOWN_SKU if there and not known else _partial(seen)
    return _value(known if seen.value else "", seen.source or source, note), model


def _region(snapshot: Snapshot) -> Document:
    regions = spread(snapshot, _REGION_LABEL)
    note = MULTI_REGION if len(regions) > 1 else ""
    return _value(next(iter(regions)) if len(regions) == 1 else "", f"NodeTopology.label.{_REGION_LABEL}", note)


def _count(snapshot: Snapshot) -> Document:
    text, source = snapshot.reading("NodeTopology", "summary", "node-count"), "NodeTopology.summary.node-count"
    if not text.isdecimal():
        return {}
    return (
        {"source": source, "note": PARTIAL}
        if snapshot.nodes.gap is not None
        else {"value": int(text), "source": source}
    )


def _gpu_nodes(snapshot: Snapshot) -> Document:
    """Return how many nodes have a GPU, where the nodes or their labels were seen at all."""
    count, source = snapshot.nodes.gpu_count, f"NodeTopology.label.{PRESENT_LABEL}"
    if snapshot.nodes.listed:
        source = "Node.status.capacity"
    elif not any(snapshot.labels):
        return {}
    if snapshot.nodes.gap is not None:
        return {"source": source, "note": PARTIAL}
    return {"value": count or 0, "source": source}


def _gpus(snapshot: Snapshot) -> Document:
    """Return how many GPUs of each kind there are to give: whole ones, slices, virtual and shared ones."""
    kinds, source = snapshot.nodes.gpu_kinds, "Node.status.capacity"
    if not kinds or snapshot.nodes.gap is not None:
        return {"source": source, "note": PARTIAL} if kinds else {}
    return {"value": tally(kinds), "source": source}


def spread(snapshot: Snapshot, label: str) -> dict[str, str]:
    """Return the nodes of each value of a label, as they are written. Source: reference row S16."""
    return {each.value: each.listed for each in snapshot.labels if each.key == label}
