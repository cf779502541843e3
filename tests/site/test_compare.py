"""One question, one implementation: what the pages say of two recipes is what `clusterbook diff` says."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from typing import Any

import pytest

from clusterbook.diff.export import export, fact_text
from clusterbook.diff.facts import SECTIONS, FactSubject, Side, facts
from clusterbook.diff.recipe_report import sentence
from clusterbook.diff.recipes import Change, diff
from clusterbook.documents.selector import from_pointer, spell
from clusterbook.site.pages import Renderer
from tests.support import pairs, sites

LINES = re.compile(r'<span class="cb-kind">(\w+)</span> <span>(.*?)</span></li>', re.DOTALL)
MOVES = {("field", key) for key in ("version", "tag", "namespace", "chart", "source")}
"""What a page tells as a move of a release, in its table of versions."""


def told(change: Change) -> tuple[Any, ...]:
    """Return what is compared of a change: what it is about, both values, and who set them."""
    return (change.section, change.component, change.key, change.old, change.new, change.new_origin)


def test_pairs_are_many() -> None:
    assert len(pairs.steps()) > 200
    assert len(pairs.recipes()) > pairs.PAIRS


def test_the_sides_of_the_pages_are_those_of_the_commands() -> None:
    data = sites.our_data()
    found = pairs.answers()
    assert found[("h100", "gb200")]
    for (old, new), said in found.items():
        sides = [data.side(slug, number) for slug, _, number in (word.partition("@") for word in (old, new))]
        assert [told(each) for each in diff(*sides).changes] == [told(each) for each in said.changes], (old, new)


def test_what_is_exported_is_every_fact_and_nothing_else() -> None:
    side = sites.our_data().side("gb200-eks-ubuntu-training-kubeflow", "")
    document = export(side)
    rows = {
        FactSubject(document["sections"][section], component, row[0]): (row[1], origins[row[2]])
        for section, component, origins, group in document["facts"]
        for row in group
    }
    known = dict(facts(side))
    assert rows == {key: (fact_text(key, fact.value), fact.origin) for key, fact in known.items()}
    assert {key.section for key in rows} == set(SECTIONS) - {"dynamic", "option", "edit"}


def test_a_page_of_differences_lists_what_the_commands_say() -> None:
    data = sites.our_data()
    renderer = Renderer(data, sites.SOURCES / "templates")
    number = 0
    for summary in data.recipes:
        pages = {page.path: page for page in renderer.recipe(summary)}
        for step in summary.versions:
            if not step.before:
                continue
            page = pages[f"recipes/{summary.slug}/{step.before}..{step.number}.html"]
            body = page.body()
            parts = re.split(r"<h[23][^>]*>", body)
            of_plan = [part for part in parts if part.startswith(("Kinds (CRDs)<", "Not proven<"))]
            assert len(of_plan) <= 2
            listed = [line for part in parts if part not in of_plan for line in LINES.findall(part)]
            found_rows = re.findall(r'<(?:th scope="row"|li)>([^<\s]+)(?: <code>(.*?)</code>)?', body)
            rows = {(component, unescape(path)) for component, path in found_rows}
            found = pairs.answers()[f"{summary.slug}@{step.before}", f"{summary.slug}@{step.number}"]
            said = Counter((unescape(kind), unescape(text)) for kind, text in listed)
            for each in found.changes:
                if each.section == "value":
                    assert (each.component, spell(from_pointer(each.key))) in rows, each
                elif said[each.kind, sentence(each)]:
                    said[each.kind, sentence(each)] -= 1
                else:
                    assert each.section == "component" or (each.section, each.key) in MOVES, each
                    assert any(release.startswith(each.component) for release, _ in rows), each
            assert {line for line, count in said.items() if count} == set()
            number += 1
    assert number == len(pairs.steps())


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (1, 1.0, True), (True, 1, False), ("1", 1, False), ("true", True, False), (None, "null", False),
        (["a, b"], ["a", "b"], False), (["x"], "x", False), ({}, "declared", False), ([], {}, False),
        ("a" * 200, "a" * 199 + "b", False), (["a" * 200], ["a" * 199 + "b"], False), ("", None, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "key", [FactSubject("value", "c", "/x"), FactSubject("field", "c", "x"), FactSubject("recipe", "", "x")]
)
def test_two_facts_are_joined_as_equal_just_when_they_mean_the_same(
    key: FactSubject, one: Any, two: Any, alike: bool
) -> None:
    assert (same(key, one) == same(key, two)) is alike


def same(key: FactSubject, value: Any) -> Any:
    """Return what a page compares of a fact."""
    component: dict[str, Any] = {"name": "c"}
    content: dict[str, Any] = {"metadata": {}, "componentRefs": [component], "deploymentOrder": ["c"]}
    if key.section == "recipe":
        content["x"] = value
    else:
        component |= {"values": {"x": value}} if key.section == "value" else {"x": value}
    (row,) = [
        row
        for section, _, _, group in export(Side("", content))["facts"]
        for row in group
        if SECTIONS[section] == key.section and row[0] == key.key
    ]
    return row[3] if len(row) > 3 else row[1]
