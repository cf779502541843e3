"""Evidence in the browser: the finder says what is known of each recipe, and its page is fit for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from clusterbook.files.write import write_folder
from tests.browser.conftest import serve
from tests.browser.test_looks import AXE, RULES
from tests.support import sites

PAGES = ("evidence/eks/2026-07-15-acme.html", "evidence/eks/2026-07-14-acme.html", "recipes/eks.html", "coverage.html")


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the small site, which has evidence."""
    folder: Path = tmp_path_factory.mktemp("proven") / "site"
    write_folder(folder, sites.whole().items(), marker="index.json")
    yield from serve(folder)


def test_the_finder_says_what_was_tested_and_what_was_not(page: Page, proven: str) -> None:
    page.goto(f"{proven}recipes/index.html")
    rows = page.locator(".cb-list li")
    expect(rows.filter(has_text="Amazon EKS")).to_contain_text("passed on 1 cluster")
    expect(rows.filter(has_text="Azure AKS")).to_contain_text("not tested on hardware")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_about_evidence_has_no_finding_of_wcag(page: Page, proven: str, path: str, theme: Any) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(f"{proven}{path}")
    page.add_script_tag(path=AXE)
    found = page.evaluate("(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES)
    assert [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"][:3]] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_about_evidence_is_never_wider_than_the_screen(page: Page, proven: str, path: str) -> None:
    for width in (320, 390, 820, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{proven}{path}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} wide on {width}"
