"""Judging: what a recipe demands, held against what a snapshot shows.

A pure function of two documents and the catalog's checks, so that anybody who has them can repeat it. Readiness is
judged first; where it does not hold, what comes after is skipped. Source: reference rows V1-V10.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound, did_you_mean
from clusterbook.documents import yaml_fast
from clusterbook.resolve.recipe import ComponentRef, Document
from clusterbook.snapshot import node_sets
from clusterbook.snapshot.constraint import evaluate, parse_expression, parse_path
from clusterbook.snapshot.inventory import UnseenPart, gap_text
from clusterbook.snapshot.model import Snapshot
from clusterbook.snapshot.nodes import list_names
from clusterbook.snapshot.reading import Readings, readings
from clusterbook.snapshot.reading import verdict as verdict_of
from clusterbook.validate.assertions import run
from clusterbook.validate.checks import Checks, check_of
from clusterbook.validate.health_test import Operation, read_test
from clusterbook.validate.inspection import judge_check
from clusterbook.validate.result import (
    CHECK,
    COMPONENT,
    CONSTRAINT,
    DEPLOYMENT,
    ERROR,
    FAILED,
    NOT_APPLICABLE,
    PASSED,
    PHASES,
    READINESS,
    SKIPPED,
    Pool,
    Report,
    Result,
)
from clusterbook.validate.subject import Constraint, PhaseRequirements, ValidationSubject, criteria, subject
from clusterbook.validate.workloads import refusal, release_faults

_MOST_POOLS = 50
"""Most pools that are judged one by one; more are no pools."""
_SHOWN = 3
"""Most sentences of one component's health check that a message repeats."""


def judge(
    recipe: Document,
    snapshot: Snapshot,
    *,
    checks: Checks,
    phases: Collection[str] = PHASES,
    fail_fast: bool = False,
    known_checks: Collection[str] = (),
) -> Report:
    """Return what becomes of everything that `recipe` demands.

    Readiness is always first; when it does not hold, what comes after is skipped, since it would say little.

    Args:
        recipe: a RecipeResult with the text of its health checks in place.
        snapshot: the cluster.
        checks: those of the catalog; of one that is not there nothing can be read.
        phases: which to judge, besides readiness, in whatever order.
        fail_fast: stop behind the first phase in which something failed.
        known_checks: names that a check may have; () leaves misspelt ones to whoever runs them.

    Raises:
        InvalidRequest: the recipe, a phase, a check or a constraint is not written as it must be.
    """
    chosen = chosen_phases(phases)
    about = subject(recipe, snapshot)
    for name in chosen:
        for check in about.phases[name].checks:
            if known_checks and check not in known_checks:
                raise InvalidRequest(f"the recipe names the check '{check}' in {name}, which does not exist",
                                     hint=did_you_mean(check, known_checks))  # fmt: skip
    results: list[Result] = []
    stopped = ""
    for name in chosen:
        if stopped:
            results += [Result(name, kind, each, SKIPPED, stopped) for kind, each in _demands(about, name, checks)]
            continue
        of_phase = list(_phase(about, name, checks))
        results += of_phase
        wrong = any(result.state in (FAILED, ERROR) for result in of_phase)
        if wrong and name == READINESS:
            fails = any(result.state == FAILED for result in of_phase)
            stopped = "readiness failed" if fails else "readiness could not be validated"
        elif wrong and fail_fast:
            stopped = f"{name} failed"
    taken = str(snapshot.metadata.get("timestamp") or "")
    unasked = tuple(name for name in PHASES if name not in chosen and any(_demands(about, name, checks)))
    return Report(about.name, taken, tuple(results), unasked, tuple(_pools(about)), snapshot.nodes.gpu_kinds)


