"""Workloads: whether an object does what it is there for, by its kind.

Everything here raises `Unseen` where the snapshot cannot tell. Source: reference rows V23, V38.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from clusterbook.documents.selector import listing
from clusterbook.records import Any, NamedTuple
from clusterbook.snapshot.inventory import Inventory, Object, UnseenPart

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
        return f"{where} does not exist"
    why = health_fault(kind, found)
    return f"{where} {why}{'' if ': ' in why else refusal(inventory, namespace, kind, name)}" if why else ""


def refusal(inventory: Inventory, namespace: str, kind: str = "", name: str = "") -> str:
    """Return why pods of a workload never came, or of any in a namespace, for the end of a sentence; "" for nothing.

    DaemonSets, StatefulSets and Jobs have no condition that says so: quota, admission, pod security or a runtime class
    refuse their pods, and only events tell.
    """
    try:
        events, _ = inventory.kind("v1", "Event", namespace)
    except UnseenPart:
        return ""
    for event in events:
        about = event.get("involvedObject")
        about = about if isinstance(about, Mapping) else {}
        whose, own = str(about.get("name") or ""), str(about.get("kind") or "")
        mine = (own, whose) == (kind, name) or (
            (kind, own) == ("Deployment", "ReplicaSet") and whose.rpartition("-")[0] == name
        )
        if event.get("reason") == "FailedCreate" and (mine or not name):
            return f": {own} {whose}: {event.get('message') or 'its pods are refused'}"
    return ""


def api_version(inventory: Inventory, kind: str) -> str:
    """Return the API that a kind belongs to: the usual one, or the only one that the snapshot has it in.

    Raises:
        Unseen: no object of that kind was looked for.
    """
    if kind in API_VERSIONS:
        return API_VERSIONS[kind]
    known = sorted({version for version, name in inventory.objects if name == kind})
    if len(known) != 1:
        raise UnseenPart(f"the snapshot holds {listing(known) if known else 'no objects'} of kind {kind}", looked=False)
    return known[0]


def health_fault(kind: str, item: Object) -> str:
    """Return why an object of `kind` is not healthy, "" when it is; kinds without a notion of health are."""
    status = item.get("status") or {}
    if kind == "Namespace":
        phase = status.get("phase", "Active")
        return "" if phase == "Active" else f"is {phase}"
    if kind in _ROLLED_OUT:
        return _rollout_fault(kind, item)
    if kind == "Pod":
        return _pod_fault(status)
    if kind == "Job":
        return "" if _count(status, "succeeded") or _condition_holds(status, "Complete", False) else "has not succeeded"
    condition = {"CustomResourceDefinition": "Established", "APIService": "Available"}.get(kind, "")
    return f"is not {condition.lower()}" if condition and not _condition_holds(status, condition, False) else ""


_INSTANCE = "app.kubernetes.io/instance"
"""The label by which charts name their release. Source: Kubernetes, recommended labels."""


def release_faults(inventory: Inventory, namespace: str, release: str) -> Iterator[str]:
    """Yield what is wrong with workloads that say they are of a release, whether or not anybody asks for them by name.

    What runs nowhere on purpose, such as a DaemonSet whose nodes a cluster does not have, is not wrong.
    """
    for kind in ("Deployment", "DaemonSet", "StatefulSet"):
        try:
            items, _ = inventory.kind(API_VERSIONS[kind], kind, namespace)
        except UnseenPart:
            continue
        for item in items:
            status = item.get("status") or {}
            wanted = _count(status, "desiredNumberScheduled") if kind == "DaemonSet" else _replicas(item)
            mine = (item["metadata"].get("labels") or {}).get(_INSTANCE) == release
            if mine and wanted and (fault := health_fault(kind, item)):
                yield f"{kind} {namespace}/{item['metadata'].get('name')} {fault}"


_ROLLED_OUT = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet")


def _rollout_fault(kind: str, item: Object) -> str:
    """Return why a workload is not rolled out as it was last changed: what ran before counts for nothing.

    Source: kubectl rollout status; and besides, that somebody wants a pod at all.
    """
    status, generation = item.get("status") or {}, item["metadata"].get("generation")
    if item["metadata"].get("deletionTimestamp"):
        return "is being deleted"
    why = _stuck(status)
    if isinstance(generation, int) and generation > _count(status, "observedGeneration"):
        return f"was changed, and its controller has not observed the change{why}"
    if kind == "DaemonSet":
        wanted, unit = _count(status, "desiredNumberScheduled"), "nodes"
        updated, ready = _count(status, "updatedNumberScheduled"), _count(status, "numberAvailable")
        ready = min(ready, _count(status, "numberReady"))
    else:
        wanted, unit = _replicas(item), "replicas"
        ready = _count(status, "availableReplicas" if kind == "Deployment" else "readyReplicas")
        updated = _count(status, "updatedReplicas") if kind != "ReplicaSet" else _count(status, "replicas")
    if wanted == 0:
        return "cannot be scheduled on any node" if kind == "DaemonSet" else "is scaled to 0"
    if updated < wanted:
        return f"is up to date on {updated} of {wanted} {unit}{why}"
    if unit == "replicas" and (old := _count(status, "replicas") - updated) > 0:
        return f"still runs {old} old replicas{why}"
    if ready < wanted:
        return f"{'is ready on' if unit == 'nodes' else 'has'} {ready} of {wanted} {unit}{why}"
    return why.removeprefix(": ")


def _stuck(status: Mapping[str, Any]) -> str:
    """Return what a controller says of pods that it cannot make, or that never come, for the end of a sentence."""
    for each in status.get("conditions") or ():
        if isinstance(each, Mapping) and (each.get("type"), each.get("status")) in _STUCK:
            words = " ".join(str(each.get(key)) for key in ("reason", "message") if each.get(key))
            return f": {each['type']} is {each['status']}{f', {words}' if words else ''}"
    return ""


_STUCK = (("ReplicaFailure", "True"), ("Progressing", "False"))
"""ReplicaFailure: quota, admission or pod security refuse its pods. Progressing: they do not become ready in time."""


def _pod_fault(status: Mapping[str, Any]) -> str:
    """Return why a pod is not healthy: it has not ended well, nor does it run and serve."""
    phase = str(status.get("phase"))
    if phase == "Succeeded" or (phase == "Running" and _condition_holds(status, "Ready", True)):
        return ""
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    reasons = [
        str(reason)
        for each in containers
        if isinstance(each, Mapping) and (reason := ((each.get("state") or {}).get("waiting") or {}).get("reason"))
    ]
    restarts = sum(_count(each, "restartCount") for each in containers if isinstance(each, Mapping))
    said = [*dict.fromkeys(reasons), *([f"{restarts} restarts"] if restarts else [])]
    told = f" ({', '.join(said)})" if said else ""
    return f"is {'not ready' if phase == 'Running' else phase}{told}"


def _replicas(item: Object) -> int:
    """Return how many replicas an object wants; 1 where it does not say, as in the API."""
    replicas = (item.get("spec") or {}).get("replicas")
    return replicas if isinstance(replicas, int) else 1


def _count(status: Mapping[str, Any], key: str) -> int:
    value = status.get(key)
    return value if isinstance(value, int) else 0


def _condition_holds(status: Mapping[str, Any], condition: str, unsaid: bool) -> bool:
    """Return whether a condition is true; `unsaid` where there is none of that type."""
    for each in status.get("conditions") or ():
        if isinstance(each, Mapping) and each.get("type") == condition:
            return each.get("status") == "True"
    return unsaid


def condition(item: Object | None, name: str) -> bool:
    """Return whether an object is there and has a condition that is true."""
    return item is not None and _condition_holds(item.get("status") or {}, name, False)


def faults_of(inventory: Inventory, objects: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return what is wrong with the objects (kind, name, namespace) that are wanted, one sentence each.

    Raises:
        Unseen: about the first that cannot be told, unless another is known to be wrong.
    """
    said: list[str] = []
    unseen: UnseenPart | None = None
    for kind, name, namespace in objects:
        try:
            why = fault_of(inventory, kind, name, namespace)
        except UnseenPart as gap:
            unseen = unseen or gap
            continue
        said += [why] if why else []
    if unseen is not None and not said:
        raise unseen
    return said


