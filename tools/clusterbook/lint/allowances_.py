"""Allowances: findings that somebody has looked at and accepted, with a reason.

Knows how an allowance is written: `# allow CB044: reason`, on the line of the finding or in the comment right above it.
Only warnings can be allowed; an error stays one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from clusterbook.diagnostics.codes import finding
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint.scope import Scope

_ALLOW = re.compile(r"(?:^|\s)#\s*allow\s+(CB\d{3}):\s*\S")


def apply(scope: Scope, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings that nothing allows, and CB053 for each allowance that allowed nothing.

    While an error stands, some rules are silent or mistaken, so that an allowance may yet be of use.
    """
    findings = list(findings)
    allowed: dict[tuple[str, int, str], Place] = {}
    for file, lines in scope.lines.items():
        for place, code, targets in _allowances(file, lines):
            allowed |= {(file, line, code): place for line in targets}
    used: set[Place] = set()
    for each in findings:
        allowance = allowed.get((each.place.file, each.place.line, each.code))
        if allowance is None or each.severity == "error":
            yield each
        else:
            used.add(allowance)
    if scope.broken or any(each.severity == "error" for each in findings):
        return
    for (_, _, code), place in allowed.items():
        if place not in used and (scope.charts or code != "CB047"):  # which is only looked for where there are charts
            yield finding("CB053", place, f"nothing here is {code}", "remove the allowance")


def _allowances(file: str, lines: list[str]) -> Iterator[tuple[Place, str, set[int]]]:
    """Yield (place, code, lines it speaks for) of each allowance; a file's first comment speaks for line 1 too."""
    for number, text in enumerate(lines, 1):
        match = _ALLOW.search(text) if "allow" in text else None
        if match:
            target = number
            while target <= len(lines) and lines[target - 1].lstrip().startswith("#"):
                target += 1
            head = all(line.startswith("#") for line in lines[:number])
            yield Place(file, number, match.start(0) + 1), match[1], {target, 1} if head else {target}
