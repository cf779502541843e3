"""Named checks: what the checks of the validator catalog can tell from a snapshot.

Knows, for each check, what there is to read and what would have to run. A check that needs both fails when the reading
does, and is else what came of running it (`ran`), or skipped: what was only read has not been shown to work.
Source: reference rows V22-V44.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.documents.yaml_writer import scalar
from clusterbook.snapshot.constraint import Expression, evaluate, parse_expression
from clusterbook.validate import result as outcome
from clusterbook.validate.ran_ import ran
from clusterbook.validate.result import FAILED, NOT_APPLICABLE, PASSED, SKIPPED
from clusterbook.validate.subject import Constraint, Subject, enabled, gpu_nodes
from clusterbook.validate.workloads import condition, first_ill, running, whole

TOLERANCE = 0.1
"""How far below its floor, or above its ceiling, a measured figure may be. Source: reference rows V39, V42."""
_GPU_OPERATOR = "gpu-operator"
_DRA = "nvidia-dra-driver-gpu"


class Said(NamedTuple):
    """What a check says."""

    state: str
    message: str


Check = Callable[[Subject, tuple[Constraint, ...]], Said]


def ask(name: str, about: Subject, constraints: tuple[Constraint, ...]) -> Said:
    """Return what the check `name` says; `constraints` are those of its phase.

    Raises:
        Unseen: the snapshot cannot tell.
    """
    check = _CHECKS.get(name)
    said = check(about, constraints) if check else Said(SKIPPED, "it runs a container of its own on a cluster")
    found = ran(about.snapshot, name) if said.state == SKIPPED else None
    return Said(*found) if found else said


def consumed(name: str, check: str) -> bool:
    """Return whether a check judges the constraint `name` itself. Source: reference rows V24, V39-V42."""
    if check == "gpu-operator-version":
        return name == "Deployment.gpu-operator.version"
    return name.startswith("inference-") if check == "inference-perf" else name == check


def _has(about: Subject, component: str) -> bool:
    found = about.components.get(component)
    return found is not None and enabled(found, about.recipe)


def _namespace(about: Subject, component: str, default: str) -> str:
    return str((about.components.get(component) or {}).get("namespace") or default)


def _read(said: list[str], *, then: str = "", holds: str = "") -> Said:
    """Return what follows from what is wrong: failed; else what would have to run, or that it holds."""
    if said:
        more = f" and {len(said) - 3} more" if len(said) > 3 else ""
        return Said(FAILED, "; ".join(said[:3]) + more)
    return Said(SKIPPED, f"what can be read holds; {then}") if then else Said(PASSED, holds)


# --- deployment -------------------------------------------------------------------------------------------------------


def _operator_health(about: Subject, _: tuple[Constraint, ...]) -> Said:
    if not _has(about, _GPU_OPERATOR):
        return Said(NOT_APPLICABLE, "the recipe does not deploy gpu-operator")
    namespace = _namespace(about, _GPU_OPERATOR, _GPU_OPERATOR)
    pods = running(about.inventory, namespace, {"app": "gpu-operator"})
    return _read(
        [] if pods else [f"no pod app=gpu-operator runs in {namespace}"],
        holds=f"{len(pods)} {'pod runs' if len(pods) == 1 else 'pods run'}",
    )


def _expected_resources(about: Subject, _: tuple[Constraint, ...]) -> Said:
    """Namespaces are active, expected resources healthy. Source: reference rows V23, V38."""
    wanted: dict[tuple[str, str, str], None] = {}
    for component in about.components.values():
        if not enabled(component, about.recipe):
            continue
        if component.get("namespace"):
            wanted["Namespace", str(component["namespace"]), ""] = None
        for each in component.get("expectedResources") or ():
            namespace = each.get("namespace") or ""
            wanted[str(each.get("kind")), str(each.get("name")), str(namespace)] = None
    spaces = sum(kind == "Namespace" for kind, *_ in wanted)
    rest = len(wanted) - spaces
    holds = f"{spaces} namespaces are active{f', {rest} expected resources are healthy' if rest else ''}"
    return _read(first_ill(about.inventory, wanted), holds=holds)


def _gpu_operator_version(about: Subject, constraints: tuple[Constraint, ...]) -> Said:
    wanted = next((each for each in constraints if consumed(each.name, "gpu-operator-version")), None)
    if wanted is None:
        return Said(SKIPPED, "the recipe sets no constraint Deployment.gpu-operator.version")
    namespace = _namespace(about, _GPU_OPERATOR, _GPU_OPERATOR)
    found = about.inventory.named("apps/v1", "Deployment", _GPU_OPERATOR, namespace)
    if found is None:
        return Said(FAILED, f"Deployment {namespace}/gpu-operator is not there")
    metadata = found["metadata"]
    version = str((metadata.get("labels") or {}).get("app.kubernetes.io/version") or "") or _tag(found)
    version = version or str((metadata.get("annotations") or {}).get("app.kubernetes.io/version") or "")
    if not version:
        return Said(FAILED, "Deployment gpu-operator shows no version: no label, image tag or annotation")
    return _held(wanted, version)


def _tag(found: Mapping[str, Any]) -> str:
    """Return the tag of the first container's image, "" where there is none."""
    containers: Any = found.get("spec")
    for key in ("template", "spec", "containers"):
        containers = containers.get(key) if isinstance(containers, Mapping) else None
    first = containers[0] if isinstance(containers, list) and containers else None
    image = str(first.get("image") or "").partition("@")[0] if isinstance(first, Mapping) else ""
    return image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""


