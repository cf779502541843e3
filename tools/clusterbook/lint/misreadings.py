"""Misreadings: what a source tree says and what is made of it otherwise, found without resolving anything.

These rules are part of the check; whoever answers from a private tree that nobody has checked says what they find.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.bundle.helmfile import InterpretedText, references
from clusterbook.catalog.load import Catalog
from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.booleans import words_for_booleans
from clusterbook.lint.bundles import NO_BUNDLE
from clusterbook.lint.scope import Scope, place
from clusterbook.lint.silences import empty_fields


def misreadings(catalog: Catalog, *, private: bool) -> list[Finding]:
    """Return what is misread in a catalog, sorted by place: words for booleans, empty fields, references.

    Args:
        catalog: the catalog.
        private: whether only the private tree in it is asked.
    """
    scope = Scope(catalog, {}, {}, frozenset())
    found = [*words_for_booleans(scope), *empty_fields(scope), *_references(scope)]
    if private:
        found = [each for each in found if scope.sources[each.place.file].external]
    return sorted(found, key=lambda finding: (finding.place, finding.code))


def _references(scope: Scope) -> Iterator[Finding]:
    """Yield a warning about each value that Helmfile would look up on the machine that it runs on."""
    for values in scope.values:
        for path, text in references(values.node.data()):
            error = InterpretedText(values.component, path, text)
            where = place(values.file, values.node.get(*map(str, path)) or values.node)
            yield NO_BUNDLE.finding(where, f"--deployer helmfile: {error.what}", error.hint, "warning")
