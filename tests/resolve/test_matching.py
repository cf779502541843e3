"""Matching: which overlays answer a query, which of the four states that is, and what is near."""

from __future__ import annotations

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED, Matcher

EKS, H100 = Criteria("eks"), Criteria(accelerator="h100")
H100_EKS = Criteria("eks", "h100")
TRAINING = Criteria("eks", "h100", "training")


def matcher(*criteria: Criteria, failures: dict[str, str] | None = None) -> Matcher:
    """Return a matcher over overlays that are named by what they claim."""
    return Matcher([(each.slug(), each) for each in criteria], failures or {})


def names(found: Matcher, query: Criteria) -> list[str]:
    """Return the names of the overlays that match."""
    return found.names(found.matched(query))


# --- row R18 ----------------------------------------------------------------------------------------------------------


def test_a_query_matches_what_it_fixes_and_what_is_left_open() -> None:
    found = matcher(Criteria(), EKS, H100, H100_EKS, Criteria("gke"), Criteria("eks", "a100"))
    assert names(found, H100_EKS) == ["base", "eks", "h100", "h100-eks"]
    assert names(found, EKS) == ["base", "eks"]
    assert names(found, Criteria()) == ["base"]
    assert names(found, Criteria("metal3")) == ["base"]


def test_an_overlay_for_a_number_of_nodes_matches_that_number_only() -> None:
    found = matcher(Criteria("eks", nodes=8), EKS)
    assert names(found, Criteria("eks", nodes=8)) == ["eks-8nodes", "eks"]
    assert names(found, Criteria("eks", nodes=9)) == ["eks"]
    assert names(found, EKS) == ["eks"]


def test_a_catalog_without_overlays_matches_nothing() -> None:
    found = matcher()
    assert names(found, H100_EKS) == []
    assert found.answer(Criteria()).state == CURATED
    assert found.answer(EKS).state == INHERITED


def test_two_overlays_may_claim_the_same_criteria() -> None:
    found = Matcher([("one", EKS), ("two", EKS)], {})
    assert names(found, EKS) == ["one", "two"]
    assert found.answer(EKS).state == CURATED


# --- the four states: design, section 7 -------------------------------------------------------------------------------


def test_a_query_that_one_overlay_claims_is_curated() -> None:
    answer = matcher(EKS, H100_EKS).answer(H100_EKS)
    assert (answer.state, answer.slug, answer.lost, answer.reason) == (CURATED, "h100-eks", (), "")


def test_a_query_without_criteria_is_the_curated_base() -> None:
    answer = matcher(EKS).answer(Criteria())
    assert (answer.state, answer.slug) == (CURATED, "base")


def test_a_query_that_independent_overlays_honour_together_is_composed() -> None:
    answer = matcher(EKS, H100).answer(H100_EKS)
    assert (answer.state, answer.slug, answer.lost) == (COMPOSED, "h100-eks", ())
    assert "eks" in answer.reason
    assert "h100" in answer.reason


def test_a_query_of_which_a_part_changes_nothing_is_inherited() -> None:
    answer = matcher(EKS, H100_EKS).answer(Criteria("eks", "gb300", platform="runai"))
    assert (answer.state, answer.slug, answer.honoured) == (INHERITED, "eks", EKS)
    assert answer.lost == ("accelerator", "platform")
    assert answer.reason == "accelerator gb300, platform runai have no effect; the answer is eks"


def test_nodes_that_no_overlay_asks_for_change_nothing() -> None:
    answer = matcher(EKS).answer(Criteria("eks", nodes=3))
    assert (answer.state, answer.slug, answer.lost) == (INHERITED, "eks", ("nodes",))


def test_a_query_whose_recipe_cannot_be_resolved_is_unsupported_with_the_reason() -> None:
    found = matcher(EKS, H100_EKS, failures={"h100-eks": "mixin 'x' does not exist"})
    answer = found.answer(TRAINING)
    assert (answer.state, answer.slug, answer.reason) == (UNSUPPORTED, None, "mixin 'x' does not exist")
    assert found.answer(EKS).state == CURATED


