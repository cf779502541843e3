"""Layout: what a release puts into a registry, byte for byte.

    recipes/<slug>:<version>       RECIPE; layers recipe.json (RECIPE: RFC 8785, its metadata with version and digest)
                                   and origins.json (ORIGINS: who had the last word, by pointer)
    <deployer>/<slug>:<version>    the recipe's bundle, one layer, of the types that the deployer pulls (`media_types`)
    index:<release>, index:latest  what there is, and every digest (`index`)

All are OCI 1.1 image manifests. What others say of an artifact is attached to it, as referrer and, since half of all
registries do not know these, under the tag `sha256-<hex>` as well: to all three kinds a signature (artifactType and
layer `statement.BUNDLE` with an in-toto statement, as cosign 3 writes it), to recipes an SBOM (artifactType and layer
`sbom.MEDIA_TYPE`). An image layout is the same, its tags written `recipes/<slug>:<version>`.

Same recipe, same bytes: what an artifact says of its origin is that of the release which brought its version, whichever
release publishes it.
Source: design, section 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from clusterbook.artifacts.index import RECIPE, RECIPE_KIND, repository
from clusterbook.bundle.checksums import FILES, files_digest, without_root
from clusterbook.bundle.media_types import EMPTY, MEDIA, MediaTypes
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.documents.digest import canonical, digest
from clusterbook.oci.manifest import (
    EMPTY_BLOB,
    EMPTY_CONFIG,
    Descriptor,
    Manifest,
    artifact,
    describe,
    describe_file,
)
from clusterbook.resolve.content import content

ORIGINS = "application/vnd.clusterbook.origins.v1+json"
_ANNOTATION = "org.opencontainers.image."
TITLE, VERSION = f"{_ANNOTATION}title", f"{_ANNOTATION}version"
RECIPE_DIGEST = "dev.clusterbook.recipe.digest"


class NotOfTheLedger(ClusterbookError):
    """A recipe to be published differs from what the ledger records for its version.

    The sources are those of another commit, or this version of the program resolves them differently than the
    one that made the release.
    """

    code = "CB185"
    exit_status = 8


class ReleaseOrigin(NamedTuple):
    """Where a version comes from: the release that brought it, and that release's commit and date."""

    release: str
    commit: str
    date: str


class ReleaseVersion(NamedTuple):
    """One version of a recipe, as a release publishes it."""

    slug: str
    version: str
    digest: str
    origin: ReleaseOrigin

    @property
    def name(self) -> str:
        """What it is called, `SLUG@VERSION`."""
        return f"{self.slug}@{self.version}"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A manifest, the bytes it is made of, and where it goes: `repository` below the base, `tag` there."""

    repository: str
    tag: str
    manifest: Manifest
    blobs: tuple[tuple[Descriptor, bytes], ...]


def add_version(whole: Mapping[str, Any], version: ReleaseVersion) -> dict[str, Any]:
    """Return a whole recipe with its version and digest, which are no part of what the digest covers.

    Raises:
        NotOfTheLedger: its digest is another one.
    """
    recipe_digest = digest(content(whole))
    if recipe_digest != version.digest:
        what = f"the ledger records {version.digest} for {version.name}, the sources resolve to {recipe_digest}"
        raise NotOfTheLedger(what, hint="publish with the version of this program that made the release")
    metadata = {**whole["metadata"], "version": version.version, "digest": version.digest}
    return {**whole, "metadata": metadata}


def recipe_artifact(recipe: Mapping[str, Any], origins: Mapping[str, Any], version: ReleaseVersion) -> Artifact:
    """Return the artifact of a recipe that is `stamped`, with who said what in it (`provenance.Brief` by pointer)."""
    data, origins_data = canonical(recipe), canonical(origins)
    layers = [describe_file(RECIPE, data, "recipe.json"), describe_file(ORIGINS, origins_data, "origins.json")]
    annotations = _annotations(version, f"Recipe {version.slug}")
    manifest = artifact(RECIPE, layers, annotations=annotations)
    blobs = ((EMPTY_CONFIG, EMPTY_BLOB), (layers[0], data), (layers[1], origins_data))
    return Artifact(repository(RECIPE_KIND, version.slug), version.version, manifest, blobs)


def bundle_artifact(
    deployer: str, config: bytes, files: Mapping[str, bytes], archive: bytes, version: ReleaseVersion
) -> Artifact:
    """Return the artifact of a bundle.

    Args:
        deployer: whose it is.
        config: what `media.config` says.
        files: what `media.archived` says; the manifest names their digest, so that they can be proved unpacked.
        archive: the same, packed.
        version: the recipe's.
    """
    packed = PackedBundle(config, files, archive)
    annotations = _annotations(version, bundle_title(version.slug, deployer))
    name = f"{version.slug}-{version.version}"
    return packed_artifact(MEDIA[deployer], packed, name, annotations, repository(deployer, version.slug))


class PackedBundle(NamedTuple):
    """The config of a bundle's manifest, its files, and the same packed."""

    config: bytes
    files: Mapping[str, bytes]
    archive: bytes


def packed_artifact(
    media: MediaTypes, packed: PackedBundle, name: str, annotations: Mapping[str, str], repository: str = ""
) -> Artifact:
    """Return the artifact of a bundle called `name`, whose manifest names the digest of its files besides."""
    head = EMPTY_CONFIG if media.config == EMPTY else describe(media.config, packed.config)
    layer = describe_file(media.layer, packed.archive, f"{name}.tgz")
    all_annotations = {**annotations, FILES: files_digest(without_root(packed.files))}
    manifest = artifact(media.artifact, [layer], annotations=all_annotations, config=head)
    return Artifact(repository, annotations[VERSION], manifest, ((head, packed.config), (layer, packed.archive)))


def bundle_title(slug: str, deployer: str) -> str:
    """Return what the manifest of a bundle is called."""
    return f"Bundle of {slug} for {deployer}"


def _annotations(version: ReleaseVersion, title: str) -> dict[str, str]:
    return {
        f"{_ANNOTATION}created": version.origin.date,
        f"{_ANNOTATION}revision": version.origin.commit,
        TITLE: title,
        VERSION: version.version,
        RECIPE_DIGEST: version.digest,
    }
