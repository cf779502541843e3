"""Attaching: signatures and SBOMs to the artifacts that they are about.

Knows how cosign, GitHub's verifier and we find them: as referrers, one manifest with one layer each. Does not know how
they are made. Source: OCI distribution 1.1, "Referrers"; cosign 3, "bundle format".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clusterbook.client.store import Store, from_bytes
from clusterbook.core.manifest import EMPTY_BLOB, EMPTY_CONFIG, Descriptor, Manifest, artifact, describe
from clusterbook.core.sbom import MEDIA_TYPE as SBOM
from clusterbook.core.statement import BUNDLE

_CONTENT = "dev.sigstore.bundle.content"
_PREDICATE = "dev.sigstore.bundle.predicateType"
_CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something said about an artifact: its kind, its bytes, and notes for those who list it."""

    kind: str
    data: bytes
    annotations: Mapping[str, str]

    def manifest(self, subject: Descriptor) -> Manifest:
        """Return the manifest that says it about `subject`."""
        return artifact(self.kind, [describe(self.kind, self.data)], annotations=self.annotations, subject=subject)


def signature(bundle: bytes, predicate_type: str, *, created: str) -> Attachment:
    """Return a signature to be attached; `created` is the date of the release, not of today."""
    annotations = {_CONTENT: "dsse-envelope", _PREDICATE: predicate_type, _CREATED: created}
    return Attachment(BUNDLE, bundle, annotations)


def sbom(document: bytes, *, created: str) -> Attachment:
    """Return a CycloneDX SBOM to be attached."""
    return Attachment(SBOM, document, {_CREATED: created})


def attach(store: Store, repository: str, subject: Descriptor, attachment: Attachment, *, near: str = "") -> Manifest:
    """Say something about an artifact, unless it is said already; return the manifest that says it.

    Args:
        store: where the artifact is.
        repository: in which repository.
        subject: the artifact.
        attachment: what is said about it.
        near: a repository that may have the same bytes, such as one whose artifact has the same signature.
    """
    manifest = attachment.manifest(subject)
    store.put_blob(repository, EMPTY_CONFIG, from_bytes(EMPTY_BLOB), near=near)
    store.put_blob(repository, manifest.layers[0], from_bytes(attachment.data), near=near)
    store.put_manifest(repository, manifest)
    return manifest


def settle(store: Store, repository: str, subject: Descriptor, attached: Iterable[Manifest]) -> int:
    """Make sure that everything attached to an artifact can be found; return how much had to be listed again.

    Without the referrers API a tag lists it, and two who write the tag at once may lose an entry: so this is called
    once more when everything is published.
    """
    found = {each.digest for each in store.referrers(repository, subject.digest)}
    missing = [each for each in attached if each.digest not in found]
    for manifest in missing:
        store.put_manifest(repository, manifest)
    return len(missing)
