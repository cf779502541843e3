"""The subject of a judgement: a recipe, the cluster it is held against, and whether it is for such a cluster at all.

A constraint that cannot be read is refused here, before anything is judged. The reference says which criteria a cluster
meets in its evidence only (`criteriaMatch`, reference row V48); a recipe for another cluster is a failure here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.records import Any, NamedTuple
from clusterbook.resolve.recipe import ComponentRef, Document, RecipeResult
from clusterbook.resolve.recipe_schema import read_recipe
from clusterbook.snapshot.constraint import parse_expression, parse_path
from clusterbook.snapshot.criteria import DIMENSIONS, NONE, UNREADABLE, DimensionReading, read_dimension
from clusterbook.snapshot.gpus import VGPU
from clusterbook.snapshot.inventory import Inventory
from clusterbook.snapshot.model import Snapshot
from clusterbook.snapshot.nodes import list_names, parts_of_gpus
from clusterbook.snapshot.recognition import CLAIMED_BY, DRA_COMPONENT, SYSTEMS
from clusterbook.snapshot.services import NAMED, is_recognisable
from clusterbook.validate.result import CRITERION, ERROR, FAILED, PASSED, PHASES, READINESS, SKIPPED, Result

_SHOWN = 3
"""Most values that one message names."""


class Constraint(NamedTuple):
    """What must be true; with `reference` versions are read as the reference does. Source: reference row R15."""

    name: str
    value: str
    remediation: str = ""
    unit: str = ""
    reference: bool = False

    @property
    def is_path(self) -> bool:
        """Return whether the name is a path to a reading, and not the name of a measurement."""
        return self.name.count(".") > 1


class PhaseRequirements(NamedTuple):
    """What a recipe asks in one phase."""

    constraints: tuple[Constraint, ...]
    checks: tuple[str, ...]


class ValidationSubject(NamedTuple):
    """A recipe whose shape was checked, and a snapshot. `components` has those of the recipe by name."""

    recipe: RecipeResult
    snapshot: Snapshot
    components: Mapping[str, ComponentRef]
    phases: Mapping[str, PhaseRequirements]

    @property
    def inventory(self) -> Inventory:
        """Return what was found on the cluster."""
        return self.snapshot.inventory

    @property
    def name(self) -> str:
        """Return the name of the recipe."""
        return self.recipe.slug or str(self.recipe.metadata.get("name") or "")


def subject(document: Document, snapshot: Snapshot) -> ValidationSubject:
    """Return what is to be judged.

    Raises:
        InvalidRequest: the document is no recipe, or one of its constraints cannot be read.
    """
    recipe = read_recipe(document)
    validation = document.get("validation") or {}
    reference = str(document.get("apiVersion") or "").startswith("aicr.")
    phases = {name: _phase(validation.get(name) or {}, f"validation.{name}", reference) for name in PHASES}
    top = _constraints(document.get("constraints"), "constraints", reference=reference, paths=True)
    readiness = phases[READINESS]
    phases[READINESS] = PhaseRequirements((*top, *readiness.constraints), readiness.checks)
    seen = snapshot.with_claims() if _claims_gpus(recipe) else snapshot
    return ValidationSubject(recipe, seen, recipe.by_name, phases)


def two_answers(document: Document, where: str) -> Iterator[str]:
    """Yield a sentence about each component that its recipe both switches off and deploys: the reference takes both."""
    for name, switch in RecipeResult(document).two_answers():
        place = f"{where}: componentRefs.{name}.overrides.{switch}"
        yield f"{place}: it is false, but deploymentOrder deploys {name}: validated as not deployed; remove one of them"


def _claims_gpus(recipe: RecipeResult) -> bool:
    """Return whether pods claim their GPUs; a node may show them by ResourceSlices alone then."""
    component = recipe.by_name.get(DRA_COMPONENT)
    if component is None or not recipe.deploys(component):
        return False
    found: Any = component.values or component.overrides
    for step in CLAIMED_BY:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found is True


def _phase(document: Document, where: str, reference: bool) -> PhaseRequirements:
    """Return what one phase asks for."""
    constraints = _constraints(document.get("constraints"), f"{where}.constraints", reference=reference)
    return PhaseRequirements(constraints, tuple(document.get("checks") or ()))


def _constraints(
    documents: Iterable[Document] | None, where: str, *, reference: bool, paths: bool = False
) -> tuple[Constraint, ...]:
    """Return a list of constraints, all of which can be read; with `paths` each is about a reading."""
    read = []
    for document in documents or ():
        constraint = Constraint(
            name=document["name"],
            value=str(document["value"]),
            remediation=document.get("remediation") or "",
            unit=document.get("unit") or "",
            reference=reference,
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
    """Return how many nodes have GPUs, None where nobody can tell. Source: reference rows S2, S16."""
    if snapshot.nodes.all or snapshot.nodes.gap is not None:
        return snapshot.nodes.gpu_count
    stated = snapshot.stated.get("gpuNodeCount")
    value = stated.get("value") if isinstance(stated, Mapping) else stated
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# --- criteria ---------------------------------------------------------------------------------------------------------

_ANY = ("any", "", 0)


def criteria(claimed: Mapping[str, Any], snapshot: Snapshot) -> Iterator[Result]:
    """Yield what becomes of each criterion of a recipe that a cluster may show."""
    yield from (result for result, _ in criteria_readings(claimed, snapshot))


def criteria_readings(claimed: Mapping[str, Any], snapshot: Snapshot) -> Iterator[tuple[Result, DimensionReading]]:
    """Yield the same, each with what the cluster shows."""
    for dimension in DIMENSIONS:
        value = claimed.get(dimension, "")
        if value not in _ANY:
            reading = read_dimension(snapshot, dimension)
            state, message = _criterion(dimension, str(value), reading)
            if dimension == "accelerator" and state in (PASSED, SKIPPED):
                state, message = _whole_gpus(str(claimed.get("intent") or ""), snapshot, state, message)
            yield Result(READINESS, CRITERION, dimension, state, message), reading


def _criterion(dimension: str, value: str, reading: DimensionReading) -> tuple[str, str]:
    """Return whether a cluster that shows `reading` is one for `value`."""
    others = {each: names for each, names in reading.values.items() if each != value}
    if others:
        return FAILED, f"the recipe is for {value}, {_mismatch_text(dimension, reading, others)}"
    if reading.values:
        if reading.limit:
            return ERROR, f"it is {value} as far as captured: {reading.limit}"
        if reading.unread:
            where = f" on {list_names(reading.values[value])}" if reading.values[value] else ""
            return SKIPPED, f"it is {value}{where}, and {list_names(reading.unread)} did not show it"
        return PASSED, f"it is {value}"
    if reading.state == NONE and (dimension != "service" or is_recognisable(value)):
        return FAILED, f"the recipe is for {value}, and {reading.reason}"
    if reading.state == UNREADABLE and (dimension != "service" or value in NAMED - {"bcm", "metal3"} or reading.limit):
        return ERROR, f"the recipe is for {value}, and {reading.limit or reading.reason}"
    if dimension == "service" and reading.reason:
        return SKIPPED, f"the recipe is for {value}, which a cluster does not show; {reading.reason}"
    why = reading.reason or "the cluster does not show its own"
    return SKIPPED, f"the recipe is for {value}, and {why}"


def _mismatch_text(dimension: str, reading: DimensionReading, others: Mapping[str, Sequence[str]]) -> str:
    """Return which nodes are something else, and what."""
    if len(reading.values) == 1 and not reading.unread:
        (other,) = others
        unknown = dimension == "os" and other not in SYSTEMS.values()
        return f"and the cluster shows {' or '.join(reading.details.get(other, ())) if unknown else other}"
    parts = []
    for other, names in sorted(others.items()):
        verb = "are" if len(names) > 1 else "is"
        parts.append(f"{list_names(names) or 'a GPU'} {verb} {' or '.join(reading.details.get(other, [other]))}")
    more = f", and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return f"and {', '.join(parts[:_SHOWN])}{more}"


def _whole_gpus(intent: str, snapshot: Snapshot, state: str, message: str) -> tuple[str, str]:
    """Return what becomes of the accelerator where GPUs are cut or shared; only inference runs on a part of one."""
    cut = parts_of_gpus(snapshot.nodes)
    if not cut:
        return state, message
    where = ", ".join(cut.values())
    if VGPU in cut or intent != "inference":
        return FAILED, f"{message}, but not whole GPUs: {where}"
    return state, f"{message}: {where}"
