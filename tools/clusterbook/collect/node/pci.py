"""PCI: which NVIDIA GPUs a machine has, without a driver and without tools.

Source: reference row S9; driver version, addresses and NUMA nodes are ours.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from clusterbook.collect.node.host import Host, gap, read
from clusterbook.snapshot.build import Capture, SubtypeReadings, measurement_part
from clusterbook.snapshot.inventory import ABSENT, PARTIAL, Gap
from clusterbook.snapshot.model import Item, Reading

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


def hardware(host: Host) -> Capture:
    """Return GPU.hardware: how many GPUs there are, of which model, and whether their driver is loaded."""
    devices = host.kernel / "sys/bus/pci/devices"
    try:
        addresses = sorted(os.listdir(devices))  # noqa: PTH208 (names are wanted, and whether they can be had)
    except OSError as error:
        return Capture(gaps=(gap(PART, error, "/sys/bus/pci/devices"),))
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
    things = [_gpu_item(each) for each in gpus]
    return Capture({"GPU": {"hardware": SubtypeReadings(_summary(gpus, *_driver(host)), things)}}, gaps=gaps)


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


def _gpu_item(gpu: Gpu) -> Item:
    model, product = MODELS.get(gpu.device, ("", ""))
    data: dict[str, Reading] = {"pci-address": gpu.address, "device-id": f"{gpu.device:04x}"}
    if model:
        data |= {"model": model, "product": product}
    if gpu.driver:
        data["driver"] = gpu.driver
    return Item(data, {"numa-node": gpu.numa_node} if gpu.numa_node >= 0 else {})


# --- models -----------------------------------------------------------------------------------------------------------

MODELS: dict[int, tuple[str, str]] = {
    # Pascal, Volta, Turing
    0x15F7: ("p100", "Tesla P100 PCIe 12GB"),
    0x15F8: ("p100", "Tesla P100 PCIe 16GB"),
    0x15F9: ("p100", "Tesla P100 SXM2 16GB"),
    0x1B38: ("p40", "Tesla P40"),
    0x1BB3: ("p4", "Tesla P4"),
    0x1DB1: ("v100", "Tesla V100 SXM2 16GB"),
    0x1DB3: ("v100", "Tesla V100 FHHL 16GB"),
    0x1DB4: ("v100", "Tesla V100 PCIe 16GB"),
    0x1DB5: ("v100", "Tesla V100 SXM2 32GB"),
    0x1DB6: ("v100", "Tesla V100 PCIe 32GB"),
    0x1DB8: ("v100", "Tesla V100 SXM3 32GB"),
    0x1DF5: ("v100", "Tesla V100 SXM2 16GB"),
    0x1DF6: ("v100", "Tesla V100S PCIe 32GB"),
    0x1EB4: ("t4g", "T4G"),
    0x1EB8: ("t4", "Tesla T4"),
    # Ampere
    0x20B0: ("a100", "A100 SXM4 40GB"),
    0x20B1: ("a100", "A100 PCIe 40GB"),
    0x20B2: ("a100", "A100 SXM4 80GB"),
    0x20B3: ("a100", "A100 SXM 64GB"),
    0x20B5: ("a100", "A100 PCIe 80GB"),
    0x20B7: ("a30", "A30 PCIe"),
    0x20B8: ("a100x", "A100X"),
    0x20B9: ("a30x", "A30X"),
    0x20BD: ("a800", "A800 SXM4 40GB"),
    0x20F1: ("a100", "A100 PCIe 40GB"),
    0x20F3: ("a800", "A800 SXM4 80GB"),
    0x20F5: ("a800", "A800 PCIe 80GB"),
    0x20F6: ("a800", "A800 PCIe 40GB"),
    0x2230: ("rtx-a6000", "RTX A6000"),
    0x2231: ("rtx-a5000", "RTX A5000"),
    0x2235: ("a40", "A40"),
    0x2236: ("a10", "A10"),
    0x2237: ("a10g", "A10G"),
    0x2238: ("a10m", "A10M"),
    0x25B6: ("", "A2 or A16"),  # one id for both
    # Ada Lovelace
    0x26B1: ("rtx-6000-ada", "RTX 6000 Ada Generation"),
    0x26B2: ("rtx-5000-ada", "RTX 5000 Ada Generation"),
    0x26B3: ("rtx-5880-ada", "RTX 5880 Ada Generation"),
    0x26B5: ("l40", "L40"),
    0x26B7: ("l20", "L20"),
    0x26B8: ("l40g", "L40G"),
    0x26B9: ("l40s", "L40S"),
    0x26BA: ("l20", "L20"),
    0x26BB: ("l30", "L30"),
    0x27B6: ("l2", "L2"),
    0x27B7: ("l16", "L16"),
    0x27B8: ("l4", "L4"),
    # Hopper
    0x230C: ("h20", "H20 NVL16"),
    0x230E: ("h20", "H20 NVL16"),
    0x2313: ("h100", "H100 CNX"),
    0x2321: ("h100", "H100 NVL 94GB"),
    0x2322: ("h800", "H800 PCIe"),
    0x2324: ("h800", "H800"),
    0x2329: ("h20", "H20"),
    0x232C: ("h20", "H20 HBM3e"),
    0x2330: ("h100", "H100 SXM5 80GB"),
    0x2331: ("h100", "H100 PCIe"),
    0x2335: ("h200", "H200 SXM 141GB"),
    0x2336: ("h100", "H100"),
    0x2337: ("h100", "H100 SXM5 64GB"),
    0x2338: ("h100", "H100 SXM5 96GB"),
    0x2339: ("h100", "H100 SXM5 94GB"),
    0x233A: ("h800", "H800 NVL 94GB"),
    0x233B: ("h200", "H200 NVL"),
    0x233D: ("h100", "H100 96GB"),
    0x2342: ("gh200", "GH200 120GB / 480GB"),
    0x2348: ("gh200", "GH200 144GB HBM3e"),
    # Blackwell
    0x2901: ("b200", "B200"),
    0x2909: ("b200", "HGX B200 168GB"),
    0x2920: ("b100", "B100"),
    0x2941: ("gb200", "GB200"),
    0x29BC: ("b100", "B100"),
    0x2BB1: ("rtx-pro-6000", "RTX PRO 6000 Blackwell Workstation Edition"),
    0x2BB3: ("rtx-pro-5000", "RTX PRO 5000 Blackwell"),
    0x2BB4: ("rtx-pro-6000", "RTX PRO 6000 Blackwell Max-Q Workstation Edition"),
    0x2BB5: ("rtx-pro-6000", "RTX PRO 6000 Blackwell Server Edition"),
    0x2C31: ("rtx-pro-4500", "RTX PRO 4500 Blackwell"),
    0x2C34: ("rtx-pro-4000", "RTX PRO 4000 Blackwell"),
    0x2C3A: ("rtx-pro-4500", "RTX PRO 4500 Blackwell Server Edition"),
    0x2E12: ("gb10", "GB10"),
    0x3182: ("b300", "B300 SXM6"),
    0x31A1: ("gb300", "GB300"),
    0x31C2: ("gb300", "GB300"),
    0x31C3: ("gb300", "GB300"),
}
"""Device id → (model, product)."""
