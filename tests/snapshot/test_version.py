"""Versions as they are written: numbers of any count, pre-releases, builds, quantities."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.constraint import evaluate, parse_expression
from clusterbook.snapshot.version import meets


@pytest.mark.parametrize(
    ("actual", "demanded", "holds"),
    [
        # numbers of any length and count
        ("9223372036854775807", ">= 65536", True),
        ("18446744073709551615", "> 18446744073709551614", True),
        ("6.6.87.2-microsoft-standard-WSL2", ">= 6.6.87.1", True),
        ("6.6.87.2-microsoft-standard-WSL2", ">= 6.6.87.3", False),
        ("6.6.96.2-2.azl3", ">= 6.6", True),
        ("v1.33.5-eks-3025e55", ">= 1.32.4", True),
        ("v1.33+", ">= 1.33", True),
        # builds of one kind
        ("v1.32.4-gke.1125000", ">= 1.32.4-gke.2000000", False),
        ("v1.32.4-gke.2000001", ">= 1.32.4-gke.2000000", True),
        ("v1.32.5-gke.1", ">= 1.32.4-gke.2000000", True),
        ("6.8.0-1031-aws", ">= 6.8.0-1030-aws", True),
        ("6.8.0-1031-aws", "> 6.8.0-1031-aws", False),
        ("6.8.0-79-generic", ">= 6.8.0-80", False),
        ("5.14.0-427.13.1.el9_4.x86_64", ">= 5.14.0-427", True),
        ("v1.33.1+rke2r2", ">= 1.33.1+rke2r1", True),
        ("v1.33.1+k3s1", ">= 1.33.1+k3s2", False),
        # pre-releases are below their release
        ("v1.34.0-rc.1", ">= 1.34", False),
        ("v1.34.0-rc.1", "< 1.34", True),
        ("v1.34.0-alpha.0", ">= 1.34.0", False),
        ("v1.34.0-alpha.0", ">= 1.34.0-alpha.0", True),
        ("v1.34.0-beta.2", ">= 1.34.0-rc.1", False),
        ("v1.34.0-rc.10", "> 1.34.0-rc.9", True),
        ("v1.34.0", ">= 1.34.0-rc.1", True),
        ("v1.34.1-rc.1", ">= 1.34", True),
        ("v1.33.0", ">= 1.33.0-rc.1", True),
        # however whoever makes them spells them
        ("v1.34.0-RC1", ">= 1.34", False),
        ("v1.34.0-Beta.1", ">= 1.34.0-alpha.2", True),
        ("v1.34.0-ec.3", ">= 1.34.0", False),
        ("v1.34.0-rc.1", ">= 1.34.0-ec.3", True),
        ("4.19.0-0.nightly-2025-01-01-123456", ">= 4.19", False),
        ("4.19.0-0.ci-2025-01-01-123456", ">= 4.19.0", False),
        ("v1.34.0-SNAPSHOT", ">= 1.34", False),
        ("v1.34.0-canary.7", ">= 1.34", False),
        ("v1.34.0-test", "== 1.34.0", False),
        ("6.12.0-0.rc1.20240930git.20.fc42.x86_64", ">= 6.12", False),
        ("6.12.0-061200rc4-generic", ">= 6.12", False),
        ("6.12.0-061200-generic", ">= 6.12", True),
        ("6.12.0-061200rc4-generic", "< 6.12", True),
        ("6.12.0-0.deb12.1-amd64", ">= 6.12", True),
        ("6.12.9-0.rc1.fc42", ">= 6.12", True),
        ("v1.34.0-cilium.1", ">= 1.34", True),
        ("v1.34.0-decaf", ">= 1.34", True),
        ("v1.34.0-tested.1", ">= 1.34", True),
        # a reading that says less
        ("1.34", ">= 1.34.0", True),
        ("1.35", ">= 1.34.2", True),
        ("1.33", ">= 1.34.2", False),
        ("1.34", "< 1.34.0", False),
        # quantities
        ("-1", ">= 950000", False),
        ("-1", ">= -1", True),
        ("81559 MiB", ">= 80000 MiB", True),
        ("700.00 W", "<= 650 W", False),
        # one alternative that holds, whatever is not known of the others
        ("1.33", "== 1.33.4 || >= 1.33", True),
        ("24.04", "in (24.04.1, 24.04)", True),
        # equality
        ("6.6.87.2", "== 6.6.87.2", True),
        ("6.6.87.2", "== 6.6.87", False),
        ("v1.34.0-rc.1", "== 1.34.0", False),
        ("v1.33.5-eks-3025e55", "== 1.33.5", True),
        ("v1.33.5-eks-3025e55", "== 1.33.5-eks-3025e55", True),
        ("v1.33.5-eks-ace6451", "== 1.33.5-eks-3025e55", False),
    ],
)
def test_a_reading_is_compared_with_a_demand(actual: str, demanded: str, holds: bool) -> None:
    assert evaluate(parse_expression(demanded), actual) is holds


@pytest.mark.parametrize(
    ("actual", "demanded"),
    [
        ("v1.33.5-eks-3025e55", ">= 1.33.5-gke.1"),
        ("v1.33.5-eks-3025e55", ">= 1.33.5-eks-ace6451"),
        ("v1.32.4", ">= 1.32.4-gke.2000000"),
        ("6.8.0-1031-aws", ">= 6.8.0-1031-azure"),
        ("1.34", ">= 1.34.2"),
        ("9", ">= 9.4"),
        ("1.34", "<= 1.34.0"),
        ("81559 MiB", ">= 80000"),
        ("700.00 W", ">= 650 MiB"),
        ("ubuntu", ">= 24"),
        ("1..2", ">= 1"),
    ],
)
def test_what_a_reading_does_not_tell_is_an_error(actual: str, demanded: str) -> None:
    with pytest.raises(InvalidRequest):
        evaluate(parse_expression(demanded), actual)


def test_a_tree_of_the_reference_is_read_as_the_reference_reads_it() -> None:
    assert evaluate(parse_expression(">= 1.34"), "v1.34.0-rc.1", reference=True)
    assert evaluate(parse_expression(">= 1.32.4+rke2r2"), "v1.32.4+rke2r1", reference=True)
    assert evaluate(parse_expression(">= 1.32.4"), "1.32", reference=True)


NUMBERS = st.lists(st.integers(0, 10**20), min_size=1, max_size=5).map(lambda parts: ".".join(map(str, parts)))


@given(NUMBERS)
def test_a_version_is_at_least_and_at_most_itself(text: str) -> None:
    assert meets(">=", text, text)
    assert meets("<=", text, text)
    assert not meets("<", text, text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_compare_or_are_refused(actual: str, demanded: str) -> None:
    with suppress(InvalidRequest):
        assert meets(">=", actual, demanded) in (True, False)


@pytest.mark.parametrize(
    ("actual", "demanded"),
    [("1.33", "== 1.33.4"), ("1.33", "!= 1.33.4"), ("9", "!= 9.4"), ("6.8", "in (6.8.1, 6.8.2)"),
     ("24.04", "== 24.04.3"), ("v1.33+", "!= 1.33.1 || == 1.33.2")],
)  # fmt: skip
def test_a_reading_that_says_less_is_neither_equal_nor_different(actual: str, demanded: str) -> None:
    with pytest.raises(InvalidRequest, match="is not precise enough"):
        evaluate(parse_expression(demanded), actual)


GKE = ">= 1.34.3-gke.1318000 < 1.35 || >= 1.35.0-gke.2745000"


@pytest.mark.parametrize(
    ("text", "actual", "expected"),
    [
        (GKE, "v1.34.3-gke.1000000", False),
        (GKE, "v1.34.3", False),
        (GKE, "v1.35.0-gke.1000000", False),
        (GKE, "v1.34.3-gke.1318000", True),
        (GKE, "v1.34.4-gke.1", True),
        (GKE, "v1.35.0-gke.2745000", True),
        (GKE, "v1.36.0", True),
        ("<= 1.35.0", "1.35.0-gke.5", False),
        ("> 1.35.0", "1.35.0-gke.5", True),
        (">= 1.35.0-gke.5", "1.35.0-gke.x", False),
        ("<= 1.35", "v1.35.0-gke.5", True),
        (">= 1.35.0-gke.10", "v1.35.0-gke.9", False),
    ],
)
def test_trees_of_the_reference_compare_builds_of_gke(text: str, actual: str, expected: bool) -> None:
    assert evaluate(parse_expression(text), actual, reference=True) is expected
