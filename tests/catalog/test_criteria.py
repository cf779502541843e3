"""Criteria: how they match, how they join, how they are spelled."""

from __future__ import annotations

from itertools import product as combinations
from typing import Any

import pytest

from clusterbook.catalog.criteria import (
    ANY,
    DIMENSIONS,
    Criteria,
    Vocabulary,
    claimed_values,
    product,
    read_criteria,
    read_nodes,
    read_tuple,
)
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support.hints import nearest

VOCABULARY = Vocabulary(
    known={"service": ("eks", "ocp"), "accelerator": ("h100", "rtx-pro-6000"), "intent": ("training", "inference"),
           "os": ("amazonlinux", "ubuntu"), "platform": ("kubeflow",)},
    claimed={"accelerator": ("h100", "zz9")},
    aliases={"service": {"openshift": "ocp", "self-managed": ANY, "vanilla": ANY}, "os": {"al2023": "amazonlinux"}},
)  # fmt: skip


# --- row R18: asymmetric matching -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_what_an_overlay_leaves_open_matches_every_query(dimension: str) -> None:
    assert Criteria().covers(Criteria(**{dimension: "x"}))
    assert Criteria().covers(Criteria())


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_what_a_query_leaves_open_matches_only_overlays_that_leave_it_open_too(dimension: str) -> None:
    overlay = Criteria(**{dimension: "x"})
    assert not overlay.covers(Criteria())
    assert overlay.covers(Criteria(**{dimension: "x"}))
    assert not overlay.covers(Criteria(**{dimension: "y"}))


def test_nodes_match_exactly_once_they_are_set() -> None:
    assert Criteria(nodes=8).covers(Criteria(nodes=8))
    assert not Criteria(nodes=8).covers(Criteria(nodes=9))
    assert not Criteria(nodes=8).covers(Criteria())
    assert Criteria().covers(Criteria(nodes=8))


def test_every_dimension_must_match() -> None:
    overlay = Criteria(service="eks", accelerator="h100")
    assert overlay.covers(Criteria("eks", "h100", "training", "ubuntu", "kubeflow", 8))
    assert not overlay.covers(Criteria("eks", "a100", "training"))
    assert not overlay.covers(Criteria("eks"))


# --- row R20: specificity ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("criteria", "count"),
    [(Criteria(), 0), (Criteria("eks"), 1), (Criteria(nodes=4), 1), (Criteria("a", "b", "c", "d", "e", 6), 6)],
)
def test_specificity_counts_the_six_dimensions_that_are_fixed(criteria: Criteria, count: int) -> None:
    assert criteria.specificity() == count
    assert len(criteria.specified()) == count


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("criteria", "slug"),
    [
        (Criteria(), "base"),
        (Criteria("eks", "h100", "training", "ubuntu", "kubeflow"), "h100-eks-ubuntu-training-kubeflow"),
        (Criteria(service="gke", os="cos"), "gke-cos"),
        (Criteria(service="eks", nodes=8), "eks-8nodes"),
        (Criteria(nodes=8), "8nodes"),
    ],
)
def test_a_slug_joins_what_is_fixed_in_the_order_of_overlay_names(criteria: Criteria, slug: str) -> None:
    assert criteria.slug() == slug


def test_a_tuple_is_written_and_read_back() -> None:
    for text in ("eks/h100/training/ubuntu/kubeflow", "any/any/any/any/any", "eks/any/any/any/any/8"):
        assert read_tuple(text, VOCABULARY).text() == text


def test_a_tuple_may_spell_aliases() -> None:
    assert read_tuple(" OpenShift/any//al2023/any\n", VOCABULARY) == Criteria("ocp", os="amazonlinux")


@pytest.mark.parametrize("text", ["", "eks", "eks/h100/training/ubuntu", "a/b/c/d/e/f/g", "gke/any/any/any/any"])
def test_what_is_no_tuple_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_tuple(text, VOCABULARY)


def test_criteria_read_as_a_sentence() -> None:
    assert Criteria("eks", nodes=8).sentence() == "service eks, nodes 8"
    assert Criteria().sentence() == "no criteria"


