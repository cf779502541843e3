"""nvidia-smi: what the driver says about its GPUs: versions, MIG, ECC, memory, clocks.

GPUs that the PCI bus shows and the driver does not are found by comparing. Fields that a driver does not have are left
out. All of it is ours; the reference asks no driver.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from clusterbook.collect.node.host import Host, ProgramOutput
from clusterbook.snapshot.build import Capture, SubtypeReadings, measurement_part
from clusterbook.snapshot.gpus import MIXED
from clusterbook.snapshot.inventory import ABSENT, DENIED, FAILED, PARTIAL, Gap
from clusterbook.snapshot.model import Item, Reading

PART = measurement_part("GPU", "smi")
TIMEOUT_S = 30.0
"""Without a persistence daemon the driver starts every GPU first, which takes seconds each."""
_MAX_CHARACTERS = 16 << 20
_QUERY = ("-q", "-x")
_DRIVER_ROOT = "/run/nvidia/driver"
"""Where the GPU Operator's driver container shows its root."""
_GKE = "/home/kubernetes/bin/nvidia"
_FIELDS = {
    "name": "product_name",
    "architecture": "product_architecture",
    "vbios-version": "vbios_version",
    "gsp-firmware-version": "gsp_firmware_version",
    "mig-mode": "mig_mode/current_mig",
    "ecc-mode": "ecc_mode/current_ecc",
    "persistence-mode": "persistence_mode",
    "compute-mode": "compute_mode",
    "memory-total": "fb_memory_usage/total",
    "clock-sm-max": "max_clocks/sm_clock",
    "clock-memory-max": "max_clocks/mem_clock",
    "clock-sm-application": "applications_clocks/graphics_clock",
    "power-limit": "gpu_power_readings/current_power_limit|power_readings/enforced_power_limit",
    "fabric-state": "fabric/state",
    "fabric-status": "fabric/status",
    "pcie-link-generation-max": "pci/pci_gpu_link_info/pcie_gen/max_link_gen",
    "pcie-link-width-max": "pci/pci_gpu_link_info/link_widths/max_link_width",
}
"""Reading → where it stands in the XML, newer drivers first; those that all GPUs should agree about."""
_OWN_FIELDS = {
    "uuid": "uuid",
    "serial": "serial",
    "mig-mode-pending": "mig_mode/pending_mig",
    "ecc-mode-pending": "ecc_mode/pending_ecc",
    "ecc-uncorrectable": "ecc_errors/aggregate/dram_uncorrectable|ecc_errors/aggregate/double_bit/total",
    "recovery-action": "gpu_recovery_action",
    "fabric-clique": "fabric/cliqueId",
    "remapped-rows-pending": "remapped_rows/remapped_row_pending",
    "remapped-rows-failure": "remapped_rows/remapped_row_failure",
}
"""Those that each GPU has for itself."""
_NOTHING = ("", "N/A", "Not Supported", "Not Found", "Not Available", "Requested functionality has been deprecated")
"""What a driver writes in the place of a field that it does not have."""
_BROKEN = re.compile(
    r"ERR!|Unknown Error|GPU (?:is lost|requires (?:a )?reset)|Insufficient Permissions|Function Not Found"
)
"""What it writes where it could not find out, which is no reading."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Invocation(NamedTuple):
    """One way to call nvidia-smi: the words, and variables on top of ours."""

    words: tuple[str, ...]
    variables: dict[str, str]


def driver(host: Host, seen_on_bus: int) -> Capture:
    """Return GPU.smi, with one item for each GPU that the driver shows.

    Args:
        host: the machine.
        seen_on_bus: how many GPUs the PCI bus shows; with 0 nobody asks the driver.
    """
    if not seen_on_bus:
        return Capture()
    said = ""
    for way in invocations(host):
        try:
            ran = host.run((*way.words, *_QUERY), way.variables, TIMEOUT_S)
        except TimeoutError as error:
            return _gap(FAILED, f"nvidia-smi: {error.strerror}; the driver may hang")
        except PermissionError as error:
            said = f"{way.words[0]}: {error.strerror}"
            continue
        except OSError:  # not there
            continue
        if ran.status == 0 or "<nvidia_smi_log>" in ran.out:
            return read_report(ran, seen_on_bus)
        said = f"nvidia-smi exited with status {ran.status}: {_first_line(ran)}"
    if not said:
        return _gap(ABSENT, "nvidia-smi was not found; the driver may not be installed")
    return _gap(DENIED if said.endswith("Permission denied") else FAILED, said)


def invocations(host: Host) -> Iterable[Invocation]:
    """Return how nvidia-smi may be called, the likeliest first."""
    found = [Invocation(("nvidia-smi",), {})]  # on the machine, or put into our container by NVIDIA's runtime
    for root in (str(host.root), str(host.root).rstrip("/") + _DRIVER_ROOT):
        if root != "/" and any(_exists(Path(root) / each / "nvidia-smi") for each in ("usr/bin", "bin")):
            found.append(Invocation(("chroot", root, "nvidia-smi"), {}))
    gke = str(host.root).rstrip("/") + _GKE
    if (Path(gke) / "bin/nvidia-smi").exists():
        found.append(Invocation((f"{gke}/bin/nvidia-smi",), {"LD_LIBRARY_PATH": f"{gke}/lib64"}))
    return found


def _exists(program: Path) -> bool:
    """Return whether there is such a program; a link may point to somewhere that only its own root has."""
    return program.is_symlink() or program.exists()


def read_report(ran: ProgramOutput, seen_on_bus: int) -> Capture:
    """Return what a report of `nvidia-smi -q -x` says."""
    if len(ran.out) > _MAX_CHARACTERS:
        return _gap(FAILED, "the output of nvidia-smi is too large")
    start, end = ran.out.find("<nvidia_smi_log>"), ran.out.find("</nvidia_smi_log>")
    if start < 0:
        return _gap(FAILED, f"nvidia-smi wrote no report: {_first_line(ran)}")
    text = _NOT_XML.sub("?", ran.out[start:end])
    try:  # the part between has no DTD, so no entities either
        log = ElementTree.fromstring(f"{text}</nvidia_smi_log>")  # noqa: S314
    except ElementTree.ParseError as error:
        return _gap(FAILED, f"nvidia-smi wrote invalid XML: {error}")
    gpus = log.findall("gpu")
    each = [_readings(gpu, _FIELDS) for gpu in gpus]
    data: dict[str, Reading] = {
        key: value
        for key, where in (("driver-version", "driver_version"), ("cuda-version", "cuda_version"))
        if (value := _value(log, where))
    }
    data["gpu-count"] = len(gpus)
    for key in _FIELDS:
        if any(key in one for one in each):
            values = {one.get(key) for one in each}
            data[key] = values.pop() if len(values) == 1 else MIXED
    things = [_gpu_item(index, gpu, one, data) for index, (gpu, one) in enumerate(zip(gpus, each, strict=True))]
    gaps = [Gap(PART, PARTIAL, why) for why in _faults(gpus)]
    if len(gpus) < seen_on_bus:
        said = f": {_first_line(ran)}" if ran.status else ""
        gaps.append(Gap(PART, PARTIAL, f"the driver shows {len(gpus)} of {seen_on_bus} GPUs{said}"))
    elif ran.status:
        gaps.append(Gap(PART, PARTIAL, f"nvidia-smi exited with status {ran.status}: {_first_line(ran)}"))
    return Capture({"GPU": {"smi": SubtypeReadings(data, things)}}, gaps=gaps)


def _gpu_item(index: int, gpu: ElementTree.Element, shared: dict[str, Reading], data: dict[str, Reading]) -> Item:
    """Return one GPU: what is its own, and what it does not share with all others."""
    own: dict[str, Reading] = {"index": index, **_readings(gpu, _OWN_FIELDS)}
    own |= {key: value for key, value in shared.items() if data[key] == MIXED}
    slices = gpu.findall("mig_devices/mig_device")
    if slices:
        own["mig-devices"] = len(slices)
    return Item(own, {"pci-address": _address(gpu)})


def _readings(gpu: ElementTree.Element, fields: dict[str, str]) -> dict[str, Reading]:
    return {key: value for key, where in fields.items() if (value := _value(gpu, where))}


def _value(element: ElementTree.Element, places: str) -> str:
    """Return what stands in the first of several places that says something, "" where none does."""
    for where in places.split("|"):
        text = " ".join((element.findtext(where) or "").split())
        if text.strip("[]") not in _NOTHING and not _BROKEN.search(text):
            return text
    return ""


def _faults(gpus: Sequence[ElementTree.Element]) -> Iterator[str]:
    """Yield a sentence about each GPU of which the driver could not find out all that it has."""
    for gpu in gpus:
        said = [
            (found[0], key)
            for key, places in (_FIELDS | _OWN_FIELDS).items()
            for where in places.split("|")
            if (found := _BROKEN.search(gpu.findtext(where) or ""))
        ]
        if said:
            word, field = said[0]
            more = f" and {len(said) - 1} more" if len(said) > 1 else ""
            yield f"the GPU {_address(gpu)} answers '{word}' when asked for {field}{more}"


def _address(gpu: ElementTree.Element) -> str:
    """Return where on the bus a GPU is, as the kernel writes it."""
    address = gpu.get("id", "").lower()
    return address[4:] if len(address) == len("00000000:00:00.0") else address


def _first_line(ran: ProgramOutput) -> str:
    lines: Sequence[str] = [line.strip() for line in f"{ran.err}\n{ran.out}".splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("<")), "no output")[:300]


def _gap(state: str, reason: str) -> Capture:
    return Capture(gaps=(Gap(PART, state, reason),))
