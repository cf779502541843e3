"""Releases: what is new, changed, unchanged or gone, and the record of it."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.documents.digest import digest
from clusterbook.ledger import plan as release_plan
from clusterbook.ledger.append import summary
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.plan import CHANGED, NEW, UNCHANGED, Release
from clusterbook.ledger.version import LedgerVersion, read_version
from tests.support import trees
from tests.support.ledgers import JULY, MARCH, commit, plan, two


def versions(found: Release) -> dict[str, tuple[str, str]]:
    return {planned.entry.slug: (planned.change, str(planned.entry.version)) for planned in found.recipes}


def test_the_first_release_has_every_recipe_in_its_first_version() -> None:
    found = plan(MARCH, "2026.3.0")
    assert versions(found) == dict.fromkeys(("aks", "base", "eks"), (NEW, "1.0.0"))
    assert {path for path in found.files if not path.startswith("components/")} == {
        "aks/1.0.0.yaml", "base/1.0.0.yaml", "eks/1.0.0.yaml", "releases/2026.3.0.yaml",
    }  # fmt: skip


def test_a_release_adds_what_changed_and_nothing_else() -> None:
    march = plan(MARCH, "2026.3.0").files
    found = plan(JULY, "2026.7.0", march)
    assert versions(found) == {
        "aks": (UNCHANGED, "1.0.0"),
        "base": (UNCHANGED, "1.0.0"),
        "eks": (CHANGED, "1.1.0"),
        "gke": (NEW, "1.0.0"),
    }
    assert not found.files.keys() & march.keys()
    assert {path for path in found.files if not path.startswith("components/")} == {
        "eks/1.1.0.yaml", "gke/1.0.0.yaml", "releases/2026.7.0.yaml",
    }  # fmt: skip


def test_a_catalog_that_did_not_change_has_nothing_to_release() -> None:
    found = plan(MARCH, "2026.4.0", plan(MARCH, "2026.3.0").files)
    assert found.empty
    assert list(found.files) == ["releases/2026.4.0.yaml"]


def test_the_same_release_is_the_same_bytes() -> None:
    march = plan(MARCH, "2026.3.0").files
    again = plan(dict(reversed(MARCH.items())), "2026.3.0").files
    assert dict(march) == dict(again)
    assert dict(plan(JULY, "2026.7.0", march).files) == dict(plan(JULY, "2026.7.0", again).files)


def test_a_release_says_what_it_serves_and_where_it_comes_from() -> None:
    document = Ledger(two()).release("2026.7.0")
    assert document["commit"] == commit("2026.7.0").id
    assert document["date"] == "2026-07-01T00:00:00Z"
    assert document["previous"] == "2026.3.0"
    assert document["catalog"].startswith("sha256:")
    assert {slug: (said["change"], said["version"]) for slug, said in document["recipes"].items()} == {
        "aks": ("unchanged", "1.0.0"), "base": ("unchanged", "1.0.0"), "eks": ("changed", "1.1.0"),
        "gke": ("new", "1.0.0"),
    }  # fmt: skip


def test_a_recipe_says_what_changed_and_why_its_version_moved() -> None:
    assert Ledger(two()).recipe("eks", LedgerVersion(1, 1, 0))["changes"] == {
        "since": "1.0.0",
        "level": "minor",
        "because": "c comes",
        "summary": ["c 1.0.0 comes", "b: 1 value differs"],
    }
    assert Ledger(two()).recipe("gke", LedgerVersion(1, 0, 0))["changes"] == {"because": "first version"}


def test_what_is_gone_is_named_and_may_come_back() -> None:
    march = dict(plan(MARCH, "2026.3.0").files)
    without = {path: text for path, text in MARCH.items() if path != "eks"}
    found = plan(without, "2026.4.0", march)
    assert [entry.slug for entry in found.gone] == ["eks"]
    assert not found.empty
    april = {**march, **found.files}
    record = Ledger(april).release("2026.4.0")
    assert record["gone"] == {"eks": "1.0.0"}
    assert record["successors"] == {"eks": ["base"]}
    assert "gone       eks 1.0.0; take base" in summary(found)
    assert versions(plan(MARCH, "2026.5.0", april))["eks"] == (UNCHANGED, "1.0.0")
    assert versions(plan(JULY, "2026.5.0", april))["eks"] == (CHANGED, "1.1.0")


def test_parts_are_shared_and_those_whose_lines_alone_moved_are_kept() -> None:
    files = two()
    ledger = Ledger(files)

    def parts(slug: str, version: LedgerVersion) -> dict[str, str]:
        return {ref["name"]: ref["part"] for ref in ledger.recipe(slug, version)["recipe"]["componentRefs"]}

    assert parts("aks", LedgerVersion(1, 0, 0))["a"] == parts("base", LedgerVersion(1, 0, 0))["a"]
    old, new = parts("eks", LedgerVersion(1, 0, 0)), parts("eks", LedgerVersion(1, 1, 0))
    assert old["a"] == new["a"]
    assert old["b"] != new["b"]
    assert ledger.part("b", new["b"])["release"] == "2026.7.0"


def test_a_tighter_constraint_makes_a_major_version() -> None:
    march = plan(MARCH, "2026.3.0").files
    tighter = {**MARCH, "base": MARCH["base"].replace("1.30", "1.31")}
    assert {version for _, version in versions(plan(tighter, "2026.4.0", march)).values()} == {"2.0.0"}


OVERLAY = """\
apiVersion: clusterbook.dev/v1alpha1
kind: RecipeMetadata
metadata: {name: eks, recipeVersion: "%s"}
spec: {criteria: {service: eks}, componentRefs: [{name: b, overrides: {size: %d}}]}
"""


def raised(version: str, value: int) -> dict[str, str]:
    """Return MARCH with eks asking for a version."""
    rest = {path: text for path, text in MARCH.items() if path != "eks"}
    return {**rest, "overlays/eks.yaml": OVERLAY % (version, value)}


@pytest.mark.parametrize(
    ("asked", "version", "said"),
    [
        ("1.0.1", "1.0.1", ""),
        ("2.0.0", "2.0.0", ""),
        ("1.0.0", "1.0.1", "recipeVersion 1.0.0 has no effect any more: eks is at 1.0.0"),
    ],
)
def test_a_contributor_may_raise_a_version(asked: str, version: str, said: str) -> None:
    found = plan(raised(asked, 2), "2026.4.0", plan(MARCH, "2026.3.0").files)
    assert versions(found)["eks"] == (CHANGED, version)
    assert [finding.what for finding in found.findings] == ([said] if said else [])


def test_a_version_that_says_too_little_is_found() -> None:
    march = plan(MARCH, "2026.3.0").files
    files = raised("1.0.5", 1)
    files["base"] = MARCH["base"].replace("1.30", "1.31")
    found = plan(files, "2026.4.0", march)
    assert versions(found)["eks"] == (CHANGED, "2.0.0")
    (finding,) = found.findings
    assert str(finding).splitlines() == [
        "overlays/eks.yaml:3:38: CB062 recipeVersion 1.0.5 of eks is below 2.0.0, which its changes require",
        "  hint: write 2.0.0 or more, or remove it",
    ]


def test_a_first_version_may_be_raised_too() -> None:
    assert versions(plan(raised("3.0.0", 1), "2026.3.0"))["eks"] == (NEW, "3.0.0")


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("2026.7.0", "the release 2026.7.0 exists"),
        ("2026.3.0", "the release 2026.3.0 exists"),
        ("2026.13.0", "2026.13.0 is not a release name"),
        ("1.0.0", "1.0.0 is not a release name"),
        ("2026.5.0", "the release 2026.5.0 is not newer than the last one, 2026.7.0"),
        ("2026.07.1", "'2026.07.1' is not a version"),
        ("july", "'july' is not a version"),
    ],
)
def test_a_release_that_cannot_be_the_next_is_refused(name: str, what: str) -> None:
    with pytest.raises(InvalidRequest) as found:
        release_plan.refuse_untimely(Ledger(two()), name, commit("2026.8.0"))
    assert found.value.what == what
    assert found.value.hint


def test_a_commit_older_than_the_last_release_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="before that of the last release"):
        release_plan.refuse_untimely(Ledger(two()), "2026.8.0", commit("2026.6.0"))


@pytest.mark.parametrize("name", ["releases", "components"])
def test_a_recipe_cannot_be_called_like_a_folder_of_the_ledger(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"a recipe cannot have the name {name}"):
        plan({name: f"criteria: {{service: {name}}}"}, "2026.3.0")


# --- withdrawals ------------------------------------------------------------------------------------------------------


def withdraw(files: dict[str, str], slug: str = "eks", version: str = "1.0.0", **more: Any) -> dict[str, str]:
    asked = {"reason": "it burns", "replacement": "", "commit": commit("2026.8.0")} | more
    text = release_plan.withdraw(Ledger(files), slug, read_version(version), **asked)
    return {**files, "withdrawn.yaml": text}


def test_a_withdrawal_is_added_below_the_others() -> None:
    one = withdraw(two(), replacement="1.1.0")
    both = withdraw(one, "aks", reason="that too")
    assert both["withdrawn.yaml"].startswith(one["withdrawn.yaml"])
    assert [(each.slug, each.reason, each.replacement) for each in Ledger(both).withdrawals()] == [
        ("eks", "it burns", "eks@1.1.0"),
        ("aks", "that too", ""),
    ]


def test_a_release_lists_what_was_withdrawn_and_warns_of_what_it_still_serves() -> None:
    files = withdraw(two(), "aks")
    found = plan({**JULY, "gke": "criteria: {service: gke}\ncomponentRefs: [{name: d}]"}, "2026.8.0", files)
    (finding,) = found.findings
    assert finding.code == "CB063"
    assert finding.what == "aks 1.0.0 was withdrawn, and nothing in it has changed since"
    assert Ledger({**files, **found.files}).release("2026.8.0")["withdrawn"] == [{"slug": "aks", "version": "1.0.0"}]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"reason": " "}, "a withdrawal needs a reason of one line"),
        ({"reason": "two\nlines"}, "a withdrawal needs a reason of one line"),
        ({"replacement": "eks@1.0.0"}, "eks 1.0.0 is withdrawn itself"),
        ({"replacement": "aks@1"}, "'1' is not a version"),
    ],
)
def test_a_withdrawal_that_makes_no_sense_is_refused(more: dict[str, str], what: str) -> None:
    with pytest.raises(InvalidRequest) as found:
        withdraw(two(), **more)
    assert found.value.what == what


def test_a_version_is_withdrawn_once() -> None:
    with pytest.raises(InvalidRequest, match="was withdrawn already: it burns"):
        withdraw(withdraw(two()))


@pytest.mark.parametrize(
    ("slug", "version", "more"),
    [("eks", "1.2.0", {}), ("nope", "1.0.0", {}), ("eks", "1.0.0", {"replacement": "9.0.0"})],
)
def test_only_what_was_released_is_withdrawn_or_replaces(slug: str, version: str, more: dict[str, str]) -> None:
    with pytest.raises(NotFound):
        withdraw(two(), slug, version, **more)


def test_every_planned_digest_is_that_of_the_recorded_content() -> None:
    found = plan(JULY, "2026.7.0", plan(MARCH, "2026.3.0").files)
    ledger = Ledger(two())
    for planned in found.recipes:
        assert digest(ledger.content(planned.entry.slug, planned.entry.version)) == planned.entry.digest
    assert trees.build(JULY).recipes.keys() == {planned.entry.slug for planned in found.recipes}
