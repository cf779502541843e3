"""Our sources against the reference's newest facts; skipped where a checkout stands alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.cli.builder.recipe import load
from clusterbook.resolve.matrix import Matrix
from tests.contract import parity
from tests.contract.parity import Departure
from tests.support.trees import shared_folder, texts

BEFORE = {
    "base": "componentRefs: [{name: a, overrides: {driver: {version: '1'}}}, {name: b}]",
    "eks": "criteria: {service: eks}",
    "gke": "criteria: {service: gke}",
}
AFTER = {
    **BEFORE,
    "eks": "{criteria: {service: eks}, componentRefs: [{name: a, overrides: {driver: {version: '2'}}}]}",
    "gke-training": "{base: gke, criteria: {service: gke, intent: training}}",
}


def written(folder: Path, files: dict[str, str]) -> Matrix:
    """Return the answers of a small tree."""
    for path, text in texts(files).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return load(folder, None)


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Matrix, Matrix]:
    return written(tmp_path / "ours", BEFORE), written(tmp_path / "theirs", AFTER)


def test_a_tree_is_equal_to_itself() -> None:
    tree = load(shared_folder("reference/2026.11"), None)
    found = parity.hold(tree, tree, [])
    unresolved = found.different.pop("unresolved")
    assert [each.partition(":")[0] for each in unresolved] == [
        "/h100-eks-ubuntu-training-kueue.yaml",
        "/h100-gke-cos-training-kueue.yaml",
        "/h100-kind-training-kueue.yaml",
    ]
    assert found.equal == len(found.different) > 200


def test_a_difference_and_a_recipe_that_is_not_here_are_found(trees: tuple[Matrix, Matrix]) -> None:
    found = parity.hold(*trees, [])
    assert found.equal == 2
    assert {recipe: different for recipe, different in found.different.items() if different} == {
        "eks/any/any/any/any": ['/components/a/values/driver/version: "1" is not "2"'],
        "gke/any/training/any/any": [": not here"],
    }


def test_a_departure_accounts_for_its_pointers_in_its_recipes_alone(trees: tuple[Matrix, Matrix]) -> None:
    version = "/components/a/values/driver/version"
    fitting = Departure("ours", "", (version, "/components/a/nothing"), ("eks/*",))
    elsewhere = Departure("ours", "", (version,), ("gke/*",))
    found = parity.hold(*trees, [fitting, elsewhere])
    assert found.different["eks/any/any/any/any"] == []
    assert found.equal == 3
    assert dict(found.departures) == {fitting: 1}
    assert set(found.patterns) == {(fitting, version)}
