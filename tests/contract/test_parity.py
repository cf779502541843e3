"""Our sources against the reference's newest facts; skipped where a checkout stands alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.catalog.chart import read_chart
from clusterbook.cli.builder.recipe import load
from clusterbook.prove.values import get, merge_values, same
from clusterbook.resolve.matrix import Matrix
from tests.contract import facts, parity
from tests.contract.parity import Departure, Parity
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
    # its registry knows nothing of these four, of which there are values alone
    assert found.different.pop("component") == [
        f"/{name}: not here" for name in ("lws", "nvsentinel-mongodb", "psmdb-operator", "topograph")
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


def test_components_mixins_and_leaves_that_are_not_here_are_found(tmp_path: Path) -> None:
    more = {**BEFORE, "components/f/values.yaml": "x: 1", "mixins/os": "{}"}
    ours, theirs = written(tmp_path / "ours", BEFORE), written(tmp_path / "theirs", more)
    health = [{"recipe": "eks-a", "service": "eks"}, {"recipe": "gke-b", "service": "gke", "os": "cos"}]
    (tmp_path / "theirs/recipe-health.json").write_text(json.dumps(health), encoding="utf-8")
    found = parity.hold(ours, theirs, [], parity.listed_leaves(tmp_path / "theirs"))
    assert {recipe: different for recipe, different in found.different.items() if different} == {
        "component": ["/f: not here"],
        "mixin": ["/os: not here"],
        "leaf": ["/gke-cos: not here"],
    }
    departures = [Departure("unused", "", (f"/{name}",), (of,)) for of, name in (("component", "f"), ("leaf", "gke-*"))]
    left = parity.hold(ours, theirs, departures, parity.listed_leaves(tmp_path / "theirs")).different
    assert (left["component"], left["mixin"], left["leaf"]) == ([], ["/os: not here"], [])
    assert parity.listed_leaves(tmp_path / "ours") == []


# --- November ---------------------------------------------------------------------------------------------------------

OURS = Path(__file__).resolve().parents[2] / "recipes"


@pytest.fixture(scope="module")
def november() -> Parity:
    """Return what came of holding our sources against the tree of November."""
    folder = shared_folder("reference/2026.11")
    listed, leaves = parity.read_departures(parity.DEPARTURES / "2026.11.yaml"), parity.listed_leaves(folder)
    assert len(leaves) == 60
    return parity.hold(load(OURS, None), load(folder, None), listed, leaves)


def test_our_sources_say_what_november_says_but_for_what_is_listed(november: Parity) -> None:
    assert {recipe: different for recipe, different in november.different.items() if different} == {}
    assert november.equal == len(november.different) > 200


def test_every_departure_accounts_for_something_and_has_a_reason(november: Parity) -> None:
    listed = parity.read_departures(parity.DEPARTURES / "2026.11.yaml")
    assert {each.kind for each in listed} <= {*parity.KINDS}
    assert all(each.why for each in listed)
    unused = [(each.why, pattern) for each in listed for pattern in each.at if not november.patterns[each, pattern]]
    assert unused == []


def test_what_november_repeats_is_what_the_charts_say() -> None:
    folder = shared_folder("charts/2026.11")
    entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    defaults = {each["component"]: read_chart(folder / each["file"]).values for each in entries if each.get("file")}
    repeated = [each for each in parity.read_departures(parity.DEPARTURES / "2026.11.yaml") if each.kind == "repeated"]
    theirs, ours = load(shared_folder("reference/2026.11"), None), load(OURS, None)
    seen = 0
    for query in parity.claimed(theirs):
        fact, recipe = parity.document(theirs, query), parity.document(ours, query)
        if fact is None or recipe is None:
            continue
        for pointer, _ in facts.differences(recipe["components"], fact["components"], "/components"):
            if any(each.accounts_for(query.text(), pointer) for each in repeated):
                _, _, component, _, *steps = pointer.split("/")
                default = get(defaults[component], tuple(steps))
                value = get(fact["components"][component]["values"], tuple(steps))
                assert same(default, merge_values({"": default}, {"": value}).get("")), (query.text(), pointer, value)
                seen += 1
    assert seen > 1000
