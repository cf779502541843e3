"""Coverage: any two criteria by any measure, the same numbers as the catalog's; without a script, the usual tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from clusterbook.site import evidence
from clusterbook.site.model import RecipeSummary
from tests.support import sites

READ = "(table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
MEASURES: dict[str, Callable[[Sequence[RecipeSummary]], str]] = {
    "recipes": lambda found: str(len(found)),
    "checks": lambda found: str(max(each.checks for each in found)),
    "tested": lambda found: f"{evidence.passed_count(found)} of {len(found)}",
}


def cells(rows: str, columns: str, measure: str) -> list[list[str]]:
    """Return what the table has to say, without its heads."""
    data = sites.our_data()
    table = []
    for row in data.offered[rows]:
        line = []
        for column in data.offered[columns]:
            found = [
                each for each in data.recipes if (each.criteria.get(rows), each.criteria.get(columns)) == (row, column)
            ]
            line.append(MEASURES[measure](found) if found else "–")
        table.append(line)
    return table


def shown(page: Page) -> list[list[str]]:
    """Return what the table says, without its heads."""
    found: list[list[str]] = page.locator(".cb-axes + div table").evaluate(READ)
    return [row[1:] for row in found[1:]]


@pytest.mark.parametrize("measure", list(MEASURES))
def test_a_measure_is_that_of_the_catalog(page: Page, address: str, measure: str) -> None:
    page.goto(f"{address}coverage.html")
    page.get_by_label("Measure").select_option(measure)
    assert shown(page) == cells("service", "accelerator", measure)


def test_any_two_criteria_are_set_against_each_other_and_the_address_keeps_them(page: Page, address: str) -> None:
    page.goto(f"{address}coverage.html")
    page.get_by_label("Rows").select_option("platform")
    page.get_by_label("Columns").select_option("os")
    wanted = cells("platform", "os", "recipes")
    assert shown(page) == wanted
    number = page.locator(".cb-axes + div tbody a").first
    count = int(number.inner_text())
    number.click()
    expect(page.locator(".cb-list li")).to_have_count(count)
    page.go_back()
    expect(page.get_by_label("Columns")).to_have_value("os")
    assert shown(page) == wanted


@pytest.mark.parametrize("asked", ["rows=os&columns=os", "rows=nonsense&columns=service&measure=nonsense"])
def test_an_address_that_makes_no_sense_still_leads_to_a_table_of_two(page: Page, http: str, asked: str) -> None:
    page.goto(f"{http}coverage.html?{asked}")
    rows, columns = (page.get_by_label(name).input_value() for name in ("Rows", "Columns"))
    assert rows != columns
    assert shown(page) == cells(rows, columns, "recipes")
    page.get_by_label("Columns").select_option(rows)
    assert page.get_by_label("Rows").input_value() != rows


def test_without_javascript_there_are_the_tables_that_matter_most(browser: Browser, http: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page: Any = context.new_page()
        page.goto(f"{http}coverage.html")
        found: list[list[str]] = page.locator(".cb-heat").first.evaluate(READ)
        assert [row[1:] for row in found[1:]] == cells("service", "accelerator", "recipes")
        assert page.locator(".cb-heat").count() == 3
