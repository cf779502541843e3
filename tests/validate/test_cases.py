"""Judgements, one file a case: a recipe, a cluster, and what becomes of each demand.

recipe:    laid over a recipe that demands nothing
snapshot:  a file of tests/snapshots; default h100-eks
measured:  figures of performance checks, added to it
ran:       what checks that ran brought home, by name, added to it
phases, fail_fast, known:  what `judge` takes
expect:    phase/kind/name → "state: message (hint)", of which message and hint may be cut short
verdict:   of the whole
refused, hint:  words of the error instead
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.yaml_reader import parse
from clusterbook.snapshot.model import read_snapshot
from clusterbook.validate.judge import judge
from clusterbook.validate.result import PHASES, Report
from tests.support.checks import CHECKS
from tests.support.clusters import FILES

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
NOTHING = {"kind": "RecipeResult", "metadata": {"slug": "test"}, "componentRefs": []}
KEYS = {"recipe", "snapshot", "measured", "ran", "phases", "fail_fast", "known", "expect", "verdict", "refused", "hint"}


def read(path: Path) -> dict[str, Any]:
    node = parse(path.read_text(encoding="utf-8"), path.name)
    assert node is not None
    case: dict[str, Any] = node.data()
    assert case.keys() <= KEYS, f"{path.name}: {case.keys() - KEYS}"
    return case


def judged(case: dict[str, Any]) -> Report:
    document = FILES[case.get("snapshot", "h100-eks")]
    if "measured" in case:
        figures = {"type": "Performance", "subtypes": [{"subtype": "results", "data": case["measured"]}]}
        document = {**document, "measurements": [*document["measurements"], figures]}
    if "ran" in case:
        checks = [{"subtype": name, "data": data} for name, data in case["ran"].items()]
        document = {**document, "measurements": [*document["measurements"], {"type": "Checks", "subtypes": checks}]}
    return judge(
        {**NOTHING, **case.get("recipe", {})},
        read_snapshot(document),
        checks=CHECKS,
        phases=case.get("phases", PHASES),
        fail_fast=case.get("fail_fast", False),
        known_checks=case.get("known", ()),
    )


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_ends_as_it_says(path: Path) -> None:
    case = read(path)
    if "refused" in case:
        with pytest.raises(InvalidRequest) as error:
            judged(case)
        assert case["refused"] in error.value.what
        assert case.get("hint", "") in error.value.hint
        return
    report = judged(case)
    said = {
        f"{each.phase}/{each.kind}/{each.name}": f"{each.state}: {each.message}"
        + (f" ({each.hint})" if each.hint else "")
        for each in report.results
    }
    assert list(said) == list(case["expect"])
    for name, expected in case["expect"].items():
        assert said[name].startswith(expected), name
    assert report.verdict == case["verdict"]


def test_a_service_that_no_cluster_shows_stays_unknown_on_a_kubernetes_of_no_service() -> None:
    text = json.dumps(FILES["h100-eks"]).replace("v1.33.5-eks-3025e55", "v1.33.5")
    (found,) = judge(
        {**NOTHING, "criteria": {"service": "bcm"}}, read_snapshot(json.loads(text)), checks=CHECKS
    ).results
    assert found.state == "skipped"
    assert found.message.startswith("the recipe is for bcm, which a cluster does not show; it is Kubernetes v1.33.5")
