"""The finder: the same answers as the client's, for every combination; and what people do with it."""

from __future__ import annotations

import csv
import html
import io
import json
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from clusterbook.catalog.criteria import ANY, DIMENSIONS, Criteria, read_criteria
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.lookup.build import served_recipes
from clusterbook.resolve.matching import INHERITED, UNSUPPORTED
from tests.support import sites

ASK = """
async (queries) => {
  const data = await window.clusterbook.index();
  return queries.map((query) => {
    const said = window.clusterbook.answer(data, query);
    return [said.state, said.recipe ? said.recipe.slug : "", said.text, said.nearest ?? [], said.hint ?? ""];
  });
}
"""


def combinations() -> list[Criteria]:
    """Return every combination of criteria that our catalog knows."""
    vocabulary = sites.ours().catalog.vocabulary
    return [Criteria(*each) for each in product(*((ANY, *vocabulary.values(name)) for name in DIMENSIONS))]


def test_every_combination_has_the_clients_answer(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html")
    queries = combinations()
    found: list[Any] = page.evaluate(ASK, [query.specified() for query in queries])
    assert len(found) == len(queries) > 10_000
    matrix = sites.ours()
    for query, (state, slug, text, nearest, _) in zip(queries, found, strict=True):
        answer = matrix.answer(query)
        assert state == answer.state, query
        assert slug == ("" if state == UNSUPPORTED else answer.slug), query
        if state in (UNSUPPORTED, INHERITED):
            assert text == answer.reason, query
            assert nearest == matrix.matcher.nearest(query), query


def test_choosing_narrows_the_list_and_says_what_the_choice_leads_to(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/index.html")
    verdict = page.locator(".cb-verdict")
    number = len(list(served_recipes(sites.ours())))
    expect(verdict).to_contain_text(f"{number} of {number} recipes")
    expect(verdict).to_contain_text("Choose what your cluster is")
    for name, value in (("service", "eks"), ("accelerator", "h100"), ("intent", "training"), ("os", "ubuntu")):
        page.locator(f'input[name="{name}"][value="{value}"]').check()
    expect(verdict).to_contain_text("curated")
    expect(verdict.get_by_role("link", name="H100 · Amazon EKS · Ubuntu · training", exact=True)).to_be_visible()
    assert "service=eks" in page.url
    assert "os=ubuntu" in page.url
    command = "clusterbook recipe --service eks --accelerator h100 --intent training --os ubuntu"
    expect(verdict.locator("code").first).to_have_text(command)


def test_what_changes_nothing_is_said_and_the_command_still_works(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/index.html?service=metal3&accelerator=h100")
    verdict = page.locator(".cb-verdict")
    expect(verdict).to_contain_text("inherited")
    expect(verdict).to_contain_text("service metal3 has no effect")
    expect(verdict.locator("code").first).to_have_text(
        "clusterbook recipe --service metal3 --accelerator h100 --allow-inherited"
    )


def test_a_recipe_that_only_an_os_that_changes_nothing_leads_to_is_named_without_a_link(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html?service=aks&accelerator=a100&os=cos")
    verdict = page.locator(".cb-verdict")
    expect(verdict).to_contain_text("inherited: os cos has no effect; the answer is a100-aks")
    expect(verdict).to_contain_text("a100-aks, which has no page")
    expect(verdict.locator('a[href="a100-aks.html"]')).to_have_count(0)


def test_a_recipe_that_wants_one_criterion_more_is_offered_before_what_ignores_one(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html?service=eks&accelerator=h100&intent=training&platform=kubeflow")
    offered = page.locator(".cb-verdict").get_by_role("listitem")
    expect(offered).to_contain_text(["H100 · Amazon EKS · Ubuntu · training · Kubeflow --os ubuntu"])
    expect(page.locator(".cb-verdict")).to_contain_text("As asked, you get H100 · Amazon EKS · training")


def test_what_was_chosen_is_dropped_one_by_one(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html?service=eks&accelerator=h100&find=dynamo")
    page.get_by_role("button", name="Drop service eks").click()
    expect(page.get_by_role("button", name="Drop service eks")).to_have_count(0)
    assert "service" not in page.url
    page.get_by_role("button", name="Drop find dynamo").click()
    expect(page.get_by_label("Name or component")).to_have_value("")
    assert "accelerator=h100" in page.url


def test_a_list_without_a_recipe_says_what_to_do(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html?find=nothing+is+called+so")
    expect(page.locator(".cb-list")).to_contain_text("No recipe is in all of these")


def test_a_combination_without_a_recipe_says_why_and_what_is_near(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/index.html?service=gke&accelerator=h100")
    verdict = page.locator(".cb-verdict")
    expect(verdict).to_contain_text("unsupported")
    expect(verdict).to_contain_text("an OS is required")
    near = verdict.get_by_role("link").first
    near.click()
    expect(page.locator("h1")).to_contain_text("H100")


def test_a_link_to_a_choice_and_the_way_back_keep_it(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/index.html?accelerator=gb200&find=kubeflow")
    rows = page.locator(".cb-list li")
    expect(rows.first).to_contain_text("GB200")
    expect(page.get_by_label("Name or component")).to_have_value("kubeflow")
    count = rows.count()
    rows.first.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("GB200")
    page.go_back()
    expect(page.locator(".cb-list li")).to_have_count(count)
    expect(page.locator('input[name="accelerator"][value="gb200"]')).to_be_checked()


def test_numbers_beside_criteria_are_those_of_the_list(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html?intent=inference")
    for value in ("h100", "a100", "gb200"):
        label = page.locator(f'label:has(input[name="accelerator"][value="{value}"])')
        number = int(label.locator("span").last.inner_text())
        label.locator("input").check()
        expect(page.locator(".cb-list li")).to_have_count(number)


def test_arrow_keys_move_in_a_group_and_keep_the_focus(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html")
    page.locator('input[name="intent"][value=""]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator('input[name="intent"][value="inference"]')).to_be_checked()
    expect(page.locator('input[name="intent"][value="inference"]')).to_be_focused()


def test_clearing_brings_everything_back(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html?service=eks&find=dynamo&state=curated")
    page.locator(".cb-finder").get_by_role("button", name="Clear").click()
    expect(page.locator(".cb-verdict")).to_contain_text(f"{len(list(served_recipes(sites.ours())))} of")
    assert "eks" not in page.url


def test_two_recipes_that_are_ticked_are_compared(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/index.html?service=eks&accelerator=h100&os=ubuntu")
    boxes = page.locator(".cb-list input[type=checkbox]")
    boxes.nth(0).check()
    expect(page.locator(".cb-picked")).to_contain_text("tick another")
    boxes.nth(1).check()
    page.get_by_role("link", name="Compare the two").click()
    expect(page.locator(".cb-compare")).to_contain_text("differences between")


def test_the_list_as_it_is_shown_is_kept_as_a_file(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/index.html?service=eks&accelerator=h100&find=kubeflow")
    kept = {}
    for kind in ("CSV", "JSON"):
        with page.expect_download() as waiting:
            page.locator(".cb-verdict").get_by_role("link", name=kind, exact=True).click()
        assert waiting.value.suggested_filename == f"recipes.{kind.lower()}"
        kept[kind] = waiting.value.path().read_text(encoding="utf-8")
    wanted = [each for each in sites.our_data().recipes if "kubeflow" in each.slug
              and (each.criteria.get("service"), each.criteria.get("accelerator")) == ("eks", "h100")]  # fmt: skip
    rows, documents = list(csv.DictReader(io.StringIO(kept["CSV"]))), json.loads(kept["JSON"])
    assert wanted
    assert page.locator(".cb-list li").count() == len(rows) == len(documents)
    for each in wanted:
        row = next(row for row in rows if row["recipe"] == each.slug)
        assert (row["title"], row["state"], row["tested"]) == (each.title, each.state, "not tested on hardware")
        assert {name: row[name] for name in each.criteria} == {name: str(said) for name, said in each.criteria.items()}
        document = next(document for document in documents if document["slug"] == each.slug)
        assert sorted(document["components"]) == sorted(name for name, _ in each.components)
        assert (document["criteria"], document["checks"]) == (each.criteria, each.checks)


def test_the_home_page_leads_to_the_finder(page: Page, address: str) -> None:
    page.goto(f"{address}index.html")
    page.get_by_label("Service").select_option("eks")
    page.get_by_label("Accelerator").select_option("h100")
    page.get_by_role("button", name="Find the recipe").click()
    expect(page.locator(".cb-verdict")).to_contain_text("H100 · Amazon EKS")


@pytest.mark.parametrize("hostile", ["<img src=x onerror=alert(1)>", '"><script>alert(1)</script>'])
def test_what_stands_in_an_address_is_text(page: Page, http: str, hostile: str) -> None:
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto(f"{http}recipes/index.html")
    page.evaluate("(text) => location.search = new URLSearchParams({service: text, find: text})", hostile)
    page.wait_for_selector(".cb-verdict")
    assert page.locator(".cb-verdict img, .cb-verdict script").count() == 0
    assert html.escape(hostile, quote=False)[:4] in page.locator(".cb-verdict").inner_html()


UNKNOWN = [
    {"service": "nonsense", "accelerator": "h100"},
    {"service": "eks", "accelerator": "h1000"},
    {"intent": "traning"},
    {"os": "Windows", "service": "eks"},
    {"platform": "*"},
    {"service": "eks ", "accelerator": "toString"},
    {"service": "__proto__"},
]
SPELLED = [
    ({"service": "EKS", "accelerator": " H100 ", "intent": "Training"}, "h100-eks-training"),
    ({"service": "openshift"}, "ocp"),
    ({"service": "self-managed", "accelerator": "h100"}, "h100"),
    ({"service": "any", "accelerator": "h100", "os": "any"}, "h100"),
    ({"service": "eks", "os": "AL2023"}, None),
]


@pytest.mark.parametrize("query", UNKNOWN)
def test_a_word_that_is_no_value_is_refused_as_the_command_refuses_it(page: Page, http: str, query: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_criteria(query, sites.ours().catalog.vocabulary)
    page.goto(f"{http}recipes/index.html?{urlencode(query)}")
    verdict = page.locator(".cb-verdict")
    expect(verdict).to_contain_text(f"{refused.value.what} ({refused.value.hint})")
    expect(verdict).to_contain_text("refused")
    assert verdict.locator(".cb-command").count() == 0
    (said,) = page.evaluate(ASK, [query])
    assert said == ["refused", "", refused.value.what, [], refused.value.hint]


def misspelled() -> list[dict[str, str]]:
    """Return what people may type for each word of a dimension: a letter less, twice, in another place, or another."""
    vocabulary = sites.ours().catalog.vocabulary
    found = []
    for name in DIMENSIONS:
        words = [*vocabulary.values(name), *vocabulary.aliases.get(name, {})]
        for word in words:
            for at in range(len(word)):
                head, letter, tail = word[:at], word[at], word[at + 1 :]
                wrong = {head + tail, head + letter + word[at:], head + tail + letter, head + "x" + tail, tail + head}
                found += [{name: each} for each in sorted(wrong)]
    return found


def refusal(query: dict[str, str]) -> tuple[str, str] | None:
    try:
        read_criteria(query, sites.ours().catalog.vocabulary)
    except InvalidRequest as error:
        return error.what, error.hint
    return None


def test_the_word_that_was_meant_is_the_one_that_the_command_names(page: Page, http: str) -> None:
    refused = [(query, said) for query in misspelled() if (said := refusal(query)) is not None]
    assert len(refused) > 500
    assert {hint.partition(" ")[0] for _, (_, hint) in refused} == {"did", "type"}
    page.goto(f"{http}recipes/index.html")
    found = page.evaluate(ASK, [query for query, _ in refused])
    for (query, said), (state, _, text, _, hint) in zip(refused, found, strict=True):
        assert (state, text, hint) == ("refused", *said), query


def test_other_spellings_of_a_value_are_answered_as_the_command_answers_them(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/index.html?service=Self-Managed&accelerator=H100")
    expect(page.locator('input[name="accelerator"][value="h100"]')).to_be_checked()
    expect(page.locator(".cb-verdict")).to_contain_text("curated")
    found = page.evaluate(ASK, [query for query, _ in SPELLED])
    matrix = sites.ours()
    for (query, slug), (state, got, *_) in zip(SPELLED, found, strict=True):
        answer = matrix.answer(read_criteria(query, matrix.catalog.vocabulary))
        assert (state, got) == (answer.state, answer.slug), query
        assert slug in (None, got)