def _held(wanted: Constraint, actual: str) -> Said:
    """Return whether a reading meets a constraint."""
    try:
        holds = evaluate(parse_expression(wanted.value), actual)
    except ClusterbookError as error:
        return Said(outcome.ERROR, error.what)
    return Said(PASSED, f"it is {actual}") if holds else Said(FAILED, f"it is {actual}, not {wanted.value}")


def _nvidia_smi(about: Subject, _: tuple[Constraint, ...]) -> Said:
    if gpu_nodes(about.snapshot) == 0:
        return Said(NOT_APPLICABLE, "the cluster has no GPU node")
    return Said(SKIPPED, "it runs a pod on each GPU node")


# --- conformance ------------------------------------------------------------------------------------------------------


def _gpu_operator_health(about: Subject, _: tuple[Constraint, ...]) -> Said:
    if not _has(about, _GPU_OPERATOR):
        return Said(NOT_APPLICABLE, "the recipe does not deploy gpu-operator")
    namespace = _namespace(about, _GPU_OPERATOR, _GPU_OPERATOR)
    wanted = [("Deployment", _GPU_OPERATOR, namespace), ("DaemonSet", "nvidia-dcgm-exporter", namespace)]
    said = first_ill(about.inventory, wanted)
    policy = about.inventory.named("nvidia.com/v1", "ClusterPolicy", "cluster-policy")
    state = "not there" if policy is None else (policy.get("status") or {}).get("state", "without a state")
    said += [] if state == "ready" else [f"ClusterPolicy cluster-policy is {state}"]
    return _read(said, holds="operator, policy and DCGM exporter are ready")


def _dra_support(about: Subject, _: tuple[Constraint, ...]) -> Said:
    """Controller and kubelet plugin are ready and slices published. Source: reference rows V16, V26."""
    component = about.components.get(_DRA)
    if component is None or not enabled(component, about.recipe):
        return Said(NOT_APPLICABLE, f"the recipe does not deploy {_DRA}")
    namespace = str(component.get("namespace") or "nvidia-dra-driver")
    values = component.get("values") or {}
    prefix = values.get("fullnameOverride") or _DRA
    wanted = (("Deployment", f"{prefix}-controller"), ("DaemonSet", f"{prefix}-kubelet-plugin"))
    said = first_ill(about.inventory, [(kind, name, namespace) for kind, name in wanted])
    slices = whole(about.inventory, "resource.k8s.io/v1", "ResourceSlice")
    drivers = {str((each.get("spec") or {}).get("driver")) for each in slices}
    said += [] if any(each.endswith("nvidia.com") for each in drivers) else ["no ResourceSlice of an nvidia.com driver"]
    resources = values.get("resources") or {}
    claims = (resources.get("gpus") or {}).get("enabled") is True
    then = "a pod has to be given a GPU through a claim" if claims else ""
    return _read(said, then=then, holds=f"the driver runs; {len(slices)} slices are published")


