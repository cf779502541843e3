"""Inspection: what becomes of a check, as far as a snapshot can tell.

A check of which something has to run besides fails when its reading does, and is else what came of running it, or
skipped: what was only read has not been shown to work. Source: reference rows V22-V44.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.documents.yaml_writer import scalar
from clusterbook.records import Any, NamedTuple
from clusterbook.snapshot.constraint import evaluate, parse_expression
from clusterbook.validate.checks import EACH_GPU_NODE, Check, Inspection, ObjectName
from clusterbook.validate.figures import missed_constraints
from clusterbook.validate.result import ERROR, FAILED, NOT_APPLICABLE, PASSED, SKIPPED, recorded_result
from clusterbook.validate.subject import Constraint, ValidationSubject, gpu_nodes
from clusterbook.validate.workloads import all_objects, api_version, condition, faults_of, health_fault, pods, refusal

_SHOWN = 3
"""Most faults that one message names."""


class Judgement(NamedTuple):
    """What becomes of a check, and why."""

    state: str
    message: str


def judge_check(check: Check, subject: ValidationSubject, constraints: Sequence[Constraint]) -> Judgement:
    """Return what becomes of a check; `constraints` are those of its phase.

    Raises:
        Unseen: the snapshot cannot tell.
    """
    judgement = _inspect(check, subject, [each for each in constraints if check.judges(each.name)])
    outcome = recorded_result(subject.snapshot, check.name) if judgement.state == SKIPPED else None
    return Judgement(*outcome) if outcome else judgement


def _inspect(check: Check, subject: ValidationSubject, constraints: Sequence[Constraint]) -> Judgement:
    """Return what reading says; `constraints` are those that the check judges itself."""
    if not check.inspections:
        return Judgement(SKIPPED, "it runs a container of its own on a cluster")
    if check.where == EACH_GPU_NODE and gpu_nodes(subject.snapshot) == 0:
        return Judgement(NOT_APPLICABLE, "the cluster has no GPU node")
    names = [inspection.component for inspection in check.inspections]
    inspection = next((each for each in check.inspections if _deploys(subject, each.component)), None)
    if inspection is None:
        several = f"the recipe deploys neither {' nor '.join(names)}"
        return Judgement(NOT_APPLICABLE, several if len(names) > 1 else f"the recipe does not deploy {names[0]}")
    if inspection.measured:
        return _figure_faults(inspection, subject, constraints)
    if inspection.expected_resources:
        return _expected_resources(subject)
    if inspection.version:
        return _version(inspection.version.object, _namespace(subject, inspection.version.component), check, subject,
                        constraints)  # fmt: skip
    return _objects(inspection, subject)


def _deploys(subject: ValidationSubject, name: str) -> bool:
    """Return whether the recipe deploys a component; "" is any recipe."""
    component = subject.components.get(name)
    return not name or (component is not None and subject.recipe.deploys(component))


def _namespace(subject: ValidationSubject, component: str, default: str = "") -> str:
    ref = subject.components.get(component)
    return (ref.namespace if ref else "") or default


def _judgement(faults: Sequence[str], *, then: str = "", holds: str = "") -> Judgement:
    """Return what follows from what is wrong: failed; else what would have to run, or that it holds."""
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        return Judgement(FAILED, "; ".join(faults[:_SHOWN]) + more)
    return Judgement(SKIPPED, f"what can be inspected passes; {then}") if then else Judgement(PASSED, holds)


# --- objects ----------------------------------------------------------------------------------------------------------


def _objects(inspection: Inspection, subject: ValidationSubject) -> Judgement:
    """Return whether the objects that are asked about are as they have to be."""
    component = subject.components.get(inspection.component)
    values = component.values if component else {}
    namespace = _namespace(subject, inspection.component, inspection.namespace)
    fullname = str(_value_at(values, ("fullnameOverride",)) or inspection.fullname)

    def expand(name: ObjectName) -> ObjectName:
        fill = {"{namespace}": namespace, "{fullname}": fullname}
        return name._replace(name=_fill(name.name, fill), namespace=_fill(name.namespace, fill))

    if inspection.then and not (inspection.component or inspection.pods or inspection.some or [*inspection.objects]):
        return Judgement(SKIPPED, inspection.then)
    inventory, count = subject.inventory, 0
    faults = faults_of(inventory, [expand(asked)[:3] for asked in inspection.healthy])
    for asked, state in inspection.states:
        faults += _state_faults(subject, expand(asked), state)
    for asked, name in inspection.conditions:
        faults += _condition_faults(subject, expand(asked), name)
    if inspection.pods:
        own = pods(inventory, namespace, inspection.pods.labels)
        count = len(own.healthy)
        faults += own.faults
        none = _fill(inspection.pods.otherwise, {"{namespace}": namespace}) + refusal(inventory, namespace)
        faults += [] if count or own.faults else [none]
    if inspection.some:
        some = inspection.some
        objects = all_objects(inventory, some.api_version, some.kind)
        count = len(objects)
        ends = any(str(_value_at(found, some.field)).endswith(some.ending) for found in objects)
        faults += [] if ends else [some.otherwise]
    holds = inspection.holds_one if count == 1 and inspection.holds_one else inspection.holds
    then = inspection.then if not inspection.then_if or _value_at(values, inspection.then_if) is True else ""
    return _judgement(faults, then=then, holds=_fill(holds, {"{count}": str(count)}))


def _fill(text: str, words: Mapping[str, str]) -> str:
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text


def _value_at(value: Any, path: Sequence[str]) -> Any:
    """Return what lies at a path in maps, None where nothing does."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _state_faults(subject: ValidationSubject, target: ObjectName, state: str) -> list[str]:
    named = subject.inventory.named(target.api_version, target.kind, target.name, target.namespace)
    shown = "missing" if named is None else (named.get("status") or {}).get("state", "without a state")
    return [] if shown == state else [f"{target.kind} {target.name} is {shown}"]


