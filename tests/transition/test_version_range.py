"""Ranges of versions: which versions are in one, and what is no range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.transition.version_range import rank, read_range

ASCENDING = [
    "0.1.0-alpha.8", "0.1.0-alpha.12", "v0.1.0-alpha.13", "0.1.0-beta", "0.1.0",
    "v0.1.1", "0.2.0-rc.1", "0.2.0", "0.10.0", "1.0.0-alpha",
    "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",
]  # fmt: skip


def test_versions_are_ordered_as_semver_orders_them() -> None:
    assert sorted(sorted(ASCENDING), key=lambda each: rank(each) or ()) == ASCENDING


@pytest.mark.parametrize(("one", "other"), [("v1.2.3", "1.2.3"), ("1.2.3+a", "1.2.3+b")])
def test_a_leading_v_and_a_build_change_no_rank(one: str, other: str) -> None:
    assert rank(one) == rank(other)


@pytest.mark.parametrize(
    "text",
    ["", "main", "1.2", "v1", "1.2.3.4", "1.2.x", "1.2.3-", "1.2.3 ", "\u0661.2.3", "1.2.3-a..b", "9" * 30 + ".0.0"],
)
def test_what_is_no_whole_version_has_no_rank(text: str) -> None:
    assert rank(text) is None


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<0.18.0", ["0.17.9", "0.18.0-rc.1", "0.0.0"], ["0.18.0", "v0.19.0"]),
        (">=0.18.0 <=0.19.0", ["0.18.0", "v0.19.0", "0.18.1-rc.1"], ["0.17.9", "0.18.0-rc.1", "0.19.1"]),
        (">=0.18.0,<0.19.0", ["0.18.5", "0.19.0-rc.1"], ["0.19.0"]),
        (">0.18.0", ["0.18.1"], ["0.18.0"]),
        ("=26.7.1", ["v26.7.1"], ["26.7.0", "26.7.2"]),
        ("0.1.0-alpha.12", ["v0.1.0-alpha.12"], ["0.1.0-alpha.13", "0.1.0"]),
        ("> 1.0.0 >= 1.0.0", ["1.0.1"], ["1.0.0"]),
        (">=1.0.0 <2.0.0 >=1.5.0 <1.7.0", ["1.6.0"], ["1.4.0", "1.7.0"]),
    ],
)
def test_all_terms_of_a_range_hold_at_once(text: str, inside: list[str], outside: list[str]) -> None:
    span = read_range(text)
    assert span is not None
    assert [span.has(version) for version in inside] == [True] * len(inside)
    assert [span.has(version) for version in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    "text",
    ["", " ", "^1.0.0", "~1.0.0", "1.*.0", "1.0.0 || 2.0.0", "*", ">=1.0", "latest",
     ">=", "=>1.0.0", "1.0.0,", "!=1.0.0"],
)  # fmt: skip
def test_what_is_no_range_is_none(text: str) -> None:
    assert read_range(text) is None


def test_of_what_is_no_version_nobody_knows_whether_it_is_inside() -> None:
    span = read_range(">=1.0.0")
    assert span is not None
    assert span.has("main") is None
    assert not span.starts_above("main")
    assert not span.ends_below("main")


versions = st.builds(
    lambda numbers, pre: ".".join(map(str, numbers)) + pre,
    st.tuples(*[st.integers(0, 3)] * 3),
    st.sampled_from(["", "-alpha.1", "-alpha.2", "-rc"]),
)


@given(versions, versions, versions)
def test_a_version_is_below_a_range_or_in_it_or_above_it(low: str, high: str, version: str) -> None:
    span = read_range(f">={low} <{high}")
    assert span is not None
    places = [span.starts_above(version), bool(span.has(version)), span.ends_below(version)]
    assert sum(places) == 1 or ((rank(low) or ()) >= (rank(high) or ()) and not places[1])
