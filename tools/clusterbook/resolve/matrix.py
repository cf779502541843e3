"""The matrix: every query there is, and what becomes of it.

Every tuple of criteria has exactly one state. Source: design, section 7.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from itertools import product as combinations
from math import prod
from types import MappingProxyType

from clusterbook.catalog.criteria import ANY, DIMENSIONS, Criteria, claimed_values, product
from clusterbook.catalog.load import Catalog
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.findings import Finding, Place, SourceErrors
from clusterbook.resolve.choices import choose, split_slug, variants
from clusterbook.resolve.component import Conflict
from clusterbook.resolve.matching import UNSUPPORTED, Answer, Matcher
from clusterbook.resolve.resolver import Recipe, Resolver

REPEATED_SLUG = Code(
    "CB034",
    "two recipes with one name",
    "error",
    "A recipe is named after its criteria; two different sets that spell the same name cannot both be published.",
    "Rename one of the values.",
)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All answers: recipes by slug, and the matcher that leads each query to one.

    `findings` are the conflicts that keep slugs from being resolved; their queries are unsupported.
    """

    catalog: Catalog
    matcher: Matcher
    recipes: Mapping[str, Recipe]
    findings: tuple[Finding, ...]

    def answer(self, query: Criteria, asked: Mapping[str, str] = MappingProxyType({})) -> Answer:
        """Return what becomes of `query`, with what is chosen of what its recipe offers."""
        answer = self.matcher.answer(query)
        if not asked or answer.slug is None:
            return answer
        try:
            return choose(answer, self.recipes[answer.slug].offers, asked)
        except InvalidRequest as error:
            return answer._replace(state=UNSUPPORTED, slug=None, lost=(), reason=error.what)

    def tuples(self) -> Iterator[Criteria]:
        """Yield every combination of the dimensions' values."""
        yield from product({name: self.catalog.vocabulary.values(name) for name in DIMENSIONS})

    def states(self) -> Counter[str]:
        """Return how many of all combinations are in which state.

        Values that no overlay claims are answered alike, so one of them is asked for all: the cost follows the
        overlays, not the combinations.
        """
        claimed = claimed_values(criteria for _, criteria in self.matcher.overlays)
        axes = []
        for name in DIMENSIONS:
            unclaimed = [value for value in self.catalog.vocabulary.values(name) if value not in claimed.get(name, ())]
            alike = [(unclaimed[0], len(unclaimed))] if unclaimed else []
            axes.append([(ANY, 1), *((value, 1) for value in claimed.get(name, ())), *alike])
        found: Counter[str] = Counter()
        for values in combinations(*axes):
            query = Criteria(*(value for value, _ in values))  # type: ignore[arg-type]  # DIMENSIONS are the words in order
            found[self.answer(query).state] += prod(count for _, count in values)
        return found


def build(catalog: Catalog) -> Matrix:
    """Return the matrix of `catalog`: each distinct recipe resolved once, with origins."""
    resolver = Resolver(catalog)
    recipes: dict[str, Recipe] = {}
    failures: dict[str, str] = {}
    findings: dict[str, Finding] = {}
    for slug, criteria in resolver.matcher.slugs().items():
        try:
            recipe = recipes[slug] = resolver.resolve(criteria)
            for selection in islice(variants(recipe.offers), 1, None):
                chosen = resolver.resolve(criteria, asked=dict(selection))
                recipes[chosen.slug] = chosen
        except Conflict as conflict:
            failures[slug] = f"the recipe {slug} cannot be resolved: {conflict.what}"
            place = conflict.place if isinstance(conflict.place, Place) else Place(catalog.base.file)
            findings.setdefault(f"{place}{conflict.what}", Finding(conflict.code, place, conflict.what, conflict.hint))
    for slug, (one, two, *_) in resolver.matcher.namesakes().items():
        what = f"two recipes would have the name {slug}: {one.sentence()}; {two.sentence()}"
        failures[slug] = what
        for name in [name for name in recipes if split_slug(name)[0] == slug]:
            recipes.pop(name)
        last = resolver.matcher.names(resolver.matcher.matched(two))[-1]
        place = (catalog.overlays.get(last) or catalog.unread[last]).place
        values = set(one.specified().items()) ^ set(two.specified().items())  # the same for all slugs that have them
        findings.setdefault(
            str(sorted(map(str, values))),
            REPEATED_SLUG.finding(place, what, "rename one of the criteria values"),
        )
    matcher = Matcher(resolver.matcher.overlays, failures)
    return Matrix(catalog, matcher, recipes, tuple(findings.values()))


def whole(catalog: Catalog) -> Matrix:
    """Return the matrix of `catalog` for publication: in a tree of our own every recipe has to resolve.

    Raises:
        SourceErrors: with every conflict, as `check` shows them.
    """
    found = build(catalog)
    if catalog.tree.strict and found.findings:
        raise SourceErrors(found.findings)
    return found
