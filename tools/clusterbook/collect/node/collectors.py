"""The collectors of one machine, and how long each may take. Source: reference row S3."""

from __future__ import annotations

from clusterbook.collect.node import nics, nvidia_smi, pci, system, systemd
from clusterbook.collect.node.host import Host, read
from clusterbook.collect.run import TIMEOUT_S, Collector, gather
from clusterbook.snapshot.build import Capture, SubtypeReadings, combine, measurement_part
from clusterbook.snapshot.inventory import ABSENT, Gap

DRIVER = "nvidia"
"""How the kernel calls NVIDIA's driver."""


def node(host: Host) -> Capture:
    """Return what a machine shows: types OS, SystemD, GPU and NetworkTopology."""
    return gather(collectors(host))


def collectors(host: Host) -> tuple[Collector, ...]:
    """Return the collectors of a machine."""
    return (
        Collector(measurement_part("OS", "release"), lambda: system.release(host)),
        Collector(measurement_part("OS", "grub"), lambda: system.grub(host)),
        Collector(measurement_part("OS", "kmod"), lambda: system.kmod(host)),
        Collector(measurement_part("OS", "sysctl"), lambda: system.sysctl(host)),
        Collector(measurement_part("SystemD"), lambda: systemd.units(host), TIMEOUT_S + systemd.TIMEOUT_S),
        Collector(measurement_part("NetworkTopology"), lambda: nics.fabric(host)),
        Collector(measurement_part("GPU"), lambda: gpus(host), TIMEOUT_S + nvidia_smi.TIMEOUT_S),
    )


def gpus(host: Host) -> Capture:
    """Return what the PCI bus shows, and what the driver says about it.

    GPUs that another driver has, since they are handed to virtual machines, are none of NVIDIA's driver.
    """
    shown = pci.hardware(host)
    group = shown.measurements.get("GPU", {}).get("hardware", SubtypeReadings())
    others = {str(item.data["driver"]) for item in group.items if item.data.get("driver", DRIVER) != DRIVER}
    count = sum(item.data.get("driver", DRIVER) == DRIVER for item in group.items)
    if others and not count:
        reason = f"all GPUs are bound to {', '.join(sorted(others))}"
        return combine((shown, Capture(gaps=(Gap(nvidia_smi.PART, ABSENT, reason),))))
    return combine((shown, nvidia_smi.driver(host, count)))


def name(host: Host) -> str:
    """Return what the machine calls itself, "" where it does not say.

    The kernel's word is about our own namespace, so it only counts where that is the machine's.
    """
    if host.contained:
        return ""
    for where in (host.path("/etc/hostname"), host.kernel / "proc/sys/kernel/hostname"):
        try:
            return read(where).strip()
        except OSError:
            continue
    return ""
