"""Services that the reference's own results leave out: held against a second resolver, written from its description.

`support.plain_resolver` is first held against the reference's results for eks, kind, aks and any service; then every
combination of every service, with each profile, has to come out of ours as it comes out of that one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED
from tests.contract.test_profiles import Export, export
from tests.contract.test_reference import differences
from tests.support.plain_resolver import DIMENSIONS, PlainResolver, Refused
from tests.support.trees import shared_folder

FIELDS = ("constraints", "components", "deploymentOrder", "configuration")
OF_METADATA = ("appliedOverlays", "selectedProfile")
TYPED = {"slurm.accounting.mode": "mode", "runtimeInventory.mode": "inventory"}
"""Choices that are no profile, and what the second resolver calls them."""


@pytest.fixture(scope="module")
def plain() -> PlainResolver:
    return PlainResolver(shared_folder("reference/2026.08"))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Return what our matrix says of every combination and choice of the tree."""
    return export(tmp_path_factory.mktemp("all"))


def answer(plain: PlainResolver, text: str) -> dict[str, Any] | None:
    """Return what the plain resolver makes of a tuple, None where it refuses."""
    criteria, _, chosen = text.partition("?")
    query = {name: word for name, word in zip(DIMENSIONS, criteria.split("/"), strict=True) if word != "any"}
    choices = chosen.split("&") if chosen else []
    typed = {TYPED[name]: word for name, _, word in (each.partition("=") for each in choices) if name in TYPED}
    profile = next((each for each in choices if each.partition("=")[0] not in TYPED), "")
    try:
        return plain.resolve(query, profile, **typed)
    except Refused:
        return None


def different(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs between two recipes."""
    for key in FIELDS:
        yield from differences(one.get(key), other.get(key), key)
    for key in OF_METADATA:
        yield from differences(one["metadata"].get(key), other["metadata"].get(key), key)


def test_the_second_resolver_makes_of_the_tree_what_the_reference_makes(plain: PlainResolver) -> None:
    expected = json.loads(shared_folder("reference/2026.08.expected.json").read_text(encoding="utf-8"))
    wrong = {}
    for text, key in expected["combos"].items():
        found = answer(plain, text)
        said = ["refused"] if found is None else list(different(found, expected["results"][key]))
        if said:
            wrong[text] = said[:3]
    assert wrong == {}


def test_every_combination_of_every_service_is_what_the_second_resolver_makes_of_it(
    plain: PlainResolver, ours: Export
) -> None:
    wrong: dict[str, list[str]] = {}
    served: Counter[str] = Counter()
    for text, line in ours.answers.items():
        found = answer(plain, text)
        if found is None:
            if line["state"] not in (INHERITED, UNSUPPORTED):
                wrong[text] = [f"refused, and {line['state']} here"]
            continue
        if line["state"] not in (CURATED, COMPOSED):
            wrong[text] = [f"{line['state']}, and answered there"]
            continue
        served[text.partition("/")[0]] += 1
        (result,) = ours.results[line["slug"]]
        if said := list(different(result, found)):
            wrong[text] = said[:3]
    assert wrong == {}
    assert len(ours.answers) > 12_000
    assert {"eks", "aks", "kind", "any", "gke", "oke", "ocp", "lke", "bcm"} <= served.keys()
    assert min(served.values()) > 1


def test_what_is_chosen_is_refused_where_nothing_declares_it(plain: PlainResolver, tmp_path: Path) -> None:
    wrong = ["gke/h100/training/cos/any?gpuStack=azure-managed", "eks/h100/training/any/any?gpuStack=gke-default"]
    assert [answer(plain, text) for text in wrong] == [None, None]
    assert [export(tmp_path, *wrong).answers[text]["state"] for text in wrong] == [UNSUPPORTED] * 2
