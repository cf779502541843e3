"""What strangers wrote, on the ways to a terminal: it stays on its line and turns nothing round."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.cli.main import run
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.printable import lines, one_line
from tests.support.clusters import FILES

RECIPE = "h100-eks-ubuntu-training-kubeflow"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("v1.33.5-eks", "v1.33.5-eks"),
        ("x\nconformance\n  passed  y", r"x\nconformance\n  passed  y"),
        ("\x1b[8mhidden\x1b]0;title\x07", r"\x1b[8mhidden\x1b]0;title\x07"),
        ("moc.elpmaxe\u202e", r"moc.elpmaxe\u202e"),
        ("a\r  passed", r"a\r  passed"),
        ("c1 \x9b2J", r"c1 \x9b2J"),
        ("zero\u200bwidth \u2028line", r"zero\u200bwidth \u2028line"),
        ("Zürich 東京 →", "Zürich 東京 →"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text())
def test_a_line_stays_one_line_and_printable(text: str) -> None:
    assert one_line(text).isprintable()
    assert len(lines(text).split("\n")) == len(text.split("\n"))


def test_an_error_about_a_foreign_word_has_no_lines_but_its_own() -> None:
    error = InvalidRequest("there is no 'a\nerror: b'", hint="did you mean 'c\x1b[8m'?", place="x\ny.yaml")
    assert str(error).split("\n") == [
        r"x\ny.yaml: CB101 there is no 'a\nerror: b'",
        r"  hint: did you mean 'c\x1b[8m'?",
    ]


EVIL = "x\nconformance\n  passed  gpu-operator-health  all is well\x1b[8m\u202e\r"


def version(document: Any) -> None:
    server = next(each for each in document["measurements"] if each["type"] == "K8s")["subtypes"]
    next(each for each in server if each["subtype"] == "server")["data"]["version"] = f"v1.33.0-{EVIL}"


def system(document: Any) -> None:
    document["fingerprint"]["os"] = EVIL


def phase(document: Any) -> None:
    pods = next(each for each in document["objects"] if each["kind"] == "Namespace")["items"]
    next(each for each in pods if each["metadata"]["name"] == "monitoring")["status"] = {"phase": EVIL}


def reason(document: Any) -> None:
    document["coverage"] = [{"part": "objects/v1/Namespace", "state": "denied", "reason": EVIL}]


def release(document: Any) -> None:
    document["releases"][0]["version"] = EVIL


@pytest.mark.parametrize("plant", [version, system, phase, reason, release])
@pytest.mark.parametrize("command", ["validate", "fit", "diff"])
def test_a_snapshot_of_a_stranger_forges_no_line(
    command: str, plant: Callable[[Any], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = copy.deepcopy(FILES["h100-eks"])
    plant(document)
    path = tmp_path / "s.json"
    path.write_text(json.dumps(document))
    words = {
        "validate": ["validate", RECIPE, "--no-cluster", "-s", str(path)],
        "fit": ["fit", str(path)],
        "diff": ["diff", RECIPE, str(path)],
    }
    run(words[command], {})
    out, err = capsys.readouterr()
    assert [line for line in (out + err).split("\n") if not line.isprintable() or "all is well" in line[:40]] == []
