"""Rules: everything that `check` finds in a catalog that can be read.

Knows which rules there are and in which order their findings stand. Does not read files, nor print. A rule is a
function from what is checked to findings, one code each; what a code means stands in `codes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from clusterbook.catalog.load import Catalog
from clusterbook.diagnostics.findings import Finding
from clusterbook.lint import allowances_ as allowances
from clusterbook.lint import chart_values as chartkeys
from clusterbook.lint import components as names
from clusterbook.lint import credentials, disagreements, images, redundancy, references, versions
from clusterbook.lint import manifests_ as manifests
from clusterbook.lint import reachability as usage
from clusterbook.lint import selection_ as selection
from clusterbook.lint import style as house
from clusterbook.lint import switches_ as switches
from clusterbook.lint import version_floors as floors
from clusterbook.lint.scope import ChartKeys, Scope
from clusterbook.resolve.matrix import Matrix

__all__ = ["ChartKeys", "check"]

Rule = Callable[[Scope], Iterator[Finding]]

_OF_DOCUMENTS: tuple[Rule, ...] = (
    references.unknown_bases,
    references.base_cycles,
    references.unknown_mixins,
    references.files,
    floors.malformed,
    selection.unknown_values,
    names.file_names,
    names.override_keys,
    names.repeated_components,
    names.two_ways,
    versions.unquoted,
    images.moving,
    manifests.broken,
    chartkeys.strangers,
    credentials.secrets,
    switches.no_switches,
    house.schema_lines,
    house.reasons,
    usage.unread_files,
)
"""Rules that are right about what can be read even when some files cannot."""

_OF_CATALOGS: tuple[Rule, ...] = (
    references.unknown_components,
    references.unknown_dependencies,
    references.unknown_checks,
    selection.unreachable,
    selection.rivals,
    floors.lowered,
    disagreements.disagreements,
    redundancy.redundancies,
    versions.drifting,
    usage.unwatched,
    usage.unused_files,
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
    found = [*catalog.findings, *(each for rule in rules for each in rule(scope))]
    if whole:
        found += _conflicts(matrix, scope, found)
    return sorted(set(allowances.apply(scope, found)), key=lambda each: (each.place, each.code, each.what))


def _conflicts(matrix: Matrix, scope: Scope, found: list[Finding]) -> Iterator[Finding]:
    """Yield the conflicts of the matrix that are not what a rule has found already, or what follows from it."""
    known = {(each.place.file, each.place.line) for each in found if each.severity == "error"}
    severed = scope.severed()
    for each in matrix.findings:
        if (each.place.file, each.place.line) not in known and each.place.file not in severed:
            yield each
