"""Advice: what the registry wants a user to hear when a bundle is made, and to do before it is installed.

A check of a registry entry changes nothing about a bundle, but one of severity error refuses it. The kinds that a
cluster has to know, because nothing in the bundle brings them, are for the registry to say, not for charts.
Source: reference rows B29, L23.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from clusterbook.bundle.components import EVERYTHING, BundleComponent, ComponentSelection, select
from clusterbook.bundle.folders import Plan
from clusterbook.bundle.options import Options, flag
from clusterbook.bundle.value_tree import get
from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.records import Any, NamedTuple

Check = Callable[[BundleComponent, ComponentSelection, Options], bool]


def _no_workload_selector(part: BundleComponent, parts: ComponentSelection, options: Options) -> bool:  # noqa: ARG001 (one signature)
    """Return whether nothing says which workloads to protect."""
    paths = ((part.facts.get("podScheduling") or {}).get("workload") or {}).get("workloadSelectorPaths") or ()
    return not options.workload_selector and not any(get(part.values, tuple(path.split("."))) for path in paths)


def _no_accelerated_selector(part: BundleComponent, parts: ComponentSelection, options: Options) -> bool:  # noqa: ARG001 (one signature)
    """Return whether nothing says which nodes have a GPU."""
    scheduling = (part.facts.get("nodeScheduling") or {}).get("accelerated") or {}
    paths = scheduling.get("nodeSelectorPaths") or ()
    return not options.accelerated_selector and not any(get(part.values, tuple(path.split("."))) for path in paths)


def _host_mofed_alone(part: BundleComponent, parts: ComponentSelection, options: Options) -> bool:  # noqa: ARG001 (one signature)
    """Return whether the host's network driver is expected although nothing of the bundle installs one."""
    wanted = get(part.all_values(), ("driver", "rdma", "useHostMofed")) is True
    return wanted and not any(each.name.startswith("network-operator") for each in parts.parts)


def _wildcard_toleration(part: BundleComponent, parts: ComponentSelection, options: Options) -> bool:  # noqa: ARG001 (one signature)
    """Return whether its pods tolerate every taint: because nothing else is said, or because that is said."""
    return any(not taint.key for taint in options.accelerated_tolerations or EVERYTHING)


def _value(parts: ComponentSelection, name: str, path: str) -> tuple[bool, Any]:
    """Return whether a component is deployed, and its value at a path, None where it has none."""
    values = next((each.all_values() for each in parts.parts if each.name == name), None)
    return values is not None, None if values is None else get(values, tuple(path.split(".")))


def _driver_root_elsewhere(part: BundleComponent, parts: ComponentSelection, options: Options) -> bool:  # noqa: ARG001 (one signature)
    """Return whether DRA looks for the driver where whoever installs it does not put it."""
    ours = get(part.all_values(), ("driver", "enabled")) is not False
    deployed, root = _value(parts, "nvidia-dra-driver-gpu", "nvidiaDriverRoot")
    return deployed and ours != (root == "/run/nvidia/driver")


def _driver_unlabelled(part: BundleComponent, parts: ComponentSelection, options: Options) -> bool:  # noqa: ARG001 (one signature)
    """Return whether nodes have a driver of their own, and nothing says so to what watches for a pod of it."""
    deployed, enabled = _value(parts, "gpu-operator", "driver.enabled")
    return deployed and enabled is False and get(part.all_values(), ("labeler", "assumeDriverInstalled")) is None


def _runtime_class_apart(part: BundleComponent, parts: ComponentSelection, options: Options) -> bool:  # noqa: ARG001 (one signature)
    """Return whether its pods ask for another RuntimeClass than the one that the GPU operator makes."""
    deployed, made = _value(parts, "gpu-operator", "operator.runtimeClass")
    asked = get(part.all_values(), ("metadata-collector", "runtimeClassName"))
    return deployed and (made or "nvidia") != (asked or "nvidia")


def _database_unseen(part: BundleComponent, parts: ComponentSelection, options: Options) -> bool:  # noqa: ARG001 (one signature)
    """Return whether it is deployed at all: nobody looked whether the cluster has an operator of this kind."""
    return True