def _pools(about: ValidationSubject) -> Iterator[Pool]:
    """Yield whether each pool of the cluster is ready for the recipe, where there are several."""
    pools = about.snapshot.nodes.pools() if about.snapshot.chosen is None else {}
    if not 1 < len(pools) <= _MOST_POOLS:
        return
    for name, nodes in pools.items():
        view = about._replace(snapshot=about.snapshot.pick(nodes))
        results = [*criteria(about.recipe.criteria, view.snapshot)]
        results += [constraint(view.snapshot, each) for each in about.phases[READINESS].constraints if each.is_path]
        verdict = Report(name, "", tuple(results)).verdict
        worst = next((each for each in results if each.state == verdict), None) if verdict in (FAILED, ERROR) else None
        yield Pool(name, len(nodes), verdict, f"{worst.name}: {worst.message}" if worst else "")


def chosen_phases(names: Collection[str]) -> list[str]:
    """Return phases in the order they are judged, readiness always first.

    Raises:
        InvalidRequest: there is no phase of that name.
    """
    for name in names:
        if name not in PHASES:
            raise InvalidRequest(f"there is no phase '{name}'", hint=did_you_mean(name, PHASES))
    return [name for name in PHASES if name in names or name == READINESS]


def _demands(about: ValidationSubject, phase: str, checks: Checks) -> Iterator[tuple[str, str]]:
    """Yield kind and name of everything that a phase demands, without judging it."""
    demanded = about.phases[phase]
    if phase == DEPLOYMENT:
        yield from ((COMPONENT, name) for name in about.components)
    yield from ((CHECK, name) for name in demanded.checks)
    yield from ((CONSTRAINT, each.name) for each in _open_constraints(demanded, checks))


def _open_constraints(demanded: PhaseRequirements, checks: Checks) -> list[Constraint]:
    """Return the constraints of a phase that none of its checks judges itself."""
    judging = [check_of(checks, name) for name in demanded.checks]
    return [each for each in demanded.constraints if not any(check.judges(each.name) for check in judging)]


def _phase(about: ValidationSubject, phase: str, checks: Checks) -> Iterator[Result]:
    """Yield the results of one phase."""
    demanded = about.phases[phase]
    if phase == READINESS:
        yield from criteria(about.recipe.criteria, about.snapshot)
    if phase == DEPLOYMENT:
        yield from (component_health(about, component) for component in about.components.values())
    for name in demanded.checks:
        try:
            state, message = judge_check(check_of(checks, name), about, demanded.constraints)
        except UnseenPart as gap:
            state, message = ERROR if gap.looked else SKIPPED, gap.what
        yield Result(phase, CHECK, name, state, message)
    for each in _open_constraints(demanded, checks):
        yield constraint(about.snapshot, each, phase)


def constraint(snapshot: Snapshot, demanded: Constraint, phase: str = READINESS) -> Result:
    """Return whether one constraint holds; what was not measured is an error, with the nearest that was."""
    name, value = demanded.name, demanded.value
    if not demanded.is_path:
        what = "it must be measured, and the recipe has no check for it"
        return Result(phase, CONSTRAINT, name, SKIPPED, what)
    if name == node_sets.NAME:
        return _of_gpu_nodes(snapshot, demanded, phase)
    try:
        expression, shown = parse_expression(value), readings(snapshot, parse_path(name))
        wrong = {
            actual: nodes
            for actual, nodes in shown.values.items()
            if not evaluate(expression, actual, reference=demanded.reference)
        }
    except NotFound as error:
        why = _why_not_measured(snapshot, name)
        return Result(phase, CONSTRAINT, name, ERROR, why or error.what, "" if why else error.hint)
    except ClusterbookError as error:
        return Result(phase, CONSTRAINT, name, ERROR, error.what, error.hint)
    if wrong:
        return Result(
            phase, CONSTRAINT, name, FAILED, f"{_fault_text(shown, wrong)}, not {value}", demanded.remediation
        )
    actual = f"it is {_first_few(list(shown.values))}"
    if shown.limit:
        return Result(phase, CONSTRAINT, name, ERROR, f"{actual} as far as captured: {shown.limit}")
    if shown.unread:
        seen = [node for nodes in shown.values.values() for node in nodes]
        message = f"{actual} on {list_names(seen) or 'one node'}, not inspected on {list_names(shown.unread)}"
        return Result(phase, CONSTRAINT, name, SKIPPED, message)
    return Result(phase, CONSTRAINT, name, PASSED, actual)


