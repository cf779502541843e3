"""What a component was called before holds for each of its releases, whatever day a recipe is of."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clusterbook.bundle.carryover import check_carried
from clusterbook.bundle.components import with_standing
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.bundle.rederive import prove
from clusterbook.bundle.render import render
from clusterbook.diagnostics.errors import InvalidRequest
from tests.support import standing_facts as kept
from tests.support.whole_recipes import Recipe, small

OPERATOR = "nodewright-operator"
FORMER = "skyhook-operator"


def of_july(**more: Any) -> Recipe:
    """Return a recipe with the operator under its new name, from before anybody wrote down that it had another."""
    recipe = small(operator={"name": OPERATOR, "namespace": "skyhook", **more})
    for each in recipe["componentRefs"]:
        each["dependencyRefs"] = [need.replace("operator", OPERATOR) for need in each.get("dependencyRefs", ())]
    order = [name.replace("operator", OPERATOR) for name in recipe["deploymentOrder"]]
    return {**recipe, "deploymentOrder": order}


def former_releases(recipe: Recipe) -> list[list[str]]:
    script = render(recipe, {}, "1.0").files["deploy.sh"].decode()
    table = re.findall(r"FORMER_RELEASES <<'END' \|\| true\n(.*?)END\n", script, re.DOTALL)[0]
    return [line.split() for line in table.splitlines()]


def test_the_file_is_what_the_catalog_says() -> None:
    assert kept.HOME.read_text(encoding="utf-8") == kept.text(), "run: python -m tests.support.standing_facts"


def test_only_what_says_what_was_stands() -> None:
    facts = {"gpu": {"renamedFrom": ["old"], "crdGroups": ["a.example"]}, "none": {"crdGroups": ["b.example"]}}
    assert kept.standing_facts(facts) == {"gpu": {"renamedFrom": ["old"]}}


def test_deploy_sh_of_an_older_recipe_takes_over_what_had_another_name() -> None:
    assert former_releases(of_july()) == [
        [f"{OPERATOR}-pre", "skyhook", f"{FORMER}-pre"],
        [OPERATOR, "skyhook", FORMER],
        [f"{OPERATOR}-post", "skyhook", f"{FORMER}-post"],
    ]


@pytest.mark.parametrize("deployer", [name for name in DEPLOYERS if name != "helm"])
def test_each_other_deployer_says_how(deployer: str) -> None:
    readme = render(of_july(), {"deployer": deployer}, "1.0").files["README.md"].decode()
    assert f"`{FORMER}` is `{OPERATOR}` now" in readme


def test_what_a_recipe_says_itself_holds() -> None:
    first, *_ = former_releases(of_july(registry={"renamedFrom": ["first"]}))
    assert first == [f"{OPERATOR}-pre", "skyhook", "first-pre"]
    assert former_releases(of_july(registry={"renamedFrom": []})) == []


def test_a_component_that_is_there_is_no_former_name_of_another() -> None:
    assert with_standing(OPERATOR, {}, {OPERATOR, FORMER})["renamedFrom"] == []


def test_the_recipe_in_the_bundle_is_the_one_that_was_released() -> None:
    recipe = of_july()
    bundle = render(recipe, {}, "1.0")
    assert FORMER not in bundle.files["recipe.yaml"].decode()
    assert prove(bundle.files).differences == ()


def test_an_option_of_the_former_name_is_led_to_the_new_one() -> None:
    old = {"set": [f"{FORMER}:driver.enabled=false"]}
    before = small(operator={"name": FORMER})
    with pytest.raises(InvalidRequest) as refused:
        check_carried(old, old, before, of_july())
    assert refused.value.hint.startswith(f"it is now called {OPERATOR}: ")
