"""The subject of a judgement: a recipe, the cluster it is held against, and whether it is for such a cluster at all.

A constraint that cannot be read is refused here, before anything is judged. The reference says which criteria a cluster
meets in its evidence only (`criteriaMatch`, reference row V48); a recipe for another cluster is a failure here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.documents.selector import describe
from clusterbook.snapshot.constraint import parse_expression, parse_path
from clusterbook.snapshot.inventory import Inventory
from clusterbook.snapshot.model import Snapshot, fingerprint
from clusterbook.validate.result import CRITERION, FAILED, PASSED, PHASES, READINESS, SKIPPED, Result

Document = Mapping[str, Any]


class Constraint(NamedTuple):
    """What must be true. Source: reference row R15."""

    name: str
    value: str
    remediation: str = ""
    unit: str = ""

    @property
    def is_path(self) -> bool:
        """Return whether the name is a path to a reading, and not the name of a measurement."""
        return self.name.count(".") > 1


class Phase(NamedTuple):
    """What a recipe asks in one phase."""

    constraints: tuple[Constraint, ...]
    checks: tuple[str, ...]


class Subject(NamedTuple):
    """A recipe whose shape was checked, and a snapshot. `components` has what the recipe deploys, by name."""

    recipe: Document
    snapshot: Snapshot
    components: Mapping[str, Document]
    phases: Mapping[str, Phase]

    @property
    def inventory(self) -> Inventory:
        """Return what was found on the cluster."""
        return self.snapshot.inventory

    @property
    def name(self) -> str:
        """Return the name of the recipe."""
        metadata = self.recipe.get("metadata")
        return str(metadata.get("slug") or metadata.get("name") or "") if isinstance(metadata, Mapping) else ""


def subject(recipe: Document, snapshot: Snapshot) -> Subject:
    """Return what is to be judged.

    Raises:
        InvalidRequest: the recipe is none, or one of its constraints cannot be read.
    """
    if recipe.get("kind") != "RecipeResult":
        kind = recipe.get("kind") or ""
        raise InvalidRequest(f"this is no recipe: its kind is '{kind}'", hint="print one with `clusterbook recipe`")
    refs = recipe.get("componentRefs")
    if not isinstance(refs, list) or not all(isinstance(each, Mapping) and each.get("name") for each in refs):
        raise InvalidRequest("the recipe has no componentRefs with names", hint="print one with `clusterbook recipe`")
    validation = recipe.get("validation") or {}
    if not isinstance(validation, Mapping):
        raise InvalidRequest(f"validation of the recipe is {describe(validation)}, not a map")
    phases = {name: _phase(validation.get(name) or {}, f"validation.{name}") for name in PHASES}
    top = _constraints(recipe.get("constraints"), "constraints", paths=True)
    readiness = phases[READINESS]
    phases[READINESS] = Phase((*top, *readiness.constraints), readiness.checks)
    return Subject(recipe, snapshot, {str(each["name"]): each for each in refs}, phases)


def enabled(component: Document, recipe: Document) -> bool:
    """Return whether the recipe deploys a component. Source: reference row R39."""
    order = recipe.get("deploymentOrder")
    overrides = component.get("overrides")
    if isinstance(overrides, Mapping) and overrides.get("enabled") is False:
        return False
    return not isinstance(order, list) or component["name"] in order


def _phase(found: object, where: str) -> Phase:
    """Return what one phase asks for."""
    if not isinstance(found, Mapping):
        raise InvalidRequest(f"{where} of the recipe is {describe(found)}, not a map")
    checks = found.get("checks") or ()
    if not isinstance(checks, list | tuple) or not all(isinstance(each, str) for each in checks):
        raise InvalidRequest(f"{where}.checks of the recipe is no list of names")
    return Phase(_constraints(found.get("constraints"), f"{where}.constraints"), tuple(checks))


def _constraints(found: object, where: str, *, paths: bool = False) -> tuple[Constraint, ...]:
    """Return a list of constraints, all of which can be read; with `paths` each is about a reading."""
    if not isinstance(found, list | tuple | None):
        raise InvalidRequest(f"{where} of the recipe is {describe(found)}, not a list")
    read = []
    for number, each in enumerate(found or ()):
        constraint = _constraint(each, f"{where}[{number}]")
        try:
            parse_expression(constraint.value)
            if paths or constraint.is_path:
                parse_path(constraint.name)
        except ClusterbookError as error:
            raise InvalidRequest(f"{where}: {constraint.name}: {error.what}", hint=error.hint) from error
        read.append(constraint)
    return tuple(read)


def _constraint(found: object, where: str) -> Constraint:
    """Return one constraint; a version that was read as a number has lost its last zeros, so it is refused."""
    if not isinstance(found, Mapping) or not isinstance(found.get("name"), str):
        raise InvalidRequest(f"{where} of the recipe is no constraint with name and value")
    value = found.get("value")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidRequest(
            f"{where}.value of the recipe is {describe(value)}, not text", hint="quote it: '1.30', say"
        )
    return Constraint(found["name"], str(value), str(found.get("remediation") or ""), str(found.get("unit") or ""))


def gpu_nodes(snapshot: Snapshot) -> int | None:
    """Return how many nodes have GPUs, None where the snapshot does not say. Source: reference rows S2, S16."""
    stated = snapshot.stated.get("gpuNodeCount")
    value = stated.get("value") if isinstance(stated, Mapping) else stated
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if "label" not in snapshot.measurements.get("NodeTopology", {}):
        return None
    label = "nvidia.com/gpu.present"
    said = [snapshot.reading("NodeTopology", "label", key) for key in (label, f"{label}.true")]
    names = next((text.removeprefix("true|") for text in said if text.startswith("true|")), "")
    if not names:
        return 0
    listed, more, rest = names.partition(" (+")
    return len(listed.split(",")) + (int(rest.split(" ")[0]) if more and rest.split(" ")[0].isdecimal() else 0)


# --- criteria ---------------------------------------------------------------------------------------------------------

_SHOWN = ("service", "accelerator", "os")
"""The criteria that a cluster may show."""
_BY_PROVIDER = ("eks", "gke", "aks", "oke", "lke", "kind")
"""The services that a node's provider gives away; what else runs on rented machines shows their provider."""
_ANY = ("any", "", 0)


