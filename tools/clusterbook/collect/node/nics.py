"""NICs: the NVIDIA NICs of a machine, and which GPU each stands next to.

Traffic and rails are told from where a NIC stands below the PCI switches. Nothing is asked and nothing changed, where
the reference has another program label nodes (row S19). Source: reference row S17.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from clusterbook.collect.node.host import Host, read
from clusterbook.collect.node.l8k import EAST_WEST, NORTH_SOUTH, topology
from clusterbook.collect.node.pci import is_gpu
from clusterbook.snapshot.build import Capture
from clusterbook.snapshot.model import Item, Reading

_VENDOR = 0x15B3
_CLASSES = (0x0200, 0x0207)
"""Ethernet and InfiniBand controllers."""
_MODELS = {
    0x1017: "ConnectX-5", 0x1019: "ConnectX-5 Ex", 0x101B: "ConnectX-6", 0x101D: "ConnectX-6 Dx",
    0x101F: "ConnectX-6 Lx", 0x1021: "ConnectX-7", 0x1023: "ConnectX-8", 0x1025: "ConnectX-9",
    0xA2D6: "BlueField-2", 0xA2DC: "BlueField-3", 0xA2DF: "BlueField-4",
}  # fmt: skip
"""Source: the PCI ID database of 2026-07-31."""
_STORAGE = ("nvme_rdma", "nvmet_rdma", "ib_iser", "ib_isert", "ib_srp", "rpcrdma", "svcrdma", "xprtrdma")
_PEERS = ("nvidia_peermem", "nv_peer_mem", "gdrdrv", "irdma", "qedr", "bnxt_re", "siw", "rdma_rxe")
"""Modules that hold RDMA devices, and those of others that speak RDMA."""
SAME_SWITCH, SWITCHES, SAME_HOST_BRIDGE, SAME_NODE, FAR = "PIX", "PXB", "PHB", "NODE", "SYS"
"""How near a GPU is, in the words of `nvidia-smi topo`, nearest first."""


class Device(NamedTuple):
    """One PCI device; `chain` are the bridges above it, the host bridge first; `numa_node` is -1 for none."""

    address: str
    chain: tuple[str, ...]
    numa_node: int


def fabric(host: Host) -> Capture:
    """Return NetworkTopology, nothing where there is no NVIDIA NIC."""
    devices = host.kernel / "sys/bus/pci/devices"
    try:
        addresses = sorted(os.listdir(devices))  # noqa: PTH208 (names are wanted, and whether they can be had)
    except OSError:
        return Capture()  # `pci` says so
    nics, gpus = [], []
    for address in addresses:
        try:
            if is_gpu(devices / address):
                gpus.append(_device(devices / address))
            elif _is_nic(devices / address):
                nics.append(_device(devices / address))
        except (OSError, ValueError):
            continue  # `pci` says so
    if not nics:
        return Capture()
    nearest = _pair(nics, gpus)
    rails = {address: rail for rail, address in enumerate(sorted(nearest))}
    pfs = [_pf(devices / nic.address, nic, nearest, rails) for nic in nics]
    links = {str(pf.context["linkType"]) for pf in pfs if "linkType" in pf.context}
    identity: dict[str, Reading] = {"linkType": links.pop()} if len(links) == 1 else {}
    machine = _text(host.kernel / "sys/class/dmi/id/product_name")
    if machine:
        identity["machineType"] = machine
    capabilities: dict[str, Reading] = {
        "sriov": any(_number(devices / nic.address / "sriov_totalvfs") > 0 for nic in nics),
        "rdma": any("rdmaDevice" in pf.data for pf in pfs),
        "ib": any(pf.context.get("linkType") == "InfiniBand" for pf in pfs),
    }
    loaded = {line.split()[0] for line in _text(host.kernel / "proc/modules").splitlines() if line.strip()}
    modules = {"storage": sorted(loaded & set(_STORAGE)), "thirdParty": sorted(loaded & set(_PEERS))}
    return topology(identity, capabilities, pfs, modules)


def _is_nic(device: Path) -> bool:
    if int(read(device / "vendor"), 16) != _VENDOR or (device / "physfn").exists():
        return False
    return int(read(device / "class"), 16) >> 8 in _CLASSES


def _device(device: Path) -> Device:
    chain = device.resolve().parts
    start = next((at for at, part in enumerate(chain) if part.startswith("pci")), len(chain) - 1)
    return Device(device.name, chain[start:-1], _number(device / "numa_node", -1))


def proximity(one: Device, other: Device) -> str:
    """Return how near two devices are: below one switch or several, one host bridge, one processor, or none of it."""
    shared = 0
    for mine, theirs in zip(one.chain, other.chain, strict=False):
        if mine != theirs:
            break
        shared += 1
    if shared > 1:
        return SAME_SWITCH if max(len(one.chain), len(other.chain)) - shared <= 1 else SWITCHES
    if shared == 1:
        return SAME_HOST_BRIDGE
    return SAME_NODE if one.numa_node == other.numa_node >= 0 else FAR


_ORDER = (SAME_SWITCH, SWITCHES, SAME_HOST_BRIDGE, SAME_NODE, FAR)


def _pair(nics: list[Device], gpus: list[Device]) -> Mapping[str, tuple[str, str]]:
    """Return the GPU of each NIC that stands next to one: address → (GPU, how near).

    A NIC carries traffic between GPUs where it shares a switch, or else a host bridge, with one. The nearest pairs are
    made first; each GPU has one NIC as long as there are others for the rest, and NICs without a GPU are for the rest.
    """
    pairs = sorted(
        (_ORDER.index(near), nic.address, gpu.address)
        for nic in nics
        for gpu in gpus
        if (near := proximity(nic, gpu)) in (SAME_SWITCH, SWITCHES, SAME_HOST_BRIDGE)
    )
    found: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for distance, address, gpu_address in pairs:
        if address not in found and gpu_address not in taken:
            found[address] = (gpu_address, _ORDER[distance])
            taken.add(gpu_address)
    return found


def _pf(device: Path, nic: Device, nearest: Mapping[str, tuple[str, str]], rails: Mapping[str, int]) -> Item:
    """Return one physical function."""
    number = int(read(device / "device"), 16)
    data: dict[str, Reading] = {"pciAddress": nic.address, "deviceID": f"{number:04x}"}
    rdma, link = _first(device / "infiniband"), ""
    if number in _MODELS:
        data["model"] = _MODELS[number]
    if rdma:
        data |= {"rdmaDevice": rdma, "psid": _text(device / "infiniband" / rdma / "board_id")}
        link = _text(device / "infiniband" / rdma / "ports/1/link_layer")
    data["networkInterface"] = _first(device / "net")
    if nic.numa_node >= 0:
        data["numaNode"] = nic.numa_node
    data["traffic"] = EAST_WEST if nic.address in nearest else NORTH_SOUTH
    if nic.address in nearest:
        gpu, near = nearest[nic.address]
        data |= {"rail": rails[nic.address], "connectedGPU": gpu, "gpuProximity": near}
    return Item({key: value for key, value in data.items() if value != ""}, {"linkType": link} if link else {})


def _first(folder: Path) -> str:
    """Return the first name in a folder, "" where there is none."""
    try:
        return min(os.listdir(folder), default="")  # noqa: PTH208 (a name is wanted)
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return read(path).strip()
    except OSError:
        return ""


def _number(path: Path, default: int = 0) -> int:
    text = _text(path)
    return int(text) if text.lstrip("-").isdecimal() else default
