"""Own bundle: a bundle that somebody made with options of their own, as an artifact, and what is signed about it.

It has the form of a published one, so that whatever pulls, verifies or fetches the one takes the other. A release it
does not have: neither commit nor date stand in it, so that the same recipe and options give the same bytes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import clusterbook
from clusterbook.artifacts.layout import (
    RECIPE_DIGEST,
    TITLE,
    VERSION,
    Artifact,
    PackedBundle,
    bundle_title,
    packed_artifact,
)
from clusterbook.bundle.argocd.applications import chart_name, version
from clusterbook.bundle.disk import ATTESTATION, MANIFEST, SIGNATURE
from clusterbook.bundle.media_types import GENERIC, MEDIA, archive_files, config
from clusterbook.bundle.options import OptionWords, concerns, options_document
from clusterbook.bundle.readme import slug
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.digest import digest
from clusterbook.files.archive import pack_bytes
from clusterbook.resolve.content import content
from clusterbook.trust.sign import Signer
from clusterbook.trust.statement import PROVENANCE, Material, Subject, provenance, statement

BUILD_TYPE = "https://clusterbook.dev/bundle/v1"
BUILDER = "https://clusterbook.dev/clusterbook"
CHART = "argocd-helm"
"""The deployer whose bundle a registry keeps as a chart, without recipe and options: so Helm has it."""
_SEMVER = r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?"


class OwnBundle(NamedTuple):
    """A bundle, and the recipe and options that it was made of."""

    recipe: Mapping[str, Any]
    options: OptionWords
    files: Mapping[str, bytes]

    @property
    def deployer(self) -> str:
        """Who installs it."""
        return str(self.options.get("deployer") or "helm")

    @property
    def slug(self) -> str:
        """The name of its recipe."""
        return slug(self.recipe)

    def registry_artifact(self, repository: str, tag: str) -> Artifact:
        """Return the artifact under which a registry has it, of the types that its deployer pulls."""
        layout = archive_files(self.deployer, self.files)
        packed = PackedBundle(config(self.deployer, self.files), layout, pack_bytes(layout))
        artifact = packed_artifact(MEDIA[self.deployer], packed, f"{self.slug}-{tag}", self._annotations(tag))
        return Artifact(repository, tag, artifact.manifest, artifact.blobs)

    def folder_artifact(self) -> Artifact:
        """Return the artifact that stands for all of its files, as they lie in a folder."""
        packed = PackedBundle(b"{}", self.files, pack_bytes(self.files))
        recipe_version = version(self.recipe)
        media = GENERIC if self.deployer == CHART else MEDIA[self.deployer]
        return packed_artifact(media, packed, f"{self.slug}-{recipe_version}", self._annotations(recipe_version))

    def statement(self, artifact: Artifact) -> bytes:
        """Return what is signed about an artifact of it: from which recipe it was made, and with which options."""
        metadata = self.recipe.get("metadata") or {}
        spec = options_document(self.options, "")["spec"]
        parameters = {"recipe": self.slug, "options": spec, "clusterbook": clusterbook.__version__}
        if metadata.get("version"):
            parameters["version"] = str(metadata["version"])
        materials = [Material(f"recipe:{self.slug}", {"sha256": self._recipe_digest().removeprefix("sha256:")})]
        predicate = provenance(build_type=BUILD_TYPE, builder=BUILDER, parameters=parameters, materials=materials)
        name = artifact.repository or f"{self.deployer}/{self.slug}"
        return statement([Subject(name, artifact.manifest.digest)], PROVENANCE, predicate)

    def attestation(self, signer: Signer) -> dict[str, bytes]:
        """Return what lies beside its files once somebody has signed them, by path."""
        artifact = self.folder_artifact()
        signature = signer.sign(self.statement(artifact))
        return {f"{ATTESTATION}{MANIFEST}": artifact.manifest.raw, f"{ATTESTATION}{SIGNATURE}": signature}

    def _recipe_digest(self) -> str:
        return digest(content(self.recipe))

    def _annotations(self, version: str) -> dict[str, str]:
        title = bundle_title(self.slug, self.deployer)
        return {TITLE: title, VERSION: version, RECIPE_DIGEST: self._recipe_digest()}


def with_location(options: OptionWords, recipe: Mapping[str, Any], location: str, tag: str) -> dict[str, Any]:
    """Return options that say where the bundle will lie, unless they did, for deployers that have to know.

    Args:
        options: those of the bundle.
        recipe: its recipe.
        location: the repository that it is pushed to, `oci://HOST/REPOSITORY`.
        tag: the tag there.

    Raises:
        InvalidRequest: Helm would not find a chart there.
    """
    deployer = str(options.get("deployer") or "helm")
    if deployer == CHART:
        name = chart_name(recipe)
        if posixpath.basename(location) != name:
            better = f"{location}/{name}:{tag}"
            raise InvalidRequest(f"{location} does not end with the chart's name, {name}", hint=f"write -o {better}")
        if not re.fullmatch(_SEMVER, tag):
            hint = f"write a version, such as -o {location}:{version(recipe)}"
            raise InvalidRequest(f"the tag {tag} is not a version, and Helm pulls charts by version", hint=hint)
        location = posixpath.dirname(location)
    if options.get("repo") or not concerns("repo", deployer):
        return dict(options)
    return {**options, "repo": location, "targetRevision": options.get("targetRevision") or tag}
