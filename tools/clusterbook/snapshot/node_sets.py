"""Sets of nodes: whether all GPU nodes of a GKE cluster have a label, or none has.

    NodeTopology.gpu-nodes.label: gke-no-default-nvidia-gpu-device-plugin=true     every GPU node has it
    NodeTopology.gpu-nodes.label: "!gke-no-default-nvidia-gpu-device-plugin"       none has, whatever its value

Where lists of nodes were cut, or say two things of one node, nobody can tell. Source: the reference's constraints since
September.
"""

from __future__ import annotations

from collections.abc import Iterable

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import NamedTuple
from clusterbook.snapshot.topology import NodeLabel

NAME = "NodeTopology.gpu-nodes.label"
_GPU = "cloud.google.com/gke-accelerator"
"""The label of every node with a GPU there. Source: GKE, "Run GPUs in Standard node pools"."""


class NodeSet(NamedTuple):
    """Whether what is asked of the GPU nodes holds, and which label they have, in words."""

    holds: bool
    shown: str


def judge(asked: str, labels: Iterable[NodeLabel]) -> NodeSet:
    """Return whether the GPU nodes have a label (`key=value`), or none has one (`!key`).

    Raises:
        InvalidRequest: it is neither, there is no GPU node, or the lists do not tell.
    """
    none = asked.startswith("!")
    key, equals, value = asked.removeprefix("!").partition("=")
    if not key or none == bool(equals):
        raise InvalidRequest(f"'{asked}' is not a node label selector", hint="write KEY=VALUE, or !KEY")
    values: dict[str, dict[str, str]] = {_GPU: {}, key: {}}
    for label in labels:
        for name in label.nodes if label.key in values else ():
            if values[label.key].setdefault(name, label.value) != label.value:
                raise InvalidRequest(
                    f"{name} is said to have two values of {label.key}", hint="capture the snapshot again"
                )
        if label.key in values and label.unnamed:
            what = f"{label.unnamed} nodes with {label.key} are not listed"
            raise InvalidRequest(what, hint="capture the snapshot with more nodes for each label")
    gpu = values[_GPU]
    if not gpu:
        raise InvalidRequest(f"no node has the label {_GPU}", hint="capture the snapshot where the GPU nodes are")
    have = {name: found for name, found in values[key].items() if name in gpu}
    shown = ", ".join(sorted({f"{key}={found}" for found in have.values()})) or f"no {key}"
    shown += f" on {len(have)} of {len(gpu)} GPU nodes" if 0 < len(have) < len(gpu) else ""
    return NodeSet(not have if none else len(have) == len(gpu) and set(have.values()) == {value}, shown)