CHECKS: Mapping[str, Check] = {
    "CheckWorkloadSelectorMissing": _no_workload_selector,
    "CheckAcceleratedSelectorMissing": _no_accelerated_selector,
    "CheckHostMofedWithoutNetworkOperator": _host_mofed_alone,
    "CheckWildcardAcceleratedToleration": _wildcard_toleration,
    "CheckDriverOwnershipCoherence": _driver_root_elsewhere,
    "CheckNVSentinelDriverLabelDetectable": _driver_unlabelled,
    "CheckNVSentinelRuntimeClassCoherence": _runtime_class_apart,
    "CheckMariaDBOperatorOwnershipCoherence": _database_unseen,
}
"""Check by the name that registry entries use; the names are the reference's, whose trees are read as they are.

A check asks about values, options or other components, and which component has it, when and with which message is for
the registry to say. Those that know a component by its name are the reference's for that component.
"""
MESSAGES = {
    "CheckWildcardAcceleratedToleration": "its pods would tolerate every taint, and a drain of their node would never"
    " end; name the taints of GPU nodes: --accelerated-node-toleration nvidia.com/gpu:NoSchedule, say",
    "CheckDriverOwnershipCoherence": "nvidia-dra-driver-gpu does not look for the driver where it is: nvidiaDriverRoot"
    " is /run/nvidia/driver where gpu-operator installs the driver (driver.enabled), and / where the node has one",
    "CheckNVSentinelDriverLabelDetectable": "the driver is preinstalled on nodes, so no pod shows it; set "
    "labeler.assumeDriverInstalled to true, or to false where driver pods run",
    "CheckNVSentinelRuntimeClassCoherence": "metadata-collector.runtimeClassName differs from "
    "operator.runtimeClass of gpu-operator, so its pods would never start",
    "CheckMariaDBOperatorOwnershipCoherence": "it was not checked whether the cluster already has a MariaDB "
    "operator; if it has, use --slurm-accounting-mode customer-managed",
}
"""What a check says where its entry has no words of its own."""


def advice(recipe: Mapping[str, Any], parts: ComponentSelection, options: Options) -> tuple[str, ...]:
    """Return the messages of the registry's checks that apply.

    Raises:
        InvalidRequest: a check of severity error applies, or the registry names one that does not exist.
    """
    found = []
    for part in parts.parts:
        _refuse_no_selector(part, options)
        for entry in part.facts.get("validations") or ():
            name = str(entry.get("function") or "")
            if not _concerns(entry.get("conditions") or {}, recipe["criteria"]):
                continue
            if name in CHECKS:
                applies, words = CHECKS[name](part, parts, options), MESSAGES.get(name, name)
            else:
                applies, words = _later(name, part, parts, recipe["criteria"])
            if not applies:
                continue
            message = f"{part.name}: {entry.get('message') or words}"
            if entry.get("severity") == "error":
                raise InvalidRequest(message, hint="change the options as the message says")
            found.append(message)
    return tuple(found)


def _later(
    name: str, part: BundleComponent, parts: ComponentSelection, criteria: Mapping[str, Any]
) -> tuple[bool, str]:
    """Return whether a check applies that the reference has had since August, and what it says.

    Raises:
        InvalidRequest: there is no such check.
    """
    from clusterbook.bundle import later_checks

    if name not in later_checks.CHECKS:
        hint = did_you_mean(name, (*CHECKS, *later_checks.CHECKS))
        raise InvalidRequest(f"component {part.name} names the unknown check {name}", hint=hint)
    return later_checks.CHECKS[name](part, parts, criteria), later_checks.MESSAGES[name]


_PLACED = {
    "systemNodeSelector": "system_selector",
    "systemNodeToleration": "system_tolerations",
    "acceleratedNodeSelector": "accelerated_selector",
    "acceleratedNodeToleration": "accelerated_tolerations",
    "workloadSelector": "workload_selector",
    "workloadGate": "workload_gate",
    "nodes": "nodes",
    "storageClass": "storage_class",
    "sharedStorageClass": "shared_storage_class",
}
"""Options that components take up or not, and what they are called here."""


