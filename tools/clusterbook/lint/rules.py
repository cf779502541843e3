"""The rules of `check`: everything that they find in a catalog that can be read, in the order of places.

A rule is a function from what is checked to findings, one code each. Of what is found, somebody may accept a warning,
with a reason: `# allow CB044: reason`, on the line of the finding or in the comment right above it. An error cannot be
allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from clusterbook.catalog.load import Catalog
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.lint import (
    booleans,
    bundles,
    chart_values,
    components,
    credentials,
    disagreements,
    effects,
    health_checks,
    images,
    proofs,
    reachability,
    redundancy,
    references,
    silences,
    style,
    upgrade_records,
    version_floors,
    versions,
)
from clusterbook.lint.scope import Scope
from clusterbook.resolve.matrix import Matrix

if TYPE_CHECKING:
    from clusterbook.catalog.chart import ChartKeys

UNUSED_ALLOWANCE = Code(
    "CB053",
    "unused allowance",
    "warning",
    "`# allow` stands where there is no finding, so it would hide the next real one.",
    "Remove it, or correct its code; it applies to its own line and the line below its comment.",
)

SUBJECTS = (
    booleans,
    bundles,
    chart_values,
    components,
    credentials,
    disagreements,
    effects,
    health_checks,
    images,
    proofs,
    reachability,
    redundancy,
    references,
    silences,
    style,
    upgrade_records,
    version_floors,
    versions,
)
"""The modules that have rules, one a subject, each beside the codes of what it finds."""

Rule = Callable[[Scope], Iterator[Finding]]

_OF_DOCUMENTS: tuple[Rule, ...] = (
    references.unknown_bases,
    references.base_cycles,
    references.unknown_mixins,
    references.missing_files,
    version_floors.malformed_constraints,
    reachability.unknown_criteria_values,
    components.file_names,
    components.override_keys,
    components.repeated_components,
    components.helm_and_kustomize,
    versions.unquoted_versions,
    booleans.words_for_booleans,
    silences.empty_fields,
    images.moving_tags,
    images.lists_of_other_charts,
    components.broken_manifests,
    chart_values.unknown_keys,
    health_checks.half_rollouts,
    health_checks.broken,
    credentials.secrets,
    components.enabled_switches,
    components.idle_fields,
    upgrade_records.contradictions,
    style.schema_lines,
    style.reasons,
    reachability.unread_files,
)
"""Rules that are right about what can be read even when some files cannot."""

_OF_CATALOGS: tuple[Rule, ...] = (
    references.unknown_components,
    references.unknown_dependencies,
    references.unknown_checks,
    reachability.unreachable_overlays,
    reachability.duplicate_criteria,
    reachability.other_criteria,
    version_floors.lowered_floors,
    disagreements.disagreements,
    redundancy.redundancies,
    versions.registry_differences,
    reachability.missing_health_checks,
    reachability.unused_files,
    bundles.refused_bundles,
    effects.ineffective,
    effects.repeated_defaults,
    proofs.undeclared_facts,
    proofs.refused_floors,
    proofs.stale,
    proofs.unproven,
)
"""Rules that need every file, since they speak of what is not there, or of recipes as a whole."""


def check(
    catalog: Catalog, matrix: Matrix, charts: Mapping[str, ChartKeys] | None = None, *, unread: Iterable[str] = ()
) -> list[Finding]:
    """Return everything found in `catalog`, sorted by place and code; its own findings and the matrix's are among them.

    Args:
        catalog: what `load` or `survey` returned. Where files are broken, only what can be said without them is said.
        matrix: what `build` made of it.
        charts: upstream charts by component, for the rule about keys that a chart does not have.
        unread: paths below the root of the files that are there but could not be read from the disk.
    """
    broken = {*unread, *(path for path, source in catalog.tree.files.items() if source.file in catalog.broken)}
    whole = not broken and not catalog.broken
    scope = Scope(catalog, matrix.recipes if whole else {}, charts or {}, frozenset(broken))
    rules = (*_OF_DOCUMENTS, *(_OF_CATALOGS if whole else ()))
    findings = [*catalog.findings, *(finding for rule in rules for finding in rule(scope))]
    if whole:
        findings += _conflicts(matrix, scope, findings)
    return sorted(
        set(_without_allowed(scope, findings)), key=lambda finding: (finding.place, finding.code, finding.what)
    )


def _conflicts(matrix: Matrix, scope: Scope, findings: list[Finding]) -> Iterator[Finding]:
    """Yield the conflicts of the matrix that are not what a rule has found already, or what follows from it."""
    error_lines = {(finding.place.file, finding.place.line) for finding in findings if finding.severity == "error"}
    baseless_files = scope.baseless_files()
    for finding in matrix.findings:
        if (finding.place.file, finding.place.line) not in error_lines and finding.place.file not in baseless_files:
            yield finding


_ALLOW = re.compile(r"(?:^|\s)#\s*allow\s+(CB\d{3}):\s*\S")


def _without_allowed(scope: Scope, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings that nothing allows, and CB053 for each allowance that allowed nothing.

    While an error stands, some rules are silent or mistaken, so that an allowance may yet be of use.
    """
    findings = list(findings)
    allowed: dict[tuple[str, int, str], Place] = {}
    for file, lines in scope.lines.items():
        for place, code, targets in _allowances(file, lines):
            allowed |= {(file, line, code): place for line in targets}
    used: set[Place] = set()
    for finding in findings:
        allowance = allowed.get((finding.place.file, finding.place.line, finding.code))
        if allowance is None or finding.severity == "error":
            yield finding
        else:
            used.add(allowance)
    if scope.broken or any(finding.severity == "error" for finding in findings):
        return
    for (_, _, code), place in allowed.items():
        if place not in used and (
            scope.charts or code != chart_values.UNKNOWN_CHART_KEY.code
        ):  # which is only looked for where there are charts
            yield UNUSED_ALLOWANCE.finding(place, f"there is no {code} here", "remove the allowance")


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
