"""Checks as the validator catalog says them: what is added there is judged, and no program knows its name."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.model import read_snapshot
from clusterbook.validate.checks import check_words, read_checks, with_inspections
from clusterbook.validate.inspection import Judgement, judge_check
from clusterbook.validate.result import FAILED, NOT_APPLICABLE, PASSED, SKIPPED
from clusterbook.validate.subject import subject
from tests.support.checks import CHECKS, ENTRIES
from tests.support.clusters import FILES

ENTRY = {
    "inspect": [
        {
            "component": "widget",
            "namespace": "monitoring",
            "fullname": "kube-prometheus",
            "healthy": [{"kind": "Deployment", "name": "{fullname}-operator", "namespace": "{namespace}"}],
            "holds": "it runs",
        }
    ]
}


def judged(entry: dict[str, Any], *components: dict[str, Any]) -> Judgement:
    """Return what becomes of a check that no program knows."""
    recipe = {"kind": "RecipeResult", "componentRefs": list(components)}
    (check,) = read_checks({"new": entry}).values()
    return judge_check(check, subject(recipe, read_snapshot(FILES["h100-eks"])), ())


def test_a_check_that_is_added_is_judged_by_what_its_entry_says() -> None:
    assert judged(ENTRY, {"name": "widget"}) == (PASSED, "it runs")
    assert judged(ENTRY) == (NOT_APPLICABLE, "the recipe does not deploy widget")


def test_names_follow_the_namespace_and_the_values_of_the_component() -> None:
    elsewhere = {"name": "widget", "namespace": "kube-system"}
    assert judged(ENTRY, elsewhere) == (FAILED, "Deployment kube-system/kube-prometheus-operator does not exist")
    renamed = {"name": "widget", "values": {"fullnameOverride": "other"}}
    assert judged(ENTRY, renamed) == (FAILED, "Deployment monitoring/other-operator does not exist")


def test_a_check_that_says_nothing_is_left_to_what_runs() -> None:
    assert judged({}) == (SKIPPED, "it runs a container of its own on a cluster")


def test_what_has_to_run_besides_is_never_passed_by_reading() -> None:
    state, message = judged({"inspect": [{**ENTRY["inspect"][0], "then": "it has to turn"}]}, {"name": "widget"})
    assert (state, message) == (SKIPPED, "what can be inspected passes; it has to turn")


def test_a_private_catalog_that_says_nothing_of_a_check_leaves_it_as_ours_says_it() -> None:
    mine = with_inspections({"inference-perf": {"image": "mirror/x:1"}, "own": {"image": "y"}}, ENTRIES)
    assert read_checks(mine)["inference-perf"].inspections == CHECKS["inference-perf"].inspections
    assert read_checks(mine)["inference-perf"].judges("inference-throughput")
    assert mine["own"] == {"image": "y"}


def test_a_private_catalog_that_says_something_counts() -> None:
    mine = {"gang-scheduling": {"inspect": [{"then": "mine"}]}}
    assert with_inspections(mine, ENTRIES) == mine


def test_a_check_judges_the_constraint_of_its_name_unless_it_says_which() -> None:
    assert CHECKS["nccl-all-reduce-bw"].judges("nccl-all-reduce-bw")
    assert not CHECKS["nccl-all-reduce-bw"].judges("nccl-all-reduce-bw-net")
    assert CHECKS["gpu-operator-version"].judges("Deployment.gpu-operator.version")


def test_the_names_that_checks_ask_about_are_public() -> None:
    public = check_words(CHECKS.values())
    assert {"binder", "gpu-operator", "dynamo-operator", "nvidia-dra-driver-gpu-controller", "cluster-policy"} <= public
    assert [word for word in public if "{" in word] == []


@pytest.mark.parametrize(
    "inspection",
    [7, "x", {"healthy": 7}, {"healthy": [{"kind": "Pod"}]}, {"pods": {"labels": 7, "otherwise": "x"}}, {"pods": 1}],
)
def test_an_entry_of_another_shape_is_refused(inspection: Any) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_checks({"mine": {"inspect": [inspection]}})
    assert "mine" in error.value.what
