"""Where a reason may stand."""

from __future__ import annotations

import pytest

from clusterbook.lint.style import has_why

MAP = """\
# why: the head of a file speaks for its first key
first:
  enabled: false

# why: above what holds it
second:
  inner:
    enabled: false
third:
  enabled: false
fourth:
  # why: two lines,
  # of one comment
  enabled: false
  other: 1
  tag: "1"
fifth:
  enabled: false  # why: beside it
sixth:
  # what: no reason
  enabled: false
"""

LIST = """\
spec:
  constraints:
    # why: this one
    - name: a
      value: 1
    - name: b
      value: 2
  componentRefs:
  # why: a dash may stand under its key
  - name: c
    version: "1"
  - version: "2"
    name: d
  # why: all of it
  more:
    - name: e
      version: "3"
"""


@pytest.mark.parametrize(
    ("line", "why"), [(3, True), (8, True), (10, False), (14, True), (16, True), (18, True), (21, False), (99, False)]
)
def test_a_reason_speaks_for_its_key_its_map_and_what_they_hold(line: int, why: bool) -> None:
    assert has_why(MAP.split("\n"), line) is why


@pytest.mark.parametrize(
    ("line", "why"), [(4, True), (5, True), (6, False), (7, False), (11, True), (12, False), (17, True)]
)
def test_a_reason_above_an_element_of_a_list_speaks_for_that_element_alone(line: int, why: bool) -> None:
    assert has_why(LIST.split("\n"), line) is why


def test_a_reason_in_the_map_of_a_whole_document_speaks_for_its_own_key_alone() -> None:
    lines = ["# why: for a", "a: 1", "enabled: false"]
    assert has_why(lines, 2)
    assert not has_why(lines, 3)


def test_an_empty_file_has_no_reason() -> None:
    assert not has_why([], 1)
    assert not has_why([""], 1)
