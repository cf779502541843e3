"""Node: one machine, by all its collectors at once.

Knows which collectors there are and what each may take. Does not know what they read. Source: reference row S3.
"""

from __future__ import annotations

from clusterbook.collect.node import nics as fabric
from clusterbook.collect.node import nvidia_smi as smi
from clusterbook.collect.node import pci, system
from clusterbook.collect.node import systemd as units
from clusterbook.collect.node.host import Host, read
from clusterbook.collect.run import TIMEOUT_S, Collector, gather
from clusterbook.snapshot.build import Group, Seen, measurement_part, together
from clusterbook.snapshot.inventory import ABSENT, Gap

DRIVER = "nvidia"
"""How the kernel calls NVIDIA's driver."""


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
    """Return what the PCI bus shows, and what the driver says about it.

    GPUs that another driver has, since they are handed to virtual machines, are none of NVIDIA's driver.
    """
    shown = pci.hardware(host)
    group = shown.measurements.get("GPU", {}).get("hardware", Group())
    others = {str(item.data["driver"]) for item in group.items if item.data.get("driver", DRIVER) != DRIVER}
    count = sum(item.data.get("driver", DRIVER) == DRIVER for item in group.items)
    if others and not count:
        reason = f"all GPUs are bound to {', '.join(sorted(others))}"
        return together((shown, Seen(gaps=(Gap(smi.PART, ABSENT, reason),))))
    return together((shown, smi.driver(host, count)))


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
