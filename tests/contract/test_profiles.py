"""The reference's tree of August with its profiles: equal to what the reference makes of it, refused where it refuses.

`shared/reference/2026.08` is its tree and `2026.08.expected.json` what it resolves from it for some services: `combos`
maps `service/accelerator/intent/os/platform[?profile=value]` to a key of `results`; every other combination of these
services it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from clusterbook.cli import build_main
from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED
from tests.contract.test_reference import differences
from tests.support.trees import shared_folder

SERVICES = ("eks", "kind", "aks", "any")
NEWER = {"vr200", "sles"}
"""Words that a query may use since November, whatever tree is asked: the reference of August has none of them."""


class Export(NamedTuple):
    """What `matrix` wrote: answers by tuple, in the order asked, and results by slug."""

    answers: Mapping[str, Mapping[str, Any]]
    results: Mapping[str, list[dict[str, Any]]]


def export(folder: Path, *tuples: str) -> Export:
    """Return what `matrix --hydrate` writes about tuples of the tree, or about all there are."""
    where = folder / "matrix.jsonl"
    (folder / "tuples.txt").write_text("".join(f"{text}\n" for text in tuples), encoding="utf-8")
    asked = ("--tuples", str(folder / "tuples.txt")) if tuples else ()
    tree = str(shared_folder("reference/2026.08"))
    words = ["matrix", "--recipes", tree, *asked, "--hydrate", "--api-version", "aicr.run/v1alpha2", "-o", str(where)]
    assert build_main.run(words) == 0
    lines = [json.loads(line) for line in where.read_text(encoding="utf-8").splitlines()]
    results: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        if "result" in line:
            results.setdefault(line["slug"], []).append(line["result"])
    return Export({line["tuple"]: line for line in lines if "tuple" in line}, results)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """Return what the reference makes of the tree."""
    found: dict[str, Any] = json.loads(shared_folder("reference/2026.08.expected.json").read_text(encoding="utf-8"))
    return found


def test_every_combination_with_and_without_a_profile_is_what_the_reference_resolves(
    expected: dict[str, Any], tmp_path: Path
) -> None:
    found = export(tmp_path, *expected["combos"])
    assert list(found.answers) == list(expected["combos"])
    different = {}
    for text, key in expected["combos"].items():
        answer = found.answers[text]
        assert answer["state"] in (CURATED, COMPOSED), text
        (result,) = found.results[answer["slug"]]
        theirs = {**expected["results"][key], "criteria": result["criteria"]}
        theirs["metadata"] = {name: value for name, value in theirs["metadata"].items() if name != "version"}
        said = list(differences(result, theirs))
        if said:
            different[text] = said[:3]
    assert different == {}
    assert len({answer["slug"] for answer in found.answers.values()}) == len(expected["results"])


def test_every_other_combination_of_these_services_is_refused(expected: dict[str, Any], tmp_path: Path) -> None:
    answers = export(tmp_path).answers
    others = [
        answer
        for text, answer in answers.items()
        if text.partition("/")[0] in SERVICES and "?" not in text and text not in expected["combos"]
    ]
    chosen = {text for text in answers if text.partition("/")[0] in SERVICES and "slurm.accounting" not in text}
    assert {text for text in chosen if "?" in text} <= set(expected["combos"])
    of_its_day = [answer for answer in others if not NEWER & {*answer["tuple"].split("/")}]
    assert len(of_its_day) == 4939 < len(others)
    assert {answer["state"] for answer in others} <= {INHERITED, UNSUPPORTED}


def test_a_profile_that_nothing_declares_or_that_has_no_such_answer_is_refused(tmp_path: Path) -> None:
    wrong = [
        "eks/h100/training/any/any?gpuStack=azure-managed",
        "aks/h100/training/any/any?gpuStack=nobody",
        "aks/h100/training/any/any?driver=azure-managed",
        "kind/h100/training/any/any?slurm.accounting.mode=disabled",
    ]
    found = export(tmp_path, *wrong)
    assert [found.answers[text]["state"] for text in wrong] == [UNSUPPORTED] * 4
    assert "azure-managed, operator-managed" in found.answers[wrong[1]]["reason"]


@pytest.mark.parametrize(
    ("mode", "accounting", "deployed"),
    [("disabled", False, False), ("customer-managed", True, False), ("aicr-provided", True, True)],
)
def test_whether_slurm_counts_jobs_decides_what_is_deployed(
    tmp_path: Path, mode: str, accounting: bool, deployed: bool
) -> None:
    text = f"eks/h100/training/ubuntu/slurm?slurm.accounting.mode={mode}"
    found = export(tmp_path, text)
    (result,) = found.results[found.answers[text]["slug"]]
    assert result["configuration"] == {"slurm": {"accounting": {"mode": mode}}}
    assert result["components"]["slinky-slurm"]["values"]["accounting"]["enabled"] is accounting
    trio = {"mariadb-operator-crds", "mariadb-operator", "slurm-accounting-mariadb"}
    assert trio.intersection(result["deploymentOrder"]) == (trio if deployed else set())


def test_two_choices_of_one_recipe_are_two_parts_of_its_name(tmp_path: Path) -> None:
    text = "aks/h100/training/ubuntu/slurm?gpuStack=operator-managed&slurm.accounting.mode=customer-managed"
    found = export(tmp_path, text)
    slug = found.answers[text]["slug"]
    assert slug == "h100-aks-ubuntu-training-slurm--operator-managed--customer-managed"
    (result,) = found.results[slug]
    assert (result["apiVersion"], result["metadata"]["selectedProfile"]["value"]) == (
        "aicr.run/v1alpha3",
        "operator-managed",
    )
