"""Reports: findings as people and machines read them, in text, JSON and SARIF.

The same findings are the same text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


FORMATS = ("text", "json", "sarif")
"""The forms a report may have; the first is for people."""


def report(findings: Sequence[Finding], form: str, codes: Callable[[], Mapping[str, Code]]) -> str:
    """Return `findings` in one of FORMATS, ending in a newline; `codes` gives all there are, which SARIF explains."""
    if form == "sarif":
        return sarif(findings, codes())
    return as_json(findings) if form == "json" else text(findings)


def text(findings: Sequence[Finding]) -> str:
    """Return each finding as `place: code what` with its hint below, and a last line that counts them."""
    if not findings:
        return "no findings\n"
    counts = Counter(finding.severity for finding in findings)
    parts = [_count(counts["error"], "error"), _count(counts["warning"], "warning")]
    files = len({finding.place.file for finding in findings})
    total = f"{' and '.join(part for part in parts if part)} in {_count(files, 'file')}"
    return "".join(f"{finding}\n" for finding in findings) + f"{total}\n"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}" if number else ""


def as_json(findings: Sequence[Finding]) -> str:
    """Return an array of objects with code, severity, file, line, column, what and hint; line 0 is the whole file."""
    return json.dumps([_entry(finding) for finding in findings], ensure_ascii=False, indent=2) + "\n"


def _entry(finding: Finding) -> dict[str, str | int]:
    place = finding.place
    return {
        "code": finding.code,
        "severity": finding.severity,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "what": finding.what,
        "hint": finding.hint,
    }


def sarif(findings: Sequence[Finding], codes: Mapping[str, Code]) -> str:
    """Return one SARIF run with every rule there is, for code review tools. Source: SARIF 2.1.0, OASIS."""
    rules = sorted(codes)
    number = {code: index for index, code in enumerate(rules)}
    driver = {
        "name": "clusterbook-build check",
        "rules": [_rule(codes[code]) for code in rules],
    }
    results = [_result(finding, number) for finding in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


def _rule(code: Code) -> dict[str, Any]:
    """Return the description of one code."""
    return {
        "id": code.code,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.why},
        "help": {"text": code.mend},
        "defaultConfiguration": {"level": code.severity},
    }


def _result(finding: Finding, number: dict[str, int]) -> dict[str, Any]:
    """Return one finding; SARIF counts from 1 and takes a place without a line as the whole file."""
    hint = f" Hint: {finding.hint}." if finding.hint else ""
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(finding.place.file)}}
    if finding.place.line:
        physical["region"] = {"startLine": finding.place.line}
        if finding.place.column:
            physical["region"]["startColumn"] = finding.place.column
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": finding.severity,
        "message": {"text": f"{finding.what}.{hint}"},
        "locations": [{"physicalLocation": physical}],
    }
    if finding.code in number:
        result["ruleIndex"] = number[finding.code]
    return result


def uri(file: str) -> str:
    """Return a file's name as a URI: relative names stay relative, absolute ones get a scheme. Source: RFC 3986."""
    path = "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in file.encode("utf-8", "replace"))
    return f"file://{path}" if path.startswith("/") else path
