"""The floor of a recipe: which Kubernetes its constraints begin with."""

from __future__ import annotations

import pytest

from clusterbook.catalog.criteria import Criteria
from clusterbook.resolve.floor import KUBERNETES, floor, origin_of
from tests.support.trees import resolve


@pytest.mark.parametrize(
    ("value", "version"),
    [
        (">= 1.30", "1.30.0"),
        (">= 1.32.4", "1.32.4"),
        (">= 1.30, < 1.33", "1.30.0"),
        (">= v1.33.1-gke.100", "1.33.1"),
        ("< 1.33", KUBERNETES),
        ("!= 1.31", KUBERNETES),
    ],
)
def test_a_floor_is_the_oldest_version_that_a_constraint_allows(value: str, version: str) -> None:
    recipe = resolve({"base": f"constraints: [{{name: K8s.server.version, value: '{value}'}}]"})
    assert floor(recipe) == version


def test_the_narrowest_layer_decides() -> None:
    constraint = "constraints: [{name: K8s.server.version, value: '>= 1.%s'}]"
    tree = {"base": constraint % 30, "eks": f"criteria: {{service: eks}}\n{constraint % 33}"}
    recipe = resolve(tree, Criteria(service="eks"))
    origin = origin_of(recipe)
    assert floor(recipe) == "1.33.0"
    assert origin is not None
    assert origin.place.file == "overlays/eks.yaml"


def test_a_recipe_without_a_constraint_is_rendered_for_what_ours_ask_at_most() -> None:
    recipe = resolve({"base": "constraints: [{name: OS.release.ID, value: ubuntu}]"})
    assert floor(recipe) == KUBERNETES
    assert origin_of(recipe) is None
