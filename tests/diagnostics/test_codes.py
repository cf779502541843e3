"""Codes: a finding of a kind, and the codes that modules declare."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from clusterbook.diagnostics.codes import Code, gather
from clusterbook.diagnostics.findings import Place

TOOLS = Path(__file__).resolve().parents[2] / "tools"
LOW = Code("CB097", "low", "warning", "It matters.", "Raise it.")


def module(**names: object) -> ModuleType:
    """Return a module with these names in it."""
    made = ModuleType("rules")
    vars(made).update(names)
    return made


def test_a_finding_takes_the_severity_of_its_code_unless_one_is_given() -> None:
    assert LOW.finding(Place("a.yaml"), "x").severity == "warning"
    assert LOW.finding(Place("a.yaml"), "x", "raise it", "error").severity == "error"


def test_codes_are_gathered_once_each_and_sorted() -> None:
    first = LOW._replace(code="CB096")
    assert list(gather([module(B=LOW, other=1), module(A=first, B=LOW)])) == ["CB096", "CB097"]


def test_a_code_that_means_two_things_is_refused() -> None:
    with pytest.raises(ValueError, match="CB097"):
        gather([module(A=LOW), module(B=LOW._replace(title="high"))])


def test_no_two_errors_share_a_code() -> None:
    found = [
        (code, path.name)
        for path in sorted(TOOLS.rglob("*.py"))
        for code in re.findall(r'^    code = "(CB\d{3})"', path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    codes = [code for code, _ in found]
    assert len(codes) > 20
    assert [each for each in found if codes.count(each[0]) > 1] == []