# --- union ------------------------------------------------------------------------------------------------------------


def test_a_union_fixes_what_either_fixes() -> None:
    assert Criteria("eks", nodes=4).union(Criteria(accelerator="h100")) == Criteria("eks", "h100", nodes=4)


@pytest.mark.parametrize("one", [Criteria("eks"), Criteria(nodes=4), Criteria("eks", "h100")])
@pytest.mark.parametrize("two", [Criteria("gke"), Criteria("gke", nodes=8), Criteria(nodes=8)])
def test_a_union_of_what_contradicts_itself_is_none(one: Criteria, two: Criteria) -> None:
    agree = all(mine in (ANY, 0) or theirs in (ANY, 0) for mine, theirs in zip(one, two, strict=True))
    assert (one.union(two) is not None) == agree


def test_a_union_covers_both_and_is_covered_by_either() -> None:
    axis = ["any", "x", "y"]
    few = [Criteria(*words, "any", "any", "any", nodes) for words in combinations(axis, axis) for nodes in (0, 4)]
    for one, two in combinations(few, few):
        joined = one.union(two)
        assert joined == two.union(one)
        if joined is not None:
            assert one.covers(joined)
            assert two.covers(joined)


# --- rows R1-R7: the vocabulary ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dimension", "text", "value"),
    [
        ("service", "eks", "eks"),
        ("service", " EKS ", "eks"),
        ("service", "openshift", "ocp"),
        ("service", "self-managed", ANY),
        ("service", "Vanilla", ANY),
        ("service", "", ANY),
        ("service", "any", ANY),
        ("os", "al2023", "amazonlinux"),
        ("accelerator", "zz9", "zz9"),
    ],
)
def test_a_value_may_be_spelled_in_several_ways(dimension: str, text: str, value: str) -> None:
    assert VOCABULARY.read(dimension, text) == value


def test_an_unknown_value_is_refused_with_those_that_recipes_are_for() -> None:
    with pytest.raises(InvalidRequest) as caught:
        VOCABULARY.read("accelerator", "h10")
    assert "there are recipes for: h100, zz9, any" in str(caught.value)
    assert nearest(caught.value.hint) == "h100"
    assert caught.value.exit_status == 2


def test_a_value_that_only_overlays_claim_is_refused_when_strict() -> None:
    assert VOCABULARY.values("accelerator", strict=True) == ("h100", "rtx-pro-6000")
    with pytest.raises(InvalidRequest):
        VOCABULARY.read("accelerator", "zz9", strict=True)


def test_an_alias_of_a_value_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        VOCABULARY._replace(known={"service": ("eks",)}).read("service", "openshift")


@pytest.mark.parametrize(("text", "nodes"), [("0", 0), ("8", 8), (8, 8), (" 8 ", 8)])
def test_nodes_are_a_whole_number(text: Any, nodes: int) -> None:
    assert read_nodes(text) == nodes


@pytest.mark.parametrize("text", ["-3", "x", "1.5", "", "1e3"])
def test_nodes_that_are_no_count_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="nodes"):
        read_nodes(text)


def test_criteria_are_read_from_a_map_of_spellings() -> None:
    values: dict[str, str | int] = {"service": "openshift", "nodes": "4", "intent": "any"}
    assert read_criteria(values, VOCABULARY) == Criteria("ocp", nodes=4)
    assert read_criteria({}, VOCABULARY) == Criteria()


def test_the_product_holds_every_combination_once_and_any_first() -> None:
    tuples = list(product({"service": ["b", "a"], "os": ["x"]}))
    assert [criteria.text() for criteria in tuples] == [
        "any/any/any/any/any", "any/any/any/x/any", "a/any/any/any/any", "a/any/any/x/any",
        "b/any/any/any/any", "b/any/any/x/any",
    ]  # fmt: skip


def test_the_values_that_overlays_claim_are_gathered_by_dimension() -> None:
    assert claimed_values([Criteria("eks", "h100", "training"), Criteria("gke", nodes=4)]) == {
        "service": ("eks", "gke"), "accelerator": ("h100",), "intent": ("training",),
    }  # fmt: skip
