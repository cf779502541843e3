"""What a change of the sources does to all recipes: told once, with the recipes that it concerns."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.diff.recipes import diff
from clusterbook.documents.digest import digest
from clusterbook.impact.compare import EvidencePiece, Impact, ImpactSide, compare
from clusterbook.impact.report import FORMS, LONGEST, as_data, headline, report
from clusterbook.ledger.version import FIRST
from tests.support import ledgers, trees

SHARED = {
    "base": 'componentRefs: [{name: a, version: "1.2.0", overrides: {size: 1}}]',
    **{service: f"criteria: {{service: {service}}}" for service in ("eks", "aks", "gke")},
}


def impact(old: Mapping[str, str], new: Mapping[str, str]) -> Impact:
    return compare(ImpactSide("old", trees.build(old)), ImpactSide("new", trees.build(new)))


def lines(found: Impact) -> list[str]:
    return [line.strip() for line in report(found, "text").splitlines()]


def test_sources_that_say_the_same_change_nothing() -> None:
    moved = {**ledgers.MARCH, "components/a/values.yaml": "# moved down\nx: 1\n"}
    found = impact(ledgers.MARCH, moved)
    assert found.empty
    assert report(found, "text") == "old → new: no recipe changes\n"
    assert headline(found) in report(found, "markdown")


def test_what_all_recipes_share_is_told_once() -> None:
    found = impact(SHARED, {**SHARED, "base": SHARED["base"].replace("1.2.0", "1.3.0").replace("size: 1", "size: 2")})
    (cause,) = found.causes
    assert (cause.component, len(cause.recipes)) == ("a", 4)
    assert [(each.change.key, len(each.recipes)) for each in cause.changes] == [("version", 4), ("/size", 4)]
    assert "a, in 4 recipes" in lines(found)
    assert "4 ~ version: 1.2.0 → 1.3.0  (base overlays/base.yaml:5:38)" in lines(found)
    assert {step.level for step in found.steps.values()} == {"minor"}
    assert "versions: 4 minor" in lines(found)


def test_every_difference_of_every_recipe_is_in_it_and_no_other() -> None:
    found = impact(ledgers.MARCH, ledgers.JULY)
    before, after = (ImpactSide("", trees.build(files)) for files in (ledgers.MARCH, ledgers.JULY))
    told = {
        (slug, each.change.component, each.change.section, each.change.key)
        for cause in found.causes
        for each in cause.changes
        for slug in each.recipes
    }
    wanted = {
        (slug, change.component, change.section, change.key)
        for slug in before.recipes
        for change in diff(before.side(slug), after.side(slug)).changes
    }
    assert told == wanted
    assert wanted


def test_recipes_come_and_go_with_what_answers_in_their_place() -> None:
    found = impact(ledgers.JULY, ledgers.MARCH)
    assert dict(found.removed) == {"gke": ["base"]}
    assert "gke; take base" in lines(found)
    assert found.steps["eks"].level == "major"
    assert found.steps["eks"].because == "c goes"
    assert "1  c goes" in lines(found)
    back = impact(ledgers.MARCH, ledgers.JULY)
    assert back.added == ("gke",)
    assert back.states[0] != back.states[1]
    assert any("combinations are answered as asked, +" in line for line in lines(back))


def test_what_a_setter_leaves_is_named_where_it_stood() -> None:
    found = impact(ledgers.MARCH, {**ledgers.MARCH, "eks": "criteria: {service: eks}"})
    (cause,) = [each for each in found.causes if each.component == "b"]
    (change,) = cause.changes
    assert change.change.kind == "removed"
    assert change.setters == ("eks overlays/eks.yaml:6:19",)


def test_findings_are_new_or_fixed_wherever_their_lines_have_moved() -> None:
    def finding(line: int, what: str) -> Finding:
        return Finding("CB044", Place("recipes/x.yaml", line, 1), what, "do")

    old = [finding(1, "stays"), finding(2, "goes"), finding(3, "twice")]
    new = [finding(9, "stays"), finding(8, "comes"), finding(3, "twice"), finding(4, "twice")]
    matrix = trees.build(ledgers.MARCH)
    found = compare(ImpactSide("old", matrix, old), ImpactSide("new", matrix, new))
    assert [each.what for each in found.appeared] == ["comes", "twice"]
    assert [each.what for each in found.fixed] == ["goes"]
    assert not found.empty


def test_evidence_goes_stale_when_its_recipe_changes_and_only_then() -> None:
    before = ImpactSide("old", trees.build(ledgers.MARCH))
    pieces = [EvidencePiece(slug, FIRST, "run", digest(before.content(slug))) for slug in ("eks", "aks")]
    pieces.append(EvidencePiece("eks", FIRST, "older", digest({"another": "content"})))
    found = compare(before, ImpactSide("new", trees.build(ledgers.JULY)), pieces)
    assert [(each.recipe, each.name) for each in found.stale] == [("eks", "run")]
    assert "eks 1.0.0: run" in lines(found)


def test_values_say_what_is_proven_of_them() -> None:
    changed = {**SHARED, "base": SHARED["base"].replace("size: 1", "size: 2")}
    (cause,) = impact(SHARED, changed).causes
    (change,) = cause.changes
    assert change.effects == {"unproven": 4}


def test_a_component_that_is_no_longer_deployed_asks_somebody_to_remove_it() -> None:
    found = impact(ledgers.JULY, ledgers.MARCH)
    (step,) = [each for each in found.manual if each.release == "c"]
    assert step.recipes == ("eks",)
    assert any(line.startswith("1  c: ") for line in lines(found))


def test_json_has_all_that_the_text_has() -> None:
    found = impact(ledgers.MARCH, ledgers.JULY)
    data = json.loads(report(found, "json"))
    assert data == as_data(found)
    spec = data["spec"]
    assert spec["added"] == ["gke"]
    assert spec["changed"]["eks"] == {"level": "minor", "because": "c comes"}
    assert {each["component"] for each in spec["causes"]} == {"b", "c"} | {each.component for each in found.causes}


def test_the_same_sources_give_the_same_words() -> None:
    for form in FORMS:
        assert report(impact(ledgers.MARCH, ledgers.JULY), form) == report(impact(ledgers.MARCH, ledgers.JULY), form)


def test_a_comment_stays_below_what_a_pull_request_takes() -> None:
    values = ", ".join(f"key{number}: {number}" for number in range(4000))
    found = impact(SHARED, {**SHARED, "base": f"componentRefs: [{{name: a, overrides: {{{values}}}}}]"})
    text = report(found, "markdown")
    assert len(text) <= LONGEST
    assert "more lines: `clusterbook-build impact` has them all" in text
    assert "key3999" in report(found, "text")


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "[x](https://evil.example)", "@maintainers", "`a` <b>", "| a |"]
)
def test_what_sources_say_stays_text_in_a_comment(hostile: str) -> None:
    changed = {**SHARED, "base": f"componentRefs: [{{name: a, overrides: {{size: {json.dumps(hostile)}}}}}]"}
    text = report(impact(SHARED, changed), "markdown")
    outside = [part for line in text.splitlines() for part in line.split("`")[::2]]
    assert not any("<script" in part or "](" in part or "@" in part for part in outside)
