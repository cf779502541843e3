"""Objects: which kinds a snapshot shows, and what of an object it keeps.

What judging, drift and people look at stays; the rest of an object is most of it: a pod as the API shows it has eight
kilobytes, and one is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.documents import yaml_fast
from clusterbook.kubernetes.discovery import Kind
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.snapshot.nodes import is_judged
from clusterbook.validate.health_test import read_test
from clusterbook.validate.workloads import API_VERSIONS

Object = dict[str, Any]

_METADATA = ("name", "namespace", "labels", "generation", "deletionTimestamp")
_LONGEST_MESSAGE = 400
_IDENTIFIERS = frozenset(("machineID", "systemUUID", "bootID"))
_CONDITION = ("type", "status", "reason")
_STATE = {"waiting": ("reason",), "running": (), "terminated": ("reason", "exitCode")}


def trim(kind: str, item: Mapping[str, Any]) -> Object:
    """Return what is kept of an object; of kinds that are not known here, all but what is about the object itself."""
    metadata = item.get("metadata") or {}
    kept: Object = {"metadata": {key: metadata[key] for key in _METADATA if metadata.get(key)}}
    if owners := metadata.get("ownerReferences"):
        kept["metadata"]["ownerReferences"] = [_only(each, ("kind", "name")) for each in owners]
    if kind == "Node":  # in NodeTopology each is written once, and there are sixty on every node
        labels = {key: value for key, value in (metadata.get("labels") or {}).items() if is_judged(key)}
        kept["metadata"].pop("labels", None)
        kept["metadata"] |= {"labels": labels} if labels else {}
    rest = _KINDS.get(kind, _whole)(item)
    return kept | {key: value for key, value in rest.items() if value not in ({}, [], None)}


def _only(item: Mapping[str, Any], keys: tuple[str, ...]) -> Object:
    return {key: item[key] for key in keys if key in item}


def _whole(item: Mapping[str, Any]) -> Object:
    return {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata")}


def _conditions(status: Mapping[str, Any]) -> list[Object]:
    return [_only(each, _CONDITION) for each in status.get("conditions") or ()]


def _node(item: Mapping[str, Any]) -> Object:
    """Return a node without the images it keeps, and without the identifiers that each boot of a machine has."""
    status = item.get("status") or {}
    software = {key: value for key, value in (status.get("nodeInfo") or {}).items() if key not in _IDENTIFIERS}
    return {
        "spec": _only(item.get("spec") or {}, ("providerID", "taints", "unschedulable")),
        "status": {
            **_only(status, ("capacity", "allocatable")),
            **({"nodeInfo": software} if software else {}),
            "conditions": _conditions(status),
        },
    }


def _pod(item: Mapping[str, Any]) -> Object:
    status = item.get("status") or {}
    kept = _only(status, ("phase", "reason"))
    conditions = _conditions(status)
    if conditions:
        kept["conditions"] = conditions
    for key in ("initContainerStatuses", "containerStatuses"):
        if status.get(key):
            kept[key] = [_container(each) for each in status[key]]
    return {"spec": _only(item.get("spec") or {}, ("nodeName",)), "status": kept}


def _container(item: Mapping[str, Any]) -> Object:
    state = {name: _only(said or {}, _STATE.get(name, ())) for name, said in (item.get("state") or {}).items()}
    return _only(item, ("name", "ready", "restartCount")) | {"state": state}


def _workload(item: Mapping[str, Any]) -> Object:
    """Return a workload with its images, and without how its pods are made."""
    spec = item.get("spec") or {}
    pod = ((spec.get("template") or {}).get("spec")) or {}
    containers = [_only(each, ("name", "image")) for each in pod.get("containers") or ()]
    kept = _only(spec, ("replicas", "parallelism", "completions", "suspend", "selector"))
    if containers:
        kept["template"] = {"spec": {"containers": containers}}
    status = item.get("status") or {}
    rest = {key: value for key, value in status.items() if key != "conditions"}
    return {"spec": kept, "status": rest | ({"conditions": c} if (c := _conditions(status)) else {})}


def _definition(item: Mapping[str, Any]) -> Object:
    """Return the definition of a kind without its schema, which is nearly all of it."""
    spec = item.get("spec") or {}
    versions = [_only(each, ("name", "served", "storage")) for each in spec.get("versions") or ()]
    names = _only(spec.get("names") or {}, ("kind", "plural"))
    kept = {**_only(spec, ("group", "scope")), "names": names, "versions": versions}
    status = item.get("status") or {}
    return {"spec": kept, "status": {"conditions": _conditions(status)}}


def _webhooks(item: Mapping[str, Any]) -> Object:
    """Return who is asked before an object is taken, without the certificates."""
    hooks = []
    for each in item.get("webhooks") or ():
        client = each.get("clientConfig") or {}
        kept = _only(each, ("name", "failurePolicy", "rules"))
        hooks.append(kept | ({"clientConfig": _only(client, ("service",))} if client.get("service") else {}))
    return {"webhooks": hooks}


def _device(item: Mapping[str, Any]) -> Object:
    """Return a device that a driver publishes, with the name of its product."""
    attributes = item.get("attributes") or (item.get("basic") or {}).get("attributes") or {}
    return _only(item, ("name",)) | ({"attributes": kept} if (kept := _only(attributes, ("productName",))) else {})


_KINDS: dict[str, Callable[[Mapping[str, Any]], Object]] = {
    "Node": _node,
    "Pod": _pod,
    **dict.fromkeys(("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job"), _workload),
    "CustomResourceDefinition": _definition,
    **dict.fromkeys(("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"), _webhooks),
    "Event": lambda found: {
        "involvedObject": _only(found.get("involvedObject") or {}, ("kind", "name")),
        "reason": found.get("reason"),
        "message": str(found.get("message") or "")[:_LONGEST_MESSAGE],
    },
    "Namespace": lambda found: {"status": _only(found.get("status") or {}, ("phase",))},
    "APIService": lambda found: {
        "spec": _only(found.get("spec") or {}, ("group", "version", "service")),
        "status": {"conditions": _conditions(found.get("status") or {})},
    },
    "ResourceSlice": lambda found: {
        "spec": _only(found.get("spec") or {}, ("driver", "nodeName", "allNodes", "pool"))
        | {"devices": [_device(each) for each in (found.get("spec") or {}).get("devices") or ()]}
    },
}


# --- kinds ------------------------------------------------------------------------------------------------------------

NODE, POD, EVENT = Kind("v1", "Node"), Kind("v1", "Pod"), Kind("v1", "Event")
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
CLUSTER_POLICY = Kind("nvidia.com/v1", "ClusterPolicy")
OF_KUBERNETES = (
    NODE,
    POD,
    CRD,
    EVENT,
    Kind("v1", "Namespace"),
    Kind("apps/v1", "DaemonSet"),
    Kind("apps/v1", "Deployment"),
    Kind("apps/v1", "StatefulSet"),
    Kind("batch/v1", "Job"),
    Kind("apiregistration.k8s.io/v1", "APIService"),
    Kind("resource.k8s.io/v1", "DeviceClass"),
    Kind("resource.k8s.io/v1", "ResourceSlice"),
    Kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
)
"""What Kubernetes itself has, and what is looked for whatever is installed."""
OF_COMPONENTS = (
    CLUSTER_POLICY,
    Kind("aibom.k8saibom.dev/v1alpha1", "AIBOMControllerConfig"),
    Kind("gateway.networking.k8s.io/v1", "Gateway"),
    Kind("gateway.networking.k8s.io/v1", "GatewayClass"),
    Kind("k8s.mariadb.com/v1alpha1", "Database"),
    Kind("k8s.mariadb.com/v1alpha1", "Grant"),
    Kind("k8s.mariadb.com/v1alpha1", "MariaDB"),
    Kind("k8s.mariadb.com/v1alpha1", "User"),
    Kind("karpenter.sh/v1", "NodePool"),
    Kind("mellanox.com/v1alpha1", "NicClusterPolicy"),
    Kind("monitoring.coreos.com/v1", "Alertmanager"),
    Kind("monitoring.coreos.com/v1", "Prometheus"),
    Kind("networking.gke.io/v1", "GKENetworkParamSet"),
    Kind("networking.gke.io/v1", "Network"),
    Kind("nfd.openshift.io/v1", "NodeFeatureDiscovery"),
    Kind("nodewright.nvidia.com/v1alpha1", "NodeWright"),
    Kind("scheduling.run.ai/v2", "Queue"),
    Kind("skyhook.nvidia.com/v1alpha1", "Skyhook"),
    Kind("slinky.slurm.net/v1beta1", "Controller"),
    Kind("slinky.slurm.net/v1beta1", "LoginSet"),
    Kind("slinky.slurm.net/v1beta1", "NodeSet"),
    Kind("slinky.slurm.net/v1beta1", "RestApi"),
    Kind("trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime"),
)
"""What components bring and their health checks ask about, for snapshots that are taken without a recipe.

It repeats what recipes/checks/ says, as the agent in a pod has no catalog to ask; a test holds it against them.
"""
STANDARD = (*OF_KUBERNETES, *OF_COMPONENTS)
"""What is always looked for."""


def kinds_of(recipe: Mapping[str, Any]) -> Iterator[Kind]:
    """Yield the kinds that the health checks and expected resources of a recipe ask for.

    A health check that cannot be read says so when it is judged, so it asks for nothing here.
    """
    for component in RecipeResult(recipe).components:
        for resource in component.expected_resources:
            kind = str(resource.get("kind") or "")
            if api_version := str(resource.get("apiVersion") or API_VERSIONS.get(kind, "")):
                yield Kind(api_version, kind)
        try:
            operations = read_test(yaml_fast.read(component.health_check), "a health check")
        except ClusterbookError:
            continue
        for operation in operations:
            yield Kind(str(operation.tree["apiVersion"]), str(operation.tree["kind"]))