def idle_notes(
    recipe: Mapping[str, Any], selected: ComponentSelection, options: Options, plan: Plan
) -> tuple[str, ...]:
    """Return a message for each option that nothing in a bundle takes up: without it the bundle would be the same."""
    usual = Options(options.deployer)
    idle = [
        flag(option)
        for option, field in _PLACED.items()
        if getattr(options, field) != getattr(usual, field)
        and select(recipe, options._replace(**{field: getattr(usual, field)})).parts == selected.parts
    ]
    if options.readiness_hooks and not any(folder.phase == "readiness" for folder in plan.folders):
        idle.append(flag("readinessHooks"))
    return tuple(f"{name} has no effect: no component of this bundle uses it" for name in idle)


def _refuse_no_selector(part: BundleComponent, options: Options) -> None:
    """Raise InvalidRequest where the registry wants nodes selected for a component, and nothing selects them."""
    scheduling = part.facts.get("nodeScheduling") or {}
    for group, selector in (("system", options.system_selector), ("accelerated", options.accelerated_selector)):
        entry = scheduling.get(group) or {}
        tied = entry.get("requireNodeSelectorIfStorageClassSet") and (
            options.storage_class or options.shared_storage_class
        )
        paths = entry.get("nodeSelectorPaths") or ()
        if not (entry.get("requireNodeSelector") or tied) or selector:
            continue
        if not any(get(part.values, tuple(path.split("."))) for path in paths):
            why = " where a storage class is set" if tied else ""
            what = f"{part.name} needs a node selector{why}"
            raise InvalidRequest(what, hint=f"type --{group}-node-selector KEY=VALUE")


_NAMED = "name a Secret in its place, if the chart can take one"
_TAKEN = "have it read at install time with --set-secret {}=SECRET/KEY"
_KEPT = {
    "helm": _TAKEN,
    "helmfile": _TAKEN,
    "flux": _TAKEN,
    "argocd-helm": f"leave it to the installation with --dynamic {{}}, or {_NAMED}",
}
"""How a deployer keeps a secret out of a bundle; what Argo CD renders is in Git, or in its Applications."""


def secret_notes(options: Options) -> tuple[str, ...]:
    """Return a message for each value of the options that looks like a secret; none of them is repeated."""
    given = (*options.settings, *options.typed)
    if not given:
        return ()
    from clusterbook.documents.secret import looks_secret

    kept = _KEPT.get(options.deployer, _NAMED)
    places = (
        f"{each.target}:{'.'.join(path)}"
        for each in given
        for path, value in _leaves(each.path, each.value)
        if isinstance(value, str) and looks_secret(path[-1], value)
    )
    return tuple(
        f"{place} looks like a secret and is readable in options.yaml and values.yaml of the bundle:"
        f" {kept.format(place)}"
        for place in places
    )


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and the value of everything in a value that holds nothing further."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _leaves((*path, str(key)), below)
    elif isinstance(value, list):
        for below in value:
            yield from _leaves(path, below)
    else:
        yield path, value


def _concerns(conditions: Mapping[str, Any], criteria: Mapping[str, Any]) -> bool:
    """Return whether a check's conditions hold for the criteria of a recipe."""
    return all(str(criteria.get(name, "any")) in map(str, wanted or ()) for name, wanted in conditions.items())


class Need(NamedTuple):
    """Names of definitions that components need, and what to do when one is missing: a command, or a sentence."""

    components: tuple[str, ...]
    kinds: tuple[str, ...]
    how: str


def needs(plan: Plan) -> list[Need]:
    """Return what the components of a bundle need, in deployment order; the same need of several once."""
    parts = {folder.component: folder.part for folder in plan.folders}
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for name, part in parts.items():
        for each in part.facts.get("needsKinds") or ():
            what = tuple(each.get("kinds") or ()), each.get("how") or "install what defines them, then try again"
            found.setdefault(what, []).append(name)
    return [Need(tuple(names), kinds, how) for (kinds, how), names in found.items() if kinds]
