"""Notes for a release: every number, version and name in them is the ledger's."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.model import Ledger
from tests.support import sites

NOTES = sorted((sites.SOURCES / "docs" / "changes").glob("to-*.md"))
LEDGER = open_ledger(sites.OURS / "registry")


def versions(ledger: Ledger, release: str, slug: str) -> dict[str, str]:
    """Return the version of each component of a recipe as a release serves it."""
    entry = ledger.entries(release)[slug]
    parts = ledger.recipe(slug, entry.version)["recipe"]["componentRefs"]
    return {part["name"]: str(part.get("version", "")) for part in parts}


def moves(ledger: Ledger, release: str) -> Counter[tuple[str, str, str]]:
    """Return in how many recipes of both releases a component moves from one version to another."""
    previous = ledger.release(release)["previous"]
    found: Counter[tuple[str, str, str]] = Counter()
    for slug in ledger.entries(release).keys() & ledger.entries(previous).keys():
        before, after = versions(ledger, previous, slug), versions(ledger, release, slug)
        found.update(
            (name, before[name], after[name]) for name in before.keys() & after.keys() if before[name] != after[name]
        )
    return found


def test_the_newest_release_has_notes() -> None:
    assert f"to-{LEDGER.releases()[-1]}.md" in [path.name for path in NOTES]


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_numbers_and_versions_are_those_of_the_ledger(path: Path) -> None:
    release, text = path.stem.removeprefix("to-"), path.read_text(encoding="utf-8")
    record = LEDGER.release(release)
    changes = Counter(said["change"] for said in record["recipes"].values())
    assert (
        f"{changes['new']} recipes are new, {changes['changed']} changed, and {len(record.get('gone', ()))} are no"
        in text
    )
    said = {}
    for row in re.findall(r"^\| (`.*`) \| (\d+) \| (\S+) \| (\S+) \|", text, re.MULTILINE):
        said |= {(name, row[2], row[3]): int(row[1]) for name in re.findall(r"`([^`]+)`", row[0])}
    assert said == dict(moves(LEDGER, release))


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_components_that_are_said_to_come_were_in_no_recipe_before(path: Path) -> None:
    release, text = path.stem.removeprefix("to-"), path.read_text(encoding="utf-8")
    parts = [
        {name for slug in LEDGER.entries(each) for name in versions(LEDGER, each, slug)}
        for each in (LEDGER.release(release)["previous"], release)
    ]
    listed = re.search(r"^- \*\*Components\*\*: (.*)$", text, re.MULTILINE)
    assert listed
    assert set(re.findall(r"`([^`]+)`", listed[1])) == parts[1] - parts[0]


@pytest.mark.parametrize("path", NOTES, ids=lambda path: path.stem)
def test_what_goes_has_the_successor_that_notes_name(path: Path) -> None:
    record = LEDGER.release(path.stem.removeprefix("to-"))
    assert record.get("successors", {}).keys() == record.get("gone", {}).keys()
    served = record["recipes"].keys()
    for slug, successors in record.get("successors", {}).items():
        (successor,) = successors
        assert successor in served
        assert set(slug.split("-")) | {"ubuntu"} == set(successor.split("-"))
