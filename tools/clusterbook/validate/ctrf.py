"""CTRF: a judgement in the Common Test Report Format, and as text for people.

The report carries the time of the snapshot, not of the judgement, so that the same two documents give the same bytes.
Source: reference rows V19, V20; ctrf.io, specification 0.0.1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from clusterbook.diagnostics.printable import one_line
from clusterbook.records import Any
from clusterbook.snapshot.gpus import tally
from clusterbook.validate.result import (
    ERROR,
    FAILED,
    NOT_APPLICABLE,
    PARTIAL,
    PASSED,
    PHASES,
    SKIPPED,
    Pool,
    Report,
    Result,
)

_STATUS = {PASSED: "passed", FAILED: "failed", SKIPPED: "skipped", NOT_APPLICABLE: "skipped", ERROR: "other"}
"""Our state → what CTRF calls it; `rawStatus` keeps ours."""
_MARKS = {PASSED: "passed", FAILED: "FAILED", SKIPPED: "skipped", NOT_APPLICABLE: "n/a", ERROR: "ERROR"}
_POOL_MARKS = {**_MARKS, PARTIAL: "partly"}
EXIT = {PASSED: 0, PARTIAL: 0, SKIPPED: 0, FAILED: 10, ERROR: 2}
"""Verdict → exit status: 10 where the cluster differs, 2 where the snapshot cannot tell. Source: design, section 10."""


def exit_status(report: Report, *, fail_on_error: bool = True) -> int:
    """Return the exit status of a judgement; without `fail_on_error` always 0. Source: reference row V8."""
    return EXIT[report.verdict] if fail_on_error else 0


def document(report: Report, version: str) -> dict[str, Any]:
    """Return the report as CTRF; `version` is that of the tool that judged."""
    counts = report.counts()
    moment = _milliseconds(report.taken)
    summary = {
        "tests": len(report.results),
        "passed": counts[PASSED],
        "failed": counts[FAILED],
        "skipped": counts[SKIPPED] + counts[NOT_APPLICABLE],
        "pending": 0,
        "other": counts[ERROR],
        "start": moment,
        "stop": moment,
    }
    found: dict[str, Any] = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.1",
        "generatedBy": "clusterbook",
        "results": {
            "tool": {"name": "clusterbook", "version": version},
            "summary": summary,
            "tests": [_test(result) for result in report.results],
            "environment": {"extra": {"recipe": report.recipe, "verdict": report.verdict, **_nodes(report)}},
        },
    }
    return {**found, "timestamp": report.taken} if report.taken else found


def _nodes(report: Report) -> dict[str, Any]:
    """Return the pools of a cluster that has several, and its GPUs by their kind."""
    pools = [{key: value for key, value in each._asdict().items() if value} for each in report.pools]
    return {**({"pools": pools} if pools else {}), **({"gpus": dict(report.gpus)} if report.gpus else {})}


def _test(result: Result) -> dict[str, Any]:
    """Return one result; names are unique across phases and kinds."""
    found: dict[str, Any] = {
        "name": f"{result.kind} {result.name}",
        "status": _STATUS[result.state],
        "rawStatus": result.state,
        "duration": 0,
        "suite": [result.phase],
        "message": result.message,
    }
    return {**found, "extra": {"hint": result.hint}} if result.hint else found


def _milliseconds(moment: str) -> int:
    """Return an RFC 3339 time in milliseconds since 1970, 0 where it is none."""
    from datetime import UTC, datetime  # 2 ms that a report for people does not cost

    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return 0
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def as_json(report: Report, version: str) -> str:
    """Return the CTRF document as text, keys sorted."""
    return json.dumps(document(report, version), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def text(report: Report) -> str:
    """Return the report for people: phase by phase, what is wrong with its hint, and a last line that counts."""
    lines = []
    for phase in PHASES:
        results = [result for result in report.results if result.phase == phase]
        if results:
            lines += [phase, *_lines(results)]
    lines += _pool_lines(report.pools)
    lines += [f"GPUs: {tally(report.gpus)}"] if report.gpus else []
    return "\n".join([*lines, summary(report)]) + "\n"


def _lines(results: Sequence[Result]) -> list[str]:
    """Return the lines of one phase, names aligned; one line where all of it was skipped for one reason."""
    reasons = {(result.state, result.message) for result in results}
    if len(results) > 1 and len(reasons) == 1 and results[0].state == SKIPPED:
        return [f"  {_MARKS[SKIPPED]:<8}all {len(results)}: {one_line(results[0].message)}"]
    names = [one_line(result.name) for result in results]
    width = min(48, max(map(len, names)))
    lines = []
    for name, result in zip(names, results, strict=True):
        lines.append(f"  {_MARKS[result.state]:<8}{name:<{width}}  {one_line(result.message)}")
        if result.hint and result.state in (FAILED, ERROR):
            lines.append(f"          hint: {one_line(result.hint)}")
    return lines


def _pool_lines(pools: Sequence[Pool]) -> list[str]:
    """Return which pools hold a recipe, and why the others do not."""
    lines = ["pools"] if pools else []
    for each in pools:
        why = f": {one_line(each.why)}" if each.why else ""
        count = f"{each.nodes} node{'s' if each.nodes > 1 else ''}"
        lines.append(f"  {_POOL_MARKS[each.state]:<8}{one_line(each.name)}  {count}{why}")
    if any(each.state == FAILED for each in pools) and any(each.state in (PASSED, PARTIAL) for each in pools):
        lines.append("          hint: validate one pool with --pool NAME")
    return lines


def summary(report: Report) -> str:
    """Return one line: how many of each state, and what follows."""
    name = one_line(report.recipe) or "the recipe"
    follows = {
        PASSED: f"{name} passed",
        PARTIAL: f"{name} passed in part",
        FAILED: f"{name} failed",
        ERROR: f"{name} could not be validated",
        SKIPPED: "nothing was validated",
    }
    return f"{report.says or 'no phase was requested'}: {follows[report.verdict]}"
