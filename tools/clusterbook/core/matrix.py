"""The matrix: every query there is, and what becomes of it.

Knows all answers of one catalog. Does not know how they are written down. Source: design, section 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clusterbook.core.assemble import Conflict
from clusterbook.core.catalog import Catalog
from clusterbook.core.criteria import DIMENSIONS, Criteria, product
from clusterbook.core.findings import Finding, Place
from clusterbook.core.matching import Answer, Matcher
from clusterbook.core.resolve import Recipe, Resolver


@dataclass(frozen=True, slots=True)
class Matrix:
    """All answers: recipes by slug, and the matcher that leads each query to one.

    `findings` are the conflicts that keep slugs from being resolved; their queries are unsupported.
    """

    catalog: Catalog
    matcher: Matcher
    recipes: Mapping[str, Recipe]
    findings: tuple[Finding, ...]

    def answer(self, query: Criteria) -> Answer:
        """Return what becomes of `query`."""
        return self.matcher.answer(query)

    def tuples(self) -> Iterator[Criteria]:
        """Yield every combination of the dimensions' values."""
        yield from product({name: self.catalog.vocabulary.values(name) for name in DIMENSIONS})


def build(catalog: Catalog) -> Matrix:
    """Return the matrix of `catalog`: each distinct recipe resolved once, with origins."""
    resolver = Resolver(catalog)
    recipes: dict[str, Recipe] = {}
    failures: dict[str, str] = {}
    findings: dict[str, Finding] = {}
    for slug, criteria in resolver.matcher.slugs().items():
        try:
            recipes[slug] = resolver.resolve(criteria)
        except Conflict as conflict:
            failures[slug] = f"the recipe {slug} cannot be resolved: {conflict.what}"
            place = conflict.place if isinstance(conflict.place, Place) else Place(catalog.base.file)
            findings.setdefault(f"{place}{conflict.what}", Finding(conflict.code, place, conflict.what, conflict.hint))
    matcher = Matcher(resolver.matcher.overlays, failures)
    return Matrix(catalog, matcher, recipes, tuple(findings.values()))
