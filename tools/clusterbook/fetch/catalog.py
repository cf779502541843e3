"""Catalog: what was published, asked as an index on this machine is: the criteria first, then the recipe they lead to.

The index of a source is verified, and remembered, as by any fetch; from then on everything is by digest. What is asked
of it comes when it is asked for. An older release answers as it did, by what the index of today says of it: its recipes
by their digests there, withdrawals included. What is said of the catalog as a whole, its sources among it, is published
of the release of the index alone, as shards of it, so that it is signed as the recipes are. Criteria and choices of an
older release are those that its own index names, which is signed and bears its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clusterbook.artifacts import index
from clusterbook.artifacts.freshness import release_order
from clusterbook.artifacts.index import RECIPE, RECIPE_KIND, choose, pin_of
from clusterbook.artifacts.layout import ORIGINS
from clusterbook.artifacts.open import OpenIndex, WithdrawnVersion, refuse_withdrawn
from clusterbook.artifacts.visit import visit
from clusterbook.catalog.criteria import Criteria
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.diagnostics.transport import Malformed
from clusterbook.fetch.fetch import LARGEST_RECIPE_BYTES, index_of
from clusterbook.files.context import Context
from clusterbook.lookup.format import (
    CHOICES,
    GROUPS,
    HEAD,
    UPGRADES,
    VALIDATORS,
    Index,
    Record,
    blob_part,
    decode,
    decode_head,
    encode,
    encode_head,
)
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.open import Access
from clusterbook.resolve.choices import SEPARATOR
from clusterbook.resolve.document import escape, expand
from clusterbook.resolve.matching import CURATED, UNSUPPORTED
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.resolve.views import query_view
from clusterbook.trust.policy import TrustOptions

_NOT_PARTS = frozenset({index.CRITERIA, index.RELEASES})
"""Shards under names that no part of an index on disk has."""
_CHECK, _ORIGINS = "healthCheckAsserts", "origins"
UNRECORDED = "default"
"""What an answer is called that a recipe does not record."""

UNPUBLISHED_EFFECT = {"effect": "unknown", "why": "the effects of values are not published"}
_WORDS = {"list": "health checks", "kit": "component facts"}


class PublishedCatalog(IndexFiles):
    """The recipes that a release of an index serves."""

    def __init__(self, where: str, source_index: OpenIndex, remarks: tuple[str, ...], *, release: str = "") -> None:
        """Read nothing yet of the index `source_index`, which `where` names; `release` "" is that of the index."""
        self.where, self.is_tree, self.remarks = where, False, remarks
        self._index, self._release = source_index, release or source_index.envelope.release
        self._of_release: OpenIndex | None = None
        self._choices_by_slug: dict[str, Any] | None = None
        self._records: dict[str, Record | None] = {}
        self._blobs: dict[str, bytes] = {}
        self._authors: dict[str, tuple[str, Manifest, dict[str, Any], str]] = {}

    @property
    def _is_latest(self) -> bool:
        return self._release == self._index.envelope.release

    def read(self, part: str) -> bytes | None:
        """Return the bytes of a part; None of those that every program has of its own.

        Raises:
            InvalidRequest: it is not published.
        """
        if part == HEAD:
            return encode_head(self.head())
        if part in self._blobs:
            return self._blobs[part]
        if part in self._authors:
            return encode(self._origins(*self._authors[part]))
        shard = part.removesuffix(".json")
        if self._is_latest and shard in self._index.envelope.shards and shard not in _NOT_PARTS:
            self._blobs[part] = self._index.shard(shard)
            return self._blobs[part]
        if part in (VALIDATORS, GROUPS, UPGRADES):
            return None
        missing = part.removesuffix(".json").rpartition("/")[2]
        lacking = _WORDS.get(missing, missing)
        what = f"{self.where} is a published catalog, and release {self._release} has no {lacking}"
        hint = f"`clusterbook fetch index --from {self.where}` lists them; or name a source tree: --source DIR"
        raise InvalidRequest(what, hint=hint)

    def withdrawn(self) -> dict[str, str]:
        """Return why recipes are no longer to be used, by name."""
        found = {}
        for slug, (version, _) in self._served().items() if self._index.envelope.withdrawn else ():
            try:
                refuse_withdrawn(self._index.envelope, slug, version)
            except WithdrawnVersion as error:
                found[slug] = error.what
        return found

    def head(self) -> Index:
        """Return what tells the recipe for given criteria.

        Raises:
            NotFound: the release is an older one, whose own index the source does not carry.
        """
        return decode_head(self._own().shard(index.CRITERIA), f"{self.where}: {index.CRITERIA}")

    def _own(self) -> OpenIndex:
        """Return the index of the release, which binds its parts to it by digest. Raises as `index_of`."""
        if self._of_release is None:
            self._of_release = index_of(self._index, self._release)
        return self._of_release

    def lines(self) -> list[dict[str, Any]]:
        """Return name, slug and state of every recipe that the release serves, curated ones by their overlay's name.

        Those that were withdrawn are left out.
        """
        matcher = self.head().matcher
        claims: dict[Criteria, list[str]] = {Criteria(): ["base"]}
        for name, criteria in matcher.overlays:
            claims.setdefault(criteria, []).append(name)
        known, found = matcher.slugs(), []
        for slug in self._served().keys() - self.withdrawn().keys():
            plain, _, chosen = slug.partition(SEPARATOR)
            state = matcher.answer(known[plain]).state if plain in known else UNSUPPORTED
            for name in claims[known[plain]] if state == CURATED else [plain]:
                found.append({"name": name + SEPARATOR * bool(chosen) + chosen, "slug": slug, "state": state})
        return sorted(found, key=lambda line: line["name"])

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
        origins = {name: f"{slug}/{_ORIGINS}/{name}" for name in ("", *(each.name for each in recipe.components))}
        self._authors |= {blob_part(blob): (slug, manifest, document, name) for name, blob in origins.items()}
        return Record(document, blobs, origins, self._choices(slug, recipe))

    def _choices(self, slug: str, recipe: RecipeResult) -> dict[str, list[str]]:
        """Return what can be chosen for a recipe, by name, the default first.

        Where the release does not say, it is what namesakes say was chosen; a default that only confirms what a recipe
        is anyway is not recorded, so that nobody knows its name then.
        """
        own, shard = self._own(), CHOICES.removesuffix(".json")
        if shard in own.envelope.shards:
            if self._choices_by_slug is None:
                self._choices_by_slug = decode(own.shard(shard), f"{self.where}: {CHOICES}")
            known = self._choices_by_slug.get(slug, {})
            return {str(name): [str(value) for value in values] for name, values in known.items()}
        if SEPARATOR in slug:
            return {}
        choices = {name: [value] for name, value in recipe.chosen.items()}
        for name in sorted(self._served()):
            if not name.startswith(slug + SEPARATOR):
                continue
            manifest = self._manifest(name)
            chosen = RecipeResult(self._document(name, manifest)).chosen if manifest else {}
            for choice, value in chosen.items():
                if value not in choices.setdefault(choice, [UNRECORDED]):
                    choices[choice].append(value)
        return choices

    def _served(self) -> Mapping[str, tuple[str, str]]:
        """Return version and digest of the recipes that the release serves, by slug."""
        return self._index.releases().get(self._release, {})

    def _manifest(self, slug: str) -> Manifest | None:
        """Return the artifact of a recipe, None where the release serves none of that name."""
        try:
            published = self._index.recipe(slug)
        except NotFound:
            return None
        wanted = published.current if self._is_latest else self._served().get(slug, ("", ""))[0]
        if not wanted:
            return None
        version, entry = choose(slug, published, wanted)
        try:
            refuse_withdrawn(self._index.envelope, slug, version)
        except WithdrawnVersion as error:
            hint = f"{error.hint.partition(', or ')[0]}, or `clusterbook fetch recipe {slug} --allow-withdrawn`"
            raise WithdrawnVersion(error.what, hint=hint) from error
        return self._index.artifact(index.repository(RECIPE_KIND, slug), pin_of(slug, version, entry, RECIPE_KIND))

    def _origins(self, slug: str, manifest: Manifest, recipe: dict[str, Any], component: str) -> dict[str, Any]:
        """Return who said what in a component, or with "" in the rest of the recipe, as an index has it."""
        inside, view = f"/components/{escape(component)}/", query_view(recipe)
        return {
            pointer: expand(origins, pointer, view, UNPUBLISHED_EFFECT)
            for pointer, origins in self._document(slug, manifest, ORIGINS).items()
            if (pointer.startswith(inside) if component else not pointer.startswith("/components/"))
        }

    def _document(self, slug: str, manifest: Manifest, media_type: str = RECIPE) -> dict[str, Any]:
        """Return the recipe that an artifact holds, or its origins."""
        layer = next((each for each in manifest.layers if each.media_type == media_type), None)
        if layer is None:
            what = "a recipe" if media_type == RECIPE else "origins"
            raise Malformed(f"{slug} is published without {what}", hint="publish it again")
        base = self._index.base
        repository = base.repository(index.repository(RECIPE_KIND, slug))
        document = json.loads(base.store.read(repository, layer, limit_bytes=LARGEST_RECIPE_BYTES))
        assert isinstance(document, dict), "signed content is what we published"
        return document


def open_catalog(
    where: str, trust: TrustOptions, access: Access, context: Context, *, selector: str = "", slug: str = ""
) -> PublishedCatalog:
    """Return the catalog that is published at `oci://HOST/BASE`, or in the layout `oci-layout:FOLDER`.

    Args:
        where: the source.
        trust: whom to believe.
        access: how registries are spoken to.
        context: environment and home, which say where the memory is, and the time.
        selector: a release, or with `slug` a version of that recipe, or its digest; "" for the release of the index.
        slug: the recipe; "" for any.

    Raises:
        Untrusted: nobody who is believed signed its index.
        BadIndex: the index is not to be relied on, or older than one that was seen.
        NotFound: there is no such release, or no such version.
    """
    found, warning = visit(where, lambda opened: opened, access=access, trust=trust, context=context)
    release = release_of(found, selector, slug) if selector else found.envelope.release
    said = f"{where} is of release {release}, {found.signature()}"
    if release != found.envelope.release:
        said = f"{where} answers from release {release}; its index is of {found.envelope.release}, {found.signature()}"
    return PublishedCatalog(where, found, (said, *((warning,) if warning else ())), release=release)


def release_of(source_index: OpenIndex, selector: str, slug: str = "") -> str:
    """Return the release that serves what is meant; of a version the last that does. Raises as `open_catalog`."""
    releases = source_index.releases()
    if selector in releases:
        return selector
    where, names = source_index.base.store.where, sorted(releases, key=release_order)
    if not slug:
        raise NotFound(f"{where} has no release {selector}", hint=f"releases: {', '.join(names) or 'none'}")
    for release in reversed(names):
        if selector in releases[release].get(slug, ()):
            return release
    versions = dict.fromkeys(releases[name][slug][0] for name in names if slug in releases[name])
    hint = f"versions: {', '.join(versions) or 'none'}; releases: {', '.join(names)}"
    raise NotFound(f"there is no {slug}@{selector} in {where}", hint=hint)
