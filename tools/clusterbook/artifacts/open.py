"""Open: the index of a source, once it is known to be true, and read shard by shard.

From the index on everything is by digest, so that the one signature covers it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import clusterbook
from clusterbook.artifacts import index
from clusterbook.artifacts.freshness import (
    LARGEST_INDEX_BYTES,
    LARGEST_SHARD_BYTES,
    Envelope,
    IndexWithdrawal,
    MixAndMatch,
    Oversized,
    RollbackState,
    accept,
    check_shard,
    parse,
    withdrawal_of,
)
from clusterbook.artifacts.index import Pin, PublishedRecipe
from clusterbook.diagnostics.errors import BrokenIndex, ClusterbookError, InvalidRequest, NotFound
from clusterbook.diagnostics.transport import NoArtifact
from clusterbook.oci.manifest import Descriptor, Manifest
from clusterbook.oci.open import Base
from clusterbook.oci.store import Store
from clusterbook.trust.policy import TrustOptions, Unsigned
from clusterbook.trust.verify import VerifiedStatement, bundles_of, verify_any


class WithdrawnVersion(ClusterbookError):
    """The version was withdrawn after it was published: the message says why, and what to use instead.

    `--allow-withdrawn` takes it all the same.
    """

    code = "CB186"
    exit_status = 2


class OpenIndex(NamedTuple):
    """An index that may be relied on. `verified` is None when nobody signed it, and that was accepted.

    `trust` is whom to believe about what belongs to it.
    """

    base: Base
    manifest: Manifest
    envelope: Envelope
    verified: VerifiedStatement | None
    rollback_state: RollbackState
    trust: TrustOptions

    def signature(self) -> str:
        """Return who signed it, for reading."""
        if self.verified is None:
            return "not signed"
        return f"signed by {self.verified.signer}{f' ({self.verified.issuer})' if self.verified.issuer else ''}"

    def shard(self, name: str) -> bytes:
        """Return a shard of the index.

        Raises:
            BadIndex: it is not the one that the index names; of which kind says why.
        """
        pinned = self.envelope.shards.get(name)
        if pinned is None:
            raise MixAndMatch(f"the index of {self.envelope.release} has no shard {name}")
        if pinned.size > LARGEST_SHARD_BYTES:
            raise Oversized(f"{name} is declared as {pinned.size} bytes, the limit is {LARGEST_SHARD_BYTES}")
        blob = Descriptor(index.SHARD, pinned.digest, pinned.size)
        stream = self.base.store.stream(self.base.repository(index.REPOSITORY), blob)
        data = bytearray()
        for chunk in stream:
            data += chunk
            if len(data) > pinned.size:
                break
        return check_shard(self.envelope, name, bytes(data))

    def recipe(self, slug: str) -> PublishedRecipe:
        """Return what there is of a recipe. Raises NotFound, BadIndex."""
        return index.recipe_in(self.shard(index.shard_of(slug, self.envelope)), slug)

    def releases(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Return (version, recipe digest) by slug by release; {} where the index says none. Raises BadIndex."""
        named = index.RELEASES in self.envelope.shards
        return index.releases_in(self.shard(index.RELEASES)) if named else {}

    def versions_of(self, slug: str, digest: str) -> list[str]:
        """Return under which versions a recipe of this digest is published, [] where it never was. Raises BadIndex."""
        try:
            versions = self.recipe(slug).versions
        except NotFound:
            return []
        return [version for version, entry in versions.items() if entry.digest == digest]

    def version(self, slug: str, recipe: PublishedRecipe, selector: str) -> str:
        """Return the version that is meant where `selector` names a release (`2026.7.0`), else `selector` itself.

        Raises:
            NotFound: the release does not serve the recipe, or there is neither such a release nor such a version.
        """
        versions = recipe.versions
        if (
            not selector
            or selector in versions
            or selector.startswith("sha256:")
            or index.RELEASES not in self.envelope.shards
        ):
            return selector
        releases = index.releases_in(self.shard(index.RELEASES))
        hint = f"versions: {', '.join(sorted(versions)) or 'none'}; releases: {', '.join(sorted(releases))}"
        if selector not in releases:
            raise NotFound(f"there is no {slug}@{selector}", hint=hint)
        if slug not in releases[selector]:
            raise NotFound(f"the release {selector} does not serve {slug}", hint=hint)
        return releases[selector][slug][0]

    def artifact(self, repository: str, pin: Pin) -> Manifest:
        """Return the manifest that the index pins.

        Raises:
            NoArtifact: the source does not have it.
            WrongContent: it has something else in its place.
        """
        return self.base.store.manifest(self.base.repository(repository), pin.digest)


