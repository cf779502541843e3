"""Manifests: whether each is a template that a bundle can be made with.

Knows where manifests lie. Does not know the language of templates, nor which values a manifest gets.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.diagnostics.codes import finding
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.gotemplate import BrokenTemplate, UnknownFunction, parse
from clusterbook.lint.scope import Scope


def broken(scope: Scope) -> Iterator[Finding]:
    """Yield CB056 for each manifest that is no template; a function that others use and we lack is a warning."""
    for file in sorted(scope.sources):
        if "/manifests/" in scope.paths[file]:
            try:
                parse(scope.sources[file].text, file)
            except BrokenTemplate as error:
                found = finding("CB056", Place(file, error.line, error.column), error.what, error.hint)
                foreign = isinstance(error, UnknownFunction) and not scope.ours(file)
                yield found._replace(severity="warning") if foreign else found
