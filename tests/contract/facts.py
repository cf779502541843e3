"""Compare our catalog with facts about the reference's recipes, and print what differs.

    python -m tests.contract.facts FACTS [--recipes recipes]

FACTS is a folder with one JSON file per recipe: criteria, constraints, components with their hydrated values,
deployment order and validation. Prints `equal` or the differing JSON Pointers per recipe, then `equal N/M`; exits 0
when all are equal.
Only what a fact states is compared; where we decide against one, DECIDED, MENDED, REPEATED and RAISED say so, and why.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.resolve.document import recipe_document
from clusterbook.resolve.resolver import Resolver
from clusterbook.resolve.views import query_view

_ORDER = "layers add to a list and never reorder it; the checks are the same ones (row R33)"
DECIDED: dict[str, dict[str, str]] = {
    "2026.03": {
        "h100-kind-inference/validation/conformance/checks": _ORDER,
        "h100-kind-inference-dynamo/validation/conformance/checks": _ORDER,
    },
    "2026.07": {},
}
"""Where we decide against a fact: folder of facts → pointer behind its recipe's name → reason. Elements stay equal."""

_DEAD = "the chart was rendered with it and without it, and both are the same"
MENDED: dict[str, dict[str, str]] = {
    "2026.07": {
        "aws-ebs-csi-driver/fullnameOverride": _DEAD,
        "aws-efa/affinity": f"{_DEAD}; affinity is written in the template",
        "dynamo-platform/nats": "the chart asks for as much, of the cluster's default class, as an empty name does",
        "gpu-operator/cdi": "enabled is the chart's own, and false is what `default` is without being said",
        "gpu-operator/dcgmExporter/config": "null takes the list away on kind, in place of two values that do nothing",
        "gpu-operator/driver/maxParallelUpgrades": f"{_DEAD}; it is upgradePolicy.maxParallelUpgrades that was meant",
        "gpu-operator/driver/upgradePolicy": "see gpu-operator/driver/maxParallelUpgrades",
        "gpu-operator/driver/useOpenKernelModules": f"{_DEAD}; kernelModuleType is auto, which takes the open ones",
        "gpu-operator/fullnameOverride": _DEAD,
        "grove/webhookServerSecret": "the chart would empty the certificate that the operator wrote",
        "kubeflow-trainer/crds": f"{_DEAD}; the kinds lie beside the templates",
        "kubeflow-trainer/jobset": f"{_DEAD}; it is jobset.install that was meant, which is on",
        "kubeflow-trainer/manager/leaderElection": f"{_DEAD}; it is manager.config.leaderElection, which is on",
        "kubeflow-trainer/manager/logging": _DEAD,
        "kubeflow-trainer/manager/metrics": f"{_DEAD}; metrics are served, and the chart has no ServiceMonitor",
        "kubeflow-trainer/manager/podSecurityContext": f"{_DEAD}; manager.securityContext says it already",
        "kubeflow-trainer/manager/serviceAccount": _DEAD,
        "kubeflow-trainer/webhook": f"{_DEAD}; the webhook is always on, and its port the same",
        "network-operator/deployCR": f"{_DEAD}; since 24.10 the chart writes no NicClusterPolicy",
        "network-operator/nicClusterPolicy": "see network-operator/deployCR",
        "network-operator/nvIpam": "see network-operator/deployCR",
        "network-operator/secondaryNetwork": "see network-operator/deployCR",
        "nfd/enableNodeFeatureApi": f"{_DEAD}; labels always travel as NodeFeature objects",
        "nfd/topologyUpdater/createCRDs": f"{_DEAD} where the updater is off",
        "nfd/topologyUpdater/kubeletStateDir": f"{_DEAD} where the updater is off",
        "nvsentinel/fullnameOverride": _DEAD,
        "nvsentinel/labeler": "where the node image has the driver, no monitor would come to a node",
        "nvsentinel/platformConnector/maxUnavailable": f"{_DEAD}; the chart updates 5 % of the nodes at a time",
        "nvsentinel/platformConnector/updateStrategy": f"{_DEAD}; the chart always rolls",
        "slinky-slurm/loginsets/slinky/enabled": "loginsetDefaults says the same for each set",
        "slinky-slurm/loginsets/slinky/replicas": "loginsetDefaults says the same for each set",
        "slinky-slurm/nodesets/slinky/enabled": "nodesetDefaults says the same for each set",
        "slinky-slurm/nodesets/slinky/replicas": "nodesetDefaults says the same for each set",
    },
}
"""Values of components where we decide against the facts: folder of facts → component and pointer → reason."""

