"""Every page kind in both themes and at three widths: accessible, never wider than the screen, fit to be printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from tests.support import sites

KINDS = {
    "home": "index.html",
    "finder": "recipes/index.html?service=eks&accelerator=h100",
    "all": "recipes/all.html",
    "recipe": "recipes/h100-eks-ubuntu-training.html",
    "yaml": "recipes/h100-eks-ubuntu-training/yaml.html",
    "version": "recipes/h100-eks-ubuntu-training/1.0.0.html",
    "difference": "recipes/h100-eks-ubuntu-training/1.0.0..2.0.0.html",
    "compare": "compare.html?a=h100-eks-ubuntu-training&b=h100-eks-ubuntu-inference",
    "fits": "fits.html",
    "upgrade": "upgrade.html?from=h100-eks-ubuntu-training-kubeflow@1.0.0&to=h100-eks-ubuntu-training-kubeflow@3.0.0",
    "components": "components/index.html",
    "component": "components/gpu-operator.html",
    "values": "values/index.html",
    "coverage": "coverage.html",
    "checks": "coverage.html?measure=checks&rows=platform&columns=os",
    "layer": "layers/h100-eks-training.html",
    "layers": "layers/index.html",
    "changes": "changes/index.html",
    "release": "changes/2026.7.0.html",
    "api": "api/index.html",
    "guide": "guide/index.html",
    "statement": "guide/accessibility.html",
    "commands": "guide/commands.html",
    "source": "sources/recipes/overlays/base.yaml.html",
    "lost": "404.html",
}
SETTLED = {
    "finder": ".cb-list li",
    "compare": ".cb-compare tbody tr",
    "fits": ".cb-drop",
    "upgrade": ".cb-plan h2",
    "coverage": ".cb-axes",
    "checks": ".cb-axes",
}
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
WIDTHS = (320, 390, 820, 1440)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def show(page: Page, top: str, kind: str) -> None:
    """Open a page of a kind, and wait until it is drawn."""
    page.goto(f"{top}{KINDS[kind]}")
    page.wait_for_selector(SETTLED.get(kind, "article"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_page_has_no_finding_of_wcag(page: Page, http: str, kind: str, theme: Any) -> None:
    page.emulate_media(color_scheme=theme)
    show(page, http, kind)
    page.eval_on_selector_all("details", "(all) => all.forEach((each) => { each.open = true; })")
    page.add_script_tag(path=AXE)
    found = page.evaluate("(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES)
    said = [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found["violations"]
            for node in each["nodes"][:3]]  # fmt: skip
    assert said == []
    assert len(found["passes"]) > 10


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_page_is_never_wider_than_the_screen(page: Page, http: str, kind: str) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        show(page, http, kind)
        page.eval_on_selector_all("details", "(all) => all.forEach((each) => { each.open = true; })")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{kind} is {wide} wide on {width}"


def test_the_statement_about_accessibility_says_what_is_tested_here() -> None:
    text = " ".join((sites.SOURCES / "docs" / "guide" / "accessibility.md").read_text(encoding="utf-8").split())
    tags = {
        f"wcag{version.replace('.', '')}{level}" for version in re.findall(r"\b2\.\d", text) for level in ("a", "aa")
    }
    assert "levels A and AA" in text
    assert {tag.replace("wcag20", "wcag2") for tag in tags} - {"wcag22a"} == set(RULES)  # axe has none of them
    *some, last = map(str, WIDTHS)
    assert f"{', '.join(some)} or {last} pixels" in text


@pytest.mark.parametrize("kind", ["recipe", "release"])
def test_a_printed_page_is_its_content_alone(page: Page, http: str, kind: str) -> None:
    show(page, http, kind)
    page.emulate_media(media="print")
    for gone in (".md-header", ".md-tabs", ".md-sidebar--primary", ".cb-footer"):
        assert not page.locator(gone).first.is_visible()
    assert page.locator("h1").is_visible()


def test_a_printed_recipe_shows_every_way_to_use_it(page: Page, http: str) -> None:
    show(page, http, "recipe")
    page.emulate_media(media="print")
    assert not page.get_by_role("tablist").is_visible()
    ways = page.locator(".cb-tabs section")
    assert ways.count() > 5
    for way in ways.all():
        assert way.locator("h3").is_visible()
        assert way.locator("code").is_visible()


def test_somebody_who_wants_no_motion_gets_none(browser: Browser, http: str) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(f"{http}index.html")
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") in ("auto", "")


def test_on_a_phone_a_row_of_a_table_is_a_block_that_names_its_cells(page: Page, http: str) -> None:
    show(page, http, "recipe")
    row = page.locator("#components ~ .cb-scroll tbody tr", has_text="gpu-operator").first
    assert row.locator("th").evaluate("(cell) => getComputedStyle(cell).display") == "table-cell"
    page.set_viewport_size({"width": 390, "height": 844})
    assert row.locator("th").evaluate("(cell) => getComputedStyle(cell).display") == "block"
    said = row.evaluate("(row) => [...row.cells].map((cell) => getComputedStyle(cell, '::before').content)")
    assert [word.strip('" ') for word in said] == [
        "Step",
        "none",
        "Version",
        "Chart",
        "Namespace",
        "After",
        "Values",
    ]
    inside = page.locator("#components ~ .cb-scroll").first
    assert inside.evaluate("(box) => box.scrollWidth <= box.clientWidth")


@pytest.mark.parametrize("kind", ["home", "recipe", "guide"])
def test_on_a_phone_a_command_is_read_without_scrolling(page: Page, http: str, kind: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    show(page, http, kind)
    blocks = page.locator(":is(.cb-shell, .language-sh) code:visible")
    assert blocks.count() > 0
    assert blocks.evaluate_all("(all) => all.every((each) => each.scrollWidth <= each.clientWidth)")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_whatever_the_keyboard_reaches_is_outlined(page: Page, http: str, theme: Any) -> None:
    page.emulate_media(color_scheme=theme)
    show(page, http, "recipe")
    page.locator("#top").evaluate("(heading) => { heading.tabIndex = -1; heading.focus(); }")
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style == "solid", page.evaluate("document.activeElement.outerHTML")
