"""Derived: a bundle that somebody made from a published recipe, with options of their own.

Knows how the recipe in it is found again in what a source has published, by the digest of its content: the bundle then
needs no signature of its own. Does not know whether the rest follows from it (`core.bundle.proof`). Source: design,
section 8.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.artifacts.memory import memory
from clusterbook.artifacts.open import open_index
from clusterbook.bundle.rederive import document
from clusterbook.bundle.render import RECIPE
from clusterbook.diagnostics.errors import NotFound
from clusterbook.documents.digest import digest
from clusterbook.oci.open import absolute, open_source
from clusterbook.resolve.content import content
from clusterbook.trust.policy import SubjectMismatch
from clusterbook.trust.verify import Verified
from clusterbook.verify.verifier import Verifier


def signer_of_recipe(files: Mapping[str, bytes], where: str, verifier: Verifier) -> Verified | None:
    """Return who signed the index of `where` that names the recipe of a bundle; None when nobody did.

    Raises:
        SubjectMismatch: the source publishes no such recipe.
        Untrusted, BadIndex: its index cannot be relied on.
    """
    around = verifier.around
    seen = memory(around.environment, around.home).recall(absolute(where))
    base = open_source(where, verifier.access)
    opened = open_index(base, verifier.trusting(), now=around.now, seen=seen)
    recipe = document(files, RECIPE)
    slug, found = str(recipe["metadata"].get("slug", "")), digest(content(recipe))
    try:
        versions = opened.recipe(slug).versions
    except NotFound:
        versions = {}
    if found not in (entry.digest for entry in versions.values()):
        what = f"the recipe of the bundle, {slug or 'without a name'} {found}, is none that {where} publishes"
        raise SubjectMismatch(what, hint="make it from a recipe that was fetched: `fetch recipe`, then `bundle -r`")
    return opened.verified
