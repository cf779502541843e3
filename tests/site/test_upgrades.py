"""Upgrades on pages: what needs somebody comes first, then versions, then values with their why, then the rest."""

from __future__ import annotations

import dataclasses
import gzip
import html
import json
import re

import pytest

from clusterbook.ledger.upgrades import NONE
from clusterbook.site import api, feeds, pages, upgrades
from clusterbook.site.model import SiteData
from tests.support import sites
from tests.support.upgrades import kinds_of

pytestmark = pytest.mark.skipif(not (sites.OURS / ".git").exists(), reason="not a git checkout: no release has sources")
SLUG = "h100-eks-ubuntu-training-kubeflow"
STEP = f"recipes/{SLUG}/2.0.1..3.0.0.html"
RELEASE_BYTES = 1_000_000
RELEASE_FILES = 2


def body(path: str, data: SiteData | None = None) -> str:
    """Return the body of a page of our own catalog."""
    data = data or sites.our_data()
    renderer = pages.Renderer(data, sites.SOURCES / "templates", noted=["2026.12.0"])
    of_recipe = (page for each in data.recipes if each.slug == SLUG for page in renderer.recipe(each))
    found = next(page for page in (*of_recipe, *renderer.other_pages()) if page.path == path)
    return found.body()


def text(markup: str) -> str:
    """Return what somebody reads."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def headings(markup: str) -> list[str]:
    return re.findall(r"<h2[^>]*>([^<]*)", markup)


def test_a_step_leads_with_what_needs_somebody_then_versions_then_values_then_the_rest() -> None:
    markup = body(STEP)
    assert headings(markup)[:3] == ["Manual steps", "Versions", "Values"]
    plan = sites.our_data().upgrades.plan(f"{SLUG}@2.0.1", f"{SLUG}@3.0.0")
    assert plan is not None
    said = text(markup)
    for need in plan["spec"]["needsYou"]:
        assert " ".join(need["text"].split()) in said
    for step in plan["spec"]["releases"]:
        for each in step.get("unproven", ()):
            assert each in said


def test_a_value_of_a_step_says_what_it_does_and_who_set_it() -> None:
    row = next(row for row in re.findall(r"<tr>.*?</tr>", body(STEP)) if "driver.version" in row)
    assert [text(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] == [
        "gpu-operator driver.version", "580.126.20", "580.173.02", "not proven",
        "components/gpu-operator/values.yaml",
    ]  # fmt: skip


def test_hashes_of_a_step_are_folded() -> None:
    markup = body(STEP)
    folded = "".join(re.findall(r"<details>.*?</details>", markup, re.DOTALL))
    assert "sha256:" in folded
    assert "sha256:" not in markup.replace(folded, "").replace(
        re.findall(r"<details>.*</details>", markup, re.DOTALL)[0], ""
    )


def test_a_step_that_is_not_planned_says_so_and_shows_what_differs() -> None:
    data = dataclasses.replace(sites.our_data(), upgrades=NONE)
    markup = body(STEP, data)
    assert "This step is not planned here." in text(markup)
    assert headings(markup)[:3] == ["Manual steps", "Versions", "Values"]
    assert "gpu-operator version v26.3.2 v26.7.1" in text(markup)


def test_a_step_of_which_no_bundle_can_be_made_says_why() -> None:
    data = sites.our_data()
    summary = next(each for each in data.recipes if each.slug == "h100-gke-cos-training")
    renderer = pages.Renderer(data, sites.SOURCES / "templates")
    step = next(page for page in renderer.recipe(summary) if ".." in page.path)
    assert "No bundle can be made of h100-gke-cos-training@1.0.0: component gke-nccl-tcpxo" in text(step.body())


def test_a_release_leads_with_what_needs_somebody_and_in_how_many_recipes() -> None:
    markup = body("changes/2026.12.0.html")
    assert headings(markup)[:3] == ["What needs you", "Versions", "What changes, and in how many recipes"]
    first = text(re.findall(r"<tbody><tr>.*?</tr>", markup)[0])
    assert re.match(r"\S+ \d+ ", first)
    counts = [int(each) for each in re.findall(r"</th><td>(\d+)</td>", markup.partition('<h2 id="versions"')[0])]
    assert counts == sorted(counts, reverse=True)
    assert "sha256:" not in text(markup.partition("<details><summary>Hashes")[0])


def test_what_a_release_says_is_what_its_plans_say() -> None:
    data = sites.our_data()
    release = next(each for each in data.releases if each.name == "2026.12.0")
    view = upgrades.release_step_view(data, release)
    plans = [
        data.upgrades.plan(f"{slug}@{old}", f"{slug}@{new}")
        for slug, _, kind, old, new in release.moves
        if kind == "changed"
    ]
    assert view.planned == len([plan for plan in plans if plan])
    for count, need in view.needs:
        assert count == sum(
            any(
                (each.get("release", ""), each["text"]) == (need.release, need.text)
                for each in plan["spec"]["needsYou"]
            )
            for plan in plans
            if plan
        )


def test_feeds_say_what_needs_somebody() -> None:
    files = dict(feeds.files(sites.our_data(), ""))
    recipe = html.unescape(files[f"recipes/{SLUG}.atom"].decode())
    assert "<summary>needs you: nodewright-operator: it moves from namespace skyhook to nodewright" in recipe
    assert "needs you: " in html.unescape(files["changes/feed.atom"].decode()).partition("Release 2026.7.0")[0]
    component = html.unescape(files["components/nvsentinel.atom"].decode())
    assert "needs you: The metadata collector has the network of its node" in component


def test_a_release_that_touches_every_recipe_adds_little() -> None:
    files = {
        path: content for path, content in api.files(sites.our_data()) if path.startswith("api/v1/upgrades/2026.12.0.")
    }
    assert len(files) == RELEASE_FILES
    assert sum(map(len, files.values())) <= RELEASE_BYTES
    assert all(len(gzip.compress(content)) <= 40_000 for content in files.values())


def test_programs_put_a_plan_together_as_described() -> None:
    files = dict(api.files(sites.our_data()))
    index = json.loads(files["api/v1/upgrades/index.json"])
    release = index["versions"][SLUG]["3.0.0"]
    part = json.loads(files[f"api/v1/upgrades/{release}.json"])
    numbers = part["plans"][f"{SLUG}@3.0.0"][f"{SLUG}@1.0.0"]
    spec = {
        name: [part["lists"][name][n] for n in each]
        for name, each in zip(("releases", "needsYou", "requirements"), numbers, strict=True)
    }
    plan = sites.our_data().upgrades.plan(f"{SLUG}@1.0.0", f"{SLUG}@3.0.0")
    assert plan is not None
    assert {**spec, "notes": []} == plan["spec"]
    assert "action renamed" in set(kinds_of(plan))
    assert index["successors"]["a100-aks"]


def test_recipes_and_releases_and_what_is_gone_lead_to_plans() -> None:
    assert f'href="../upgrade.html?to={SLUG}"' in body(f"recipes/{SLUG}.html")
    assert 'href="../upgrade.html"' in body("changes/2026.12.0.html")
    assert 'href="../upgrade.html?from=a100-aks@' in body("recipes/a100-aks.html")
    assert 'href="../../upgrade.html?from=' in body(STEP)