def _ready(then: str, *wanted: tuple[str, str, str], component: str = "") -> Check:
    """Return a check whose reading is that objects are healthy, and which has to run something besides."""

    def check(about: Subject, _: tuple[Constraint, ...]) -> Said:
        if component and not _has(about, component):
            return Said(NOT_APPLICABLE, f"the recipe does not deploy {component}")
        return _read(first_ill(about.inventory, wanted), then=then)

    return check


def _inference_gateway(about: Subject, _: tuple[Constraint, ...]) -> Said:
    if not _has(about, "agentgateway"):
        return Said(NOT_APPLICABLE, "the recipe does not deploy agentgateway")
    kinds = ("gatewayclasses.gateway.networking.k8s.io", "gateways.gateway.networking.k8s.io",
             "httproutes.gateway.networking.k8s.io")  # fmt: skip
    said = first_ill(about.inventory, [("CustomResourceDefinition", name, "") for name in kinds])
    api = "gateway.networking.k8s.io/v1"
    namespace = _namespace(about, "agentgateway", "agentgateway-system")
    found = about.inventory.named(api, "GatewayClass", "agentgateway")
    said += [] if condition(found, "Accepted") else ["GatewayClass agentgateway is not accepted"]
    found = about.inventory.named(api, "Gateway", "inference-gateway", namespace)
    said += [] if condition(found, "Programmed") else ["Gateway inference-gateway is not programmed"]
    proxies = running(about.inventory, namespace, {"gateway.networking.k8s.io/gateway-name": "inference-gateway"})
    said += [] if proxies else ["no pod of inference-gateway runs"]
    return _read(said, holds=f"the gateway is programmed; {len(proxies)} proxies run")


def _robust_controller(about: Subject, _: tuple[Constraint, ...]) -> Said:
    then = "its webhook has to refuse something wrong"
    if _has(about, "dynamo-platform"):
        namespace = _namespace(about, "dynamo-platform", "dynamo-system")
        pods = running(about.inventory, namespace, {"app.kubernetes.io/name": "dynamo-operator"})
        return _read([] if pods else [f"no pod of dynamo-operator runs in {namespace}"], then=then)
    if _has(about, "kubeflow-trainer"):
        namespace = _namespace(about, "kubeflow-trainer", "kubeflow")
        wanted = [("Deployment", "kubeflow-trainer-controller-manager", namespace)]
        return _read(first_ill(about.inventory, wanted), then=then)
    return Said(NOT_APPLICABLE, "the recipe deploys neither dynamo-platform nor kubeflow-trainer")


def _runs(what: str, component: str = "") -> Check:
    """Return a check of which nothing can be read."""
    return _ready(what, component=component) if component else lambda *_: Said(SKIPPED, what)


# --- performance ------------------------------------------------------------------------------------------------------


def _measured(least_nodes: int, component: str = "") -> Callable[[str], Check]:
    """Return what makes the check of a figure that was measured, if the snapshot has it."""

    def make(name: str) -> Check:
        def check(about: Subject, constraints: tuple[Constraint, ...]) -> Said:
            if component and not _has(about, component):
                return Said(NOT_APPLICABLE, f"the recipe does not deploy {component}")
            wanted = [each for each in constraints if consumed(each.name, name)]
            if not wanted:
                return Said(SKIPPED, "the recipe sets no constraint for it")
            nodes = gpu_nodes(about.snapshot)
            if nodes is not None and nodes < least_nodes:
                return Said(NOT_APPLICABLE, f"it takes {least_nodes} GPU nodes, and there are {nodes}")
            results = about.snapshot.measurements.get("Performance", {}).get("results")
            figures = results.data if results else {}
            there = [each for each in wanted if figures.get(each.name) is not None]
            missing = ", ".join(each.name for each in wanted if each not in there)
            if not there:
                return Said(SKIPPED, f"it has to be measured: the snapshot has no {missing}")
            said = _figures(there, figures)
            if missing and said.state != FAILED:  # a figure says nothing as long as nobody knows what of
                what = f"it was measured, and nobody says with which {missing}"
                return Said(outcome.ERROR, f"{what}; record it again with --setting")
            return said

        return check

    return make


