"""Kinds: which objects of a cluster a snapshot shows.

Knows those that the catalog's health checks and the named checks ask for, and reads out of a recipe what others ask
for. Does not know which of them a cluster serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.documents import yaml_fast as yamlplain
from clusterbook.kubernetes.discovery import Kind
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.validate.assertions import read_test
from clusterbook.validate.workloads import API_VERSIONS

NODE, POD = Kind("v1", "Node"), Kind("v1", "Pod")
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
CLUSTER_POLICY = Kind("nvidia.com/v1", "ClusterPolicy")
STANDARD = (
    NODE,
    POD,
    CRD,
    Kind("v1", "Namespace"),
    Kind("apps/v1", "DaemonSet"),
    Kind("apps/v1", "Deployment"),
    Kind("apps/v1", "StatefulSet"),
    Kind("batch/v1", "Job"),
    Kind("apiregistration.k8s.io/v1", "APIService"),
    Kind("resource.k8s.io/v1", "DeviceClass"),
    Kind("resource.k8s.io/v1", "ResourceSlice"),
    Kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    CLUSTER_POLICY,
    Kind("gateway.networking.k8s.io/v1", "Gateway"),
    Kind("gateway.networking.k8s.io/v1", "GatewayClass"),
    Kind("karpenter.sh/v1", "NodePool"),
    Kind("mellanox.com/v1alpha1", "NicClusterPolicy"),
    Kind("monitoring.coreos.com/v1", "Alertmanager"),
    Kind("monitoring.coreos.com/v1", "Prometheus"),
    Kind("nfd.openshift.io/v1", "NodeFeatureDiscovery"),
    Kind("scheduling.run.ai/v2", "Queue"),
    Kind("skyhook.nvidia.com/v1alpha1", "Skyhook"),
    Kind("slinky.slurm.net/v1beta1", "Controller"),
    Kind("slinky.slurm.net/v1beta1", "LoginSet"),
    Kind("slinky.slurm.net/v1beta1", "NodeSet"),
    Kind("slinky.slurm.net/v1beta1", "RestApi"),
    Kind("trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime"),
)
"""What is always looked for. A test holds it against the health checks of the catalog."""


def asked_by(recipe: Mapping[str, Any]) -> Iterator[Kind]:
    """Yield the kinds that the health checks and expected resources of a recipe ask for.

    A health check that cannot be read says so when it is judged, so it asks for nothing here.
    """
    for component in RecipeResult(recipe).components:
        for resource in component.expected_resources:
            kind = str(resource.get("kind") or "")
            if api_version := str(resource.get("apiVersion") or API_VERSIONS.get(kind, "")):
                yield Kind(api_version, kind)
        try:
            operations = read_test(yamlplain.read(component.health_check), "a health check")
        except ClusterbookError:
            continue
        for operation in operations:
            yield Kind(str(operation.tree["apiVersion"]), str(operation.tree["kind"]))
