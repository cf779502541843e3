"""Standard streams that are closed, full, or no longer read: no traceback, and the exit status that the command has.

Attack: "standard output closed" of the review of trust, with variants.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """\
apiVersion: clusterbook.dev/v1alpha1
kind: Snapshot
metadata: {name: x}
measurements: []
"""
PROGRAM = "from clusterbook.cli.{}main import main; main()"
LINES = [
    ("", "fetch index --from nowhere", 3),
    ("", "verify b", 4),
    ("", "diff a.yaml -", 2),
    ("", "nonsense", 3),
    ("", "--help", 0),
    ("", "completion bash", 0),
    ("", "trust show --key our.pub", 0),
    ("build_", "--help", 0),
    ("build_", "root check 1.root.json", 2),
    ("build_", "check --recipes nowhere", 3),
]
PRINTING = ("--help", "completion bash", "trust show --key our.pub")
"""Lines that succeed, and print what they have to print."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("streams")
    (made / "b").mkdir()
    (made / "b" / "checksums.txt").write_text(f"{'0' * 64}  recipe.yaml\n")
    (made / "a.yaml").write_text(RECIPE)
    (made / "1.root.json").write_text("{}")
    (made / "our.pub").write_text(
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
        "-----END PUBLIC KEY-----\n"
    )
    return made


@pytest.mark.parametrize("redirection", [">&-", "<&- >&- 2>&-", ">/dev/full", "| true", "2>&1 | true"])
def test_a_stream_that_nobody_reads_changes_no_status_and_makes_no_bug(redirection: str, folder: Path) -> None:
    """Run all lines in one shell, which writes down how each ended."""
    script = []
    for program, words, _ in LINES:
        call = f'"$PYTHON" -c "{PROGRAM.format(program)}" {words}'
        script.append(f"( {call} 2>>errors ) {redirection}; echo ${{PIPESTATUS[0]}} >>statuses")
        if "2>" in redirection:
            script[-1] = f"( {call} ) {redirection}; echo ${{PIPESTATUS[0]}} >>statuses"
    for name in ("statuses", "errors"):
        (folder / name).write_text("")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHON": sys.executable,
        "PYTHONPATH": ":".join(sys.path),
    }
    subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=folder, env=environment, check=False, stdin=subprocess.DEVNULL
    )
    found = [int(line) for line in (folder / "statuses").read_text().split()]
    fails = ">&-" in redirection.replace("2>&-", "") or "full" in redirection
    expected = [8 if fails and words in PRINTING else status for _, words, status in LINES]
    shown = list(zip((words for _, words, _ in LINES), found, strict=True))
    assert shown == list(zip((words for _, words, _ in LINES), expected, strict=True))
    errors = (folder / "errors").read_text()
    assert "Traceback" not in errors
    assert "this is a bug" not in errors


def test_a_file_does_not_take_the_place_of_a_closed_stream(folder: Path) -> None:
    """With standard output closed, the first file that is opened would have its number, and get what is printed."""
    call = [sys.executable, "-c", PROGRAM.format(""), "verify", "b"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": ":".join(sys.path)}
    words = " ".join(f"'{word}'" for word in call)
    done = subprocess.run(
        ["bash", "-c", f"{words} <&- >&-"], cwd=folder, env=environment, check=False, capture_output=True
    )
    assert done.returncode == 4
    assert (folder / "b" / "checksums.txt").read_text() == f"{'0' * 64}  recipe.yaml\n"
