"""Recording: what a check that ran has printed, as measurements that a recipe is held against.

A figure is only kept; judging compares it. Whoever ran a check by hand is read like a Job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.snapshot.build import Capture, SubtypeReadings, subtype_documents
from clusterbook.snapshot.constraint import parse_expression
from clusterbook.snapshot.model import Reading
from clusterbook.validate.checks import Checks, check_of
from clusterbook.validate.output import aiperf, devices, nccl, slurm
from clusterbook.validate.output.result_lines import result
from clusterbook.validate.output.trial import Outputs, Trial
from clusterbook.validate.result import CHECKS, ERROR, FAILED, MESSAGE, PASSED, RESULT, SKIPPED

READERS: Mapping[str, Callable[[Outputs], Trial]] = {
    "check-nvidia-smi": devices.nvidia_smi,
    "accelerator-metrics": devices.metrics,
    "secure-accelerator-access": devices.access,
    "slinky-slurm-health": slurm.health,
    "slinky-slurm-imex-channel": slurm.channels,
    "inference-perf": aiperf.aiperf,
    **{name: nccl.reader(name) for name in nccl.NAMES},
}
"""The checks whose output says something; all others end with a status that does."""
_BY_STATUS = {0: PASSED, 1: FAILED, 2: SKIPPED}
"""Source: reference row V12."""
_LONGEST_MESSAGE = 4096


def read_trial(check: str, outputs: Outputs, status: int | None = None, message: str = "") -> Trial:
    """Return what came of a check.

    Args:
        check: its name.
        outputs: what was printed, by the name of the pod, node or part that printed it.
        status: the exit status of the check's own container, None where something else was run.
        message: its last word, such as a container's termination message.

    Raises:
        InvalidRequest: neither a status nor output that anybody understands.
    """
    reader = READERS.get(check)
    if status is None and reader is None:
        raise InvalidRequest(
            f"the result of '{check}' cannot be read from its output", hint=did_you_mean(check, READERS)
        )
    if status is not None and _BY_STATUS.get(status) != PASSED:
        return Trial(_BY_STATUS.get(status, ERROR), message[:_LONGEST_MESSAGE] or f"it ended with status {status}")
    told = result(check, outputs) if status is not None else None
    if told is not None:
        return told
    if reader is not None and any(text.strip() for text in outputs.values()):
        return reader(outputs)
    if status is None:
        return Trial(ERROR, "it printed nothing")
    return Trial(PASSED, message[:_LONGEST_MESSAGE])


def with_requested_settings(
    trials: Sequence[tuple[str, Trial]], recipe: Mapping[str, Any], checks: Checks
) -> list[tuple[str, Trial]]:
    """Return what came of checks that a recipe was handed to, with the settings that it asks for.

    What is measured is never taken from there: only constraints that name one value, of checks that have figures.
    """
    phases = (recipe.get("validation") or {}).values()
    asked = [each for phase in phases if phase for each in phase.get("constraints") or ()]
    found = []
    for check, trial in trials:
        settings: dict[str, Reading] = {}
        for each in asked:
            expression = parse_expression(str(each["value"]))
            if trial.figures and check_of(checks, check).judges(each["name"]) and expression.op in ("", "=="):
                settings[each["name"]] = expression.value
        found.append((check, trial._replace(figures={**settings, **trial.figures})))
    return found


def with_settings(
    trials: Sequence[tuple[str, Trial]], settings: Mapping[str, str], checks: Checks
) -> list[tuple[str, Trial]]:
    """Return what came of checks, with the settings that they ran with, as far as their output does not say them.

    Args:
        trials: what came of each check, by name.
        settings: value by the name of a constraint, such as inference-routing-mode.
        checks: those of the catalog.

    Raises:
        InvalidRequest: no check has such a setting, or its output says something else.
    """
    found = dict(trials)
    for name, value in settings.items():
        check = next((each for each in found if check_of(checks, each).judges(name)), "")
        if not check:
            raise InvalidRequest(f"none of the recorded checks has the setting {name}", hint=_SETTINGS)
        trial = found[check]
        if name in trial.figures:
            what = f"{name} is measured: the output of {check} shows {trial.figures[name]}"
            raise InvalidRequest(what, hint=f"leave --setting {name} out")
        load = trial.context.get("concurrency")
        fits = not isinstance(load, int) or (value.isdecimal() and int(value) > 0 and load % int(value) == 0)
        if name == "inference-concurrency-per-gpu" and not fits:
            what = f"{name} is {value}, but {load} concurrent requests are not a multiple of it"
            raise InvalidRequest(what, hint="divide the concurrency of the measurement by the number of GPUs")
        found[check] = trial._replace(figures={**trial.figures, name: value})
    return list(found.items())


_SETTINGS = "as in --setting inference-routing-mode=dynamo-router, beside inference-perf=FILE"


def record_trials(document: Mapping[str, Any], trials: Sequence[tuple[str, Trial]], checks: Checks) -> dict[str, Any]:
    """Return a snapshot to which what came of checks is added; what it said of the same checks before goes."""
    kinds = {each["type"]: {part["subtype"]: part for part in each.get("subtypes") or ()} for each in _parts(document)}
    found = capture_of(trials).measurements
    kinds[CHECKS] = {**kinds.get(CHECKS, {}), **subtype_documents(found.get(CHECKS, {}))}
    figures = dict(kinds.get("Performance", {}).get("results", {}).get("data") or {})
    judging = [check_of(checks, check) for check, _ in trials]
    kept = {key: value for key, value in figures.items() if not any(check.judges(key) for check in judging)}
    new = found.get("Performance", {}).get("results", SubtypeReadings()).data
    if figures or new:
        kinds["Performance"] = {
            **kinds.get("Performance", {}),
            **subtype_documents({"results": SubtypeReadings({**kept, **new})}),
        }
    measurements = [
        {"type": kind, "subtypes": [kinds[kind][name] for name in sorted(kinds[kind])]} for kind in sorted(kinds)
    ]
    return {**document, "measurements": measurements}


def _parts(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in document.get("measurements") or () if each]


def capture_of(trials: Iterable[tuple[str, Trial]]) -> Capture:
    """Return what came of checks as measurements; a figure counts only where its check passed."""
    checks: dict[str, SubtypeReadings] = {}
    results: dict[str, Reading] = {}
    for check, trial in trials:
        said = {RESULT: trial.state, **({MESSAGE: trial.message} if trial.message else {})}
        checks[check] = SubtypeReadings(said, context=trial.context)
        if trial.state == PASSED:
            results |= trial.figures
    return Capture(
        {CHECKS: checks, **({"Performance": {"results": SubtypeReadings(results)}} if results else {})}
        if checks
        else {}
    )