def open_index(
    base: Base, trust: TrustOptions, *, now: datetime | None, previous: RollbackState | None, tag: str = ""
) -> OpenIndex:
    """Return the index of a source: the latest, or that of the release `tag`.

    Args:
        base: the source.
        trust: whom to believe.
        now: the time; None does not ask whether the index has run out.
        previous: what is remembered of the source.
        tag: the release; "" for the latest.

    Raises:
        NoArtifact: there is none.
        Untrusted: nobody who is believed signed it.
        BadIndex: it is not to be relied on; of which kind says why.
    """
    repository = base.repository(index.REPOSITORY)
    name = f"{base.store.where}: {repository}:{tag or index.LATEST}"
    try:
        manifest = base.store.manifest(repository, tag or index.LATEST)
    except NoArtifact as error:
        hint = (
            "check the base: it ends before /recipes and /index" if not tag else "name another release, or leave it out"
        )
        raise NoArtifact(f"nothing is published at {name}", hint=hint) from error
    if manifest.artifact_type != index.INDEX or not manifest.layers:
        raise BrokenIndex(f"{name} is not an index", hint="name the base, not a single artifact")
    verified = _verify(base.store, repository, manifest.digest, trust)
    first = manifest.layers[0]
    if first.size > LARGEST_INDEX_BYTES:
        raise Oversized(f"{name} is declared as {first.size} bytes, the limit is {LARGEST_INDEX_BYTES}")
    raw = base.store.read(repository, first, limit_bytes=LARGEST_INDEX_BYTES)
    moment = now or parse(raw, name).issued
    envelope, remember = accept(raw, name, previous=previous, now=moment, client=clusterbook.__version__)
    if tag and envelope.release != tag:
        raise MixAndMatch(f"{name} is the index of release {envelope.release}", hint="its tag was moved")
    return OpenIndex(base, manifest, envelope, verified, remember, trust)


def _verify(store: Store, repository: str, digest: str, trust: TrustOptions) -> VerifiedStatement | None:
    """Return who speaks for an artifact; None when nobody does and that is accepted."""
    if trust.policy is None and not trust.unsigned:
        raise InvalidRequest("there is no trust policy", hint="name one with --policy, or a key with --key")
    if trust.policy is None:
        return None
    try:
        return verify_any(bundles_of(store, repository, digest), digest, trust.policy)
    except Unsigned as error:
        if trust.unsigned:
            return None
        hint = f"{error.hint}; --allow-unsigned accepts unsigned artifacts"
        raise Unsigned(f"{store.where}/{repository}: {error.what}", hint=hint) from error


def refuse_withdrawn(envelope: Envelope, slug: str, version: str) -> None:
    """Raise WithdrawnVersion where a version is no longer to be used."""
    withdrawal = withdrawal_of(envelope, slug, version)
    if withdrawal is not None:
        raise withdrawn_error(withdrawal)


def withdrawn_error(withdrawal: IndexWithdrawal) -> WithdrawnVersion:
    """Return the error that a version was withdrawn."""
    use = f"use {withdrawal.replacement}, or " if withdrawal.replacement else ""
    hint = f"{use}accept it with --allow-withdrawn"
    return WithdrawnVersion(f"{withdrawal.name} was withdrawn: {withdrawal.reason}", hint=hint)
