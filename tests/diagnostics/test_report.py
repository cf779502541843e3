"""Reports: the same findings for people, for scripts and for code review."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.diagnostics.report import FORMATS, uri
from clusterbook.diagnostics.report import report as report_of
from clusterbook.site.codes import CODES


def report(findings: list[Finding], form: str) -> str:
    """Return a report that knows every code."""
    return report_of(findings, form, lambda: CODES)


FINDINGS = [
    CODES["CB012"].finding(
        Place("recipes/overlays/eks.yaml", 7, 5), "unknown key 'critera'", "did you mean 'criteria'?"
    ),
    CODES["CB014"].finding(Place("recipes/registry.yaml"), "registry.yaml is missing", "add the component registry"),
    CODES["CB043"].finding(Place("recipes/overlays/eks.yaml", 9, 3), "größer", ""),
]


def test_text_has_place_code_what_and_hint_and_counts_at_the_end() -> None:
    assert report(FINDINGS, "text") == (
        "recipes/overlays/eks.yaml:7:5: CB012 unknown key 'critera'\n"
        "  hint: did you mean 'criteria'?\n"
        "recipes/registry.yaml: CB014 registry.yaml is missing\n"
        "  hint: add the component registry\n"
        "recipes/overlays/eks.yaml:9:3: CB043 größer\n"
        "2 errors and 1 warning in 2 files\n"
    )


@pytest.mark.parametrize(
    ("findings", "last"),
    [
        ([], "no findings"),
        (FINDINGS[:1], "1 error in 1 file"),
        (FINDINGS[2:], "1 warning in 1 file"),
        (FINDINGS[:2], "2 errors in 2 files"),
    ],
)
def test_the_last_line_counts(findings: list[Finding], last: str) -> None:
    assert report(findings, "text").splitlines()[-1] == last


def test_json_is_an_array_with_every_field() -> None:
    found = json.loads(report(FINDINGS, "json"))
    assert found[0] == {
        "code": "CB012",
        "severity": "error",
        "file": "recipes/overlays/eks.yaml",
        "line": 7,
        "column": 5,
        "what": "unknown key 'critera'",
        "hint": "did you mean 'criteria'?",
    }
    assert [each["line"] for each in found] == [7, 0, 9]
    assert json.loads(report([], "json")) == []


TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
    "additionalProperties": False,
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    """Return the schema of an object that may have these properties alone."""
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def listed(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}


RULE = closed(
    ["id"],
    id={"type": "string"},
    shortDescription=TEXT,
    fullDescription=TEXT,
    help=TEXT,
    defaultConfiguration=closed([], level=LEVEL),
)
COUNT = {"type": "integer", "minimum": 1}
PHYSICAL = closed(
    ["artifactLocation"],
    artifactLocation=closed(["uri"], uri={"type": "string", "format": "uri-reference"}),
    region=closed(["startLine"], startLine=COUNT, startColumn=COUNT),
)
RESULT = closed(
    ["message"],
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=TEXT,
    locations=listed(closed(["physicalLocation"], physicalLocation=PHYSICAL)),
)
RUN = closed(
    ["tool"],
    tool=closed(["driver"], driver=closed(["name"], name={"type": "string"}, rules=listed(RULE, uniqueItems=True))),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=listed(RESULT),
)
SARIF = closed(["version", "runs"], **{"$schema": {"type": "string"}}, version={"const": "2.1.0"}, runs=listed(RUN))
"""What we use of SARIF 2.1.0, sections 3.13 to 3.59, with nothing besides."""


@pytest.mark.parametrize("findings", [[], FINDINGS])
def test_sarif_has_the_form_of_its_standard(findings: list[Finding]) -> None:
    jsonschema.validate(json.loads(report(findings, "sarif")), SARIF)


def test_sarif_carries_every_rule_and_points_to_it() -> None:
    run = json.loads(report(FINDINGS, "sarif"))["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(CODES)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_leaves_the_region_out_for_a_whole_file() -> None:
    results = json.loads(report(FINDINGS, "sarif"))["runs"][0]["results"]
    regions = [result["locations"][0]["physicalLocation"].get("region") for result in results]
    assert regions == [{"startLine": 7, "startColumn": 5}, None, {"startLine": 9, "startColumn": 3}]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("recipes/a.yaml", "recipes/a.yaml"),
        ("my recipes/ä#1.yaml", "my%20recipes/%C3%A4%231.yaml"),
        ("/srv/recipes/a.yaml", "file:///srv/recipes/a.yaml"),
    ],
)
def test_a_file_becomes_a_uri(file: str, expected: str) -> None:
    assert uri(file) == expected


@pytest.mark.parametrize("form", FORMATS)
def test_same_findings_same_text(form: str) -> None:
    assert report(FINDINGS, form) == report(list(FINDINGS), form)
    assert report(FINDINGS, form).endswith("\n")
