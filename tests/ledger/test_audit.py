"""Audits: every way in which a ledger can lie is found, and a sound one passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clusterbook.ledger.audit import audit, edited_files
from clusterbook.ledger.model import Ledger
from tests.support.ledgers import MARCH, plan, two

WITHDRAWN = """\
apiVersion: clusterbook.dev/v1alpha1
kind: Withdrawals
withdrawn:
"""
FACT = f"""\
  - slug: eks
    version: "1.0.0"
    reason: it burns
    commit: {"0" * 40}
    date: "2026-08-01T00:00:00Z"
"""
Files = dict[str, str]


def part(files: Files, component: str) -> str:
    """Return the path of a part of eks 1.0.0."""
    refs = Ledger(files).recipe("eks", Ledger(files).entries("2026.3.0")["eks"].version)["recipe"]["componentRefs"]
    return next(f"components/{component}/{ref['part']}.yaml" for ref in refs if ref["name"] == component)


def replaced(path: str, old: str, new: str) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        assert old in files[path]
        return {**files, path: files[path].replace(old, new)}

    return change


def moved(old: str, new: str) -> Callable[[Files], Files]:
    return lambda files: {(new if path == old else path): text for path, text in files.items()}


def without(path: str) -> Callable[[Files], Files]:
    return lambda files: {each: text for each, text in files.items() if each != path}


def with_(path: str, text: str) -> Callable[[Files], Files]:
    return lambda files: {**files, path: text}


def with_part_changed(files: Files) -> Files:
    path = part(files, "b")
    return replaced(path, "  values:\n    size: 1", "  values:\n    size: 7")(files)


def test_a_sound_ledger_passes() -> None:
    assert audit(Ledger(two())) == []
    assert audit(Ledger({})) == []
    assert audit(Ledger({**two(), "withdrawn.yaml": WITHDRAWN + FACT})) == []


@pytest.mark.parametrize(
    ("change", "place", "what"),
    [
        (replaced("eks/1.0.0.yaml", ">= 1.30", ">= 1.20"), "eks/1.0.0.yaml", "does not have the digest that it names"),
        (with_part_changed, "components/b/", "its content does not match the digest that it names"),
        (with_part_changed, "eks/1.0.0.yaml", "the recipe does not have the digest that it names"),
        (lambda files: without(part(files, "b"))(files), "eks/1.0.0.yaml", "is missing or broken"),
        (without("eks/1.0.0.yaml"), "releases/2026.3.0.yaml", "it serves eks 1.0.0, whose file is missing or broken"),
        (without("releases/2026.3.0.yaml"), "releases/2026.7.0.yaml", "aks is marked unchanged, but no release served"),
        (without("releases/2026.7.0.yaml"), "eks/1.1.0.yaml", "no release refers to it"),
        (without("eks/1.1.0.yaml"), "components/c/", "no recipe uses it"),
        (moved("eks/1.0.0.yaml", "eks/3.0.0.yaml"), "eks/3.0.0.yaml", "its content belongs in eks/1.0.0.yaml"),
        (moved("releases/2026.7.0.yaml", "releases/2026.8.0.yaml"), "releases/2026.8.0.yaml", "its content belongs in"),
        (replaced("releases/2026.7.0.yaml", 'version: "1.1.0"', 'version: "1.0.0"'), "releases/2026.7.0.yaml",
         "eks 1.0.0 does not come after 1.0.0: a version is never used again"),
        (replaced("releases/2026.7.0.yaml", "change: changed", "change: new"), "releases/2026.7.0.yaml",
         "eks is marked new, but was 1.0.0 before"),
        (replaced("releases/2026.7.0.yaml", "change: changed", "change: unchanged"), "releases/2026.7.0.yaml",
         "eks is marked unchanged, but was 1.0.0 before"),
        (replaced("releases/2026.7.0.yaml", "change: new", "change: changed"), "releases/2026.7.0.yaml",
         "gke is marked changed, but no release served it before"),
        (replaced("releases/2026.7.0.yaml", "2026-07-01", "2026-01-01"), "releases/2026.7.0.yaml",
         "its commit is older than that of 2026.3.0"),
        (replaced("releases/2026.7.0.yaml", 'previous: "2026.3.0"', 'previous: "2026.2.0"'), "releases/2026.7.0.yaml",
         "the release before it is 2026.3.0"),
        (replaced("eks/1.1.0.yaml", 'release: "2026.7.0"', 'release: "2026.3.0"'), "releases/2026.7.0.yaml",
         "eks 1.1.0 is marked changed, but 2026.3.0 introduced it"),
        (with_("notes.txt", "x"), "notes.txt", "not a file of a ledger"),
        (with_("eks/latest.yaml", "x"), "eks/latest.yaml", "not a file of a ledger"),
        (with_("releases/july.yaml", "x"), "releases/july.yaml", "not a file of a ledger"),
        (with_("eks/1.1.0.yaml", ""), "eks/1.1.0.yaml", "it is empty"),
        (with_("eks/1.1.0.yaml", "kind: [\n"), "eks/1.1.0.yaml", ""),
        (with_("eks/1.1.0.yaml", "kind: Release\n"), "eks/1.1.0.yaml", "kind 'Release' is not supported here"),
        (with_("withdrawn.yaml", WITHDRAWN + FACT + FACT), "withdrawn.yaml", "eks 1.0.0 was withdrawn twice"),
        (with_("withdrawn.yaml", WITHDRAWN + FACT.replace("eks", "nope")), "withdrawn.yaml", "no such version"),
    ],
)  # fmt: skip
def test_a_ledger_that_contradicts_itself_is_found(change: Callable[[Files], Files], place: str, what: str) -> None:
    found = audit(Ledger(change(two())))
    assert any(each.place.file.startswith(f"registry/{place}") and what in each.what for each in found), found


def test_a_digest_in_a_release_other_than_the_files_is_found() -> None:
    files = two()
    ledger = Ledger(files)
    old, new = (ledger.entries(name)["eks"].digest for name in ledger.releases())
    files["releases/2026.7.0.yaml"] = files["releases/2026.7.0.yaml"].replace(new, old)
    assert "eks 1.1.0 has another digest than its file" in [each.what for each in audit(Ledger(files))]


def test_a_reused_version_is_found() -> None:
    """Content that changed under a version that was published: both files say so, and the release does."""
    march = plan(MARCH, "2026.3.0").files
    other = plan({**MARCH, "aks": "criteria: {service: aks}\ncomponentRefs: [{name: d}]"}, "2026.4.0").files
    whats = [each.what for each in audit(Ledger({**march, **other}))]
    assert "aks is marked new, but was 1.0.0 before" in whats
    assert "aks 1.0.0 has another digest than its file" in whats


def test_edits_and_removals_are_found() -> None:
    before = {**two(), "withdrawn.yaml": WITHDRAWN + FACT}
    assert edited_files(Ledger(before), before) == []
    assert edited_files(Ledger({**before, "new/1.0.0.yaml": "x"}), before) == []
    assert edited_files(Ledger({**before, "withdrawn.yaml": WITHDRAWN + FACT + FACT}), before) == []
    for path in before:
        (removed,) = edited_files(Ledger(without(path)(before)), before)
        assert (removed.code, removed.place.file) == ("CB060", f"registry/{path}")
        assert removed.what == "a published file was removed"
        (changed,) = edited_files(Ledger({**before, path: "x"}), before)
        assert (changed.code, changed.what) == ("CB060", "a published file was edited")
