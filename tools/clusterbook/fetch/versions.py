"""Versions: every published version of every recipe, whole and with who said what in it, for whoever compares.

The index of the source is verified first; each recipe comes when it is asked for, by the digest that is pinned there.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from clusterbook.artifacts.freshness import release_order
from clusterbook.artifacts.index import RECIPE, RECIPE_KIND, RECIPES, choose, pin_of, recipes_in, repository
from clusterbook.artifacts.layout import ORIGINS
from clusterbook.artifacts.open import OpenIndex, refuse_withdrawn
from clusterbook.artifacts.visit import visit
from clusterbook.diagnostics.transport import Malformed
from clusterbook.fetch.fetch import LARGEST_RECIPE_BYTES
from clusterbook.files.context import Context
from clusterbook.oci.open import Access
from clusterbook.trust.policy import TrustOptions


class PublishedDocument(NamedTuple):
    """One version of a recipe: the whole recipe, and who said what in it (`document.Brief` by pointer)."""

    recipe: dict[str, Any]
    origins: dict[str, Any]


class PublishedReleases(NamedTuple):
    """What an index says of releases and versions. `warning` is what the user has to hear of it, "" for nothing."""

    source_index: OpenIndex
    warning: str = ""

    def releases(self) -> list[str]:
        """Return the names of the releases, the newest last."""
        return sorted(self.source_index.releases(), key=release_order)

    def served(self, release: str) -> dict[str, tuple[str, str]]:
        """Return version and digest of what a release serves, by slug."""
        return dict(sorted(self.source_index.releases().get(release, {}).items()))

    def digests(self) -> dict[str, list[tuple[str, str]]]:
        """Return which (slug, version) have a digest, by that."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name in sorted(self.source_index.envelope.shards):
            for slug, recipe in recipes_in(self.source_index.shard(name)).items() if name.startswith(RECIPES) else ():
                for version, entry in recipe.versions.items():
                    found.setdefault(entry.digest, []).append((slug, version))
        return found

    def document(self, slug: str, version: str) -> PublishedDocument:
        """Return one version of a recipe.

        Raises:
            NotFound: there is none.
            WithdrawnVersion: it is no longer to be used.
            WrongContent: it is not what the index names.
        """
        version, entry = choose(slug, self.source_index.recipe(slug), version)
        refuse_withdrawn(self.source_index.envelope, slug, version)
        home = repository(RECIPE_KIND, slug)
        manifest = self.source_index.artifact(home, pin_of(slug, version, entry, RECIPE_KIND))
        layers = {layer.media_type: layer for layer in manifest.layers}
        if not {RECIPE, ORIGINS} <= layers.keys():
            raise Malformed(f"{slug}@{version} is published without a recipe", hint="publish it again")
        base = self.source_index.base
        read = (
            json.loads(base.store.read(base.repository(home), layers[kind], limit_bytes=LARGEST_RECIPE_BYTES))
            for kind in (RECIPE, ORIGINS)
        )
        return PublishedDocument(*read)


def open_versions(where: str, trust: TrustOptions, access: Access, context: Context) -> PublishedReleases:
    """Return what is published at a source, verified and remembered as by any fetch. Raises as `visit`."""
    return PublishedReleases(*visit(where, lambda opened: opened, access=access, trust=trust, context=context))
