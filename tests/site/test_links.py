"""Links: each leads somewhere, or the build says which do not."""

from __future__ import annotations

import pytest

from clusterbook.site.errors import BrokenSite
from clusterbook.site.links import LinkChecker


def check(pages: dict[str, str], url: str = "") -> None:
    checker = LinkChecker(url)
    for path, text in pages.items():
        checker.add(path, text.encode())
    checker.check()


@pytest.mark.parametrize(
    "link",
    [
        "b/c.html",
        "b/",
        "b",
        "b/index.html#here",
        "b/c.html?x=1&amp;y=2#there",
        "#own",
        "",
        "a%20b.txt",
        "https://example.com/nowhere",
        "mailto:somebody@example.com",
        "//example.com/x",
    ],
)
def test_a_link_that_leads_somewhere_is_fine(link: str) -> None:
    pages = {"b/index.html": '<p id="here">', "b/c.html": '<p id="there">', "a b.txt": "x"}
    check({**pages, "index.html": f'<p id="own"><a href="{link}">x</a>'})


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("d.html", r"b/index\.html: there is no b/d\.html"),
        ("../c.png", r"there is no c\.png"),
        ("#nothing", r"b/index\.html has no #nothing"),
        ("../index.html#nothing", r"index\.html has no #nothing"),
        ("../../outside.html", r"there is no \.\./outside\.html"),
    ],
)
def test_a_link_that_leads_nowhere_is_named_with_its_page(link: str, said: str) -> None:
    with pytest.raises(BrokenSite, match=said):
        check({"index.html": "", "b/index.html": f'<a href="{link}">x</a>'})


def test_sources_of_scripts_and_pictures_are_links() -> None:
    with pytest.raises(BrokenSite, match=r"there is no x\.js"):
        check({"index.html": '<script src="x.js"></script>'})


def test_many_dead_links_are_counted_and_a_few_are_named() -> None:
    with pytest.raises(BrokenSite, match=r"25 dead links: .* and 15 more"):
        check({"index.html": "".join(f'<a href="{n}.html">x</a>' for n in range(25))})


def test_links_of_the_page_for_addresses_that_are_none_begin_at_the_top_of_the_site() -> None:
    check({"a.html": "", "404.html": '<a href="/a.html">x</a>'})
    check({"a.html": "", "404.html": '<a href="/below/a.html">x</a>'}, "https://example.com/below/")
    with pytest.raises(BrokenSite, match="there is no other/a"):
        check({"a.html": "", "404.html": '<a href="/other/a.html">x</a>'}, "https://example.com/below/")
