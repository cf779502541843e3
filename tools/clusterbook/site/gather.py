"""Gathering: from the catalog and the ledger to what the site knows.

Knows where each fact is kept. Does not resolve by code of its own, and does not know pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from clusterbook.catalog.criteria import DIMENSIONS
from clusterbook.documents.digest import tree_digest
from clusterbook.evidence.ledger import Kept
from clusterbook.lookup.build import served
from clusterbook.resolve.matrix import Matrix
from clusterbook.site import answers
from clusterbook.site import evidence as tested
from clusterbook.site import wording as plain
from clusterbook.site.components import components_of, values_of
from clusterbook.site.layers import layers_of
from clusterbook.site.model import SiteData, Summary
from clusterbook.site.recipes import Viewer
from clusterbook.site.versions import Editions
from clusterbook.trust.verify import read_policy


def gather(matrix: Matrix, editions: Editions, *, published: str, kept: Sequence[Kept] = ()) -> SiteData:
    """Return what the site knows of what `matrix` serves, of its `editions`, of the evidence that is `kept` about them.

    `published` is where they can be fetched from.

    Raises:
        BrokenLedger: a file of the ledger is not what it should be.
        Conflict: a recipe names a manifest that does not exist.
    """
    catalog = matrix.catalog
    recipes = dict(served(matrix))
    slugs = list(recipes)
    digest = tree_digest({path: source.text for path, source in catalog.tree.files.items()})
    viewer = Viewer(matrix, recipes)
    released = editions.newest.get("catalog") == digest
    dense = answers.dense(matrix, slugs)
    evidence = tested.evidence(kept, editions)
    summaries = tuple(
        Summary(
            slug=slug,
            title=plain.title(recipe.criteria.specified()),
            criteria=recipe.criteria.specified(),
            state=matrix.answer(recipe.criteria).state,
            components=tuple((name, viewer.version(recipe, name)) for name in recipe.order),
            layers=viewer.layers(recipe),
            constraints=tuple(viewer.constraints(recipe)),
            checks=viewer.checks(recipe),
            answers=dense.counts[slug],
            editions=editions.of(slug),
            unreleased=not released and (not editions.digest(slug) or viewer.digest(slug) != editions.digest(slug)),
            evidence=tuple(each for each in evidence if each.slug == slug),
        )
        for slug, recipe in recipes.items()
    )
    return SiteData(
        catalog_digest=digest,
        published=published.rstrip("/"),
        signers=tuple(
            (each.identity or each.identity_pattern, each.issuer or each.issuer_pattern)
            for each in read_policy().identities
        ),
        release=editions.newest_name,
        released=released,
        date=str(editions.newest.get("date", "")),
        evidence=evidence,
        states=dict(matrix.states()),
        dimensions={name: catalog.vocabulary.values(name) for name in DIMENSIONS},
        recipes=summaries,
        components=tuple(components_of(matrix, recipes, viewer)),
        layers=tuple(layers_of(matrix, summaries)),
        values=tuple(values_of(recipes, viewer)),
        releases=editions.releases({each.slug: each.title for each in summaries}),
        answers=dense.document,
        combinations=cache(dense.groups),
        aliases=_aliases(matrix),
        sources={source.file: source.text for source in catalog.tree.files.values()},
        recipe=lru_cache(maxsize=1)(viewer.recipe),  # its page and its JSON follow each other
        edition=editions.view,
        difference=editions.difference,
        neighbours=viewer.neighbours,
    )


def _aliases(matrix: Matrix) -> dict[str, Mapping[str, str]]:
    """Return other spellings of criteria values, by dimension."""
    return {name: dict(found) for name, found in matrix.catalog.vocabulary.aliases.items()}
