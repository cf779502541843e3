"""How far something has come: one line on a terminal, a line for each phase and one a minute elsewhere."""

from __future__ import annotations

import json

import pytest

from clusterbook.diagnostics.console import Console
from clusterbook.diagnostics.progress import BRIEF_S, ProgressMeter

Clock = list[float]


def console(*words: str, terminal: bool = False) -> Console:
    found = Console()
    found.use(words, {})
    found.terminal = terminal
    return found


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_what_ends_within_two_seconds_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    for terminal in (False, True):
        with ProgressMeter(console(terminal=terminal), clock=lambda: now[0]) as progress:
            progress("images", "a", 0, 5)
    assert said(capsys) == []


def test_a_log_hears_of_each_phase_and_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with ProgressMeter(console(), clock=lambda: now[0]) as progress:
        now[0] = BRIEF_S
        progress("recipes", "eks@1.0.0", 0, 1)
        for number in range(5):
            progress("images", f"i{number}", number, 5)
            now[0] += 31
    assert said(capsys) == [
        "progress: recipes: eks@1.0.0",
        "progress: images: 5",
        "progress: images: 2 of 5 done",
        "progress: images: 4 of 5 done",
    ]


def test_one_step_that_takes_long_is_told_of_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    progress = ProgressMeter(console(), clock=lambda: now[0])
    progress("snapshot", "the cluster")
    for now[0] in (2.0, 61.0, 63.0, 64.0):
        progress.tick()
    assert said(capsys) == ["progress: snapshot: the cluster", "progress: snapshot: still running"]


def test_a_program_reads_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    progress = ProgressMeter(console("--log-json", terminal=False), clock=lambda: now[0])
    now[0] = BRIEF_S
    progress("images", "busybox", 2, 5)
    (line,) = said(capsys)
    found = json.loads(line)
    assert (found["level"], found["phase"], found["done"], found["total"]) == ("progress", "images", 2, 5)


def test_nothing_is_told_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    for terminal in (False, True):
        with ProgressMeter(console("--quiet", terminal=terminal), clock=lambda: now[0]) as progress:
            now[0] += BRIEF_S
            progress("images", "a", 0, 5)
    assert said(capsys) == []


def test_a_terminal_has_one_line_that_is_gone_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with ProgressMeter(console(terminal=True), clock=lambda: now[0]) as progress:
        now[0] = 75.0
        progress("images", "a" * 200, 0, 5)
    written = capsys.readouterr().err
    assert written.startswith("\r\x1b[Kimages 1/5: aaa")
    assert written.endswith("a  1:15\r\x1b[K")
    assert "\n" not in written
    assert len(written) < 100


def test_a_note_takes_the_place_of_progress(capsys: pytest.CaptureFixture[str]) -> None:
    now, where = [0.0], console(terminal=True)
    with ProgressMeter(where, clock=lambda: now[0]) as progress:
        now[0] = BRIEF_S
        progress("images", "a")
        capsys.readouterr()
        where.note("one is missing")
        assert capsys.readouterr().err == "\r\x1b[Knote: one is missing\n"
    assert capsys.readouterr().err == ""
