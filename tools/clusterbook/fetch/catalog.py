"""Catalog: what was published, asked as an index on this machine is: the criteria first, then the recipe they lead to.

The index of a source is verified, and remembered, as by any fetch; from then on everything is by digest. What is asked
of it comes when it is asked for. Sources, and checks that recipes do not carry themselves, are not published.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from clusterbook.artifacts import index
from clusterbook.artifacts.index import RECIPE, RECIPE_KIND, choose, pin_of
from clusterbook.artifacts.open import OpenIndex, WithdrawnVersion, refuse_withdrawn
from clusterbook.artifacts.visit import visit
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.diagnostics.transport import Malformed
from clusterbook.fetch.fetch import LARGEST_RECIPE_BYTES
from clusterbook.files.context import Context
from clusterbook.lookup.format import HEAD, Index, Record, blob_part, decode_head
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.open import Access
from clusterbook.resolve.choices import SEPARATOR
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.trust.policy import TrustOptions

_CHECK, _ORIGINS = "healthCheckAsserts", "origins"

_WORDS = {"list": "lines about health", "kit": "facts of components", "groups": "patterns of API groups"}


class PublishedCatalog(IndexFiles):
    """The recipes that the release of an index serves."""

    def __init__(self, where: str, source_index: OpenIndex, remarks: tuple[str, ...]) -> None:
        """Read nothing yet of the index `source_index`, which `where` names."""
        self.where, self.is_tree, self.remarks = where, False, remarks
        self._index = source_index
        self._records: dict[str, Record | None] = {}
        self._blobs: dict[str, bytes] = {}

    def read(self, part: str) -> bytes | None:
        """Return the bytes of a part.

        Raises:
            InvalidRequest: it is not published.
        """
        if part == HEAD:
            return self._index.shard(index.CRITERIA)
        if part in self._blobs:
            return self._blobs[part]
        missing = part.removesuffix(".json").rpartition("/")[2]
        what = f"{self.where} is a published catalog, which has recipes and no {_WORDS.get(missing, missing)}"
        hint = f"`clusterbook fetch index --from {self.where}` lists them; or name a source tree: --source DIR"
        raise InvalidRequest(what, hint=hint)

    def head(self) -> Index:
        """Return what tells the recipe for given criteria."""
        return decode_head(self.need(HEAD), f"{self.where}: {HEAD}")

    def record(self, slug: str) -> Record | None:
        """Return the recipe that the release serves, None where it serves none of that name.

        Raises:
            WithdrawnVersion: it is no longer to be used.
            BadIndex, WrongContent: it is not what the index names.
        """
        if slug not in self._records:
            self._records[slug] = self._record(slug)
        return self._records[slug]

    def _record(self, slug: str) -> Record | None:
        manifest = self._manifest(slug)
        if manifest is None:
            return None
        recipe = RecipeResult(self._document(slug, manifest))
        checks = {each.name: str(each.document[_CHECK]) for each in recipe.components if _CHECK in each.document}
        blobs = {name: f"{slug}/{name}" for name in checks}
        self._blobs |= {blob_part(blob): checks[name].encode() for name, blob in blobs.items()}
        document = recipe.with_components(
            {key: value for key, value in each.document.items() if key != _CHECK} for each in recipe.components
        )
        origins = dict.fromkeys(("", *(each.name for each in recipe.components)), _ORIGINS)
        return Record(document, blobs, origins, self._choices(slug, recipe))

    def _choices(self, slug: str, recipe: RecipeResult) -> dict[str, list[str]]:
        """Return what can be chosen for a recipe, by name, the default first: what its namesakes say was chosen."""
        if SEPARATOR in slug:
            return {}
        choices = {name: [value] for name, value in recipe.chosen.items()}
        for name in sorted(self._served()):
            if not name.startswith(slug + SEPARATOR):
                continue
            manifest = self._manifest(name)
            chosen = RecipeResult(self._document(name, manifest)).chosen if manifest else {}
            for choice, value in chosen.items():
                if value not in choices.setdefault(choice, []):
                    choices[choice].append(value)
        return choices

    def _served(self) -> Collection[str]:
        """Return the names of the recipes that the release serves."""
        envelope = self._index.envelope
        if index.RELEASES not in envelope.shards:
            return ()
        return index.releases_in(self._index.shard(index.RELEASES)).get(envelope.release, {})

    def _manifest(self, slug: str) -> Manifest | None:
        """Return the artifact of a recipe, None where the release serves none of that name."""
        try:
            published = self._index.recipe(slug)
        except NotFound:
            return None
        if not published.current:
            return None
        version, entry = choose(slug, published, "")
        try:
            refuse_withdrawn(self._index.envelope, slug, version)
        except WithdrawnVersion as error:
            hint = f"{error.hint.partition(', or ')[0]}, or `clusterbook fetch recipe {slug} --allow-withdrawn`"
            raise WithdrawnVersion(error.what, hint=hint) from error
        return self._index.artifact(index.repository(RECIPE_KIND, slug), pin_of(slug, version, entry, RECIPE_KIND))

    def _document(self, slug: str, manifest: Manifest) -> dict[str, Any]:
        """Return the recipe that an artifact holds."""
        layer = next((each for each in manifest.layers if each.media_type == RECIPE), None)
        if layer is None:
            raise Malformed(f"{slug} is published without a recipe", hint="it has to be published again")
        base = self._index.base
        repository = base.repository(index.repository(RECIPE_KIND, slug))
        document = json.loads(base.store.read(repository, layer, limit_bytes=LARGEST_RECIPE_BYTES))
        assert isinstance(document, dict), "what is signed is what we published"
        return document


def open_catalog(where: str, trust: TrustOptions, access: Access, context: Context) -> PublishedCatalog:
    """Return the catalog that is published at `oci://HOST/BASE`, or in the layout `oci-layout:FOLDER`.

    Args:
        where: the source.
        trust: whom to believe.
        access: how registries are spoken to.
        context: environment and home, which say where the memory is, and the time.

    Raises:
        Untrusted: nobody who is believed signed its index.
        BadIndex: the index is not to be relied on, or older than one that was seen.
    """
    found, warning = visit(where, lambda opened: opened, access=access, trust=trust, context=context)
    said = f"{where} is of release {found.envelope.release}, {found.signature()}"
    return PublishedCatalog(where, found, (said, *((warning,) if warning else ())))
