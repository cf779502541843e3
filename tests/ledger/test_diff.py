"""Release diffs: recipe by recipe, and how often each change occurs."""

from __future__ import annotations

import json

from clusterbook.ledger.diff import release_diff, report
from clusterbook.ledger.model import Ledger
from tests.support.ledgers import JULY, plan, two


def later() -> Ledger:
    """Return a ledger with a third release, in which component a moves and aks goes."""
    files = two()
    august = {**JULY, "base": JULY["base"].replace("{name: a,", '{name: a, version: "1.2.0",')}
    del august["aks"]
    return Ledger({**files, **plan(august, "2026.8.0", files).files})


def test_each_recipe_is_named_with_its_versions_and_each_change_once() -> None:
    assert (
        report(release_diff(later(), "2026.7.0", "2026.8.0"), "text")
        == """\
2026.7.0 → 2026.8.0: 3 changed, 1 gone, 0 unchanged

Gone recipes
  aks 1.0.0

Changed recipes
  base 1.0.0 → 1.1.0
  eks 1.1.0 → 1.2.0
  gke 1.0.0 → 1.1.0

What changes, and in how many recipes
     3  a version: 1.0.0 → 1.2.0
"""
    )


def test_a_release_does_not_differ_from_itself() -> None:
    found = release_diff(later(), "2026.7.0", "2026.7.0")
    assert not found
    assert report(found, "text") == "2026.7.0 → 2026.7.0: 4 unchanged\n"


def test_json_has_every_change_of_every_recipe() -> None:
    found = json.loads(report(release_diff(later(), "2026.3.0", "2026.7.0"), "json"))
    assert found["unchanged"] == 2
    assert found["recipes"]["gke"] == {"kind": "new", "new": "1.0.0"}
    assert found["recipes"]["eks"]["kind"] == "changed"
    assert [(each["section"], each["component"]) for each in found["recipes"]["eks"]["changes"]] == [
        ("component", "c"), ("value", "b"),
    ]  # fmt: skip


def test_markdown_has_the_overview_and_every_diff() -> None:
    text = report(release_diff(later(), "2026.3.0", "2026.7.0"), "markdown")
    assert text.startswith("# 2026.3.0 → 2026.7.0\n")
    assert "## `eks@1.0.0` → `eks@1.1.0`" in text
