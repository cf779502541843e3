"""Tightening: a cluster that passed may fail, or it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.constraint import evaluate, parse_expression
from clusterbook.snapshot.tightening import tightens


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">= 1.30", ">= 1.31"),
        (">= 1.30", ">= 1.30.1"),
        (">= 1.30", "> 1.30"),
        (">= 1.30", ">= 2"),
        (">= 1.30", ">= 1.30 < 1.34"),
        ("<= 1.33", "<= 1.32"),
        (">= 1.30", "== 1.30"),
        ("== 24.04", "== 22.04"),
        ("ubuntu", "rhel"),
        ("ubuntu", "!= ubuntu"),
        ("!= rhel", "ubuntu"),
        ("in (22.04, 24.04)", "== 24.04"),
        ("< 1.30 || >= 1.32", ">= 1.32"),
        (">= 300", ">= 300.5"),
        (">= 1.30", "about 1.30"),
        ("about", "1.30 or so ||"),
    ],
)
def test_what_refuses_a_cluster_that_passed_tightens(old: str, new: str) -> None:
    assert tightens({"value": old}, {"value": new})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">= 1.31", ">= 1.30"),
        (">= 1.30", ">=1.30"),
        (">= 1.30", ">= 1.30.0"),
        ("> 1.30", ">= 1.30"),
        (">= 1.30 < 1.34", ">= 1.30"),
        ("<= 1.32", "<= 1.33"),
        ("== 24.04", ">= 24.04"),
        ("== 24.04", "in (22.04, 24.04)"),
        ("ubuntu", "!= rhel"),
        (">= 1.32", "< 1.30 || >= 1.32"),
        ("about", "about"),
    ],
)
def test_what_refuses_nothing_more_does_not(old: str, new: str) -> None:
    assert not tightens({"value": old}, {"value": new})


def test_a_constraint_that_comes_tightens_and_one_that_goes_does_not() -> None:
    said = {"value": ">= 1.30"}
    assert tightens(None, said)
    assert not tightens(said, None)
    assert not tightens(None, None)


def test_a_warning_refuses_nothing() -> None:
    said, warning = {"value": ">= 1.30"}, {"value": ">= 1.30", "severity": "warning"}
    assert not tightens(None, warning)
    assert not tightens(said, warning)
    assert tightens(warning, said)


def test_another_unit_is_another_number() -> None:
    assert tightens({"value": ">= 300", "unit": "MB/s"}, {"value": ">= 300", "unit": "GB/s"})


@pytest.mark.parametrize("new", ["", ">=", " || "])
def test_what_cannot_be_read_counts_as_tighter(new: str) -> None:
    assert tightens({"value": ">= 1.30"}, {"value": new})


VERSION = st.builds("{}.{}".format, st.integers(1, 3), st.integers(0, 3)) | st.sampled_from(["1", "2.1.1"])
TERM = st.builds("{} {}".format, st.sampled_from([">=", "<=", ">", "<", "==", "!="]), VERSION)
EXPRESSION = TERM | st.builds("{} || {}".format, TERM, TERM) | st.builds(">= {} < {}".format, VERSION, VERSION)


@given(EXPRESSION, EXPRESSION, st.tuples(*[st.integers(0, 4)] * 3))
def test_no_reading_tells_what_tightening_missed(old: str, new: str, numbers: tuple[int, int, int]) -> None:
    reading = ".".join(map(str, numbers))
    try:
        lost = evaluate(parse_expression(old), reading) and not evaluate(parse_expression(new), reading)
    except InvalidRequest:
        return
    if lost:
        assert tightens({"value": old}, {"value": new})