def _of_gpu_nodes(snapshot: Snapshot, demanded: Constraint, phase: str) -> Result:
    """Return whether the GPU nodes have a label, or have not."""
    found = verdict_of(demanded.name, demanded.value, snapshot)
    if not found.measured:
        return Result(phase, CONSTRAINT, demanded.name, ERROR, found.reason)
    if found.passed:
        return Result(phase, CONSTRAINT, demanded.name, PASSED, f"it is {found.actual}")
    what = f"it is {found.actual}, not {demanded.value}"
    return Result(phase, CONSTRAINT, demanded.name, FAILED, what, demanded.remediation)


def _fault_text(shown: Readings, wrong: Mapping[str, Sequence[str]]) -> str:
    """Return what does not hold, and on which nodes where others differ."""
    if len(shown.values) == 1 and not shown.unread:
        return f"it is {next(iter(wrong))}"
    return _first_few([f"on {list_names(nodes) or 'one node'} it is {actual}" for actual, nodes in wrong.items()])


def _first_few(words: Sequence[str]) -> str:
    """Return words for a sentence, and how many more there are."""
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return f"{', '.join(words[:_SHOWN])}{more}"


def _why_not_measured(snapshot: Snapshot, name: str) -> str:
    """Return what the snapshot's coverage says about a reading that is not there, "" where it says nothing."""
    path = parse_path(name)
    for part in (f"{path.type}.{path.subtype}", path.type):
        gap = snapshot.inventory.gap(f"measurements/{part}")
        if gap is not None:
            return f"{part} {gap_text(gap)}"
    return ""


def component_health(about: ValidationSubject, component: ComponentRef) -> Result:
    """Return whether a component is healthy, by its health check. Source: reference rows F10, V23."""
    name = component.name

    def result(state: str, message: str) -> Result:
        return Result(DEPLOYMENT, COMPONENT, name, state, message)

    if not about.recipe.deploys(component):
        return result(NOT_APPLICABLE, "the recipe does not deploy it")
    if component.document.get("healthCheckSkip"):
        return result(SKIPPED, "the recipe skips its health check")
    if not component.health_check:
        return result(NOT_APPLICABLE, "it has no health check")
    try:
        operations = _operations(component.health_check, f"the health check of {name}")
        outcome = run(operations, about.inventory)
    except ClusterbookError as error:
        return result(ERROR, error.what)
    if outcome.broken:
        more = f" and {len(outcome.broken) - _SHOWN} more" if len(outcome.broken) > _SHOWN else ""
        why = refusal(about.inventory, component.namespace) if component.namespace else ""
        return result(FAILED, "; ".join(outcome.broken[:_SHOWN]) + more + why)
    if outcome.unseen:
        return result(ERROR if outcome.blind else SKIPPED, outcome.unseen[0])
    if not outcome.asked:
        return result(NOT_APPLICABLE, "its health check has no assertion")
    if faults := list(release_faults(about.inventory, component.namespace, name)):
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        return result(FAILED, "; ".join(faults[:_SHOWN]) + more)
    return result(PASSED, f"{outcome.asked} assertions hold")


@lru_cache(maxsize=256)
def _operations(text: str, name: str) -> list[Operation]:
    """Return the operations of a health check's text; they are read once, however many clusters are judged.

    Raises:
        InvalidRequest: it is no YAML, or no health check.
    """
    document = yaml_fast.read(text)
    if document is None:
        from clusterbook.diagnostics.findings import SourceErrors
        from clusterbook.documents.yaml_reader import parse  # 20 ms that a plain text does not cost

        try:
            node = parse(text, name)
        except SourceErrors as error:
            first = error.findings[0]
            raise InvalidRequest(f"{first.place}: {first.what}", hint=first.hint) from error
        document = node.data() if node else None
    return read_test(document, name)
