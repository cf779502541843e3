"""Gathering: from the catalog, the ledger and evidence to what the site shows.

Each fact is taken from the package that makes it; nothing is resolved here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from clusterbook.catalog.criteria import DIMENSIONS
from clusterbook.documents.digest import tree_digest
from clusterbook.evidence.ledger import LedgerEvidence
from clusterbook.ledger.upgrades import NONE, UpgradeFacts
from clusterbook.lookup.build import served_recipes
from clusterbook.resolve.choices import split_slug
from clusterbook.resolve.matrix import Matrix
from clusterbook.site import wording
from clusterbook.site.answers import answer_map
from clusterbook.site.components import components_of, values_of
from clusterbook.site.evidence import evidence_of
from clusterbook.site.layers import layers_of
from clusterbook.site.model import RecipeSummary, SiteData
from clusterbook.site.recipes import RecipeViews
from clusterbook.site.versions import PublishedVersions
from clusterbook.trust.verify import read_policy


def gather(
    matrix: Matrix,
    versions: PublishedVersions,
    *,
    published: str,
    proofs: Sequence[LedgerEvidence] = (),
    upgrades: UpgradeFacts = NONE,
) -> SiteData:
    """Return what the site shows of what `matrix` serves.

    Args:
        matrix: the answers.
        versions: what was published of them.
        published: where that can be fetched from.
        proofs: evidence about it.
        upgrades: the plans from one version to another.

    Raises:
        BrokenLedger: a file of the ledger is not what it should be.
        Conflict: a recipe names a manifest that does not exist.
    """
    catalog = matrix.catalog
    recipes = dict(served_recipes(matrix))
    slugs = list(recipes)
    digest = tree_digest({path: source.text for path, source in catalog.tree.files.items()})
    views = RecipeViews(matrix, recipes)
    released = versions.newest.get("catalog") == digest
    combinations = answer_map(matrix, slugs)
    evidence = evidence_of(proofs, versions)
    summaries = tuple(
        RecipeSummary(
            slug=slug,
            title=wording.title(recipe.criteria.specified(), split_slug(slug)[1]),
            criteria=recipe.criteria.specified(),
            state=matrix.answer(recipe.criteria).state,
            components=tuple((name, views.version(recipe, name)) for name in recipe.order),
            layers=views.layers(recipe),
            constraints=tuple(views.constraints(recipe)),
            checks=views.checks(recipe),
            answers=combinations.counts[slug],
            versions=versions.of(slug),
            unreleased=not released and (not versions.digest(slug) or views.digest(slug) != versions.digest(slug)),
            evidence=tuple(proof for proof in evidence if proof.slug == slug),
        )
        for slug, recipe in recipes.items()
    )
    return SiteData(
        catalog_digest=digest,
        published=published.rstrip("/"),
        signers=tuple(
            (signer.identity or signer.identity_pattern, signer.issuer or signer.issuer_pattern)
            for signer in read_policy().identities
        ),
        release=versions.newest_name,
        released=released,
        date=str(versions.newest.get("date", "")),
        evidence=evidence,
        states=dict(matrix.states()),
        dimensions={name: catalog.vocabulary.values(name) for name in DIMENSIONS},
        offered={name: catalog.vocabulary.offered(name) for name in DIMENSIONS},
        recipes=summaries,
        gone=tuple(versions.gone(matrix, recipes)),
        components=tuple(components_of(matrix, recipes, views)),
        layers=tuple(layers_of(matrix, summaries)),
        values=tuple(values_of(recipes, views)),
        releases=versions.releases({summary.slug: summary.title for summary in summaries}),
        answers=combinations.document,
        combinations=cache(combinations.groups),
        aliases=_aliases(matrix),
        is_open=not catalog.vocabulary.known,
        sources={source.file: source.text for source in catalog.tree.files.values()},
        recipe=lru_cache(maxsize=1)(views.recipe),  # its page and its JSON follow each other
        version=versions.recipe,
        side=lambda slug, number: versions.side(slug, number) if number else views.side(slug),
        diff=versions.diff,
        upgrades=upgrades,
        neighbours=views.neighbours,
    )


def _aliases(matrix: Matrix) -> dict[str, Mapping[str, str]]:
    """Return other spellings of criteria values, by dimension."""
    return {name: dict(aliases) for name, aliases in matrix.catalog.vocabulary.aliases.items()}
