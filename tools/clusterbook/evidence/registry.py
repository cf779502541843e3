"""Evidence in a registry: one artifact, a layer for each file, so that any OCI client gets the folder back.

A reference ends in the digest of what it is about, and a tag is not moved to other evidence. Same files, same bytes;
nothing is unpacked. Source: reference rows V50, V52.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from clusterbook.artifacts import sbom
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.transport import NoArtifact
from clusterbook.evidence.model import (
    MANIFEST,
    MOST_BYTES,
    RECIPE,
    REPORT,
    SBOM,
    SIGNED,
    SNAPSHOT,
    STATEMENT,
    BrokenEvidence,
    EvidenceProof,
)
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, TITLE, Descriptor, Manifest, artifact, describe_file
from clusterbook.oci.open import Access, open_registry
from clusterbook.oci.reference import Reference, parse_reference
from clusterbook.oci.store import Store, from_bytes
from clusterbook.trust.statement import BUNDLE


class EvidenceArtifact(NamedTuple):
    """Evidence as a registry has it: under which digest, and its files by name."""

    reference: str
    files: dict[str, bytes]


def pull(where: str, access: Access) -> EvidenceArtifact:
    """Return the evidence that `oci://HOST/REPOSITORY:TAG` or `…@sha256:…` names.

    Raises:
        BrokenEvidence: it is something else, or too much.
        InvalidRequest: neither tag nor digest is named.
        NoArtifact: it is not there.
    """
    reference = parse_reference(where)
    if not reference.tag_or_digest:
        raise InvalidRequest(f"{where} names no tag or digest", hint=f"type {where}:TAG or {where}@sha256:DIGEST")
    return _pull(open_registry(reference.host, access), reference)


def _pull(store: Store, reference: Reference) -> EvidenceArtifact:
    manifest = store.manifest(reference.repository, reference.tag_or_digest)
    layers = layers_of(manifest, str(reference))
    if sum(each.size for each in layers.values()) > MOST_BYTES:
        raise BrokenEvidence(f"{reference} holds more than {MOST_BYTES >> 20} MB")
    files = {name: store.read(reference.repository, each, limit_bytes=MOST_BYTES) for name, each in layers.items()}
    return EvidenceArtifact(_pinned_reference(reference, manifest.digest), files)


def push(where: str, files: dict[str, bytes], proof: EvidenceProof, access: Access) -> EvidenceArtifact:
    """Return evidence as a registry has it, having pushed it to `oci://HOST/REPOSITORY[:TAG]` and read it again.

    Raises:
        InvalidRequest: a digest is named, or the tag has other evidence.
        Refused: the registry does not take it.
    """
    reference = parse_reference(where)
    if reference.digest:
        raise InvalidRequest(f"{where} names a digest, which a push cannot choose", hint=f"type {reference.repository}")
    store, manifest = open_registry(reference.host, access), evidence_artifact(files, proof)
    current_digest = _digest(store, reference)
    if current_digest not in ("", manifest.digest):
        hint = f"leave the tag out; {tag_of(manifest, proof)} is used then"
        raise InvalidRequest(f"{where} has other evidence already: {current_digest}", hint=hint)
    for layer in manifest.layers:
        store.put_blob(reference.repository, layer, from_bytes(files[(layer.annotations or {})[TITLE]]))
    store.put_blob(reference.repository, EMPTY_CONFIG, from_bytes(EMPTY_BLOB))
    store.put_manifest(reference.repository, manifest, tag=reference.tag or tag_of(manifest, proof))
    return _pull(store, reference._replace(tag="", digest=manifest.digest))


def _digest(store: Store, reference: Reference) -> str:
    """Return what a tag stands for, "" where there is none or it is not used."""
    if not reference.tag:
        return ""
    try:
        return store.manifest(reference.repository, reference.tag).digest
    except NoArtifact:
        return ""


def _pinned_reference(reference: Reference, digest: str) -> str:
    """Return the reference that always means the same."""
    return str(reference._replace(tag="", digest=digest))


# --- the artifact -----------------------------------------------------------------------------------------------------

ARTIFACT = "application/vnd.clusterbook.evidence.v1+json"
_TYPES = {
    **dict.fromkeys((MANIFEST, RECIPE, SNAPSHOT, REPORT), "application/json"),
    SBOM: sbom.MEDIA_TYPE,
    STATEMENT: "application/vnd.in-toto+json",
    SIGNED: BUNDLE,
}
"""File → its media type; in this order they are layers."""
_MOST_OF_A_SLUG = 100
"""Characters of a recipe's name in a tag, which has 128 at most."""


def evidence_artifact(files: Mapping[str, bytes], proof: EvidenceProof) -> Manifest:
    """Return the manifest of the evidence that `files` are, and that proves `proof`."""
    layers = [describe_file(kind, files[name], name) for name, kind in _TYPES.items() if name in files]
    annotations = {
        "org.opencontainers.image.title": f"Evidence of {proof.recipe}: {proof.verdict}",
        "dev.clusterbook.recipe.digest": proof.digest,
        "dev.clusterbook.evidence.verdict": proof.verdict,
    }
    if proof.taken_at:
        annotations["org.opencontainers.image.created"] = proof.taken_at
    return artifact(ARTIFACT, layers, annotations=annotations)


def tag_of(manifest: Manifest, proof: EvidenceProof) -> str:
    """Return the tag of evidence that nobody has given one: never that of other evidence."""
    return f"{proof.recipe[:_MOST_OF_A_SLUG]}-{manifest.digest.removeprefix('sha256:')[:12]}"


def layers_of(manifest: Manifest, where: str) -> dict[str, Descriptor]:
    """Return the layers of evidence by file name.

    Raises:
        BrokenEvidence: it is another artifact, or has a layer that evidence does not have.
    """
    if manifest.artifact_type != ARTIFACT:
        kind = manifest.artifact_type or "no artifact type"
        raise BrokenEvidence(
            f"{where} is not evidence: it is {kind}", hint="name the reference that `evidence publish` printed"
        )
    layers: dict[str, Descriptor] = {}
    for layer in manifest.layers:
        name = (layer.annotations or {}).get(TITLE, "")
        if name not in _TYPES or name in layers:
            raise BrokenEvidence(f"{where} has a layer called '{name}'{' twice' if name in layers else ''}")
        layers[name] = layer
    return layers
