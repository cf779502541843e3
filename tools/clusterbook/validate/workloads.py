"""Workloads: whether an object does what it is there for, by its kind.

Everything here raises `Unseen` where the snapshot cannot tell. Source: reference rows V23, V38.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clusterbook.documents.selector import listing
from clusterbook.snapshot.inventory import Inventory, Object, Unseen

API_VERSIONS = {
    **dict.fromkeys(("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"), "apps/v1"),
    **dict.fromkeys(("Job", "CronJob"), "batch/v1"),
    **dict.fromkeys(("Pod", "Service", "Namespace", "ConfigMap", "Secret", "ServiceAccount"), "v1"),
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1",
}
"""The API of the kinds that `expectedResources` names without one."""


def fault_of(inventory: Inventory, kind: str, name: str, namespace: str = "") -> str:
    """Return why an object is not healthy, or that it is not there; "" when it is healthy.

    Raises:
        Unseen: the snapshot cannot tell.
    """
    found = inventory.named(api_version(inventory, kind), kind, name, namespace)
    where = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    if found is None:
        return f"{where} is not there"
    why = ill(kind, found)
    return f"{where} {why}" if why else ""


def api_version(inventory: Inventory, kind: str) -> str:
    """Return the API that a kind belongs to: the usual one, or the only one that the snapshot has it in.

    Raises:
        Unseen: no object of that kind was looked for.
    """
    if kind in API_VERSIONS:
        return API_VERSIONS[kind]
    known = sorted({version for version, name in inventory.objects if name == kind})
    if len(known) != 1:
        raise Unseen(f"the snapshot holds {listing(known) if known else 'no objects'} of kind {kind}", looked=False)
    return known[0]


def ill(kind: str, found: Object) -> str:
    """Return why an object of `kind` is not healthy, "" when it is; kinds without a notion of health are."""
    status = found.get("status") or {}
    if kind == "Namespace":
        phase = status.get("phase", "Active")
        return "" if phase == "Active" else f"is {phase}"
    if kind == "DaemonSet":
        wanted, ready = _count(status, "desiredNumberScheduled"), _count(status, "numberReady")
        return "" if 0 < wanted <= ready else f"is ready on {ready} of {wanted} nodes"
    if kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        wanted = _wanted(found)
        ready = _count(status, "availableReplicas" if kind == "Deployment" else "readyReplicas")
        return "" if ready >= wanted else f"has {ready} of {wanted} replicas"
    if kind == "Pod":
        phase = str(status.get("phase"))
        return "" if phase == "Succeeded" or (phase == "Running" and _holds(status, "Ready", True)) else f"is {phase}"
    if kind == "Job":
        return "" if _count(status, "succeeded") or _holds(status, "Complete", False) else "has not succeeded"
    condition = {"CustomResourceDefinition": "Established", "APIService": "Available"}.get(kind, "")
    return f"is not {condition.lower()}" if condition and not _holds(status, condition, False) else ""


def _wanted(found: Object) -> int:
    """Return how many replicas an object wants; 1 where it does not say, as in the API."""
    replicas = (found.get("spec") or {}).get("replicas")
    return replicas if isinstance(replicas, int) else 1


def _count(status: Mapping[str, Any], key: str) -> int:
    value = status.get(key)
    return value if isinstance(value, int) else 0


def _holds(status: Mapping[str, Any], condition: str, unsaid: bool) -> bool:
    """Return whether a condition is true; `unsaid` where there is none of that type."""
    for each in status.get("conditions") or ():
        if isinstance(each, Mapping) and each.get("type") == condition:
            return each.get("status") == "True"
    return unsaid


def condition(found: Object | None, name: str) -> bool:
    """Return whether an object is there and has a condition that is true."""
    return found is not None and _holds(found.get("status") or {}, name, False)


def faults_of(inventory: Inventory, wanted: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return what is wrong with the objects (kind, name, namespace) that are wanted, one sentence each.

    Raises:
        Unseen: about the first that cannot be told, unless another is known to be wrong.
    """
    said: list[str] = []
    unseen: Unseen | None = None
    for kind, name, namespace in wanted:
        try:
            why = fault_of(inventory, kind, name, namespace)
        except Unseen as gap:
            unseen = unseen or gap
            continue
        said += [why] if why else []
    if unseen is not None and not said:
        raise unseen
    return said


def running(inventory: Inventory, namespace: str, labels: Mapping[str, str]) -> Sequence[Object]:
    """Return the pods of a namespace that have these labels and run.

    Raises:
        Unseen: the pods were not seen, or none of them in what was.
    """
    pods, gap = inventory.kind("v1", "Pod", namespace)
    found = [
        pod
        for pod in pods
        if (pod.get("status") or {}).get("phase") == "Running"
        and labels.items() <= (pod["metadata"].get("labels") or {}).items()
    ]
    if not found and gap is not None:
        raise Unseen(f"pods were seen in part: {gap.reason}", looked=True)
    return found


def whole(inventory: Inventory, api_version: str, kind: str, namespace: str = "") -> Sequence[Object]:
    """Return all objects of a kind.

    Raises:
        Unseen: not all of them were seen.
    """
    found, gap = inventory.kind(api_version, kind, namespace)
    if gap is not None:
        raise Unseen(f"{kind} ({api_version}) was seen in part: {gap.reason}", looked=True)
    return found
