"""Our catalog against the facts that it carries; skipped where a checkout stands alone."""

from __future__ import annotations

import json
from pathlib import Path

from clusterbook.catalog.chart import read_chart
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.prove.values import get, merge_values, same
from clusterbook.resolve.resolver import Resolver
from tests.contract import facts
from tests.support.trees import shared_folder

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
RELEASE = "2026.07"
"""The facts that recipes/ stands for now."""


def test_every_recipe_is_equal_to_the_facts() -> None:
    found, equal = facts.run(shared_folder(f"facts/{RELEASE}"), RECIPES)
    assert {name: differences for name, differences in found.items() if differences} == {}
    assert equal == len(found) > 30


def test_a_difference_is_found_with_its_pointer() -> None:
    fact = json.loads((shared_folder(f"facts/{RELEASE}") / "eks.json").read_text())
    fact["components"]["gpu-operator"]["version"] = "v1"
    fact["components"]["gpu-operator"]["values"]["gdrcopy"]["enabled"] = 1
    fact["constraints"].append({"name": "OS.release.ID", "value": "ubuntu"})
    resolver = Resolver(load_catalog(read_tree(RECIPES, strict=True)))
    found = facts.compare(
        fact, resolver, mended=facts.MENDED[RELEASE].keys() | facts.REPEATED[RELEASE], raised=facts.RAISED[RELEASE]
    )
    pointers = [difference.partition(":")[0] for difference in found]
    assert pointers == [
        "/components/gpu-operator/values/gdrcopy/enabled",
        "/components/gpu-operator/version",
        "/constraints/OS.release.ID",
    ]


def test_every_decision_against_a_fact_is_still_needed() -> None:
    decided = facts.DECIDED[RELEASE]
    assert len(decided) <= 6
    resolver = Resolver(load_catalog(read_tree(RECIPES, strict=True)))
    for pointer in decided:
        name = pointer.partition("/")[0]
        fact = json.loads((shared_folder(f"facts/{RELEASE}") / f"{name}.json").read_text())
        found = facts.compare(fact, resolver)
        assert any(each.startswith(f"/{pointer.partition('/')[2]}:") for each in found)


def test_every_mended_value_still_differs_from_the_facts() -> None:
    resolver = Resolver(load_catalog(read_tree(RECIPES, strict=True)))
    paths = sorted(shared_folder(f"facts/{RELEASE}").glob("*.json"))
    found = {each.partition(":")[0] for path in paths for each in facts.compare(json.loads(path.read_text()), resolver)}
    assert {facts.value_of(each) for each in found} - {""} == facts.MENDED[RELEASE].keys() | facts.REPEATED[RELEASE]


def test_what_facts_repeat_is_what_the_charts_say() -> None:
    charts = shared_folder("charts")
    entries = json.loads((charts / "index.json").read_text())
    defaults = {each["component"]: read_chart(charts / each["file"]).values for each in entries if each.get("file")}
    resolver = Resolver(load_catalog(read_tree(RECIPES, strict=True)))
    for path in sorted(shared_folder(f"facts/{RELEASE}").glob("*.json")):
        fact = json.loads(path.read_text())
        for pointer in map(facts.value_of, (each.partition(":")[0] for each in facts.compare(fact, resolver))):
            if pointer in facts.REPEATED[RELEASE]:
                name, *steps = pointer.split("/")
                theirs = get(defaults[name], tuple(steps))
                values = get(fact["components"][name]["values"], tuple(steps))
                assert same(theirs, merge_values({"": theirs}, {"": values}).get("")), (path.stem, pointer, values)


def test_every_floor_that_is_raised_stands_in_a_fact() -> None:
    paths = shared_folder(f"facts/{RELEASE}").glob("*.json")
    constraints = [each for path in paths for each in json.loads(path.read_text())["constraints"]]
    said = {each["value"] for each in constraints if each["name"] == facts.FLOOR}
    assert set(facts.RAISED[RELEASE]) <= said
