"""The table of codes: complete, and written for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clusterbook.diagnostics.codes import CODES, Code, finding
from clusterbook.diagnostics.findings import Place

TOOLS = Path(__file__).resolve().parents[2] / "tools"
OWN = re.compile(r'"(CB0\d\d)"')


def test_every_code_in_the_source_is_in_the_table_and_the_other_way_round() -> None:
    used = {
        code
        for path in TOOLS.rglob("*.py")
        if path.name != "codes.py"
        for code in OWN.findall(path.read_text(encoding="utf-8"))
    }
    assert used == set(CODES)


@pytest.mark.parametrize("code", CODES.values(), ids=list(CODES))
def test_a_code_says_what_is_wrong_why_it_matters_and_how_to_mend_it(code: Code) -> None:
    assert re.fullmatch(r"CB0\d\d", code.code)
    assert code.severity in ("error", "warning")
    assert code.title[0].islower() or code.title.startswith("YAML") or code.title.startswith("Helm")
    assert not code.title.endswith(".")
    assert code.why.endswith(".")
    assert code.mend.endswith(".")


def test_codes_are_sorted_and_none_stands_twice() -> None:
    assert list(CODES) == sorted(CODES)
    source = (TOOLS / "clusterbook" / "diagnostics" / "codes.py").read_text(encoding="utf-8")
    assert len(OWN.findall(source)) == len(CODES)


def test_a_finding_takes_the_severity_of_its_code() -> None:
    assert finding("CB020", Place("a.yaml"), "x").severity == "error"
    assert finding("CB043", Place("a.yaml"), "x").severity == "warning"


def test_no_two_errors_share_a_code() -> None:
    found = [
        (code, path.name)
        for path in sorted(TOOLS.rglob("*.py"))
        for code in re.findall(r'^    code = "(CB\d{3})"', path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    codes = [code for code, _ in found]
    assert len(codes) > 20
    assert [each for each in found if codes.count(each[0]) > 1] == []
