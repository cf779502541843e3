"""The gutter: the YAML of a recipe to the letter, and beside each line who set it."""

from __future__ import annotations

import html
import re

import pytest

from clusterbook.documents.yaml_writer import dump
from clusterbook.site import pages, recipe_yaml
from clusterbook.site.parts import OriginView
from tests.support import sites

ROW = re.compile(r'<div class="cb-run"><div class="cb-who">(.*?)</div><code>(.*?)\n</code></div>', re.DOTALL)


def lines(slug: str) -> list[tuple[str, str]]:
    """Return (who, text) of the runs on the page of a recipe."""
    page = sites.whole()[f"recipes/{slug}/yaml.html"].decode()
    return [(re.sub("<.*?>", "", who), html.unescape(text)) for who, text in ROW.findall(page)]


@pytest.mark.parametrize("slug", ["aks", "base", "eks", "gke"])
def test_the_lines_together_are_the_yaml(slug: str) -> None:
    assert "".join(f"{text}\n" for _, text in lines(slug)) == sites.whole()[f"api/v1/recipes/{slug}.yaml"].decode()


def test_components_that_recipes_share_are_written_once_and_to_the_letter() -> None:
    data, writer = sites.our_data(), recipe_yaml.RecipeWriter()
    for summary in data.recipes:
        found = data.recipe(summary.slug)
        assert writer.text(found) == dump(found.document), summary.slug


def test_each_line_stands_beside_who_had_the_last_word() -> None:
    by = {line.strip(" -"): who for who, text in lines("eks") for line in text.splitlines()}
    assert by["x: 2"] == "eks"  # base's values file said 1
    assert by["size: 2"] == "eks"
    assert by["empty: {}"] == "a/values.yaml"
    assert by['version: "1.0.0"'] == "registry"
    assert by["name: K8s.server.version"] == by['value: ">= 1.30"'] == "base"
    assert by["kind: RecipeResult"] == ""
    assert ("eks", "    overrides:\n      x: 2") in lines("eks")


def test_a_line_leads_to_the_line_of_the_source() -> None:
    page = sites.whole()["recipes/eks/yaml.html"].decode()
    (link,) = set(re.findall(r'<a href="([^"]+)">a/values.yaml</a>', page))
    assert link == "../../sources/components/a/values.yaml.html#L3"


def said(layer: str) -> OriginView:
    return OriginView(layer, f"{layer}.yaml", 1, "")


def test_what_only_opens_a_map_goes_with_what_stands_below() -> None:
    value = {"a": {"b": {"c": 1}, "d": [1, 2]}, "h": {}, "images": ["x"], "registry": {"f": 1}}
    winners = {"/a/b/c": said("base"), "/a/d": said("eks"), "/gone": said("eks")}
    assert [(run.text, run.origin and run.origin.layer, run.fact) for run in recipe_yaml.runs(value, winners)] == [
        ("a:\n  b:\n    c: 1", "base", ""),
        ("  d:\n    - 1\n    - 2", "eks", ""),
        ("h: {}", None, ""),
        ("images:\n  - x", None, "images"),
        ("registry:\n  f: 1", None, "registry"),
    ]


def test_lines_stand_behind_what_they_are_part_of() -> None:
    found = recipe_yaml.runs({"a": "one\n\ntwo\n", "b": 1}, {}, first="  - ", indent="    ")
    assert [run.text for run in found] == ["  - a: |\n      one\n\n      two\n    b: 1"]


def test_a_recipe_without_components_is_shown_as_well() -> None:
    data = sites.data({"base": 'constraints: [{name: K8s.server.version, value: ">= 1.30"}]'})
    renderer = pages.Renderer(data, sites.SOURCES / "templates")
    page = list(renderer.recipe(data.recipes[0]))[1].body()
    assert "".join(f"{html.unescape(text)}\n" for _, text in ROW.findall(page)) == dump(data.recipe("base").document)
