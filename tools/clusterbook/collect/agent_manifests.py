"""The agent's manifests: what is put into a cluster to look into one of its nodes.

An agent may write one ConfigMap and nothing else: what the API shows, whoever asks for the snapshot reads with his own
rights. Source: reference rows S21-S30; not privileged unless asked for (L14), no rights beyond one object: ours.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.kubernetes.placement import Placement, labels

Object = dict[str, Any]

NAME = "clusterbook-snapshot"
HOST = "/host"
"""Where a privileged agent has the machine's root."""
_NOBODY = 65532
_KEPT_S = 3600
_LONGEST_S = 5 * 3600
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?")
_SMALL = ({"cpu": "100m", "memory": "256Mi"}, {"cpu": "500m", "memory": "512Mi"})
_LARGE = (
    {"cpu": "1", "memory": "4Gi", "ephemeral-storage": "2Gi"},
    {"cpu": "2", "memory": "8Gi", "ephemeral-storage": "4Gi"},
)


class Agent(NamedTuple):
    """An agent as it is asked for; `account` "" is a service account of its own that is called like the Job."""

    namespace: str
    image: str
    name: str = NAME
    account: str = ""
    pull_secrets: tuple[str, ...] = ()
    privileged: bool = False
    placement: Placement = Placement()
    timeout_s: int = 300

    @property
    def result(self) -> str:
        """The ConfigMap that it writes."""
        return f"{self.name}-result"

    @property
    def service_account(self) -> str:
        """The name of its service account."""
        return self.account or self.name


def check(agent: Agent) -> Agent:
    """Return an agent whose names can be names.

    Raises:
        InvalidRequest: one cannot.
    """
    for what, name in (("--job-name", agent.name), ("--namespace", agent.namespace)):
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                f"{what} '{name}' is not a valid name", hint="small letters, digits and '-', at most 52"
            )
    if not 0 < agent.timeout_s <= _LONGEST_S:
        raise InvalidRequest(f"--timeout {agent.timeout_s} s is out of range", hint=f"1 to {_LONGEST_S} seconds")
    return agent


def manifests(agent: Agent) -> list[Object]:
    """Return every object of an agent, the Job last: what it may do, where it writes, and itself."""
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [agent.result], "verbs": ["get", "patch"]}
    ]
    rbac = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": agent.service_account, "namespace": agent.namespace}
    return [
        {**_object(agent, "v1", "ServiceAccount", agent.service_account), "automountServiceAccountToken": False},
        {**_object(agent, f"{rbac}/v1", "Role", agent.name), "rules": rules},
        {
            **_object(agent, f"{rbac}/v1", "RoleBinding", agent.name),
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": agent.name},
            "subjects": [account],
        },
        # It is there before the agent, since the right to make one cannot be limited to a name.
        _object(agent, "v1", "ConfigMap", agent.result),
        _job(agent),
    ]


def _object(agent: Agent, api_version: str, kind: str, name: str) -> Object:
    metadata = {"name": name, "namespace": agent.namespace, "labels": labels(agent.name)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _job(agent: Agent) -> Object:
    spec = {
        "backoffLimit": 0,
        "completions": 1,
        "parallelism": 1,
        "ttlSecondsAfterFinished": _KEPT_S,
        "activeDeadlineSeconds": agent.timeout_s,
        "template": {"metadata": {"labels": labels(agent.name)}, "spec": _pod(agent)},
    }
    return {**_object(agent, "batch/v1", "Job", agent.name), "spec": spec}


def _pod(agent: Agent) -> Object:
    """Return the agent's pod: by default all that the strictest of Kubernetes' profiles asks for."""
    root = ["--root", HOST] if agent.privileged else []
    where = f"cm://{agent.namespace}/{agent.result}"
    requests, limits = _LARGE if agent.privileged else _SMALL
    container: Object = {
        "name": "agent",
        "image": agent.image,
        "args": ["snapshot", "--no-cluster", *root, "--format", "yaml", "--output", where],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "resources": agent.placement.resources(requests, limits),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 (an emptyDir of this pod alone)
    }
    pod: Object = {
        "restartPolicy": "Never",
        "serviceAccountName": agent.service_account,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        **agent.placement.spec(),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if agent.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in agent.pull_secrets]
    if agent.privileged:
        # The driver's own program is run below the machine's root and asks its devices; systemd answers root alone.
        pod |= {"hostPID": True, "securityContext": {"runAsUser": 0, "runAsGroup": 0}}
        container["securityContext"] = {"privileged": True, "readOnlyRootFilesystem": True}
        container["volumeMounts"].append({"name": "host", "mountPath": HOST, "readOnly": True})
        pod["volumes"].append({"name": "host", "hostPath": {"path": "/", "type": "Directory"}})
    return pod
