"""Needs: what has to be in a cluster before a bundle is what the registry says of its components."""

from __future__ import annotations

import pytest

from clusterbook.core.bundle import render
from clusterbook.core.bundle.needs import Need, needs
from clusterbook.core.bundle.soundness import refuse_unsound
from clusterbook.core.errors import InvalidRequest
from tests.core.bundle.wholes import small


def test_needs_are_those_of_the_components_that_are_installed() -> None:
    entry = {"kinds": ["gateways.g.example"], "how": "apply it"}
    recipe = small(operator={"registry": {"needsKinds": [entry]}}, metrics={"registry": {"needsKinds": [entry]}})
    assert needs(render(recipe, {}, "0").plan) == [Need(("operator", "metrics"), ("gateways.g.example",), "apply it")]
    (need,) = needs(render(recipe, {"set": ["metrics:enabled=false"]}, "0").plan)
    assert need.components == ("operator",)


@pytest.mark.parametrize(
    "entry",
    [
        {"kinds": ["--all"], "how": "x"},
        {"kinds": ["gateways"], "how": "x"},
        {"kinds": ["a.b c.d"], "how": "x"},
        {"kinds": ["a.b"], "how": "two\nlines"},
        {"kinds": ["a.b"], "how": ""},
        {"kinds": "a.b", "how": "x"},
    ],
)
def test_a_need_that_is_not_names_and_one_line_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match=r"registry\.needsKinds\[0\]"):
        refuse_unsound(small(operator={"registry": {"needsKinds": [entry]}}))