def _condition_faults(subject: ValidationSubject, target: ObjectName, name: str) -> list[str]:
    named = subject.inventory.named(target.api_version, target.kind, target.name, target.namespace)
    return [] if condition(named, name) else [f"{target.kind} {target.name} is not {name.lower()}"]


def _expected_resources(subject: ValidationSubject) -> Judgement:
    """Return whether namespaces are active and expected resources healthy. Source: reference rows V23, V38."""
    expected: dict[tuple[str, str, str], None] = {}
    for component in subject.components.values():
        if not subject.recipe.deploys(component):
            continue
        if component.namespace:
            expected["Namespace", component.namespace, ""] = None
        for resource in component.expected_resources:
            namespace = resource.get("namespace") or ""
            expected[str(resource.get("kind")), str(resource.get("name")), str(namespace)] = None
    spaces = sum(kind == "Namespace" for kind, *_ in expected)
    rest = len(expected) - spaces
    holds = f"{spaces} namespaces are active{f', {rest} expected resources are healthy' if rest else ''}"
    return _judgement(faults_of(subject.inventory, expected), holds=holds)


# --- constraints ------------------------------------------------------------------------------------------------------


def _version(
    source: ObjectName, namespace: str, check: Check, subject: ValidationSubject, constraints: Sequence[Constraint]
) -> Judgement:
    """Return whether the version that an object shows, by label, image tag or annotation, meets its constraint."""
    if not constraints:
        return Judgement(SKIPPED, f"the recipe sets no constraint {' or '.join(check.constraints)}")
    namespace = namespace or source.namespace
    shows = subject.inventory.named(api_version(subject.inventory, source.kind), source.kind, source.name, namespace)
    if shows is None:
        return Judgement(FAILED, f"{source.kind} {namespace}/{source.name} does not exist")
    label = "app.kubernetes.io/version"
    metadata = shows["metadata"]
    version = str((metadata.get("labels") or {}).get(label) or "") or _tag(shows)
    version = version or str((metadata.get("annotations") or {}).get(label) or "")
    if not version:
        return Judgement(FAILED, f"{source.kind} {source.name} shows no version: no label, image tag or annotation")
    try:
        holds = evaluate(parse_expression(constraints[0].value), version, reference=constraints[0].reference)
    except ClusterbookError as error:
        return Judgement(ERROR, error.what)
    if not holds:
        return Judgement(FAILED, f"it is {version}, not {constraints[0].value}")
    why = health_fault(source.kind, shows)  # what it says of itself is not what runs
    if why:
        return Judgement(FAILED, f"it says {version}, and {source.kind} {source.name} {why}")
    return Judgement(PASSED, f"it is {version}")


def _tag(workload: Mapping[str, Any]) -> str:
    """Return the tag of the first container's image, "" where there is none."""
    containers = _value_at(workload, ("spec", "template", "spec", "containers"))
    first = containers[0] if isinstance(containers, list) and containers else None
    image = str(first.get("image") or "").partition("@")[0] if isinstance(first, Mapping) else ""
    return image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""


def _figure_faults(inspection: Inspection, subject: ValidationSubject, constraints: Sequence[Constraint]) -> Judgement:
    """Return whether the figures that were measured meet their constraints, if the snapshot has them."""
    if not constraints:
        return Judgement(SKIPPED, "the recipe sets no constraint for it")
    nodes = gpu_nodes(subject.snapshot)
    if nodes is not None and nodes < inspection.gpu_nodes:
        return Judgement(NOT_APPLICABLE, f"it takes {inspection.gpu_nodes} GPU nodes, and there are {nodes}")
    results = subject.snapshot.measurements.get("Performance", {}).get("results")
    figures = results.data if results else {}
    measured = [constraint for constraint in constraints if figures.get(constraint.name) is not None]
    missing = ", ".join(constraint.name for constraint in constraints if constraint not in measured)
    if not measured:
        return Judgement(SKIPPED, f"it must be measured: the snapshot has no {missing}")
    faults = missed_constraints(measured, figures)
    if missing and not faults:  # a figure says nothing as long as nobody knows what of
        what = f"it was measured without the setting {missing}"
        return Judgement(ERROR, f"{what}; record it again with --setting")
    return _judgement(faults, holds=", ".join(f"{each.name} is {scalar(figures[each.name])}" for each in measured))
