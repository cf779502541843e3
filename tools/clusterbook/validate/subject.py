"""The subject of a judgement: a recipe, the cluster it is held against, and whether it is for such a cluster at all.

A constraint that cannot be read is refused here, before anything is judged. The reference says which criteria a cluster
meets in its evidence only (`criteriaMatch`, reference row V48); a recipe for another cluster is a failure here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.resolve.recipe import ComponentRef, Document, RecipeResult
from clusterbook.resolve.recipe_schema import read_recipe
from clusterbook.snapshot.constraint import parse_expression, parse_path
from clusterbook.snapshot.inventory import Inventory
from clusterbook.snapshot.model import Snapshot, fingerprint
from clusterbook.validate.result import CRITERION, FAILED, PASSED, PHASES, READINESS, SKIPPED, Result


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
    """A recipe whose shape was checked, and a snapshot. `components` has those of the recipe by name."""

    recipe: RecipeResult
    snapshot: Snapshot
    components: Mapping[str, ComponentRef]
    phases: Mapping[str, Phase]

    @property
    def inventory(self) -> Inventory:
        """Return what was found on the cluster."""
        return self.snapshot.inventory

    @property
    def name(self) -> str:
        """Return the name of the recipe."""
        return self.recipe.slug or str(self.recipe.metadata.get("name") or "")


def subject(document: Document, snapshot: Snapshot) -> Subject:
    """Return what is to be judged.

    Raises:
        InvalidRequest: the document is no recipe, or one of its constraints cannot be read.
    """
    recipe = read_recipe(document)
    validation = document.get("validation") or {}
    phases = {name: _phase(validation.get(name) or {}, f"validation.{name}") for name in PHASES}
    top = _constraints(document.get("constraints"), "constraints", paths=True)
    readiness = phases[READINESS]
    phases[READINESS] = Phase((*top, *readiness.constraints), readiness.checks)
    return Subject(recipe, snapshot, recipe.by_name, phases)


def _phase(document: Document, where: str) -> Phase:
    """Return what one phase asks for."""
    constraints = _constraints(document.get("constraints"), f"{where}.constraints")
    return Phase(constraints, tuple(document.get("checks") or ()))


def _constraints(documents: Iterable[Document] | None, where: str, *, paths: bool = False) -> tuple[Constraint, ...]:
    """Return a list of constraints, all of which can be read; with `paths` each is about a reading."""
    read = []
    for document in documents or ():
        constraint = Constraint(
            name=document["name"],
            value=str(document["value"]),
            remediation=document.get("remediation") or "",
            unit=document.get("unit") or "",
        )
        try:
            parse_expression(constraint.value)
            if paths or constraint.is_path:
                parse_path(constraint.name)
        except ClusterbookError as error:
            raise InvalidRequest(f"{where}: {constraint.name}: {error.what}", hint=error.hint) from error
        read.append(constraint)
    return tuple(read)


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


def criteria(claimed: Mapping[str, Any], snapshot: Snapshot) -> Iterator[Result]:
    """Yield what becomes of each criterion of a recipe that a cluster may show."""
    shown, version = fingerprint(snapshot), snapshot.reading("K8s", "server", "version")
    for dimension in _SHOWN:
        value = claimed.get(dimension, "")
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
