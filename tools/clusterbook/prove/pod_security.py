"""Pod security: the level that a namespace has to allow so that pods of a chart start.

Source: Kubernetes, Pod Security Standards, as of 1.34.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
LEVELS = (RESTRICTED, BASELINE, PRIVILEGED)
"""Levels, the strictest first."""

_TEMPLATES = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_BASELINE_CAPABILITIES = frozenset(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"
    .split()
)  # fmt: skip
_RESTRICTED_VOLUMES = frozenset(
    "name configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret image".split()
)
_SECCOMP = ("RuntimeDefault", "Localhost")
Map = Mapping[str, Any]


def needs(data: Map) -> tuple[str, list[str]]:
    """Return the strictest level at which an object's pods start, and the pointers that keep it from a stricter one.

    `restricted` and no pointers for what has no pods.
    """
    where = _TEMPLATES.get(str(data.get("kind")))
    spec: Any = data
    for key in where or ():
        spec = spec.get(key) if isinstance(spec, Mapping) else None
    if where is None or not isinstance(spec, Mapping):
        return RESTRICTED, []
    root = "".join(f"/{key}" for key in where)
    for level, rules in ((PRIVILEGED, _beyond_baseline), (BASELINE, _beyond_restricted)):
        found = sorted({f"{root}{each}" for each in rules(spec)})
        if found:
            return level, found
    return RESTRICTED, []


def _containers(spec: Map) -> Iterator[tuple[str, Map, Map]]:
    """Yield (pointer, container, security context) of every container."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            if isinstance(container, Mapping):
                yield f"/{field}/{index}", container, _map(container.get("securityContext"))


def _map(value: Any) -> Map:
    return value if isinstance(value, Mapping) else {}


def _beyond_baseline(spec: Map) -> Iterator[str]:
    """Yield what only a privileged namespace allows."""
    yield from (f"/{field}" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field))
    for index, volume in enumerate(spec.get("volumes") or ()):
        if isinstance(volume, Mapping) and "hostPath" in volume:
            yield f"/volumes/{index}/hostPath"
    for where, context in _contexts(spec):
        if _map(context.get("seccompProfile")).get("type") == "Unconfined":
            yield f"{where}/seccompProfile"
        if _map(context.get("seLinuxOptions")).keys() & {"user", "role"}:
            yield f"{where}/seLinuxOptions"
    for where, container, context in _containers(spec):
        if context.get("privileged"):
            yield f"{where}/securityContext/privileged"
        added = {str(each).upper().removeprefix("CAP_") for each in _map(context.get("capabilities")).get("add") or ()}
        if added - _BASELINE_CAPABILITIES:
            yield f"{where}/securityContext/capabilities/add"
        if context.get("procMount") not in (None, "", "Default"):
            yield f"{where}/securityContext/procMount"
        if any(isinstance(port, Mapping) and port.get("hostPort") for port in container.get("ports") or ()):
            yield f"{where}/ports"


def _contexts(spec: Map) -> Iterator[tuple[str, Map]]:
    yield "/securityContext", _map(spec.get("securityContext"))
    for where, _, context in _containers(spec):
        yield f"{where}/securityContext", context


def _beyond_restricted(spec: Map) -> Iterator[str]:
    """Yield what a restricted namespace refuses."""
    for index, volume in enumerate(spec.get("volumes") or ()):
        if isinstance(volume, Mapping) and set(volume) - _RESTRICTED_VOLUMES:
            yield f"/volumes/{index}"
    pod = _map(spec.get("securityContext"))
    for where, _, context in _containers(spec):
        both = {**pod, **context}
        capabilities = _map(context.get("capabilities"))
        added = {str(each).upper().removeprefix("CAP_") for each in capabilities.get("add") or ()}
        if (
            context.get("allowPrivilegeEscalation") is not False
            or both.get("runAsNonRoot") is not True
            or both.get("runAsUser") == 0
            or _map(both.get("seccompProfile")).get("type") not in _SECCOMP
            or "ALL" not in [str(each).upper() for each in capabilities.get("drop") or ()]
            or added - {"NET_BIND_SERVICE"}
        ):
            yield f"{where}/securityContext"


def widest(levels: Iterator[str]) -> str:
    """Return the level that allows all of these."""
    return max(levels, key=LEVELS.index, default=RESTRICTED)
