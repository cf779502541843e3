from __future__ import annotations

import json

import pytest

from clusterbook.validate import ctrf
from clusterbook.validate.result import ERROR, FAILED, NOT_APPLICABLE, PARTIAL, PASSED, SKIPPED, Report, Result


def report(*states: str, taken: str = "2026-07-14T08:30:00Z") -> Report:
    results = (Result("deployment", "check", f"c{number}", state, "it is so") for number, state in enumerate(states))
    return Report("h100-eks", taken, tuple(results))


def test_a_report_is_ctrf() -> None:
    found = json.loads(ctrf.as_json(report(PASSED, FAILED, SKIPPED, NOT_APPLICABLE, ERROR), "1.2.3"))
    assert found["results"]["summary"] == {
        "tests": 5, "passed": 1, "failed": 1, "skipped": 2, "pending": 0, "other": 1,
        "start": 1784017800000, "stop": 1784017800000,
    }  # fmt: skip
    assert found["timestamp"] == "2026-07-14T08:30:00Z"
    assert (found["reportFormat"], found["specVersion"], found["generatedBy"]) == ("CTRF", "0.0.1", "clusterbook")
    assert found["results"]["tool"] == {"name": "clusterbook", "version": "1.2.3"}
    assert [test["status"] for test in found["results"]["tests"]] == ["passed", "failed", "skipped", "skipped", "other"]
    assert found["results"]["tests"][3] == {
        "name": "check c3", "status": "skipped", "rawStatus": "not applicable", "duration": 0,
        "suite": ["deployment"], "message": "it is so",
    }  # fmt: skip


@pytest.mark.parametrize("taken", ["", "yesterday"])
def test_a_snapshot_without_a_time_gives_a_report_without_one(taken: str) -> None:
    found = json.loads(ctrf.as_json(report(PASSED, taken=taken), "1"))
    assert found["results"]["summary"]["start"] == 0
    assert found.get("timestamp", "") == taken


@pytest.mark.parametrize(
    ("states", "verdict", "status"),
    [
        ((), SKIPPED, 0),
        ((SKIPPED, NOT_APPLICABLE), SKIPPED, 0),
        ((PASSED, NOT_APPLICABLE), PASSED, 0),
        ((PASSED, SKIPPED), PARTIAL, 0),
        ((PASSED, ERROR), ERROR, 2),
        ((PASSED, ERROR, FAILED), FAILED, 10),
    ],
)
def test_the_worst_decides(states: tuple[str, ...], verdict: str, status: int) -> None:
    found = report(*states)
    assert (found.verdict, ctrf.exit_status(found)) == (verdict, status)
    assert ctrf.exit_status(found, fail_on_error=False) == 0


def test_people_read_phases_and_a_last_line_that_counts() -> None:
    found = Report(
        "h100-eks",
        "",
        (
            Result("readiness", "constraint", "OS.release.ID", FAILED, "it is rhel, not ubuntu", "reinstall"),
            Result("performance", "check", "nccl", SKIPPED, "it has to be measured"),
        ),
    )
    assert ctrf.text(found) == (
        "readiness\n"
        "  FAILED  OS.release.ID  it is rhel, not ubuntu\n"
        "          hint: reinstall\n"
        "performance\n"
        "  skipped nccl  it has to be measured\n"
        "1 failed, 1 skipped: h100-eks failed\n"
    )
    assert ctrf.text(report()) == "no phase was requested: nothing was validated\n"
