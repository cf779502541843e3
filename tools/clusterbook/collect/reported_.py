"""Reported: the snapshot that an agent took on its node, as part of a larger one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.snapshot.build import Group, Seen, Thing
from clusterbook.snapshot.model import read


def reported(document: Mapping[str, Any]) -> Seen:
    """Return what an agent saw of its node, and what it could not see; what it says of a cluster does not count.

    Raises:
        InvalidRequest: it wrote no snapshot.
    """
    taken = read(document)
    measurements = {
        kind: {
            name: Group(group.data, [Thing(item.data, item.context) for item in group.items])
            for name, group in groups.items()
        }
        for kind, groups in taken.measurements.items()
        if kind in ("GPU", "OS", "SystemD", "NetworkTopology")
    }
    gaps = [gap for gap in taken.inventory.gaps if gap.part.startswith("measurements/") and not _of_cluster(gap.part)]
    return Seen(measurements, gaps=gaps)


def _of_cluster(part: str) -> bool:
    return part.partition("/")[2].partition(".")[0] in ("K8s", "NodeTopology")
