"""Readiness: a release that ends when a component is really ready, not only installed.

A Job asks a component's readiness test again and again, and may read no more than the test asserts. Source: reference
rows B31, B32, F23, L19.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_writer import dump

GATE_IMAGE = "ghcr.io/nvidia/aicr-gate:v1.3.0"
"""The reference's gate: it evaluates a test until it holds, and ends. Source: reference row B31."""
MAX_WAIT, ATTEMPT, RETRIES = "90m", "2m", 6
_USER = 65532
"""The user that distroless images run as."""


def readiness_templates(component: str, namespace: str, test: str, *, installed: str) -> dict[str, str]:
    """Return the manifests of the readiness release of `component`, whose readiness.yaml is `test`.

    Args:
        installed: what is installed, as text: a Job that has run is never run again, nor can it be changed, so another
            text makes another Job; "" where whoever installs removes the old one.

    Raises:
        InvalidRequest: the test has no assertion.
    """
    name = f"{component}-readiness"
    metadata = {"name": name, "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "Helm"}}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    rights = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rights}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": _rules(component, test)}
    binding = {
        "apiVersion": f"{rights}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": rights, "kind": "ClusterRole", "name": name},
        "subjects": [subject],
    }
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"readiness.yaml": test}}
    spec = _job(name, namespace)
    mark = hashlib.sha256((dump(spec) + test + installed).encode()).hexdigest()[:8]
    job = {**metadata, "name": f"{name}-{mark}"} if installed else metadata
    return {
        "access.yaml": "---\n".join((dump(account), dump(role), dump(binding))),
        "test.yaml": dump(config),
        "job.yaml": dump({"apiVersion": "batch/v1", "kind": "Job", "metadata": job, "spec": spec}),
    }


def _job(name: str, namespace: str) -> dict[str, Any]:
    """Return the spec of the Job."""
    container = {
        "name": "gate",
        "image": GATE_IMAGE,
        "args": ["--bundle-dir=/bundle", f"--namespace={namespace}", f"--max-wait={MAX_WAIT}", f"--timeout={ATTEMPT}"],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "bundle", "mountPath": "/bundle", "readOnly": True}],
    }
    return {
        "backoffLimit": RETRIES,
        "template": {
            "spec": {
                "containers": [container],
                "restartPolicy": "Never",
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "serviceAccountName": name,
                "tolerations": [{"operator": "Exists"}],
                "volumes": [{"name": "bundle", "configMap": {"name": name}}],
            }
        },
    }


def _rules(component: str, test: str) -> list[dict[str, Any]]:
    """Return what the Job may read: the kinds that the test asserts, and nothing else."""
    from clusterbook.diagnostics.findings import SourceErrors
    from clusterbook.documents.yaml_reader import parse

    try:
        node = parse(test, f"components/{component}/readiness.yaml")
    except SourceErrors as error:
        first = error.findings[0]
        raise InvalidRequest(first.what, place=first.place, hint=first.hint) from error
    kinds = sorted(set(_kinds(node.data() if node else None)))
    if not kinds:
        raise InvalidRequest(
            f"components/{component}/readiness.yaml has no assertion", hint="add an assert with apiVersion and kind"
        )
    groups: dict[str, list[str]] = {}
    for group, kind in kinds:
        groups.setdefault(group, []).append(plural(kind))
    return [
        {"apiGroups": [group], "resources": resources, "verbs": ["get", "list"]} for group, resources in groups.items()
    ]


def _kinds(value: Any) -> list[tuple[str, str]]:
    """Return (API group, kind) of every resource in assert and error operations."""
    if isinstance(value, list):
        return [found for each in value for found in _kinds(each)]
    if not isinstance(value, dict):
        return []
    resource = value.get("resource")
    if isinstance(resource, dict) and "kind" in resource:
        version = str(resource.get("apiVersion", "v1"))
        return [(version.rpartition("/")[0], str(resource["kind"]))]
    return [found for each in value.values() for found in _kinds(each)]


def plural(kind: str) -> str:
    """Return the resource name of a kind, as the API conventions form it."""
    word = kind.lower()
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"
