"""PCI: which NVIDIA GPUs a machine has, without a driver and without tools.

Knows /sys/bus/pci and how the kernel says that the driver is loaded. Does not know what the driver knows: that is
`smi`. Source: reference row S9; driver version, addresses and NUMA nodes are ours.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from clusterbook.collect.node.gpu_names_ import MODELS
from clusterbook.collect.node.host import Host, gap, read
from clusterbook.snapshot.build import Group, Reading, Seen, Thing, measurement_part
from clusterbook.snapshot.inventory import ABSENT, PARTIAL, Gap

PART = measurement_part("GPU", "hardware")
SOURCE = "pci"
_NVIDIA = 0x10DE
_CLASSES = (0x0300, 0x0302)
"""VGA and 3D controllers. Source: reference row S9."""


class Gpu(NamedTuple):
    """One GPU; `numa_node` is -1 where there is one memory for all, `driver` empty while none is bound."""

    address: str
    device: int
    numa_node: int
    driver: str


def hardware(host: Host) -> Seen:
    """Return GPU.hardware: how many GPUs there are, of which model, and whether their driver is loaded."""
    devices = host.kernel / "sys/bus/pci/devices"
    try:
        addresses = sorted(os.listdir(devices))  # noqa: PTH208 (names are wanted, and whether they can be had)
    except OSError as error:
        return Seen(gaps=(gap(PART, error, "/sys/bus/pci/devices"),))
    gpus, unread = [], []
    for address in addresses:
        try:
            found = _gpu(devices / address)
        except (OSError, ValueError):
            unread.append(address)
        else:
            gpus += [found] if found else []
    gaps = [Gap(PART, PARTIAL, f"cannot be read: {', '.join(unread)}")] if unread else []
    if not gpus:
        gaps.append(Gap(measurement_part("GPU", "smi"), ABSENT, "no NVIDIA GPU on the PCI bus"))
    things = [_thing(each) for each in gpus]
    return Seen({"GPU": {"hardware": Group(_summary(gpus, *_driver(host)), things)}}, gaps=gaps)


def _gpu(device: Path) -> Gpu | None:
    """Return the GPU at one PCI address, None where there is something else.

    Raises:
        OSError, ValueError: what the kernel says cannot be read.
    """
    if not is_gpu(device):
        return None
    try:
        node = int(read(device / "numa_node"))
    except (OSError, ValueError):
        node = -1
    bound = device / "driver"
    driver = bound.readlink().name if bound.is_symlink() else ""
    return Gpu(device.name, int(read(device / "device"), 16), node, driver)


def is_gpu(device: Path) -> bool:
    """Return whether a PCI device is a GPU, and not only a slice of one, whose GPU is there too.

    Raises:
        OSError, ValueError: what the kernel says cannot be read.
    """
    if int(read(device / "vendor"), 16) != _NVIDIA or int(read(device / "class"), 16) >> 8 not in _CLASSES:
        return False
    return not (device / "physfn").exists()


def _driver(host: Host) -> tuple[bool, str]:
    """Return whether NVIDIA's kernel module is loaded, and its version as far as it says."""
    loaded = (host.kernel / "sys/module/nvidia").is_dir()
    try:
        return loaded, read(host.kernel / "sys/module/nvidia/version").strip()
    except OSError:
        pass
    try:  # older drivers say it only here
        version = _VERSION.search(read(host.kernel / "proc/driver/nvidia/version"))
    except OSError:
        return loaded, ""
    return True, version[1] if version else ""


_VERSION = re.compile(r"^NVRM version:.*?\s(\d+(?:\.\d+)+)\s", re.MULTILINE)
"""In `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82.07  Release Build …`."""


def _summary(gpus: list[Gpu], loaded: bool, version: str) -> dict[str, Reading]:
    """Return what holds for all; a model that is not known or not the same for all is left out, as row S9 has it."""
    found: dict[str, Reading] = {
        "gpu-present": bool(gpus),
        "gpu-count": len(gpus),
        "driver-loaded": loaded,
        "detection-source": SOURCE,
    }
    if version:
        found["driver-version"] = version
    known = {MODELS.get(each.device, ("", "")) for each in gpus}
    models, products = ({each[place] for each in known} for place in (0, 1))
    if len(models) == 1 and models != {""}:
        found["model"] = models.pop()
    if len(products) == 1 and products != {""}:
        found["product"] = products.pop()
    return found


def _thing(gpu: Gpu) -> Thing:
    model, product = MODELS.get(gpu.device, ("", ""))
    data: dict[str, Reading] = {"pci-address": gpu.address, "device-id": f"{gpu.device:04x}"}
    if model:
        data |= {"model": model, "product": product}
    if gpu.driver:
        data["driver"] = gpu.driver
    return Thing(data, {"numa-node": gpu.numa_node} if gpu.numa_node >= 0 else {})
