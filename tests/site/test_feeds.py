"""Feeds: Atom that readers take, with dates of releases; and llms.txt."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from clusterbook.site import feeds
from tests.support import sites

ATOM = "{http://www.w3.org/2005/Atom}"
FEEDS = sorted(path for path in sites.whole() if path.endswith(".atom"))


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_has_what_atom_demands(path: str) -> None:
    root = ElementTree.fromstring(sites.whole()[path])  # noqa: S314 - our own file
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert (element.findtext(f"{ATOM}{name}") or "").strip()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.findtext(f"{ATOM}updated") or "")
        assert (element.findtext(f"{ATOM}id") or "").startswith("tag:clusterbook.dev,2026:")
    identifiers = [each.text for each in root.iter(f"{ATOM}id")]
    assert len(set(identifiers)) == len(identifiers)


def test_there_is_a_feed_of_the_site_of_each_recipe_and_of_each_component() -> None:
    assert {"changes/feed.atom", "recipes/eks.atom", "components/a.atom"} <= set(FEEDS)


@pytest.mark.parametrize("path", FEEDS)
def test_links_of_a_feed_lead_to_pages(path: str) -> None:
    root = ElementTree.fromstring(sites.whole()[path])  # noqa: S314 - our own file
    for link in root.iter(f"{ATOM}link"):
        if link.get("rel") != "self":
            assert link.attrib["href"].removeprefix("../") in sites.whole()


def test_a_feed_of_a_site_that_knows_where_it_stands_has_whole_addresses() -> None:
    files = dict(feeds.files(sites.small(), "https://example.com/catalog"))
    links = re.findall(rb'<link[^>]* href="([^"]*)"', files["recipes/eks.atom"])
    assert links
    assert all(link.startswith(b"https://example.com/catalog/recipes/eks") for link in links)


def test_entries_are_the_versions_the_newest_first_dated_as_their_releases() -> None:
    root = ElementTree.fromstring(sites.whole()["recipes/eks.atom"])  # noqa: S314 - our own file
    found = [(each.findtext(f"{ATOM}title"), each.findtext(f"{ATOM}updated")) for each in root.iter(f"{ATOM}entry")]
    assert found == [("eks 1.1.0", "2026-07-01T00:00:00Z"), ("eks 1.0.0", "2026-03-01T00:00:00Z")]


def test_programs_find_the_api_and_every_recipe() -> None:
    text = sites.whole()["llms.txt"].decode()
    assert text.startswith("# Clusterbook\n")
    for link in re.findall(r"\]\(([^)]*)\)", text):
        assert link in sites.whole()
    assert "api/v1/recipes/eks.json" in text
