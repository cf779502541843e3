"""Checks of bundles that the reference's registry gained after August; read where an entry names one.

What they know of a component is the reference's knowledge of it. A value that is left to the installation counts as
the one that would do harm: nobody looks again. Source: its component registry of November, and its tests of these
checks.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.bundle.components import BundleComponent, ComponentSelection
from clusterbook.bundle.value_tree import get
from clusterbook.records import Any
from clusterbook.resolve.interfaces import FLAG as INTERFACES_FLAG
from clusterbook.resolve.interfaces import VALUE as INTERFACES
from clusterbook.resolve.interfaces import problem_of, ships_runtime
from clusterbook.resolve.recipe import ComponentRef

_WITHOUT_NPD = ("eks", "kind", "rke2")
"""Services that are known to run no node-problem-detector of their own."""
_KAI = {"group": "scheduling.run.ai", "version": "v2alpha2", "resource": "podgroups"}
_DCGM_CHECK, _DCGM_ADDRESS = "preflight-dcgm-diag", "nvidia-dcgm.gpu-operator.svc:5555"


def detector_unsafe(part: BundleComponent, parts: ComponentSelection, criteria: Mapping[str, Any]) -> bool:  # noqa: ARG001 (one signature)
    """Return whether a second node-problem-detector may write the same conditions, or could not start."""
    return criteria.get("service") not in _WITHOUT_NPD or criteria.get("os") == "talos"


def tracing_nowhere(part: BundleComponent, parts: ComponentSelection, criteria: Mapping[str, Any]) -> bool:  # noqa: ARG001 (one signature)
    """Return whether traces are sent, and nothing says where to."""
    return _on(part, "global.tracing.enabled") and not str(_static(part, "global.tracing.endpoint") or "").strip()


def gang_scheduler_missing(part: BundleComponent, parts: ComponentSelection, criteria: Mapping[str, Any]) -> bool:  # noqa: ARG001 (one signature)
    """Return whether checks before a workload wait for groups of KAI, which the bundle does not bring."""
    if not _on(part, "global.preflight.enabled") or _static(part, "preflight.gangCoordination.enabled") is False:
        return False
    group = "preflight.gangDiscovery.podGroupGVR"
    if any(_open(part, f"{group}.{key}") for key in _KAI):
        return True
    asked = {key: _static(part, f"{group}.{key}") for key in _KAI}
    return asked["group"] == _KAI["group"] and (asked != _KAI or not _deployed(parts, "kai-scheduler"))


def dcgm_unreachable(part: BundleComponent, parts: ComponentSelection, criteria: Mapping[str, Any]) -> bool:  # noqa: ARG001 (one signature)
    """Return whether checks before a workload ask a DCGM that is not where they look."""
    address = _dcgm_address(part) if _on(part, "global.preflight.enabled") else ""
    if not address:
        return False
    operator = next((each for each in parts.parts if each.name in ("gpu-operator", "gpu-operator-ocp")), None)
    if operator is None or _static(operator, "dcgm.enabled") is not True:
        return True
    namespace = operator.reference.get("namespace")
    hosts = [f"nvidia-dcgm.{namespace}.{ending}:5555" for ending in ("svc", "svc.cluster.local")]
    return address not in hosts


def nics_unlisted(part: BundleComponent, parts: ComponentSelection, criteria: Mapping[str, Any]) -> bool:  # noqa: ARG001 (one signature)
    """Return whether NICs are watched, and neither metadata nor a pattern says which."""
    collected = _static(part, "global.metadataCollector.enabled") is not False
    collected &= not _open(part, "global.metadataCollector.enabled")
    named = _static(part, "nic-health-monitor.nicInclusionRegexOverride")
    return _on(part, "global.nicHealthMonitor.enabled") and not collected and not named


def networks_unnamed(part: BundleComponent, parts: ComponentSelection, criteria: Mapping[str, Any]) -> bool:  # noqa: ARG001 (one signature)
    """Return whether it ships the runtime that has to be told its networks, and nothing says which they are."""
    if not ships_runtime(ComponentRef(dict(part.reference))):
        return False
    return _open(part, INTERFACES) or bool(problem_of(_static(part, INTERFACES)))


def pages_of_64k(part: BundleComponent, parts: ComponentSelection, criteria: Mapping[str, Any]) -> bool:  # noqa: ARG001 (one signature)
    """Return whether nodes are tuned for a kernel with pages of 64 KiB, which nobody looked for."""
    return str(_static(part, "tuningEnabled")).lower() != "false"


CHECKS = {
    "CheckNPDNotDuplicatingProviderNPD": detector_unsafe,
    "CheckNVSentinelTracingEndpointRequired": tracing_nowhere,
    "CheckNVSentinelPreflightGangSchedulerRequired": gang_scheduler_missing,
    "CheckNVSentinelPreflightDCGMReachable": dcgm_unreachable,
    "CheckNVSentinelNicHealthMonitorRequiresMetadataCollector": nics_unlisted,
    "CheckGKETCPXOInterfacesCoherence": networks_unnamed,
    "CheckGB300HostKernelGranule": pages_of_64k,
}
"""Check by the name that registry entries use."""
MESSAGES = {
    "CheckNPDNotDuplicatingProviderNPD": "a second node-problem-detector would write the same conditions of nodes; it"
    f" is known to be alone on {', '.join(_WITHOUT_NPD)}, and it does not start on Talos",
    "CheckNVSentinelTracingEndpointRequired": "global.tracing.enabled sends traces, and"
    " global.tracing.endpoint is not set",
    "CheckNVSentinelPreflightGangSchedulerRequired": "preflight.gangDiscovery waits for podgroups of KAI"
    f" ({_KAI['group']}/{_KAI['version']}), so kai-scheduler has to be deployed, and not left to the installation",
    "CheckNVSentinelPreflightDCGMReachable": "preflight asks for DCGM, so gpu-operator has to have dcgm.enabled"
    " true and to be in the namespace that DCGM_HOSTENGINE_ADDR names",
    "CheckNVSentinelNicHealthMonitorRequiresMetadataCollector": "NIC health is monitored, but no NICs are selected: set"
    " global.metadataCollector.enabled to true, or nic-health-monitor.nicInclusionRegexOverride",
    "CheckGKETCPXOInterfacesCoherence": "its runtime needs the networks of eth1 to eth8: make the"
    f" bundle with {INTERFACES_FLAG}",
    "CheckGB300HostKernelGranule": "nodes are tuned for a kernel with pages of 64 KiB; others run slower",
}
"""What a check says where its entry has no words of its own."""


def _path(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _static(part: BundleComponent, path: str) -> Any:
    """Return a value that the bundle itself says, None where it says none."""
    return get(part.values, _path(path))


def _open(part: BundleComponent, path: str) -> bool:
    """Return whether a value, or one that it is in, is left to the installation."""
    tree: Any = part.dynamic
    for key in _path(path):
        if not isinstance(tree, dict):
            return True
        if key not in tree:
            return False
        tree = tree[key]
    return True


def _on(part: BundleComponent, path: str) -> bool:
    """Return whether a switch is on as Helm sees it, or may be."""
    return _open(part, path) or bool(_static(part, path))


def _deployed(parts: ComponentSelection, name: str) -> bool:
    return any(each.name == name for each in parts.parts)


def _dcgm_address(part: BundleComponent) -> str:
    """Return where DCGM is looked for, "" where it is not asked; without a list of checks, as the chart has it."""
    checks = _static(part, "preflight.initContainers")
    if checks is None or _open(part, "preflight.initContainers"):
        return _DCGM_ADDRESS
    for check in checks if isinstance(checks, list) else ():
        if isinstance(check, dict) and check.get("name") == _DCGM_CHECK:
            said = [each for each in check.get("env") or () if each.get("name") == "DCGM_HOSTENGINE_ADDR"]
            return str(said[-1].get("value") or "nowhere") if said else "nowhere"
    return ""