def _figures(wanted: list[Constraint], figures: Mapping[str, Any]) -> Said:
    """Return whether measured figures meet their constraints, within the tolerance."""
    said = []
    for each in wanted:
        actual = scalar(figures[each.name])
        try:
            holds = _meets(parse_expression(each.value), actual)
        except ClusterbookError:
            said.append(f"{each.name} is {actual}, which is no figure")
            continue
        if not holds:
            said.append(f"{each.name} is {actual}{f' {each.unit}' if each.unit else ''}, not {each.value}")
    return _read(said, holds=", ".join(f"{each.name} is {scalar(figures[each.name])}" for each in wanted))


def _meets(expression: Expression, actual: str) -> bool:
    """Return whether a figure meets what is demanded, within the tolerance; what is no number is compared as text.

    Raises:
        InvalidRequest: a number is demanded, and this is none.
    """
    if expression.op == "and":
        return all(_meets(part, actual) for part in expression.parts)
    if expression.op in ("or", "in"):
        return any(_meets(part, actual) for part in expression.parts)
    try:
        number, bound = float(actual), float(expression.value)
    except ValueError:
        return evaluate(expression, actual)
    if not isfinite(number):
        raise InvalidRequest(f"'{actual}' is no figure")
    low, high = bound * (1 - TOLERANCE), bound * (1 + TOLERANCE)
    of_range = {">=": number >= low, ">": number > low, "<=": number <= high, "<": number < high}
    return of_range.get(expression.op, (number == bound) == (expression.op != "!="))


_KAI = "kai-scheduler"
_KAI_PARTS = ("kai-operator", "kai-scheduler-default", "admission", "binder", "pod-grouper", "podgroup-controller",
              "queue-controller")  # fmt: skip
_KAI_KINDS = ("queues.scheduling.run.ai", "podgroups.scheduling.run.ai")
_DCGM = ("DaemonSet", "nvidia-dcgm-exporter", "gpu-operator")
_SLURM = "slinky-slurm"

_CHECKS: dict[str, Check] = {
    "operator-health": _operator_health,
    "expected-resources": _expected_resources,
    "gpu-operator-version": _gpu_operator_version,
    "check-nvidia-smi": _nvidia_smi,
    "platform-health": _expected_resources,
    "gpu-operator-health": _gpu_operator_health,
    "dra-support": _dra_support,
    "accelerator-metrics": _ready("the exporter has to be asked for its metrics", _DCGM),
    "ai-service-metrics": _ready(
        "Prometheus has to be asked for GPU metrics", ("APIService", "v1beta1.custom.metrics.k8s.io", "")
    ),
    "inference-gateway": _inference_gateway,
    "gang-scheduling": _ready(
        "two pods have to be started together",
        *(("Deployment", name, _KAI) for name in _KAI_PARTS),
        *(("CustomResourceDefinition", name, "") for name in _KAI_KINDS),
        component=_KAI,
    ),
    "pod-autoscaling": _ready("a workload has to be scaled up and down", _DCGM),
    "cluster-autoscaling": _runs("pods that do not fit have to be started"),
    "robust-controller": _robust_controller,
    "secure-accelerator-access": _runs("pods have to look for GPUs that are not theirs"),
    "slinky-slurm-health": _runs("Slurm has to run a job", _SLURM),
    "slinky-slurm-imex-channel": _runs("Slurm has to run two jobs at one time", _SLURM),
    **{
        name: _measured(least_nodes=2)(name)
        for name in ("nccl-all-reduce-bw", "nccl-all-reduce-bw-net", "nccl-all-reduce-bw-nvls")
    },
    "inference-perf": _measured(least_nodes=1, component="dynamo-platform")("inference-perf"),
}
NAMES = tuple(_CHECKS)
"""The checks that are known here; a catalog may have more."""
WORDS = frozenset(
    (*_KAI_PARTS, *_KAI_KINDS, _KAI, _GPU_OPERATOR, "nvidia-dcgm-exporter", "cluster-policy", "inference-gateway",
     f"{_DRA}-controller", f"{_DRA}-kubelet-plugin", "agentgateway", "kubeflow-trainer-controller-manager",
     "dynamo-operator")
)  # fmt: skip
"""The names of objects, and values of labels, that checks ask about."""
