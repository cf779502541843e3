"""What was released, against the facts of its day; skipped where a checkout stands alone.

A release is immutable, so this holds for good, wherever the sources move. Today's sources are held by test_parity.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.ledger.folder import open_ledger
from tests.contract import facts
from tests.support.trees import shared_folder

REGISTRY = Path(__file__).resolve().parents[2] / "registry"
FACTS, RELEASE = "facts/2026.07", "2026.7.0"


def test_every_recipe_of_july_was_released_as_the_facts_have_it() -> None:
    found, equal = facts.run(shared_folder(FACTS), open_ledger(REGISTRY), RELEASE)
    assert {name: different for name, different in found.items() if different} == {}
    assert equal == len(found) == 96


def test_a_difference_is_found_with_its_pointer() -> None:
    fact = json.loads((shared_folder(FACTS) / "eks.json").read_text(encoding="utf-8"))
    fact["components"]["gpu-operator"]["version"] = "v1"
    fact["components"]["gpu-operator"]["values"]["gdrcopy"]["enabled"] = 1
    fact["constraints"].append({"name": "OS.release.ID", "value": "ubuntu"})
    found = facts.compare(fact, open_ledger(REGISTRY), RELEASE)
    assert [difference.partition(":")[0] for difference in found] == [
        "/components/gpu-operator/values/gdrcopy/enabled",
        "/components/gpu-operator/version",
        "/constraints/OS.release.ID",
    ]


@pytest.mark.parametrize(("accelerator", "release"), [("h100", "2026.3.0"), ("b300", RELEASE)])
def test_what_was_not_released_is_different(accelerator: str, release: str) -> None:
    fact = json.loads((shared_folder(FACTS) / "h100-any.json").read_text(encoding="utf-8"))
    fact["criteria"]["accelerator"] = accelerator
    assert facts.compare(fact, open_ledger(REGISTRY), release) != []