REPEATED: dict[str, frozenset[str]] = {
    "2026.07": frozenset((
        "aws-ebs-csi-driver/controller/resources",
        "aws-ebs-csi-driver/controller/serviceAccount/automountServiceAccountToken",
        "aws-ebs-csi-driver/controller/serviceAccount/create",
        "aws-ebs-csi-driver/image",
        "aws-ebs-csi-driver/node/enableLinux",
        "aws-ebs-csi-driver/node/resources",
        "aws-ebs-csi-driver/node/serviceAccount",
        "aws-ebs-csi-driver/node/updateStrategy",
        "aws-ebs-csi-driver/storageClasses",
        "aws-ebs-csi-driver/volumeSnapshotClasses",
        "aws-efa/additionalPodAnnotations",
        "aws-efa/additionalPodLabels",
        "aws-efa/image",
        "aws-efa/imagePullSecrets",
        "aws-efa/nodeSelector",
        "aws-efa/resources",
        "aws-efa/securityContext/runAsNonRoot",
        "gpu-operator/cdi/enabled",
        "gpu-operator/driver/enabled",
        "gpu-operator/driver/rdma/useHostMofed",
        "gpu-operator/gfd",
        "gpu-operator/migManager",
        "gpu-operator/operator/resources/limits/cpu",
        "gpu-operator/operator/resources/requests/cpu",
        "gpu-operator/toolkit",
        "gpu-operator/toolkit/enabled",
        "k8s-ephemeral-storage-metrics/deploy_type",
        "k8s-ephemeral-storage-metrics/log_level",
        "k8s-ephemeral-storage-metrics/metrics",
        "k8s-ephemeral-storage-metrics/prometheus",
        "kube-prometheus-stack/alertmanager/enabled",
        "kube-prometheus-stack/grafana/enabled",
        "kube-prometheus-stack/nodeExporter",
        "kube-prometheus-stack/prometheus/prometheusSpec/serviceMonitorNamespaceSelector",
        "kubeflow-trainer/manager/securityContext/allowPrivilegeEscalation",
        "kubeflow-trainer/manager/securityContext/capabilities",
        "network-operator/nfd/deployNodeFeatureRules",
        "nfd/gc",
        "nfd/master",
        "nfd/worker",
        "nvidia-dra-driver-gpu/resources/computeDomains",
        "prometheus-adapter/prometheus/port",
        "prometheus-adapter/replicas",
        "slinky-slurm/accounting/storageConfig",
        "slinky-slurm/controller/persistence/accessModes",
        "slinky-slurm/controller/persistence/resources",
        "slinky-slurm/controller/persistence/storageClassName",
        "slinky-slurm/restapi/replicas",
    )),
}  # fmt: skip
"""Values that facts have and we have not, since each chart says the same by itself: folder of facts → pointers."""

FLOOR = "K8s.server.version"
RAISED: dict[str, dict[str, str]] = {"2026.07": dict.fromkeys((">= 1.25", ">= 1.28", ">= 1.30", ">= 1.31"), ">= 1.32")}
"""Floors that nvidia-dra-driver-gpu 0.4.1 refuses: folder of facts → the fact's → ours, in every recipe that has it.

Source: the kubeVersion of its chart; decision 23. The reference raised its own in November 2026.
"""

_FIELDS = ("name", "type", "source", "namespace", "chart", "version", "tag", "path", "dependencyRefs", "manifestFiles",
           "preManifestFiles", "expectedResources", "enabled")  # fmt: skip


