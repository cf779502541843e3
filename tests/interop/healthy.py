"""A cluster with all that a recipe deploys, without its charts: workloads, kinds, objects of `tests.support.clusters`.

The controllers make the pods, KWOK runs them, and what only a chart's own controller would say, such as that a policy
is ready, is written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.interop.cluster import Cluster
from tests.interop.processes import wait_until
from tests.support.clusters import KINDS, WORKLOADS

Object = dict[str, Any]

_DEFINED = {
    "clusterpolicies.nvidia.com": ("ClusterPolicy", "v1", "Cluster"),
    "nodewrights.nodewright.nvidia.com": ("NodeWright", "v1alpha1", "Cluster"),
    "prometheuses.monitoring.coreos.com": ("Prometheus", "v1", "Namespaced"),
    "alertmanagers.monitoring.coreos.com": ("Alertmanager", "v1", "Namespaced"),
    "clustertrainingruntimes.trainer.kubeflow.org": ("ClusterTrainingRuntime", "v1alpha1", "Cluster"),
}
"""The kinds of which there are objects: kind, version and scope."""
_AVAILABLE = {"conditions": [{"type": "Available", "status": "True"}]}
DRIVER = "compute-domain.nvidia.com"


def deploy(cluster: Cluster) -> None:
    """Deploy everything, and return when all of it runs."""
    cluster.apply(namespace(name) for name in sorted({name for name, *_ in WORKLOADS}))
    cluster.apply(definition(name) for name in KINDS)
    for name, (_, version, _) in _DEFINED.items():
        plural, _, group = name.partition(".")
        cluster.wait_until_served(f"{group}/{version}", plural)
    cluster.apply(workload(*each) for each in WORKLOADS)
    cluster.apply(_others(cluster))
    wait_until(lambda: not waiting(cluster), "every workload runs")


def namespace(name: str) -> Object:
    """Return a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def definition(name: str) -> Object:
    """Return the definition of a kind whose objects may say anything."""
    plural, _, group = name.partition(".")
    kind, version, scope = _DEFINED.get(name, (plural.capitalize(), "v1", "Namespaced"))
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = {"name": version, "served": True, "storage": True, "schema": schema}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    metadata: Object = {"name": name}
    if group.endswith(".k8s.io"):
        metadata["annotations"] = {"api-approved.kubernetes.io": "unapproved, for a test"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {"group": group, "names": names, "scope": scope, "versions": [served]},
    }


def workload(namespace: str, kind: str, name: str, labels: Mapping[str, str], replicas: int) -> Object:
    """Return a workload; a DaemonSet runs on the nodes with GPUs."""
    pod = {
        "containers": [{"name": name, "image": f"registry.example.org/{name}:v26.3.2"}],
        "tolerations": [{"operator": "Exists"}],
    }
    if kind == "DaemonSet":
        pod["nodeSelector"] = {"nvidia.com/gpu.present": "true"}  # type: ignore[assignment]
    selector = {**labels, "workload": name}
    spec: Object = {
        "selector": {"matchLabels": selector},
        "template": {"metadata": {"labels": selector}, "spec": pod},
        **({} if kind == "DaemonSet" else {"replicas": replicas}),
        **({"serviceName": name} if kind == "StatefulSet" else {}),
    }
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels)}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _others(cluster: Cluster) -> Iterator[Object]:
    """Yield what is no workload."""
    yield {"apiVersion": "nvidia.com/v1", "kind": "ClusterPolicy", "metadata": {"name": "cluster-policy"},
           "status": {"state": "ready"}}  # fmt: skip
    yield {"apiVersion": "nodewright.nvidia.com/v1alpha1", "kind": "NodeWright", "metadata": {"name": "tuning"},
           "status": {"status": "complete"}}  # fmt: skip
    for kind, name in (("Prometheus", "kube-prometheus-prometheus"), ("Alertmanager", "kube-prometheus-alertmanager")):
        yield {"apiVersion": "monitoring.coreos.com/v1", "kind": kind,
               "metadata": {"name": name, "namespace": "monitoring"}, "status": _AVAILABLE}  # fmt: skip
    yield {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "ClusterTrainingRuntime",
           "metadata": {"name": "torch-distributed"}}  # fmt: skip
    for group in ("metrics.k8s.io", "custom.metrics.k8s.io"):  # one that the API server answers itself is available
        spec = {"group": group, "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100}
        yield {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
               "metadata": {"name": f"v1beta1.{group}"}, "spec": spec}  # fmt: skip
    for node in cluster.get("/api/v1/nodes?labelSelector=nvidia.com%2Fgpu.present%3Dtrue")["items"]:
        name = node["metadata"]["name"]
        pool = {"name": name, "generation": 1, "resourceSliceCount": 1}
        yield {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice",
               "metadata": {"name": f"{name}-compute-domain"},
               "spec": {"driver": DRIVER, "nodeName": name, "pool": pool, "devices": []}}  # fmt: skip


def waiting(cluster: Cluster) -> list[str]:
    """Return the workloads that do not run yet."""
    found = []
    for plural, wanted, ready in (
        ("deployments", "replicas", "availableReplicas"),
        ("statefulsets", "replicas", "availableReplicas"),
        ("daemonsets", "desiredNumberScheduled", "numberAvailable"),
    ):
        for each in cluster.get(f"/apis/apps/v1/{plural}")["items"]:
            status = each["status"]
            if not status.get(wanted) or status[wanted] != status.get(ready):
                found.append(each["metadata"]["name"])
    return found
