"""The frame: cut out of the shell page once, put around every page at any depth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.site.errors import BrokenSite
from clusterbook.site.frame import Frame, Page, read, search_index

SHELL = """<html><head><title>@@TITLE@@ - x</title><link href="../assets/a.css"></head>
<ul class="md-tabs__list"><li class="md-tabs__item"><a href="../index.html">Home</a></li>
<li class="md-tabs__item"><a href="../recipes/index.html">Recipes</a></li></ul>
<nav><ul><li class="md-nav__item">
  <a href="#catalog-toc">@@TOC@@</a></li></ul></nav>
<article><!-- catalog:begin --><h1>@@TITLE@@</h1><!-- catalog:end --></article><!-- catalog:footer --></html>"""


def page(path: str, section: str = "recipes/") -> str:
    """Return a page in the frame."""
    told = Page(path, "A & B", "about <it>", lambda: "<h1>body</h1>", section, (("one", "One & two"),), "api/v1/a.json")
    return Frame(SHELL).page(told, "<p>foot</p>").decode()


def test_what_a_page_has_of_its_own_is_in_its_place_and_escaped() -> None:
    text = page("recipes/a.html")
    assert "<title>A &amp; B - x</title>" in text
    assert "<article><h1>body</h1></article><p>foot</p>" in text
    assert '<a href="#one" class="md-nav__link"><span class="md-ellipsis">One &amp; two</span></a>' in text
    assert 'href="../api/v1/a.json"></head>' in text


@pytest.mark.parametrize(("path", "above"), [("a.html", "."), ("recipes/a.html", ".."), ("recipes/a/1.html", "../..")])
def test_links_of_the_frame_are_written_from_where_the_page_lies(path: str, above: str) -> None:
    assert f'<link href="{above}/assets/a.css">' in page(path)


def test_the_tab_of_a_section_is_lit_at_any_depth() -> None:
    for path in ("recipes/a.html", "recipes/a/1.html"):
        before, _, after = page(path).partition("md-tabs__item--active")
        assert "Home" in before
        assert after.startswith('"><a href="')
        assert "Recipes" in after
    assert "active" not in page("sources/a.html", "nothing/")


@pytest.mark.parametrize("mark", ["<!-- catalog:begin -->", "#catalog-toc", "<!-- catalog:footer -->"])
def test_a_shell_without_a_mark_is_refused(mark: str) -> None:
    with pytest.raises(BrokenSite, match="lacks a mark"):
        Frame(SHELL.replace(mark, ""))


def test_a_site_without_a_shell_is_refused() -> None:
    with pytest.raises(BrokenSite, match=r"shell\.md is missing"):
        read({}, Path("site"))


@pytest.mark.parametrize(("before", "after"), [("", ""), ("var __index = ", ""), ("var __index = ", ";")])
def test_the_search_index_gains_catalog_pages_and_loses_what_nobody_looks_for(before: str, after: str) -> None:
    docs = [{"location": "_/shell.html", "title": "@@", "text": ""}, {"location": "a.html", "title": "A", "text": ""}]
    content = f"{before}{json.dumps({'config': {}, 'docs': docs})}{after}".encode()
    text = search_index("search/search_index.js", content, [("r.html", "R <i>", "some & words")]).decode()
    found = json.loads(text.removeprefix(before).removesuffix(after))
    assert [doc["location"] for doc in found["docs"]] == ["a.html", "r.html"]
    assert found["docs"][1] == {"location": "r.html", "title": "R &lt;i&gt;", "text": "some &amp; words"}
