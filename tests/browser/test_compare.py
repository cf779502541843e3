"""Compare, search, copy, tabs and filters: what pages do besides being read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from clusterbook.diff.export import fact_text
from clusterbook.diff.facts import FactSubject, facts
from clusterbook.diff.recipes import ABSENT, Change
from tests.support import pairs, sites

A, B = "h100-eks-ubuntu-training", "h100-eks-ubuntu-inference"


def values(slug: str) -> dict[str, str]:
    """Return what the recipe says, by component and path."""
    found = facts(sites.our_data().side(slug, ""))
    return {f"{key.component} {key.key}": fact_text(key, fact.value) for key, fact in found if key.section == "value"}


def test_two_recipes_differ_in_what_the_recipes_say(page: Page, address: str) -> None:
    page.goto(f"{address}compare.html?a={A}&b={B}")
    expect(page.locator(".cb-compare")).to_contain_text(f"differences between {A} and {B}")
    shown: list[list[str]] = page.eval_on_selector_all(
        ".cb-compare tbody tr", "(rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    left, right = values(A), values(B)
    shared = {name.split()[0] for name in left} & {name.split()[0] for name in right}
    wanted = {
        name for name in left.keys() | right.keys() if left.get(name) != right.get(name) and name.split()[0] in shared
    }
    assert wanted <= {row[0] for row in shown}
    for name, kind, mine, theirs in shown:
        if name in wanted and kind == "changed":
            assert mine.startswith(left[name])
            assert theirs.startswith(right[name])
            assert "set by " in mine


def test_sides_can_be_swapped_and_what_is_the_same_shown(page: Page, http: str) -> None:
    page.goto(f"{http}compare.html?a={A}&b={B}")
    expect(page.locator(".cb-compare tbody tr").first).to_be_visible()
    before = page.locator(".cb-compare tbody tr").count()
    page.get_by_role("button", name="Swap").click()
    expect(page.locator(".cb-compare")).to_contain_text(f"between {B} and {A}")
    assert f"a={B}" in page.url
    page.get_by_label("also what is the same").check()
    expect(page.locator(".cb-compare tbody tr.cb-same").first).to_be_visible()
    assert page.locator(".cb-compare tbody tr").count() > before


def test_two_versions_are_compared(page: Page, address: str) -> None:
    page.goto(f"{address}compare.html?a={A}@1.0.0&b={A}@2.0.0")
    expect(page.locator(".cb-compare")).to_contain_text(f"differences between {A}@1.0.0 and {A}@2.0.0")
    row = page.locator(
        ".cb-compare tbody tr", has=page.get_by_role("rowheader", name="gpu-operator version", exact=True)
    )
    expect(row).to_contain_text("changed")


def test_versions_that_differ_in_facts_of_the_registry_alone_are_told_apart(page: Page, http: str) -> None:
    page.goto(f"{http}compare.html?a=h100-eks-training@2.0.0&b=h100-eks-training@2.0.1")
    expect(page.locator(".cb-compare")).to_contain_text("3 differences between")
    expect(page.locator(".cb-compare tbody")).to_contain_text("nfd crdGroupsadded")


def test_what_is_shown_is_copied_as_a_table_of_markdown(page: Page, http: str) -> None:
    def odd(route: Route) -> None:
        text = route.fetch().text()
        assert '["version","' in text
        route.fulfill(body=text.replace('["version","', '["version","`x|y'), content_type="text/javascript")

    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=http.rstrip("/"))
    page.route(f"**/recipes/{B}.js", odd)
    page.goto(f"{http}compare.html?a={A}&b={B}")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    head, rule, *rows = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert head == f"| What | Difference | {A} | {B} |"
    shown: list[list[str]] = page.eval_on_selector_all(
        ".cb-compare tbody tr", "(rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    assert {len(row) for row in (re.findall("---", rule), *cells)} == {4}
    assert any(r"`` `x\|y" in row for row in rows)
    assert [[re.sub(r"\s|`", "", cell.replace(r"\|", "|")) for cell in row] for row in cells] == [
        [re.sub(r"\s|`", "", cell.replace("set by ", " by ")) for cell in row] for row in shown
    ]


def test_what_a_version_changed_is_a_page_of_its_own(page: Page, address: str) -> None:
    page.goto(f"{address}changes/2026.7.0.html")
    page.locator(f'a[href$="{A}/1.0.0..2.0.0.html"]').click()
    expect(page.locator(".cb-diff")).to_contain_text(["gpu-operator"])
    page.go_back()
    expect(page.locator("h1")).to_have_text("Release 2026.7.0")


def test_a_name_that_is_none_is_said(page: Page, http: str) -> None:
    page.goto(f"{http}compare.html?a={A}&b=nonsense")
    expect(page.locator(".cb-compare")).to_contain_text("There is no recipe nonsense")


def test_somebody_with_one_name_is_offered_another(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/{A}.html")
    page.get_by_role("link", name="Compare with …").click()
    expect(page.get_by_label("To", exact=True)).to_be_focused()
    offered = page.locator(".cb-compare").get_by_role("link")
    expect(offered.get_by_text("b200-eks-ubuntu-training", exact=True)).to_be_visible()
    offered.get_by_text(f"{A}@1.0.0", exact=True).click()
    expect(page.locator(".cb-compare")).to_contain_text(f"differences between {A}@1.0.0 and {A}")
    page.get_by_role("columnheader").get_by_role("link").first.click()
    expect(page.locator("h1")).to_contain_text("1.0.0")


def test_somebody_without_a_name_is_shown_pairs(page: Page, address: str) -> None:
    page.goto(f"{address}compare.html")
    page.locator(".cb-compare").get_by_role("link").first.click()
    expect(page.locator(".cb-compare")).to_contain_text("differences between")


def test_a_recipe_leads_to_its_neighbour_and_what_differs(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/{A}.html")
    page.locator("#neighbours ~ ul a", has_text="compare").first.click()
    expect(page.locator(".cb-compare")).to_contain_text("between")


@pytest.mark.parametrize("words", ["gb200 kubeflow", "cert-manager"])
def test_search_finds_pages_of_the_catalog(page: Page, address: str, words: str) -> None:
    page.goto(f"{address}index.html")
    page.get_by_role("textbox", name="Search").first.click()
    page.keyboard.type(words)
    result = page.locator(".md-search-result__item a").first
    expect(result).to_be_visible(timeout=10_000)
    result.click()
    expect(page.locator("h1")).to_be_visible()
    assert re.search(r"/(recipes|components)/", page.url)


def test_a_command_is_copied_as_it_stands(page: Page, http: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=http.rstrip("/"))
    page.goto(f"{http}recipes/{A}.html")
    block = page.locator("#use-0 .highlight")
    block.hover()
    block.get_by_role("button").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == block.locator("code").inner_text().strip()


def test_the_finder_copies_its_command(page: Page, http: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=http.rstrip("/"))
    page.goto(f"{http}recipes/index.html?service=eks")
    page.locator(".cb-verdict").get_by_role("button", name="Copy").click()
    expect(page.locator(".cb-verdict").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "clusterbook recipe --service eks"


def test_ways_to_use_a_recipe_are_tabs_that_keys_move_between(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/{A}.html")
    tabs = page.get_by_role("tab")
    expect(tabs.first).to_have_attribute("aria-selected", "true")
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    expect(page.get_by_role("tabpanel")).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(tabs.last).to_be_focused()


def test_values_are_filtered_by_words(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/{A}.html")
    page.get_by_label("Filter").fill("driver.version")
    rows: list[Any] = page.locator(".cb-values tbody tr:visible").all_inner_texts()
    assert rows
    assert all("driver" in row and "version" in row for row in rows)


def test_without_javascript_every_recipe_is_still_reached(browser: Any, http: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{http}recipes/index.html")
        page.get_by_role("link", name="All recipes are in one list").click()
        page.get_by_role("link", name="H100 · Amazon EKS · Ubuntu · training", exact=True).click()
        assert page.get_by_text("clusterbook bundle h100-eks-ubuntu-training --deployer flux").is_visible()


JOIN = """
async (pairs) => {
  const { load, differences } = window.clusterbook;
  const read = (name) => load(name, `api/v1/recipes/${name.replace("@", "/")}.js`);
  const found = [];
  for (const [old, now] of pairs) {
    const rows = differences(await read(old), await read(now));
    found.push(rows.map(({ kind, section, component, name, left, right }) =>
      [kind, section, component, name, left?.text ?? null, right?.text ?? null, (right || left).by]));
  }
  return found;
}
"""


def test_every_pair_has_the_differences_of_the_command(page: Page, http: str) -> None:
    page.goto(f"{http}compare.html")
    answers = list(pairs.answers().items())
    assert len(answers) > 500
    joined: list[Any] = page.evaluate(JOIN, [pair for pair, _ in answers])
    for (pair, diff), rows in zip(answers, joined, strict=True):
        assert rows == [row_of(change) for change in diff.changes], pair


def row_of(change: Change) -> list[Any]:
    """Return a change as the page shows it: kind, what it is about, both texts, and who set the newer one."""
    key = FactSubject(change.section, change.component, change.key)
    texts = [None if value is ABSENT else fact_text(key, value) for value in (change.old, change.new)]
    return [change.kind, *key, *texts, change.old_origin if change.new is ABSENT else change.new_origin]


@pytest.mark.parametrize(("one", "two"), [("h100", "gb200"), ("a100", "b200")])
def test_pass_marks_and_constraints_are_compared(page: Page, http: str, one: str, two: str) -> None:
    page.goto(f"{http}compare.html?a={one}&b={two}")
    count = len(pairs.answers()[one, two].changes)
    expect(page.locator(".cb-compare")).to_contain_text(f"{count} differences between {one} and {two}")
    row = page.locator(".cb-compare tbody tr", has_text="deployment: Deployment.gpu-operator.version")
    expect(row).to_contain_text(">= v24.6.0")
