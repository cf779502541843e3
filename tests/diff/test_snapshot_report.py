from __future__ import annotations

import json

from clusterbook.diff.snapshot_report import Drift, document, report
from clusterbook.diff.snapshots import SnapshotChange
from clusterbook.documents.yaml_reader import parse

DRIFT = Drift(
    "x",
    "y",
    [
        SnapshotChange("modified", "critical", "b", "", "2|3"),
        SnapshotChange("unseen", "warning", "objects.Pod", "seen", ""),
        SnapshotChange("added", "info", "a", "", "1"),
        SnapshotChange("removed", "info", "c", "long" * 40, ""),
    ],
)
NONE = Drift("x", "y", [])


def test_the_document_counts_what_it_lists() -> None:
    changes = [SnapshotChange("added", "info", "a", "", "1"), SnapshotChange("modified", "critical", "b", "", "2")]
    assert document(Drift("x", "y", changes)) == {
        "baselineSource": "x",
        "targetSource": "y",
        "changes": [
            {"kind": "added", "severity": "info", "path": "a", "target": "1"},
            {"kind": "modified", "severity": "critical", "path": "b", "baseline": "", "target": "2"},
        ],
        "summary": {
            "added": 1, "removed": 0, "modified": 1, "unseen": 0,
            "critical": 1, "warning": 0, "info": 1, "noise": 0, "total": 2,
        },
    }  # fmt: skip


def test_people_read_the_worst_first() -> None:
    assert (
        report(DRIFT, "text")
        == f"""\
x → y

critical
  ~ b: "" → 2|3

warning
  ? objects.Pod: not captured on one side

info
  + a: 1
  - c: {("long" * 40)[:97]}...

1 critical, 1 warning, 2 info
"""
    )
    assert report(NONE, "text") == "y has not drifted from x\n"


def test_markdown_shows_what_was_written() -> None:
    assert '| critical | modified | `b` | `""` | `2\\|3` |'.replace('`""`', "") in report(DRIFT, "markdown")
    assert report(NONE, "markdown") == "`y` has not drifted from `x`.\n"


def test_machines_read_the_same_in_both_forms() -> None:
    node = parse(report(DRIFT, "yaml"), "report")
    assert node is not None
    assert node.data() == json.loads(report(DRIFT, "json")) == document(DRIFT)
