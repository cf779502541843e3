"""Versions: how far each kind of change moves them."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diff.recipes import ABSENT, Change, Diff
from clusterbook.ledger.version import FIRST, MAJOR, MINOR, PATCH, LedgerVersion, Step, is_version, read_version, step

HERE, SWITCHED_OFF = {"version": "1", "deployed": True}, {"version": "1", "deployed": False}


def moved(section: str, key: str, old: Any, new: Any) -> Step:
    component = "" if section == "constraint" else "a"
    return step(Diff("old", "new", (Change(section, component, key, old, new),)))


@pytest.mark.parametrize(
    ("section", "key", "old", "new", "level", "because"),
    [
        ("component", "", HERE, ABSENT, MAJOR, "a goes"),
        ("component", "", HERE, SWITCHED_OFF, MAJOR, "a goes"),
        ("component", "", ABSENT, HERE, MINOR, "a comes"),
        ("component", "", SWITCHED_OFF, HERE, MINOR, "a comes"),
        ("component", "", ABSENT, SWITCHED_OFF, PATCH, ""),
        ("component", "", SWITCHED_OFF, ABSENT, PATCH, ""),
        ("field", "namespace", "x", "y", MAJOR, "a has another namespace"),
        ("field", "chart", "x", "y", MAJOR, "a has another chart"),
        ("field", "type", "Helm", "Kustomize", MAJOR, "a has another type"),
        ("field", "version", "v1.2.3", "v1.2.4", PATCH, ""),
        ("field", "version", "1.2.3", "1.3.0", MINOR, "a moves from 1.2.3 to 1.3.0"),
        ("field", "version", "1.2.3", "1.1.9", MINOR, "a moves from 1.2.3 to 1.1.9"),
        ("field", "version", "1.2.3", "2.2.3", MINOR, "a moves from 1.2.3 to 2.2.3"),
        ("field", "version", "1.10", "1.1", MINOR, "a moves from 1.10 to 1.1"),
        ("field", "version", "1.2.3-rc1", "1.2.3", PATCH, ""),
        ("field", "version", "main", "v2", MINOR, "a moves from main to v2"),
        ("field", "version", ABSENT, "2.0.0", MINOR, "a moves from no version to 2.0.0"),
        ("field", "tag", "v1.0", "v1.1", MINOR, "a moves from v1.0 to v1.1"),
        ("field", "source", "x", "y", PATCH, ""),
        ("value", "/x", 1, 2, PATCH, ""),
        ("image", "quay.io/a", "1", "2", PATCH, ""),
        ("manifest", "m.yaml", "x", "y", PATCH, ""),
        ("constraint", "K", {"value": ">= 1"}, {"value": ">= 2"}, MAJOR, "K tightens"),
        ("constraint", "K", ABSENT, {"value": ">= 2"}, MAJOR, "K is demanded"),
        ("constraint", "K", {"value": ">= 2"}, {"value": ">= 1"}, PATCH, ""),
        ("constraint", "K", {"value": ">= 2"}, ABSENT, PATCH, ""),
    ],
)
def test_each_change_moves_a_version(section: str, key: str, old: Any, new: Any, level: str, because: str) -> None:
    found = moved(section, key, old, new)
    assert found.level == level
    assert found.because == (because or "nothing comes, goes or tightens")


def test_the_weightiest_change_decides_and_says_so() -> None:
    changes = (
        Change("field", "a", "version", "1.0.0", "1.1.0"),
        Change("component", "b", "", HERE, ABSENT),
        Change("component", "c", "", HERE, ABSENT),
        Change("value", "a", "/x", 1, 2),
    )
    assert step(Diff("old", "new", changes)) == (MAJOR, "b goes")


def test_a_version_moves_by_its_level() -> None:
    assert [str(LedgerVersion(1, 2, 3).after(level)) for level in (MAJOR, MINOR, PATCH)] == ["2.0.0", "1.3.0", "1.2.4"]
    assert str(FIRST) == "1.0.0"


def test_versions_are_ordered_by_number() -> None:
    assert sorted(map(read_version, ["1.10.0", "1.9.0", "1.9.10"])) == [(1, 9, 0), (1, 9, 10), (1, 10, 0)]


@pytest.mark.parametrize("text", ["", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-rc1", "1.0.x", "1.0.٣", "1.0.0\n"])
def test_what_is_no_version_is_refused(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(InvalidRequest, match="is not a version"):
        read_version(text)
