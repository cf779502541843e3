"""Node: one machine, by all its collectors at once.

Knows which collectors there are and what each may take. Does not know what they read. Source: reference row S3.
"""

from __future__ import annotations

from clusterbook.client.collect import fabric, pci, smi, system, units
from clusterbook.client.collect.gather import TIMEOUT_S, Collector, gather
from clusterbook.client.collect.host import Host, read
from clusterbook.core.seen import Seen, measurement_part, together


def node(host: Host) -> Seen:
    """Return what a machine shows: types OS, SystemD, GPU and NetworkTopology."""
    return gather(collectors(host))


def collectors(host: Host) -> tuple[Collector, ...]:
    """Return the collectors of a machine."""
    return (
        Collector(measurement_part("OS", "release"), lambda: system.release(host)),
        Collector(measurement_part("OS", "grub"), lambda: system.grub(host)),
        Collector(measurement_part("OS", "kmod"), lambda: system.kmod(host)),
        Collector(measurement_part("OS", "sysctl"), lambda: system.sysctl(host)),
        Collector(measurement_part("SystemD"), lambda: units.units(host), TIMEOUT_S + units.TIMEOUT_S),
        Collector(measurement_part("NetworkTopology"), lambda: fabric.fabric(host)),
        Collector(measurement_part("GPU"), lambda: gpus(host), TIMEOUT_S + smi.TIMEOUT_S),
    )


def gpus(host: Host) -> Seen:
    """Return what the PCI bus shows, and what the driver says about it."""
    shown = pci.hardware(host)
    group = shown.measurements.get("GPU", {}).get("hardware")
    return together((shown, smi.driver(host, len(group.items) if group else 0)))


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
