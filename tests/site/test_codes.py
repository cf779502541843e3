"""The codes of all findings: gathered from where they are declared, and written for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clusterbook.diagnostics.codes import Code
from clusterbook.site.codes import CODES

TOOLS = Path(__file__).resolve().parents[2] / "tools"
OWN = re.compile(r'"(CB0\d\d)"')
DECLARED = re.compile(r'^[A-Z_]+ = Code\(\s*"(CB0\d\d)"', re.MULTILINE)


def test_every_code_in_the_source_is_in_the_table_and_the_other_way_round() -> None:
    assert {code for path in TOOLS.rglob("*.py") for code in OWN.findall(path.read_text(encoding="utf-8"))} == set(
        CODES
    )


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
    declared = [code for path in TOOLS.rglob("*.py") for code in DECLARED.findall(path.read_text(encoding="utf-8"))]
    assert sorted(declared) == list(CODES)