def test_the_answer_of_an_answer_is_the_same_recipe() -> None:
    found = matcher(EKS, H100, TRAINING, Criteria(os="ubuntu", platform="nim"))
    for query in (Criteria("eks", "h100", "training", "ubuntu", "nim"), Criteria("gke", "h100"), Criteria(os="x")):
        answer = found.answer(query)
        again = found.answer(answer.honoured)
        assert (again.slug, again.honoured) == (answer.slug, answer.honoured)
        assert again.state in (CURATED, COMPOSED)


# --- row R23: the OS guard --------------------------------------------------------------------------------------------

GATED = [Criteria("oke", "l40s", "training", "ol"), Criteria("oke", os="ol"), Criteria("gke", "h100", os="cos")]


def test_a_service_that_only_exists_with_an_os_requires_one_and_lists_those_that_would_do() -> None:
    answer = matcher(*GATED, Criteria("oke", os="ubuntu")).answer(Criteria("oke", "l40s", "training"))
    assert answer.state == UNSUPPORTED
    assert answer.reason == ("an OS is required for service oke, accelerator l40s, intent training (valid: ol, ubuntu)")


def test_what_lacks_an_os_is_succeeded_by_what_each_os_leads_to() -> None:
    found = matcher(*GATED, Criteria("oke", os="ubuntu"))
    assert found.successors(Criteria("oke", "l40s", "training")) == ["l40s-oke-ol-training", "oke-ubuntu"]


def test_what_changes_nothing_any_more_is_succeeded_by_what_its_criteria_lead_to() -> None:
    assert matcher(EKS, H100).successors(Criteria("eks", platform="nim")) == ["eks"]
    assert matcher(EKS, failures={"eks": "it has no chart"}).successors(EKS) == []


@pytest.mark.parametrize(
    ("overlays", "query", "valid"),
    [
        ([EKS, H100, Criteria("eks", "h100", os="ubuntu")], H100_EKS, "ubuntu"),
        ([EKS, H100, Criteria(os="ubuntu")], H100_EKS, "ubuntu"),
        ([H100, Criteria(intent="training"), Criteria(accelerator="h100", os="cos")],
         Criteria(accelerator="h100", intent="training"), "cos"),
        ([H100_EKS, Criteria("eks", intent="training"), Criteria("eks", "h100", "training", "ubuntu")],
         TRAINING, "ubuntu"),
        ([H100_EKS, Criteria(platform="slurm"), Criteria("eks", os="ol"), Criteria("eks", os="cos")],
         Criteria("eks", "h100", platform="slurm"), "cos, ol"),
    ],
)  # fmt: skip
def test_what_only_several_overlays_have_together_needs_the_os_that_would_bring_another(
    overlays: list[Criteria], query: Criteria, valid: str
) -> None:
    answer = matcher(*overlays).answer(query)
    assert (answer.state, answer.reason.rpartition(" (")[2]) == (UNSUPPORTED, f"valid: {valid})")
    assert matcher(*overlays, query).answer(query).state == CURATED


@pytest.mark.parametrize(
    "other",
    [Criteria("eks", "h100", os="ubuntu", platform="slurm"), Criteria("gke", os="ubuntu"), Criteria("eks", nodes=8)],
)
def test_an_overlay_that_an_os_alone_would_not_bring_asks_for_none(other: Criteria) -> None:
    assert matcher(EKS, H100, other).answer(H100_EKS).state == COMPOSED
    with_nodes = H100_EKS._replace(nodes=4)
    assert matcher(EKS, H100_EKS, Criteria(nodes=4), Criteria("eks", os="cos")).answer(with_nodes).state == COMPOSED


def test_the_guard_is_silent_once_an_os_is_named() -> None:
    answer = matcher(*GATED).answer(Criteria("oke", "l40s", os="ol"))
    assert answer.state == INHERITED


def test_the_guard_is_silent_without_a_service() -> None:
    found = matcher(*GATED, Criteria(accelerator="h100", os="ubuntu"))
    assert found.answer(Criteria(accelerator="h100")).state == INHERITED


