"""Diff reports: what people and machines are shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.diff.recipe_report import FORMATS, headlines, report, value_text
from clusterbook.diff.recipes import ABSENT, Change, Diff

HERE = {"version": "1.0.0", "deployed": True}
CHANGES = (
    Change("recipe", "", "state", "composed", "curated"),
    Change("component", "a", "", HERE, ABSENT, "base f.yaml:1:2"),
    Change("component", "b", "", HERE, {"version": "1.0.0", "deployed": False}),
    Change("component", "c", "", ABSENT, {"deployed": True}),
    Change("field", "d", "dependencyRefs", ["a"], ["a", "b"]),
    Change("field", "d", "version", "1.0.0", "1.1.0", "base f.yaml:1:2", "eks g.yaml:3:4"),
    Change("value", "d", "/x", "580", True, "base f.yaml:1:2", "base f.yaml:1:2"),
    Change("value", "d", "/y", ABSENT, None, "", "eks g.yaml:3:4"),
    Change("manifest", "d", "m.yaml", "sha256:" + "1" * 64, "sha256:" + "2" * 64),
    Change("image", "d", "", ABSENT, ["quay.io/a:1", "quay.io/b:1"]),
    Change("image", "e", "quay.io/a", "1", "2"),
    Change("constraint", "", "K", {"value": ">= 1"}, {"value": ">= 2", "severity": "warning"}),
    Change("check", "", "deployment: one", ABSENT, {}),
    Change("order", "", "deployment", ["a", "b"], ["b", "a"]),
)
DIFF = Diff("eks@1.0.0", "eks@2.0.0", CHANGES)


def test_the_text_has_a_line_for_each_change() -> None:
    assert (
        report(DIFF, "text")
        == """\
eks@1.0.0 → eks@2.0.0

Recipe
  ~ state: composed → curated

Components
  - a 1.0.0
      was: base f.yaml:1:2
  ~ b is no longer deployed
  + c
  ~ d dependencyRefs: a → a, b
  ~ d version: 1.0.0 → 1.1.0
      was: base f.yaml:1:2
      now: eks g.yaml:3:4

Values
  ~ d /x: "580" → true
      now: base f.yaml:1:2
  + d /y: null
      now: eks g.yaml:3:4

Manifests
  ~ d m.yaml: sha256:111111111111 → sha256:222222222222

Images
  + d images: 2 listed
  ~ e quay.io/a: 1 → 2

Constraints
  ~ K: >= 1 → >= 2 (severity warning)

Checks
  + deployment: one

Order
  ~ deployment: a, b → b, a

14 differences
"""
    )


def test_the_headlines_tell_versions_and_count_the_rest() -> None:
    assert headlines(DIFF) == [
        "state: composed → curated",
        "a 1.0.0 goes",
        "b is no longer deployed",
        "c comes",
        "d version: 1.0.0 → 1.1.0",
        "K: >= 1 → >= 2 (severity warning)",
        "deployment: one comes",
        "deployment: another order",
        "d: dependencyRefs",
        "d: 1 image differs",
        "d: 1 manifest differs",
        "d: 2 values differ",
        "e: 1 image differs",
    ]


def test_the_markdown_has_a_table_for_each_kind_of_change() -> None:
    lines = report(DIFF, "markdown").splitlines()
    assert lines[0] == "## `eks@1.0.0` → `eks@2.0.0`"
    assert '| changed | `d /x` | `"580"` | `true` | `base f.yaml:1:2` |' in lines
    assert "| removed | `a` | `1.0.0` |  | `base f.yaml:1:2` |" in lines
    assert "| changed | `b` | `1.0.0` | `not deployed` |  |" in lines
    assert all(line.count("|") == 6 for line in lines if line.startswith("|"))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("<script>alert(1)</script>", '`"<script>alert(1)</script>"`'),
        ("a|b", '`"a\\|b"`'),
        ("a`b``c", '```"a`b``c"```'),
        ("two\nlines", '`"two\\nlines"`'),
    ],
)
def test_values_are_shown_and_never_mean_anything_to_markdown(value: str, cell: str) -> None:
    lines = report(Diff("a", "b", (Change("value", "d", "/x", ABSENT, value),)), "markdown").splitlines()
    assert lines[-1] == f"| added | `d /x` |  | {cell} |  |"


def test_json_leaves_out_what_a_side_does_not_have() -> None:
    found: dict[str, Any] = json.loads(report(DIFF, "json"))
    assert (found["old"], found["new"], len(found["changes"])) == ("eks@1.0.0", "eks@2.0.0", len(CHANGES))
    by_key = {(each["section"], each.get("key", "")): each for each in found["changes"]}
    assert by_key["value", "/y"] == {
        "section": "value", "kind": "added", "component": "d", "key": "/y", "new": None, "newOrigin": "eks g.yaml:3:4",
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_diff_is_the_same_text_and_ends_in_a_newline(form: str) -> None:
    assert report(DIFF, form) == report(Diff("eks@1.0.0", "eks@2.0.0", tuple(CHANGES)), form)
    assert report(DIFF, form).endswith("\n")


def test_nothing_differs_is_said_in_words() -> None:
    assert report(Diff("a", "b", ()), "text") == "a and b do not differ\n"
    assert report(Diff("a", "b", ()), "markdown") == "`a` and `b` do not differ.\n"
    assert json.loads(report(Diff("a", "b", ()), "json"))["changes"] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["a", "b"], "a, b"),
        ([{"reason": "unknown"}], '[{"reason": "unknown"}]'),
        ([["a"], "b"], '[["a"], "b"]'),
        ({"helmKnows": True}, '{"helmKnows": true}'),
        ([], "[]"),
    ],
)
def test_a_list_is_written_plainly_only_where_its_elements_are_plain(value: object, text: str) -> None:
    assert value_text("field", "imageGaps", value) == text