def compare(
    fact: dict[str, Any],
    resolver: Resolver,
    decided: Container[str] = (),
    mended: Container[str] = (),
    raised: Mapping[str, str] = {},
) -> list[str]:
    """Return the JSON Pointers at which our recipe differs from a fact, with both values."""
    query = Criteria(**{name: value for name, value in fact["criteria"].items() if value})
    try:
        recipe = resolver.resolve(query)
    except ClusterbookError as error:
        return [f": {error.what}"]
    ours = query_view(recipe_document(recipe, state=""))
    stated = _stated(fact, enabled=None)
    floor = stated["constraints"].get(FLOOR, "")
    if floor in raised and "nvidia-dra-driver-gpu" in recipe.order:
        stated["constraints"][FLOOR] = raised[floor]
    found = _differences(_stated(ours, enabled=set(recipe.order)), stated, "")
    kept = [(at, what, same) for at, what, same in found if value_of(at) not in mended]
    return [f"{at}: {what}" for at, what, same in kept if not (same and f"{fact['name']}{at}" in decided)]


def value_of(at: str) -> str:
    """Return the component and the pointer of a value, "" for what is none."""
    component, _, pointer = at.removeprefix("/components/").partition("/values/")
    return f"{component}/{pointer}" if at.startswith("/components/") and pointer else ""


def _stated(document: dict[str, Any], *, enabled: set[str] | None) -> dict[str, Any]:
    """Return the parts of a document that facts state; `enabled` names the components in the deployment order."""
    components = {}
    for name, component in document["components"].items():
        kept = {field: component[field] for field in _FIELDS if field in component}
        on = component.get("enabled", True) if enabled is None else name in enabled
        components[name] = {**kept, "enabled": on, "values": component.get("values") or {}}
    validation = {
        phase: {field: part[field] for field in ("checks", "constraints") if part.get(field)}
        for phase, part in (document.get("validation") or {}).items()
    }
    return {
        "components": components,
        "constraints": {each["name"]: each["value"] for each in document.get("constraints") or ()},
        "deploymentOrder": document["deploymentOrder"],
        "validation": {phase: part for phase, part in validation.items() if part},
    }


def _differences(ours: Any, fact: Any, at: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (pointer, what differs, whether only the order does); 1 and true differ, as in JSON."""
    if isinstance(ours, dict) and isinstance(fact, dict):
        for key in sorted(ours.keys() | fact.keys()):
            step = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in ours:
                yield step, f"missing, fact has {json.dumps(fact[key])[:80]}", False
            elif key not in fact:
                yield step, f"too much: {json.dumps(ours[key])[:80]}", False
            else:
                yield from _differences(ours[key], fact[key], step)
    elif json.dumps(ours, sort_keys=True) != json.dumps(fact, sort_keys=True):
        reordered = (
            isinstance(ours, list)
            and isinstance(fact, list)
            and sorted(map(json.dumps, ours)) == sorted(map(json.dumps, fact))
        )
        yield at, f"{json.dumps(ours)[:80]} is not {json.dumps(fact)[:80]}", reordered


def run(facts: Path, recipes: Path) -> tuple[dict[str, list[str]], int]:
    """Return the differences by recipe, and how many recipes are equal."""
    resolver = Resolver(load_catalog(read_tree(recipes, strict=True)))
    decided, raised = DECIDED.get(facts.name, {}), RAISED.get(facts.name, {})
    mended = MENDED.get(facts.name, {}).keys() | REPEATED.get(facts.name, frozenset())
    found = {
        path.stem: compare(json.loads(path.read_text()), resolver, decided, mended, raised)
        for path in sorted(facts.glob("*.json"))
    }
    return found, sum(not differences for differences in found.values())


def main() -> int:
    """Print the comparison; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path)
    parser.add_argument("--recipes", type=Path, default=Path("recipes"))
    arguments = parser.parse_args()
    try:
        found, equal = run(arguments.facts, arguments.recipes)
    except ClusterbookError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    for name, differences in found.items():
        print(f"{name}: {'equal' if not differences else 'different'}")
        for difference in differences:
            print(f"  {difference}")
    for pointer, reason in DECIDED.get(arguments.facts.name, {}).items():
        print(f"decided against: {pointer}\n  {reason}")
    print(f"equal {equal}/{len(found)}")
    return 0 if equal == len(found) and found else 1


if __name__ == "__main__":
    sys.exit(main())
