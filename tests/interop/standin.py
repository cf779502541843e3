"""Charts that stand in for upstream ones: they promise the same names, and do nothing.

A stand-in has what the component's health check expects to be there (workloads, definitions of kinds), the kinds that
our own manifests are written in, and a ConfigMap `<release>-values` with the values that it was given. It does not
have what an operator would make, so a check that waits for that can only be met by a real chart. Pure: archives come
out as bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")


@dataclass(frozen=True, slots=True)
class Kind:
    """One custom kind that our manifests use, and the component whose chart defines it; None: the platform does."""

    group: str
    versions: tuple[str, ...]
    name: str
    owner: str | None
    namespaced: bool = False

    @property
    def plural(self) -> str:
        """The name in paths, as Kubernetes' own generators form it; a name that is a plural already stays."""
        name = self.name.lower()
        if name.endswith("s"):
            return f"{name}es" if name.endswith("ss") else name
        return f"{name[:-1]}ies" if name.endswith("y") and name[-2] not in "aeiou" else f"{name}s"


# Whoever writes a manifest in a new kind adds it here; test_standin.py says so when that was forgotten.
KINDS = (
    Kind("agentgateway.dev", ("v1alpha1",), "AgentgatewayParameters", "agentgateway-crds", namespaced=True),
    Kind("gateway.networking.k8s.io", ("v1",), "Gateway", "agentgateway-crds", namespaced=True),
    Kind("gateway.networking.k8s.io", ("v1",), "GatewayClass", "agentgateway-crds"),
    Kind("gateway.kgateway.dev", ("v1alpha1",), "GatewayParameters", "kgateway-crds", namespaced=True),
    Kind("mellanox.com", ("v1alpha1",), "NicClusterPolicy", "network-operator"),
    Kind("nfd.k8s-sigs.io", ("v1alpha1",), "NodeFeatureRule", "nfd"),
    Kind("nvidia.com", ("v1",), "ClusterPolicy", "gpu-operator"),
    Kind("nodewright.nvidia.com", ("v1alpha1",), "NodeWright", "nodewright-operator"),
    Kind("skyhook.nvidia.com", ("v1alpha1",), "Skyhook", "skyhook-operator"),
    Kind("resource.nvidia.com", ("v1beta1",), "ComputeDomain", "nvidia-dra-driver-gpu", namespaced=True),
    Kind("trainer.kubeflow.org", ("v1alpha1",), "ClusterTrainingRuntime", "kubeflow-trainer"),
    Kind("nfd.openshift.io", ("v1",), "NodeFeatureDiscovery", None, namespaced=True),
    Kind("operator.openshift.io", ("v1alpha1",), "CertManager", None),
    Kind("operators.coreos.com", ("v1",), "OperatorGroup", None, namespaced=True),
    Kind("operators.coreos.com", ("v1alpha1",), "Subscription", None, namespaced=True),
)

# On OpenShift operators come through its life-cycle manager, and so do the kinds that charts define elsewhere.
_BY_LIFECYCLE_MANAGER = ("NicClusterPolicy", "ClusterPolicy")


def kinds_of(component: str) -> set[str]:
    """Return the names of the kinds that our manifests expect of a component's chart."""
    return {kind.name for kind in KINDS if kind.owner == component}


def openshift_definitions() -> list[dict[str, Any]]:
    """Return the definitions that OpenShift has before any recipe is deployed, as far as manifests need them."""
    return [definition(kind) for kind in KINDS if kind.owner is None or kind.name in _BY_LIFECYCLE_MANAGER]


def called(name: str) -> dict[str, Any]:
    """Return a definition of this name: as our manifests need it, or of any kind when they do not use it."""
    plural, _, group = name.partition(".")
    known = {f"{kind.plural}.{kind.group}": kind for kind in KINDS}
    kind = known.get(name) or Kind(group, ("v1",), re.sub("s$", "", plural), None, namespaced=True)
    return definition(kind) | _named(definition(kind), name)


