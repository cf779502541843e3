"""Pins: the bytes that a release vouches for: of each chart that a recipe names, and of images whose digest is known.

They stand in the recipe's SBOM, which is signed with the release. A recipe that the index serves has to have one of
that release: an older one may say less, and none at all says nothing, so that whoever took it away had a free hand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.artifacts import index
from clusterbook.artifacts.index import RECIPE_KIND
from clusterbook.artifacts.open import OpenIndex
from clusterbook.artifacts.sbom import MEDIA_TYPE as SBOM
from clusterbook.oci.manifest import Manifest
from clusterbook.trust.policy import Unsigned
from clusterbook.trust.verify import VerifiedStatement, bundles_of, verify_every

_LARGEST_BYTES = 64 << 20
_COMPONENT = "component:"


class Pins(NamedTuple):
    """The digests that are right: of charts by component, of images by `REGISTRY/REPOSITORY:TAG`; else unknown."""

    charts: Mapping[str, frozenset[str]]
    images: Mapping[str, frozenset[str]]


def recipe_pins(source_index: OpenIndex, slug: str, version: str) -> Pins:
    """Return what a release pins of a published recipe; nothing where nobody signs.

    Raises:
        Untrusted: it has no SBOM that is signed as it has to be.
    """
    charts, images = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for bill in _bills(source_index, slug, version):
        for each in bill.get("components", ()):
            reference, name = str(each.get("bom-ref", "")), f"{each['name']}:{each.get('version', '')}"
            found = {f"sha256:{one['content']}" for one in each.get("hashes", ()) if one.get("alg") == "SHA-256"}
            if reference.startswith(_COMPONENT):
                charts[reference.removeprefix(_COMPONENT)] |= found
            else:
                images[name] |= found
    return Pins(*({key: frozenset(digests) for key, digests in each.items()} for each in (charts, images)))


def _bills(source_index: OpenIndex, slug: str, version: str) -> list[Mapping[str, Any]]:
    """Return the SBOMs of a recipe, each of them signed where the index is."""
    policy = source_index.trust.policy
    if source_index.verified is None or policy is None:
        return []
    _, entry = index.choose(slug, source_index.recipe(slug), version)
    repository = index.repository(RECIPE_KIND, slug)
    recipe = source_index.artifact(repository, entry.artifacts[RECIPE_KIND])
    store, home = source_index.base.store, source_index.base.repository(repository)
    needed = source_index.envelope.release if source_index.recipe(slug).current == version else ""
    signed: list[tuple[Manifest, list[VerifiedStatement]]] = [
        (bill, verify_every(bundles_of(store, home, bill.digest), bill.digest, policy))
        for bill in store.referrers(home, recipe.digest, SBOM)
    ]
    current = [bill for bill, by in signed if not needed or any(_release(each) == needed for each in by)]
    if not current:
        of = f" of release {needed}" if needed else ""
        what = f"{store.where}: {slug}@{version} has no signed SBOM{of} that lists its charts and images"
        raise Unsigned(what, hint="publish it again, or save the archive again, with this version of the program")
    return [json.loads(store.read(home, bill.layers[0], limit_bytes=_LARGEST_BYTES)) for bill in current]


def _release(verified: VerifiedStatement) -> str:
    """Return the release that a statement is about, "" where it does not say."""
    found: Any = verified.statement.predicate
    for key in ("buildDefinition", "externalParameters", "release"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
