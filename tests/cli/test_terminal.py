"""What is said beside an answer: as somebody at a terminal sees it, as a log has it, as a program reads it.

The real programs run, on a real terminal (a pty) or without one.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import frozen
from tests.support.servers.registry import FakeRegistry, Fault, running

PROGRAMS = Path(sys.executable).parent
SNAPSHOT = str(Path(__file__).resolve().parents[1] / "snapshots/h100-eks.yaml")
FAILS = ["recipe", "--service", "eks", "--accelerator", "nonsense"]
VALIDATE = ["validate", "gb200-eks-ubuntu-training", "--no-cluster", "-s", SNAPSHOT, "--phase", "readiness"]
NOTES = ["bundle", "h100-eks-ubuntu-training", "-o", "bundle"]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLUSTERBOOK_", "NO_COLOR"))}
    return {**kept, "TERM": "xterm", **more}


def in_pipe(*words: str, folder: Path, program: str = "clusterbook", **more: str) -> subprocess.CompletedProcess[str]:
    """Return what a program said that speaks into pipes."""
    return subprocess.run(
        [PROGRAMS / program, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(**more),
        check=False,
        stdin=subprocess.DEVNULL,
    )


def at_terminal(*words: str, folder: Path, program: str = "clusterbook", **more: str) -> str:
    """Return all that a terminal was sent."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAMS / program, *words], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment(**more)
    )
    os.close(theirs)
    seen, until = b"", time.monotonic() + 120
    while time.monotonic() < until:
        if not select.select([ours], [], [], 1)[0]:
            continue
        try:
            piece = os.read(ours, 65536)
        except OSError:  # all of it was read: Linux says so by an error
            break
        if not piece:
            break
        seen += piece
    process.wait(timeout=30)
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")


@pytest.fixture
def slow() -> Iterator[str]:
    """Give the address of a registry that takes three seconds for its first answer, and then has nothing."""
    registry = FakeRegistry()
    registry.faults.append(Fault("GET", "/v2/", silent_s=3))
    with running(registry):
        yield f"oci://{registry.host}/book"


def test_errors_are_red_on_a_terminal_and_plain_elsewhere(tmp_path: Path) -> None:
    seen = at_terminal(*FAILS, folder=tmp_path)
    assert seen.startswith("\x1b[1;31merror:\x1b[0m CB101 ")
    assert "\n  \x1b[2mhint:\x1b[0m " in seen
    plain = in_pipe(*FAILS, folder=tmp_path)
    assert plain.stderr == COLOUR.sub("", seen)
    assert plain.returncode == 2


def test_a_report_has_its_words_in_colour_on_a_terminal_alone(tmp_path: Path) -> None:
    seen = at_terminal(*VALIDATE, folder=tmp_path)
    assert "\n  \x1b[1;31mFAILED\x1b[0m  accelerator " in seen
    assert "\n  \x1b[32mpassed\x1b[0m  service " in seen
    assert in_pipe(*VALIDATE, folder=tmp_path).stdout == COLOUR.sub("", seen)


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"TERM": "dumb"}])
def test_whoever_wants_no_colours_has_none(more: dict[str, str], tmp_path: Path) -> None:
    assert not COLOUR.search(at_terminal(*VALIDATE, folder=tmp_path, **more))


@pytest.mark.parametrize("words", [["--no-color", *VALIDATE], [*VALIDATE, "--no-color"]])
def test_the_flag_stands_anywhere(words: list[str], tmp_path: Path) -> None:
    assert not COLOUR.search(at_terminal(*words, folder=tmp_path))


def test_colours_can_be_had_without_a_terminal(tmp_path: Path) -> None:
    found = in_pipe(*VALIDATE, folder=tmp_path, FORCE_COLOR="1")
    assert "\x1b[1;31mFAILED\x1b[0m" in found.stdout
    assert not COLOUR.search(in_pipe(*VALIDATE, folder=tmp_path, FORCE_COLOR="0").stdout)