def definition(kind: Kind) -> dict[str, Any]:
    """Return a CustomResourceDefinition that takes any content; status is content too, so anybody may set it."""
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [
        {"name": version, "served": True, "storage": version == kind.versions[0], "schema": anything}
        for version in kind.versions
    ]
    metadata: dict[str, Any] = {"name": f"{kind.plural}.{kind.group}"}
    if kind.group.endswith(".k8s.io"):
        metadata["annotations"] = {"api-approved.kubernetes.io": "unapproved, a stand-in"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": kind.group,
            "names": {"kind": kind.name, "plural": kind.plural, "singular": kind.name.lower()},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": versions,
        },
    }


def archive(component: str, chart: str, version: str, check: str) -> bytes:
    """Return the packaged chart of a component.

    Args:
        chart: its name without a repository.
        check: the text of the component's health check; empty when there is none.
    """
    return shared_archive({component: check}, chart, version)


def shared_archive(checks: Mapping[str, str], chart: str, version: str) -> bytes:
    """Return the packaged chart that some components have together, each of which deploys what its own check expects.

    Args:
        checks: the text of the health check by component.
        chart: its name without a repository.
    """
    definitions: dict[str, dict[str, Any]] = {}
    templates: dict[str, str] = {}
    for component, check in checks.items():
        expected = [resource for resource in _expected(check) if resource.get("metadata")]
        definitions |= {each["metadata"]["name"]: each for each in _definitions(component, expected)}
        for number, each in enumerate(_workloads(expected)):
            text = _workload(component, each)
            alone = f'{{{{ if eq .Release.Name "{component}" }}}}{text}{{{{ end }}}}'
            templates[f"{component}-{number:02}.yaml"] = text if len(checks) == 1 else alone
    files = {
        "Chart.yaml": json.dumps({"apiVersion": "v2", "name": chart, "version": version, "appVersion": version}),
        "values.yaml": "{}\n",
        "templates/values.yaml": _RECORD,
        **{f"crds/{name}.yaml": json.dumps(each) for name, each in sorted(definitions.items())},
        **{f"templates/{name}": text for name, text in templates.items()},
    }
    return pack({f"{chart}/{path}": text.encode() for path, text in files.items()})


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a .tgz of these files; the same bytes every time."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


_RECORD = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-values
  namespace: {{ .Release.Namespace }}
  labels: {clusterbook.test/record: values}
data:
  values.json: {{ .Values | toJson | quote }}
"""


def _expected(check: str) -> Iterator[dict[str, Any]]:
    """Yield every resource that a health check asserts."""
    document = YAML(typ="safe", pure=True).load(check) or {}
    for step in document.get("spec", {}).get("steps", ()):
        for action in step.get("try", ()):
            if "assert" in action:
                yield action["assert"]["resource"]


def _definitions(component: str, expected: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the definitions that a component's chart brings: those its check waits for, those manifests need."""
    for resource in expected:
        if resource["kind"] == "CustomResourceDefinition":
            yield called(resource["metadata"]["name"])
    yield from (definition(kind) for kind in KINDS if kind.owner == component)


def _named(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Return name and plural of a definition, put right: other people's plurals do not always follow the rule."""
    names = found["spec"]["names"] | {"plural": name.partition(".")[0]}
    return {"metadata": found["metadata"] | {"name": name}, "spec": found["spec"] | {"names": names}}


def _workloads(expected: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each workload that a health check waits for, once."""
    seen = set()
    for resource in expected:
        name = (resource["kind"], resource["metadata"].get("name"))
        if resource["kind"] in WORKLOADS and name not in seen:
            seen.add(name)
            yield resource


def _workload(component: str, resource: Mapping[str, Any]) -> str:
    """Return a template for a workload of this kind and name, with the labels asked for; it runs on any node."""
    metadata = resource["metadata"]
    name = metadata.get("name", component)
    selector = {"clusterbook.test/stand-in": name}
    labels = {**metadata.get("labels", {}), **selector}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "main", "image": f"stand-in.invalid/{component}:1"}],
            },
        },
    }
    if resource["kind"] == "StatefulSet":
        spec["serviceName"] = name
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": resource["kind"],
            "metadata": {"name": name, "namespace": "{{ .Release.Namespace }}", "labels": labels},
            "spec": spec,
        }
    )