class PodHealth(NamedTuple):
    """The pods of a namespace with some labels: those that run and serve, and what is wrong with the others."""

    healthy: Sequence[Object]
    faults: Sequence[str]


def pods(inventory: Inventory, namespace: str, labels: Mapping[str, str]) -> PodHealth:
    """Return the pods of a namespace that have these labels; those that ended or are being deleted do not count.

    Raises:
        Unseen: the pods were not seen, or none of them in what was.
    """
    shown, gap = inventory.kind("v1", "Pod", namespace)
    healthy, faults = [], []
    for pod in shown:
        metadata, status = pod["metadata"], pod.get("status") or {}
        if not labels.items() <= (metadata.get("labels") or {}).items() or metadata.get("deletionTimestamp"):
            continue
        if why := health_fault("Pod", pod):
            faults.append(f"Pod {namespace}/{metadata['name']} {why}")
        elif status.get("phase") == "Running":
            healthy.append(pod)
    if not healthy and not faults and gap is not None:
        raise UnseenPart(f"pods were captured in part: {gap.reason}", looked=True)
    return PodHealth(healthy, faults)


def all_objects(inventory: Inventory, api_version: str, kind: str, namespace: str = "") -> Sequence[Object]:
    """Return all objects of a kind.

    Raises:
        Unseen: not all of them were seen.
    """
    found, gap = inventory.kind(api_version, kind, namespace)
    if gap is not None:
        raise UnseenPart(f"{kind} ({api_version}) was captured in part: {gap.reason}", looked=True)
    return found
