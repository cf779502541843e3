"""Evidence in a registry: pushed, found again, and read without anything being unpacked.

Knows that a reference ends in the digest of what it is about, and that a tag is not moved to other evidence. Does not
know what evidence proves.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.transport import NoArtifact
from clusterbook.evidence.evidenceartifact_ import evidence_artifact, layers_of, tag_of
from clusterbook.evidence.model import BrokenEvidence, Proof
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, TITLE
from clusterbook.oci.open import Access, open_registry
from clusterbook.oci.reference import Reference, parse_reference
from clusterbook.oci.store import Store, from_bytes

MOST_BYTES = 256 * 1024 * 1024
"""A snapshot of 5,000 nodes takes 30 MB, the rest less than one."""


class Pulled(NamedTuple):
    """Evidence as a registry has it: under which digest, and its files by name."""

    reference: str
    files: dict[str, bytes]


def pull(where: str, access: Access) -> Pulled:
    """Return the evidence that `oci://HOST/REPOSITORY:TAG` or `…@sha256:…` names.

    Raises:
        BrokenEvidence: it is something else, or too much.
        InvalidRequest: neither tag nor digest is named.
        NoArtifact: it is not there.
    """
    asked = parse_reference(where)
    if not asked.wanted:
        raise InvalidRequest(f"{where} names no evidence", hint=f"type {where}:TAG or {where}@sha256:DIGEST")
    return _pulled(open_registry(asked.host, access), asked)


def _pulled(store: Store, asked: Reference) -> Pulled:
    manifest = store.manifest(asked.repository, asked.wanted)
    layers = layers_of(manifest, str(asked))
    if sum(each.size for each in layers.values()) > MOST_BYTES:
        raise BrokenEvidence(f"{asked} holds more than {MOST_BYTES >> 20} MB")
    files = {name: store.read(asked.repository, each, limit_bytes=MOST_BYTES) for name, each in layers.items()}
    return Pulled(_named(asked, manifest.digest), files)


def push(where: str, files: dict[str, bytes], proof: Proof, access: Access) -> Pulled:
    """Return evidence as a registry has it, having pushed it to `oci://HOST/REPOSITORY[:TAG]` and read it again.

    Raises:
        InvalidRequest: a digest is named, or the tag has other evidence.
        Refused: the registry does not take it.
    """
    asked = parse_reference(where)
    if asked.digest:
        raise InvalidRequest(f"{where} names a digest, which evidence has by itself", hint=f"type {asked.repository}")
    store, manifest = open_registry(asked.host, access), evidence_artifact(files, proof)
    there = _digest(store, asked)
    if there not in ("", manifest.digest):
        hint = f"leave the tag out: it is {tag_of(manifest, proof)} then"
        raise InvalidRequest(f"{where} is other evidence already: {there}", hint=hint)
    for layer in manifest.layers:
        store.put_blob(asked.repository, layer, from_bytes(files[(layer.annotations or {})[TITLE]]))
    store.put_blob(asked.repository, EMPTY_CONFIG, from_bytes(EMPTY_BLOB))
    store.put_manifest(asked.repository, manifest, tag=asked.tag or tag_of(manifest, proof))
    return _pulled(store, asked._replace(tag="", digest=manifest.digest))


def _digest(store: Store, asked: Reference) -> str:
    """Return what a tag stands for, "" where there is none or it is not used."""
    if not asked.tag:
        return ""
    try:
        return store.manifest(asked.repository, asked.tag).digest
    except NoArtifact:
        return ""


def _named(asked: Reference, digest: str) -> str:
    """Return the reference that always means the same."""
    return str(asked._replace(tag="", digest=digest))
