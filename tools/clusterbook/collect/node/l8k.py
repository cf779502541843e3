"""Network topology: the NICs of a node and which GPU each serves, as k8s-launch-kit's cluster-config.yaml has them.

Source: reference rows S17, S18; github.com/NVIDIA/k8s-launch-kit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.selector import describe
from clusterbook.snapshot.build import Capture, SubtypeReadings
from clusterbook.snapshot.model import Item, Reading

TYPE = "NetworkTopology"
EAST_WEST, NORTH_SOUTH = "east-west", "north-south"
"""Traffic between GPUs, and all other."""
_IDENTITY = ("identifier", "machineType", "gpuType", "linkType")
_PF = (
    "pciAddress", "deviceID", "psid", "partNumber", "rdmaDevice", "networkInterface", "model", "connectedGPU",
    "gpuProximity", "traffic",
)  # fmt: skip
_PF_NUMBERS = ("rail", "numaNode")
_CAPABILITIES = ("sriov", "rdma", "ib")
_HINT = "name the cluster-config.yaml that `l8k discover` has written"


def from_cluster_config(document: Mapping[str, Any]) -> Capture:
    """Return NetworkTopology as a configuration for l8k says it.

    Raises:
        InvalidRequest: it has no group of nodes, or several: a snapshot is of one kind of node; or another shape.
    """
    groups = document.get("clusterConfig")
    if not isinstance(groups, list) or not groups:
        raise InvalidRequest("the cluster configuration has no clusterConfig", hint=_HINT)
    if len(groups) > 1:
        names = ", ".join(str(_map(group, f"clusterConfig[{at}]").get("identifier")) for at, group in enumerate(groups))
        raise InvalidRequest(
            f"the cluster configuration has {len(groups)} groups of nodes: {names}",
            hint="a snapshot describes one kind of node: keep one group",
        )
    group = _map(groups[0], "clusterConfig[0]")
    pfs = group.get("pfs") or []
    if not isinstance(pfs, list):
        raise _wrong_shape("clusterConfig[0].pfs", pfs, "a list")
    identity = {key: str(group[key]) for key in _IDENTITY if group.get(key)}
    selector = _map(group.get("nodeSelector"), "clusterConfig[0].nodeSelector")
    if selector:
        identity["nodeSelector"] = ",".join(f"{key}={selector[key]}" for key in sorted(selector))
    nodes = _map(_map(group.get("capabilities"), "clusterConfig[0].capabilities").get("nodes"), "capabilities.nodes")
    modules = {"storage": group.get("storageModules"), "thirdParty": group.get("thirdPartyRDMAModules")}
    return topology(
        identity,
        {key: bool(nodes[key]) for key in _CAPABILITIES if key in nodes},
        [_pf(pf, f"clusterConfig[0].pfs[{at}]") for at, pf in enumerate(pfs)],
        {kind: _words(names, f"clusterConfig[0].{kind} modules") for kind, names in modules.items()},
    )


def topology(
    identity: Mapping[str, Reading],
    capabilities: Mapping[str, Reading],
    pfs: Sequence[Item],
    modules: Mapping[str, Iterable[str]],
) -> Capture:
    """Return the subtypes of NetworkTopology.

    Args:
        identity: what kind of node it is.
        capabilities: sriov, rdma, ib.
        pfs: physical functions, one item each.
        modules: kernel modules by kind: storage, thirdParty.
    """
    rails = {pf.data["rail"] for pf in pfs if "rail" in pf.data}
    found = {
        "identity": SubtypeReadings({**identity, "pf-count": len(pfs), "rail-count": len(rails)}),
        "capabilities": SubtypeReadings(capabilities),
        "pfs": SubtypeReadings({}, pfs),
    }
    listed = {f"{kind}.{at}": name for kind, names in modules.items() for at, name in enumerate(names)}
    if listed:
        found["kernel-modules"] = SubtypeReadings(listed)
    return Capture({TYPE: found})


def _pf(entry: object, place: str) -> Item:
    pf = _map(entry, place)
    data: dict[str, Reading] = {key: str(pf[key]) for key in _PF if pf.get(key) not in (None, "")}
    for key in _PF_NUMBERS:
        if pf.get(key) is not None:
            if isinstance(pf[key], bool) or not isinstance(pf[key], int):
                raise _wrong_shape(f"{place}.{key}", pf[key], "a number")
            data[key] = pf[key]
    return Item(data)


def _map(value: object, place: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong_shape(place, value, "a map")
    return value


def _words(value: object, place: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong_shape(place, value, "a list")
    return [str(each) for each in value]


def _wrong_shape(place: str, value: object, shape: str) -> InvalidRequest:
    return InvalidRequest(f"{place} of the cluster configuration is {describe(value)}, not {shape}", hint=_HINT)
