"""Job manifests: the checks of the validator catalog that run something, as objects of a cluster.

A check has the rights that its entry names and no others. Source: reference rows V11-V15, V25; rights by check (L14)
are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.scalars import duration_s
from clusterbook.kubernetes.placement import GPU, Placement, labels

Object = dict[str, Any]
Entry = Mapping[str, Any]

EACH_GPU_NODE = "each GPU node"
MOST_NODES = 16
"""On how many nodes at most a check runs; its message says how many of how many."""
_DEFAULT_TIMEOUT = "5m"
_KEPT_S = 3600
_RBAC = "rbac.authorization.k8s.io"


class CheckRun(NamedTuple):
    """How checks are to run: in which namespace, where, and what they are told."""

    namespace: str
    run: str
    placement: Placement = Placement()
    snapshot: str = ""
    validation: str = ""


def timeout_s(entry: Entry) -> int:
    """Return how long a check may take."""
    return int(duration_s(str(entry.get("timeout") or _DEFAULT_TIMEOUT)))


def nodes(entry: Entry, gpu_nodes: Sequence[str]) -> tuple[str, ...]:
    """Return the nodes that a check runs on, ("",) for wherever there is room."""
    if entry.get("where") != EACH_GPU_NODE:
        return ("",)
    return tuple(sorted(gpu_nodes)[:MOST_NODES])


def manifests(entry: Entry, run: CheckRun, node: str = "", number: int = 0) -> list[Object]:
    """Return the objects of a check, its Job last.

    Args:
        entry: its entry of the catalog.
        run: how it is to run.
        node: the node it is for, "" for any.
        number: which of several it is.

    Raises:
        InvalidRequest: the entry says nothing that could run.
    """
    if not entry.get("image"):
        raise InvalidRequest(
            f"the check {entry.get('name')} has no image", hint="see its entry in validators/catalog.yaml"
        )
    name = _name(entry, run, number)
    account = {"kind": "ServiceAccount", "name": name, "namespace": run.namespace}
    found: list[Object] = [_object("v1", "ServiceAccount", name, run.namespace)]
    for count, (namespace, rules) in enumerate(sorted(_rights(entry, run).items())):
        kind = "Role" if namespace else "ClusterRole"
        own = f"{name}-{count}" if namespace else f"clusterbook-{run.namespace}-{name}"
        found.append({**_object(f"{_RBAC}/v1", kind, own, namespace, job=name), "rules": rules})
        reference = {"apiGroup": _RBAC, "kind": kind, "name": own}
        binding = _object(f"{_RBAC}/v1", f"{kind}Binding", own, namespace, job=name)
        found.append({**binding, "roleRef": reference, "subjects": [account]})
    inputs = {"snapshot.yaml": run.snapshot, "validation.yaml": run.validation}
    found.append({**_object("v1", "ConfigMap", name, run.namespace), "data": inputs})
    spec = {
        "backoffLimit": 0,
        "completions": 1,
        "ttlSecondsAfterFinished": _KEPT_S,
        "activeDeadlineSeconds": timeout_s(entry),
        "template": {"metadata": {"labels": labels(name)}, "spec": _pod(entry, run, name, node)},
    }
    return [*found, {**_object("batch/v1", "Job", name, run.namespace), "spec": spec}]


def _name(entry: Entry, run: CheckRun, number: int) -> str:
    """Return a name that is this check's alone."""
    tail = f"-{number}" if number else ""
    return f"{str(entry['name'])[:36].rstrip('-.')}-{run.run}{tail}".lower()


def _object(api_version: str, kind: str, name: str, namespace: str, *, job: str = "") -> Object:
    metadata: Object = {"name": name, "labels": labels(job or name)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _rights(entry: Entry, run: CheckRun) -> dict[str, list[Object]]:
    """Return the rules of a check by namespace, "" for everywhere."""
    found: dict[str, list[Object]] = {}
    for each in entry.get("permissions") or ():
        namespace = str(each.get("namespace") or "")
        rule = {key: each[key] for key in ("apiGroups", "resources", "verbs", "resourceNames") if each.get(key)}
        found.setdefault(run.namespace if namespace == "." else namespace, []).append(rule)
    return found


def _pod(entry: Entry, run: CheckRun, name: str, node: str) -> Object:
    resources = entry.get("resources") or {}
    limits = {"cpu": str(resources.get("cpu") or "1"), "memory": str(resources.get("memory") or "1Gi")}
    if node:
        limits[GPU] = "1"
    container: Object = {
        "name": "check",
        "image": entry["image"],
        "env": list(_environment(entry, run)),
        "resources": {"requests": {**limits}, "limits": limits},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "inputs", "mountPath": f"/data/{part}", "readOnly": True} for part in ("snapshot", "validation")
        ],
    }
    container |= {key: list(entry[key]) for key in ("command", "args") if entry.get(key)}
    pod: Object = {
        "restartPolicy": "Never",
        "serviceAccountName": name,
        "automountServiceAccountToken": bool(entry.get("permissions")),
        "enableServiceLinks": False,
        "tolerations": [dict(each) for each in run.placement.tolerations] or [{"operator": "Exists"}],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "inputs", "configMap": {"name": name}}],
    }
    if near := _near(entry):
        pod["affinity"] = {"podAffinity": near}
    if node:
        field = {"key": "metadata.name", "operator": "In", "values": [node]}
        terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        own = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        pod["affinity"] = {**pod.get("affinity", {}), **own}
    return pod


def _near(entry: Entry) -> Object:
    """Return next to whose pods a check runs, {} where that is all the same. Source: reference row V14."""
    found: Object = {}
    for each in entry.get("dependencyAffinity") or ():
        wanted = each.get("podLabelSelector")
        if not isinstance(wanted, Mapping):
            continue
        term = {
            "labelSelector": {"matchLabels": dict(wanted)},
            "namespaceSelector": {},
            "topologyKey": str(each.get("topologyKey") or "kubernetes.io/hostname"),
        }
        if each.get("requirement") == "required":
            found.setdefault("requiredDuringSchedulingIgnoredDuringExecution", []).append(term)
        else:
            weighed = {"weight": 100, "podAffinityTerm": term}
            found.setdefault("preferredDuringSchedulingIgnoredDuringExecution", []).append(weighed)
    return found


def _environment(entry: Entry, run: CheckRun) -> Iterator[Object]:
    """Yield what a container is told; the names are the reference's, since its containers read them (V15, V16)."""
    placement = run.placement
    taints = (
        "".join((each.get("key", "*"), f"={each['value']}" if "value" in each else "", f":{each['effect']}"
                 if "effect" in each else "")) for each in placement.tolerations
    )  # fmt: skip
    known = {
        "AICR_SNAPSHOT_PATH": "/data/snapshot/snapshot.yaml",
        "AICR_VALIDATION_PATH": "/data/validation/validation.yaml",
        "AICR_RUN_ID": run.run,
        "AICR_CHECK_TIMEOUT": f"{timeout_s(entry)}s",
        "AICR_NODE_SELECTOR": ",".join(f"{key}={value}" for key, value in placement.selector.items()),
        "AICR_TOLERATIONS": ",".join(taints),
    }
    for name, value in known.items():
        if value:
            yield {"name": name, "value": value}
    for each in entry.get("env") or ():
        yield {"name": str(each["name"]), "value": str(each.get("value") or "")}