def test_the_guard_is_silent_where_an_overlay_has_exactly_this_service_and_accelerator() -> None:
    found = matcher(*GATED, Criteria("gke", "h100"))
    assert found.answer(Criteria("gke", "h100")).state == CURATED
    assert found.answer(Criteria("gke", "h100", "training")).state == INHERITED


def test_an_overlay_of_the_service_alone_does_not_silence_the_guard_for_an_accelerator() -> None:
    found = matcher(*GATED, Criteria("gke"))
    assert found.answer(Criteria("gke", "h100")).state == UNSUPPORTED
    assert found.answer(Criteria("gke")).state == CURATED


def test_overlays_for_service_and_accelerator_apart_do_not_silence_the_guard() -> None:
    found = matcher(*GATED, Criteria("gke"), H100)
    answer = found.answer(Criteria("gke", "h100"))
    assert (answer.state, answer.honoured) == (UNSUPPORTED, Criteria("gke", "h100"))
    assert "(valid: cos)" in answer.reason


def test_an_overlay_for_one_intent_silences_the_guard_for_that_intent_only() -> None:
    found = matcher(*GATED, Criteria("gke", "h100", "training"))
    assert found.answer(Criteria("gke", "h100", "training")).state == CURATED
    assert found.answer(Criteria("gke", "h100", "inference")).state == UNSUPPORTED


def test_the_guard_is_silent_where_no_os_would_change_anything() -> None:
    assert matcher(*GATED).answer(Criteria("metal3", "h100")).state == INHERITED
    assert matcher(*GATED).answer(Criteria("gke", "a100")).state == INHERITED


def test_an_os_gated_overlay_of_every_service_counts_as_well() -> None:
    found = matcher(EKS, Criteria(os="talos"))
    assert found.answer(EKS).state == CURATED
    assert found.answer(Criteria("metal3")).state == UNSUPPORTED


# --- nearest ----------------------------------------------------------------------------------------------------------


def test_the_nearest_recipes_come_first() -> None:
    found = matcher(EKS, H100_EKS, TRAINING, Criteria("eks", "a100"), Criteria("gke", "h100"))
    near = found.nearest(Criteria("eks", "h100", "inference"), count=9)
    assert near == ["h100-eks", "h100-eks-training", "eks", "a100-eks", "h100-gke"]


def test_a_recipe_is_not_near_to_itself() -> None:
    assert "h100-eks" not in matcher(EKS, H100_EKS).nearest(H100_EKS)


def test_what_is_unsupported_is_not_suggested() -> None:
    found = matcher(EKS, H100_EKS, Criteria("gke"), Criteria("gke", "h100", os="cos"), failures={"eks": "broken"})
    assert "eks" not in found.nearest(Criteria("eks", "l40"))
    assert set(found.nearest(Criteria("gke", "h100"), count=9)) == {"h100-eks", "gke", "h100-gke-cos"}


def test_the_number_of_suggestions_is_limited() -> None:
    found = matcher(*(Criteria("eks", f"gpu{number}") for number in range(9)))
    assert len(found.nearest(Criteria("eks"))) == 3
    assert len(found.nearest(Criteria("eks"), count=5)) == 5


# --- slugs ------------------------------------------------------------------------------------------------------------


def test_the_slugs_are_all_that_queries_lead_to() -> None:
    found = matcher(EKS, Criteria("gke"), H100)
    assert list(found.slugs()) == ["base", "eks", "gke", "h100", "h100-eks", "h100-gke"]
    assert found.slugs()["h100-gke"] == Criteria("gke", "h100")


def test_overlays_that_contradict_each_other_are_not_joined() -> None:
    assert "h100-eks" not in matcher(Criteria("gke", "h100"), EKS).slugs()


@pytest.mark.parametrize("order", [1, -1])
def test_answers_do_not_depend_on_the_order_of_overlays(order: int) -> None:
    overlays = sorted([EKS, H100, TRAINING, Criteria("gke", os="cos")])[::order]
    found = matcher(*overlays)
    assert found.answer(Criteria("gke")).reason.endswith("(valid: cos)")
    assert found.nearest(Criteria("eks", "h100")) == ["h100-eks-training", "eks", "h100"]
