"""Index: the index of a release, over what is there of this one and of those before.

Its number is one more than that of the index before, where it says something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from clusterbook.artifacts import index as release_index
from clusterbook.artifacts.freshness import BadIndex, encode
from clusterbook.artifacts.index import RECIPE_KIND, Pin, PublishedRecipe, PublishedVersion, repository
from clusterbook.artifacts.layout import Artifact, NotOfTheLedger, ReleaseVersion
from clusterbook.artifacts.open import OpenIndex, open_index
from clusterbook.diagnostics.errors import BrokenIndex
from clusterbook.diagnostics.transport import NoArtifact
from clusterbook.ledger.version import read_version
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, MANIFEST, Descriptor, artifact, describe_file
from clusterbook.oci.open import Base
from clusterbook.publish.release import Publication
from clusterbook.trust.policy import TrustOptions, Untrusted

Pins = Mapping[ReleaseVersion, Mapping[str, Pin]]
"""The artifacts of each version, by kind."""
Recipes = dict[str, PublishedRecipe]
Listed = tuple[str, Pin]
"""One artifact: its repository below the base, and what it is there."""


class NewIndex(NamedTuple):
    """The index to be published."""

    artifact: Artifact
    sequence: int
    expires: str


def make_index(
    release: Publication,
    pins: Pins,
    before: OpenIndex | None,
    earlier: Mapping[str, PublishedRecipe],
    *,
    lifetime: timedelta,
) -> NewIndex:
    """Return the index; its number is one more than that of the index `before`, where it says something else.

    `earlier` are the versions that are there already, by slug; see `earlier_recipes`.
    """
    shards = release_index.shards(_listing(release, pins, earlier), release.served, release.head, release.parts)
    envelope = release_index.envelope(
        release.name, release.sequence, release.issued, shards, release.withdrawn, lifetime=lifetime
    )
    newest = before is None or read_version(before.envelope.release) <= read_version(release.name)
    if before is not None and newest and before.envelope.sequence >= release.sequence:
        envelope = envelope._replace(sequence=before.envelope.sequence)
        if encode(envelope) != encode(before.envelope):
            envelope = envelope._replace(sequence=before.envelope.sequence + 1)
    packed = index_artifact(encode(envelope), shards, release)
    return NewIndex(packed, envelope.sequence, envelope.expires.date().isoformat())


def _listing(release: Publication, pins: Pins, earlier: Mapping[str, PublishedRecipe]) -> dict[str, PublishedRecipe]:
    """Return what the index says of each recipe: versions that are served, and earlier ones that are there."""
    recipes: dict[str, PublishedRecipe] = {}
    for slug, versions in sorted(release.history.items()):
        entries, current = {}, ""
        for version in versions:
            if version in pins:
                entries[version.version] = PublishedVersion(version.digest, version.origin.release, pins[version])
                current = version.version
            elif slug in earlier and version.version in earlier[slug].versions:
                published_pins(release, version, earlier)
                entries[version.version] = earlier[slug].versions[version.version]
        if entries:
            recipes[slug] = PublishedRecipe(current, entries)
    return recipes


def index_artifact(index: bytes, shards: Mapping[str, bytes], release: Publication) -> Artifact:
    """Return the artifact of an index: the index first, then its shards by name."""
    data = [(describe_file(release_index.INDEX, index, "index.json"), index)]
    data += [
        (describe_file(release_index.SHARD, shard, f"{name}.json"), shard) for name, shard in sorted(shards.items())
    ]
    annotations = {
        "org.opencontainers.image.created": release.issued.isoformat().replace("+00:00", "Z"),
        "org.opencontainers.image.revision": release.origin.commit,
        "org.opencontainers.image.title": f"Index of release {release.name}",
        "org.opencontainers.image.version": release.name,
    }
    manifest = artifact(release_index.INDEX, [layer for layer, _ in data], annotations=annotations)
    return Artifact(release_index.REPOSITORY, release.name, manifest, ((EMPTY_CONFIG, EMPTY_BLOB), *data))


def published_pins(
    release: Publication, version: ReleaseVersion, earlier: Mapping[str, PublishedRecipe]
) -> Mapping[str, Pin] | None:
    """Return the artifacts that a version has already, None when it lacks some.

    Raises:
        NotOfTheLedger: under this version, something else was published.
    """
    recipe = earlier.get(version.slug)
    entry = recipe.versions.get(version.version) if recipe else None
    if entry is None:
        return None
    if entry.digest != version.digest:
        what = f"{version.name} was published with the digest {entry.digest}, the ledger records {version.digest}"
        raise NotOfTheLedger(what, hint="check that it is the base of the right catalog")
    return entry.artifacts if {RECIPE_KIND, *release.deployers} <= entry.artifacts.keys() else None


def earlier_recipes(release: Publication, base: Base, trust: TrustOptions, before: OpenIndex | None) -> Recipes:
    """Return all recipes with every version that is there: those of `before`, and of each older release's own index.

    An older release may have been published after a newer one, and only its own index knows its versions then.
    """
    found = recipes_of(before)
    for name in sorted(release.served, key=read_version):
        if before is not None and name == before.envelope.release:
            continue
        try:
            own = open_index(base, trust, now=None, previous=None, tag=name)
        except (NoArtifact, Untrusted, BadIndex, BrokenIndex):
            continue  # not published, or by somebody else
        for slug, recipe in recipes_of(own).items():
            known = found.get(slug, PublishedRecipe("", {}))
            found[slug] = PublishedRecipe(known.current, {**recipe.versions, **known.versions})
    return found


def recipes_of(index: OpenIndex | None) -> dict[str, PublishedRecipe]:
    """Return all recipes that an index names, by slug."""
    recipes: dict[str, PublishedRecipe] = {}
    if index is not None:
        for name in sorted(index.envelope.shards):
            recipes |= release_index.recipes_in(index.shard(name)) if name.startswith(release_index.RECIPES) else {}
    return recipes


def listing(pins: Pins) -> list[Listed]:
    """Return (repository, pin) of every artifact, sorted, so that another run makes the same statements."""
    return sorted(
        (repository(kind, version.slug), pin) for version, kinds in pins.items() for kind, pin in kinds.items()
    )


def descriptor_of(pin: Pin) -> Descriptor:
    """Return the descriptor of an artifact's manifest."""
    return Descriptor(MANIFEST, pin.digest, pin.size)