def test_a_file_never_has_colours(tmp_path: Path) -> None:
    at_terminal(*VALIDATE, "-o", "report.txt", "-t", "text", folder=tmp_path, FORCE_COLOR="1")
    assert "FAILED  accelerator" in (tmp_path / "report.txt").read_text()
    assert not COLOUR.search((tmp_path / "report.txt").read_text())


@pytest.mark.parametrize("words", [["--quiet", *NOTES], [*NOTES, "--quiet"]])
def test_quiet_leaves_the_answer_and_errors(words: list[str], tmp_path: Path) -> None:
    told = in_pipe(*NOTES, folder=tmp_path)
    found = in_pipe(*words, folder=tmp_path)
    assert "note: " in told.stderr
    assert (found.stdout, found.stderr) == (told.stdout, "")
    assert in_pipe("--quiet", *FAILS, folder=tmp_path).stderr == in_pipe(*FAILS, folder=tmp_path).stderr != ""


def test_quiet_can_be_set_in_the_environment(tmp_path: Path) -> None:
    assert in_pipe(*NOTES, folder=tmp_path, CLUSTERBOOK_QUIET="1").stderr == ""
    assert in_pipe(*NOTES, folder=tmp_path, CLUSTERBOOK_QUIET="0").stderr != ""


def test_debug_tells_steps_with_time_and_level(tmp_path: Path) -> None:
    found = in_pipe("--debug", *NOTES, folder=tmp_path)
    lines = found.stderr.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} (debug|note): ", line) for line in lines), lines
    steps = [line.partition("debug: ")[2] for line in lines if "debug: " in line]
    assert steps[0].startswith("clusterbook ")
    assert steps[0].endswith(": bundle")
    assert any(step.startswith("answers come from ") for step in steps)
    assert any(re.fullmatch(r"wrote bundle, \d+ files", step) for step in steps)
    assert steps[-1] == "exit status 0"


def test_debug_tells_of_requests_and_not_of_secrets(slow: str, tmp_path: Path) -> None:
    words = ("fetch", "index", "--from", slow, "--plain-http", "--allow-unsigned", "--debug", "--log-json")
    lines = [json.loads(line) for line in in_pipe(*words, folder=tmp_path, HOME=str(tmp_path)).stderr.splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    (asked, *_) = [line for line in lines if line["level"] == "debug" and "method" in line]
    assert (asked["method"], asked["status"]) == ("GET", 404)
    assert asked["url"].startswith("http://127.0.0.1:")
    assert asked["ms"] >= 0
    (error,) = [line for line in lines if line["level"] == "error"]
    assert error["code"].startswith("CB")
    assert error["hint"]


def test_the_build_tool_says_the_same_in_the_same_forms(tmp_path: Path) -> None:
    words = ("resolve", "nonsense", "--recipes", str(frozen.write_sources(tmp_path / "recipes", frozen.few())))
    build = {"program": "clusterbook-build", "folder": tmp_path}
    assert at_terminal(*words, **build).startswith("\x1b[1;31merror:")
    found = json.loads(in_pipe("--log-json", *words, **build).stderr)
    assert found["level"] == "error"
    assert in_pipe(*words, "--debug", **build).stderr.startswith(found["time"][11:16])


def test_what_takes_longer_than_two_seconds_is_told_of_on_a_terminal(slow: str, tmp_path: Path) -> None:
    words = ("fetch", "index", "--from", slow, "--plain-http", "--allow-unsigned")
    seen = at_terminal(*words, folder=tmp_path, HOME=str(tmp_path))
    assert "\r\x1b[Kfetch: index" in seen
    shown = seen.rpartition("\x1b[K")[2]
    assert COLOUR.sub("", shown).startswith("error: ")  # the line is gone before what follows
    found = in_pipe(*words, folder=tmp_path, HOME=str(tmp_path)).stderr
    assert "\x1b" not in found
