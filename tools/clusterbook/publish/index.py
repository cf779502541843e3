"""Issuing: the index of a release, over what is there of this one and of those before.

Knows what an index lists and which number it gets. Does not send it, and does not know who signs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from clusterbook.artifacts import index as published
from clusterbook.artifacts.freshness import encode
from clusterbook.artifacts.index import RECIPE_KIND, Entry, Pin, Recipe, repository
from clusterbook.artifacts.layout import Artifact, NotOfTheLedger, Version
from clusterbook.artifacts.open import Opened
from clusterbook.ledger.version import read_version
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, MANIFEST, Descriptor, artifact, titled
from clusterbook.publish.release import Publication

Pins = Mapping[Version, Mapping[str, Pin]]
"""The artifacts of each version, by kind."""
Listed = tuple[str, Pin]
"""One artifact: its repository below the base, and what it is there."""


class Issued(NamedTuple):
    """The index to be published; `newest` when no later release is there."""

    artifact: Artifact
    sequence: int
    expires: str
    newest: bool


def issue(release: Publication, pins: Pins, before: Opened | None, *, lifetime: timedelta) -> Issued:
    """Return the index; its number is one more than that of the index before, where it says something else."""
    found = published.shards(_listing(release, pins, recipes_of(before)), release.served, release.head)
    envelope = published.envelope(
        release.name, release.sequence, release.issued, found, release.withdrawn, lifetime=lifetime
    )
    newest = before is None or read_version(before.envelope.release) <= read_version(release.name)
    if before is not None and newest and before.envelope.sequence >= release.sequence:
        envelope = envelope._replace(sequence=before.envelope.sequence)
        if encode(envelope) != encode(before.envelope):
            envelope = envelope._replace(sequence=before.envelope.sequence + 1)
    made = index_artifact(encode(envelope), found, release)
    return Issued(made, envelope.sequence, envelope.expires.date().isoformat(), newest)


def _listing(release: Publication, pins: Pins, earlier: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """Return what the index says of each recipe: versions that are served, and earlier ones that are there."""
    found: dict[str, Recipe] = {}
    for slug, versions in sorted(release.history.items()):
        entries, current = {}, ""
        for version in versions:
            if version in pins:
                entries[version.version] = Entry(version.digest, version.origin.release, pins[version])
                current = version.version
            elif slug in earlier and version.version in earlier[slug].versions:
                kept(release, version, earlier)
                entries[version.version] = earlier[slug].versions[version.version]
        if entries:
            found[slug] = Recipe(current, entries)
    return found


def index_artifact(index: bytes, shards: Mapping[str, bytes], release: Publication) -> Artifact:
    """Return the artifact of an index: the index first, then its shards by name."""
    data = [(titled(published.INDEX, index, "index.json"), index)]
    data += [(titled(published.SHARD, shard, f"{name}.json"), shard) for name, shard in sorted(shards.items())]
    annotations = {
        "org.opencontainers.image.created": release.issued.isoformat().replace("+00:00", "Z"),
        "org.opencontainers.image.revision": release.origin.commit,
        "org.opencontainers.image.title": f"Index of release {release.name}",
        "org.opencontainers.image.version": release.name,
    }
    manifest = artifact(published.INDEX, [layer for layer, _ in data], annotations=annotations)
    return Artifact(published.REPOSITORY, release.name, manifest, ((EMPTY_CONFIG, EMPTY_BLOB), *data))


def kept(release: Publication, version: Version, earlier: Mapping[str, Recipe]) -> Mapping[str, Pin] | None:
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
        raise NotOfTheLedger(what, hint="is it the base of another catalog?")
    return entry.artifacts if {RECIPE_KIND, *release.deployers} <= entry.artifacts.keys() else None


def recipes_of(opened: Opened | None) -> dict[str, Recipe]:
    """Return all recipes that an index names, by slug."""
    found: dict[str, Recipe] = {}
    if opened is not None:
        for name in sorted(opened.envelope.shards):
            found |= published.recipes_in(opened.shard(name)) if name.startswith(published.RECIPES) else {}
    return found


def listed(pins: Pins) -> list[Listed]:
    """Return (repository, pin) of every artifact, sorted, so that another run makes the same statements."""
    return sorted(
        (repository(kind, version.slug), pin) for version, kinds in pins.items() for kind, pin in kinds.items()
    )


def described(pin: Pin) -> Descriptor:
    """Return the descriptor of an artifact's manifest."""
    return Descriptor(MANIFEST, pin.digest, pin.size)
