"""Attachment: a signature or an SBOM, as it is attached to the artifact that it is about.

Each is a referrer, one manifest with one layer, where cosign, GitHub's verifier and we look for it. Source: OCI
distribution 1.1, "Referrers"; cosign 3, "bundle format".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterbook.artifacts.sbom import MEDIA_TYPE as SBOM
from clusterbook.oci.manifest import Descriptor, Manifest, artifact, describe
from clusterbook.trust.statement import BUNDLE

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


def signature_attachment(bundle: bytes, predicate_type: str, *, created: str | None = None) -> Attachment:
    """Return a signature to be attached; `created` is the date of the release, not of today; None for no release."""
    dated = {} if created is None else {_CREATED: created}
    annotations = {_CONTENT: "dsse-envelope", _PREDICATE: predicate_type, **dated}
    return Attachment(BUNDLE, bundle, annotations)


def sbom_attachment(document: bytes, *, created: str) -> Attachment:
    """Return a CycloneDX SBOM to be attached."""
    return Attachment(SBOM, document, {_CREATED: created})
