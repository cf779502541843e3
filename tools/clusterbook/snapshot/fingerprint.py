"""The fingerprint: what kind of cluster a snapshot shows, each value with the reading that says so.

It is advisory. Where nodes disagree it says so instead of choosing; `model.fingerprint` reads it back. Source: row S2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.documents.yaml_writer import scalar
from clusterbook.snapshot.model import (
    ACCELERATORS,
    PRODUCT_LABEL,
    SYSTEMS,
    UNKNOWN_SKU,
    Snapshot,
    Subtype,
    accelerator_in,
    service_of,
)

Document = dict[str, Any]

_REGION_LABEL = "topology.kubernetes.io/region"
_PRESENT_LABEL = "nvidia.com/gpu.present"
MIXED = "mixed"
"""Value of what a node's GPUs disagree about: neither of their values, so that no constraint holds by chance."""
MULTI_GPU, MULTI_REGION, UNKNOWN_OS = "multi-gpu", "multi-region", "unknown-os"
"""Notes: the nodes have several GPU models, or regions; no recipe is for this operating system."""


def describe(taken: Snapshot) -> Document:
    """Return the fingerprint block of a snapshot, with what its readings say and nothing else."""
    accelerator, model = _gpu(taken)
    found = {
        "service": _value(service_of(taken.reading("K8s", "node", "provider")), "K8s.node.provider"),
        "accelerator": accelerator,
        "gpuModel": model,
        "os": _os(taken),
        "k8sVersion": _value(taken.reading("K8s", "server", "version"), "K8s.server.version"),
        "region": _region(taken),
        "nodeCount": _count(taken.reading("NodeTopology", "summary", "node-count")),
        "gpuNodeCount": _gpu_nodes(taken),
    }
    return {name: entry for name, entry in found.items() if entry}


def _value(value: str, source: str, note: str = "") -> Document:
    """Return one entry; without a value it says nothing but its note, and without that nothing at all."""
    if not value and not note:
        return {}
    return {**({"value": value} if value else {}), "source": source, **({"note": note} if note else {})}


def _os(taken: Snapshot) -> Document:
    """Return the operating system by the name that recipes have for it; no recipe could be asked for by another."""
    name, version = taken.reading("OS", "release", "ID"), taken.reading("OS", "release", "VERSION_ID")
    known = SYSTEMS.get(name.lower(), "")
    found = _value(known, "OS.release.ID", UNKNOWN_OS if name and not known else "")
    return {**found, "version": version} if found and version else found


def _gpu(taken: Snapshot) -> tuple[Document, Document]:
    """Return accelerator and gpuModel: by the label, which covers every node, else by the node's own GPUs."""
    source, products = _products(taken)
    several = MULTI_GPU if len(products) > 1 else ""
    model = _value(products[0] if len(products) == 1 else "", source, several)
    if source == "GPU.hardware.model":  # that is a name of ours
        model = _value(taken.reading("GPU", "hardware", "product"), "GPU.hardware.product", several)
    known = {accelerator_in(product, ACCELERATORS) for product in products}
    if len(known) > 1:
        return _value("", source, MULTI_GPU), model
    there = products or taken.reading("GPU", "hardware", "gpu-present") == "true"
    name = "".join(known)
    return _value(name, source, UNKNOWN_SKU if there and not name else ""), model


def _products(taken: Snapshot) -> tuple[str, list[str]]:
    """Return the GPU models that the best source names, and the source."""
    labelled = spread(taken, PRODUCT_LABEL)
    if labelled:
        return f"NodeTopology.label.{PRODUCT_LABEL}", sorted(labelled)
    for name, key in (("smi", "name"), ("hardware", "model")):
        group = taken.measurements.get("GPU", {}).get(name, Subtype({}, ()))
        named = {str(each[key]) for each in (group.data, *(item.data for item in group.items)) if each.get(key)}
        if named:
            return f"GPU.{name}.{key}", sorted(named - {MIXED})
    return "GPU.hardware.model", []


def _region(taken: Snapshot) -> Document:
    regions = spread(taken, _REGION_LABEL)
    note = MULTI_REGION if len(regions) > 1 else ""
    return _value(next(iter(regions)) if len(regions) == 1 else "", f"NodeTopology.label.{_REGION_LABEL}", note)


def _count(text: str) -> Document:
    return {"value": int(text), "source": "NodeTopology.summary.node-count"} if text.isdecimal() else {}


def _gpu_nodes(taken: Snapshot) -> Document:
    """Return how many nodes say that they have a GPU, where labels were seen at all."""
    if not _labels(taken):
        return {}
    nodes = spread(taken, _PRESENT_LABEL).get("true", "")
    return {"value": _nodes_in(nodes), "source": f"NodeTopology.label.{_PRESENT_LABEL}"}


def spread(taken: Snapshot, label: str) -> dict[str, str]:
    """Return the nodes of each value of a label, as they are written. Source: reference row S16."""
    found = {}
    for key, text in _labels(taken).items():
        value, _, nodes = scalar(text).partition("|")
        if key == label or key == f"{label}.{value}":
            found[value] = nodes
    return found


def _labels(taken: Snapshot) -> Mapping[str, Any]:
    return taken.measurements.get("NodeTopology", {}).get("label", Subtype({}, ())).data


def _nodes_in(text: str) -> int:
    """Return how many nodes a list names, those that were cut off included: `a,b (+3 more)`."""
    names, _, more = text.partition(" (+")
    rest = more.partition(" ")[0]
    return len([name for name in names.split(",") if name]) + (int(rest) if rest.isdecimal() else 0)