def criteria(recipe: Document, snapshot: Snapshot) -> Iterator[Result]:
    """Yield what becomes of each criterion of a recipe that a cluster may show."""
    claimed = recipe.get("criteria")
    shown, version = fingerprint(snapshot), snapshot.reading("K8s", "server", "version")
    for dimension in _SHOWN:
        value = claimed.get(dimension, "") if isinstance(claimed, Mapping) else ""
        if value not in _ANY:
            state, message = _criterion(dimension, str(value), shown.get(dimension, ""), version)
            yield Result(READINESS, CRITERION, dimension, state, message)


def _criterion(dimension: str, value: str, shown: str, version: str) -> tuple[str, str]:
    """Return whether a cluster that shows `shown`, and runs Kubernetes `version`, is one for `value`."""
    if value == shown:
        return PASSED, f"it is {shown}"
    if not shown:
        return SKIPPED, f"the recipe is for {value}, and the cluster does not show its own"
    if dimension == "service" and value not in _BY_PROVIDER:
        if f"-{shown}" in version:  # v1.33.5-eks-3025e55, v1.33.5-gke.1201000: the service's own build
            return FAILED, f"the recipe is for {value}, and the cluster's Kubernetes is {version}"
        return SKIPPED, f"the recipe is for {value}, which no provider gives away; the cluster's is that of {shown}"
    return FAILED, f"the recipe is for {value}, and the cluster shows {shown}"
