"""Plan an upgrade: the page shows what `clusterbook upgrade plan` says, and tells which version a file is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import upgrades

SLUG = "h100-eks-ubuntu-training-kubeflow"
OLD, NEW = f"{SLUG}@1.0.0", f"{SLUG}@3.0.0"


def words(page: Page, selector: str = ".cb-plan") -> str:
    return " ".join(page.locator(selector).inner_text().split())


def put(page: Page, folder: Path, name: str, content: Any) -> None:
    """Drop a file."""
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    page.set_input_files(".cb-drop input", file)


@pytest.mark.parametrize(("old", "new"), upgrades.covering())
def test_a_plan_is_that_of_the_command(
    page: Page, http: str, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page.goto(f"{http}upgrade.html?from={old}&to={new}")
    expect(page.locator(".cb-plan h2").first).to_have_text("Manual steps")
    wanted = upgrades.of_command(capsys, old, new)
    assert page.evaluate("([from, to]) => window.clusterbook.planned(from, to)", [old, new]) == wanted
    page.eval_on_selector_all("details", "(all) => all.forEach((each) => { each.open = true; })")
    shown = words(page)
    for need in wanted["spec"]["needsYou"]:
        assert " ".join(need["text"].split()) in shown
        assert " ".join(need.get("do", "").split()) in shown
    for step in wanted["spec"]["releases"]:
        assert step["release"] in shown
        if step["action"] not in ("stays", "changes"):
            assert f"{step['undo']['possible']}: {step['undo']['why']}" in shown
        for each in (
            *step.get("unproven", ()),
            *(note["text"] for note in step.get("notes", ()) if not note["needsYou"]),
        ):
            assert " ".join(each.split()) in shown
        for value in step.get("values", ()):
            assert (
                ".".join(part.replace("~1", "/").replace("~0", "~") for part in value["pointer"].split("/")[1:])
                in shown
            )
        for kind in step.get("kinds", ()):
            assert f"kind {kind['name']} {kind['change']}: {kind['how']}" in shown
        if "record" in step:
            assert f"record: {step['record']['verdict']}: {' '.join(step['record']['why'].split())}" in shown


def test_every_plan_that_was_made_is_put_together(page: Page, http: str) -> None:
    page.goto(f"{http}upgrade.html")
    expect(page.locator(".cb-plan")).to_contain_text("Name a recipe")
    pairs = [(old, new) for new, each in upgrades.ours().plans.items() for old in each]
    assert len(pairs) > 700
    made = page.evaluate("async (all) => Promise.all(all.map(([a, b]) => window.clusterbook.planned(a, b)))", pairs)
    for (old, new), plan in zip(pairs, made, strict=True):
        assert plan == upgrades.ours().plan(old, new)


def test_somebody_chooses_a_recipe_and_two_versions(page: Page, address: str) -> None:
    page.goto(f"{address}recipes/{SLUG}.html")
    page.locator("#versions ~ p a", has_text="Plan an upgrade").first.click()
    expect(page.get_by_label("Recipe", exact=True)).to_have_value(SLUG)
    expect(page.get_by_label("To", exact=True)).to_have_value(NEW)
    page.get_by_label("From", exact=True).select_option(OLD)
    expect(page.locator(".cb-plan")).to_contain_text(f"{OLD} → {NEW}")
    page.get_by_label("To", exact=True).select_option(f"{SLUG}@2.0.0")
    expect(page.locator(".cb-command")).to_contain_text(f"clusterbook upgrade plan {OLD} {SLUG}@2.0.0")
    assert page.url.endswith(f"from={OLD.replace('@', '%40')}&to={SLUG}%402.0.0")
    page.reload()
    expect(page.locator(".cb-plan")).to_contain_text(f"{OLD} → {SLUG}@2.0.0")


def test_a_recipe_that_is_gone_is_planned_to_its_successor(page: Page, http: str) -> None:
    page.goto(f"{http}recipes/a100-aks.html")
    page.get_by_role("link", name="Plan the upgrade").click()
    expect(page.locator(".cb-plan")).to_contain_text("→ a100-aks-ubuntu")
    expect(page.locator(".cb-plan h2").first).to_have_text("Manual steps")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "Name a recipe"),
        ("?from=nonsense@1.0.0", "There is no published recipe nonsense."),
        ("?to=<img src=x onerror=alert(1)>", "There is no published recipe <img src=x onerror=alert(1)>."),
        ("?to=vr200-rke2-ubuntu-training", "has one published version"),
        ("?from=h100-gke-cos-training@1.0.0&to=h100-gke-cos-training@2.0.0", "component gke-nccl-tcpxo"),
    ],
)
def test_what_cannot_be_planned_is_said(page: Page, http: str, query: str, said: str) -> None:
    page.goto(f"{http}upgrade.html{query}")
    expect(page.locator(".cb-plan")).to_contain_text(said)


def snapshot(name: str) -> dict[str, Any]:
    """Return a snapshot of a cluster that has the releases of a version."""
    plan = next(each for new in upgrades.ours().plans if (each := upgrades.ours().plan(name, new)))
    sides = [step["before"] for step in plan["spec"]["releases"] if "before" in step]
    releases = [
        {"name": each["release"], "namespace": each["namespace"], "version": each.get("version", "0.1.0")}
        for each in sides
    ]
    return {"apiVersion": "clusterbook.dev/v1alpha1", "kind": "Snapshot", "releases": releases}


def test_a_snapshot_tells_which_version_is_installed(page: Page, address: str, tmp_path: Path) -> None:
    page.goto(f"{address}upgrade.html?to={SLUG}")
    put(page, tmp_path, "cluster.json", snapshot(OLD))
    expect(page.locator(".cb-drop + p")).to_contain_text(OLD)
    expect(page.get_by_label("From", exact=True)).to_have_value(OLD)
    expect(page.locator(".cb-plan")).to_contain_text(f"{OLD} → {NEW}")


def test_the_recipe_of_a_bundle_tells_its_version(page: Page, http: str, tmp_path: Path) -> None:
    page.goto(f"{http}upgrade.html")
    put(page, tmp_path, "recipe.yaml", f'kind: RecipeResult\nmetadata: {{slug: {SLUG}, version: "2.0.0"}}\n')
    expect(page.locator(".cb-drop + p")).to_contain_text(f"recipe.yaml is {SLUG}@2.0.0")
    expect(page.get_by_label("From", exact=True)).to_have_value(f"{SLUG}@2.0.0")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("kind: Deployment", "neither a snapshot nor the recipe.yaml of a bundle"),
        ("- 1\n- 2\n", "neither a snapshot nor"),
        ("", "neither a snapshot nor"),
        ("{", "bad.yaml: "),
        ("kind: RecipeResult\nmetadata: {slug: nonsense, version: 1.0.0}", "no published version of nonsense"),
        ("kind: RecipeResult", "no published version; type"),
        ("kind: Snapshot", "has no Helm releases"),
        (
            "kind: Snapshot\nreleases: [7, null, {name: a, namespace: b, version: 1}]",
            "those of no older published version",
        ),
        ("kind: RecipeResult\nmetadata: {slug: <b>x</b>, version: 1}", "no published version of <b>x</b>"),
        ("kind: RecipeResult\nmetadata: {slug: __proto__, version: toString}", "no published version of __proto__"),
    ],
)
def test_a_file_that_does_not_tell_is_refused_with_what_to_type(
    page: Page, http: str, tmp_path: Path, content: str, said: str
) -> None:
    page.goto(f"{http}upgrade.html?to={SLUG}")
    expect(page.locator(".cb-plan h2").first).to_be_visible()
    put(page, tmp_path, "bad.yaml", content)
    expect(page.locator(".cb-drop + p")).to_contain_text(said)


def test_without_javascript_the_page_says_where_to_look(browser: Browser, http: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{http}upgrade.html")
        said = page.locator("noscript p")  # whose text is none to get_by_text
        assert said.is_visible()
        assert "clusterbook upgrade plan makes the same ones" in (said.text_content() or "")
        page.get_by_role("link", name="every release").click()
        assert page.url.endswith("changes/index.html")
