"""A snapshot of a cluster over one of a node, so that each says what it alone can say.

Readings of the cluster never come from the older snapshot: what cannot be read now must not look as it did then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.fingerprint import describe
from clusterbook.snapshot.inventory import entries
from clusterbook.snapshot.model import read_snapshot

Document = dict[str, Any]

OWN = ("GPU", "OS", "SystemD", "NetworkTopology", "Performance", "Checks")
"""The types of readings that do not come from the API server."""


def merge(cluster: Mapping[str, Any], node: Mapping[str, Any]) -> Document:
    """Return `cluster` with what only `node` has: the subtypes of OWN that the API did not tell.

    Raises:
        InvalidRequest: `node` is no snapshot.
    """
    own = read_snapshot(node).measurements
    if not any(kind in OWN for kind in own):
        raise InvalidRequest(
            "the snapshot has no readings of a node", hint="capture one on a node: clusterbook snapshot"
        )
    told = {(each["type"], part["subtype"]) for each in cluster["measurements"] for part in each["subtypes"]}
    added = {
        (each["type"], part["subtype"]): part
        for _, each in entries(node, "measurements", "")
        for _, part in entries(each, "subtypes", "measurements")
        if each["type"] in OWN and (each["type"], part["subtype"]) not in told
    }
    measurements = [
        {"type": kind, "subtypes": sorted(parts, key=lambda part: str(part["subtype"]))}
        for kind, parts in _types(cluster, added)
    ]
    covered = {f"measurements/{kind}" for kind, _ in added} | {f"measurements/{kind}.{name}" for kind, name in added}
    gaps = [gap for gap in cluster.get("coverage") or () if gap["part"] not in covered]
    gaps += [gap for _, gap in entries(node, "coverage", "") if _is_own(gap["part"]) and gap not in gaps]
    found: Document = {**cluster, "measurements": measurements, "coverage": gaps}
    if name := (node.get("metadata") or {}).get("source-node"):  # whose own readings these are, and nobody else's
        found["metadata"] = {**(cluster.get("metadata") or {}), "source-node": name}
    found.pop("fingerprint", None)
    found["fingerprint"] = describe(read_snapshot(found))
    return found


def _types(cluster: Mapping[str, Any], added: Mapping[tuple[str, str], Any]) -> list[tuple[str, list[Any]]]:
    """Return the subtypes by type, sorted."""
    found: dict[str, list[Any]] = {each["type"]: list(each["subtypes"]) for each in cluster["measurements"]}
    for (kind, _), part in added.items():
        found.setdefault(kind, []).append(part)
    return sorted(found.items())


def _is_own(part: str) -> bool:
    """Return whether a gap is about what a node says of itself."""
    kind, _, rest = part.partition("/")
    return kind == "measurements" and rest.partition(".")[0] in OWN
