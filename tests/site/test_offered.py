"""What is offered: the words of criteria that recipes are for, wherever somebody chooses from a list."""

from __future__ import annotations

import re

import pytest

from clusterbook.catalog.criteria import DIMENSIONS
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.site import wording
from clusterbook.site.pages import Renderer
from tests.support import sites


def claimed(dimension: str) -> set[str]:
    """Return the words that overlays claim in a dimension."""
    return {value for _, each in sites.ours().matcher.overlays if (value := each.specified().get(dimension))}


def rendered(name: str, path: str) -> str:
    """Return what a page of our own catalog shows in place of its mark."""
    return Renderer(sites.our_data(), sites.SOURCES / "templates").fragments[name](path)


def empty_words() -> list[str]:
    """Return the words that may be asked for, and that no overlay claims."""
    vocabulary = sites.ours().catalog.vocabulary
    return [value for name in DIMENSIONS for value in vocabulary.values(name) if value not in claimed(name)]


def test_what_is_offered_is_what_overlays_claim() -> None:
    offered = sites.our_data().offered
    assert {name: set(values) for name, values in offered.items()} == {name: claimed(name) for name in DIMENSIONS}
    assert all(offered.values())


def test_the_first_page_offers_nothing_else() -> None:
    page = rendered("home", "index.html")
    for name in ("service", "accelerator", "intent"):
        select = page.partition(f'<select name="{name}">')[2].partition("</select>")[0]
        assert set(re.findall(r'value="([^"]+)"', select)) == claimed(name)


def test_tables_of_coverage_have_a_row_and_a_column_for_nothing_else() -> None:
    page = rendered("coverage", "coverage.html")
    tables = re.findall(r'<table class="cb-heat">(.*?)</table>', page, re.DOTALL)
    heads = [re.findall(r'<th scope="(row|col)">([^<]*)</th>', table) for table in tables]
    assert [{word for kind, word in table if kind == "row"} for table in heads] == [
        {wording.name(value) for value in claimed(name)} for name in ("service", "platform", "service")
    ]
    assert [{word for kind, word in table if kind == "col"} for table in heads] == [
        {first, *(wording.name(value) for value in claimed(name))}
        for first, name in (("Service", "accelerator"), ("Platform", "accelerator"), ("Service", "os"))
    ]


def test_a_word_that_is_not_known_is_answered_with_those_that_recipes_are_for() -> None:
    vocabulary = sites.ours().catalog.vocabulary
    for name in DIMENSIONS:
        with pytest.raises(InvalidRequest) as error:
            vocabulary.read(name, "zzz")
        listed = error.value.what.partition("there are recipes for: ")[2].split(", ")
        assert set(listed) == {*claimed(name), "any"}


def test_pages_that_people_write_name_no_service_that_no_recipe_is_for() -> None:
    services = set(sites.ours().catalog.vocabulary.values("service")) - claimed("service")
    guide = {
        str(path.relative_to(sites.OURS)): path.read_text(encoding="utf-8")
        for path in (sites.OURS / "README.md", *(sites.OURS / "site" / "docs" / "guide").rglob("*.md"))
    }
    assert [(path, word) for path, text in guide.items() for word in services if f"`{word}`" in text] == []


def test_words_without_a_recipe_may_still_be_asked_for() -> None:
    vocabulary = sites.ours().catalog.vocabulary
    for name in DIMENSIONS:
        for word in set(empty_words()) & set(vocabulary.values(name)):
            assert vocabulary.read(name, word) == word
