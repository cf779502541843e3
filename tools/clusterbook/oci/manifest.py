"""Manifest: how an artifact says which blobs it is made of, as OCI 1.1 writes it, and Docker, as images still have it.

What two readers could read in two ways is refused. Part of `fetch`, so it imports little: dataclasses alone take 6 ms.
Source: OCI image specification 1.1, "manifest", "image-index", "descriptor".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

from clusterbook.diagnostics.transport import Malformed, WrongContent
from clusterbook.documents.digest import canonical
from clusterbook.oci.reference import check_digest, is_digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS = (MANIFEST, DOCKER_MANIFEST)
INDEXES = (INDEX, DOCKER_LIST)
ACCEPTED = (*MANIFESTS, *INDEXES)
TITLE = "org.opencontainers.image.title"
REF_NAME = "org.opencontainers.image.ref.name"

LARGEST_MANIFEST_BYTES = 4 << 20
"""What registries agree on. Source: OCI distribution 1.1, "Pushing manifests"."""


_NONE: Mapping[str, str] = MappingProxyType({})


class Descriptor(NamedTuple):
    """What a blob or a manifest is, how long, and the digest of its bytes."""

    media_type: str
    digest: str
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] = _NONE

    def document(self) -> dict[str, Any]:
        """Return the descriptor as it stands in a manifest."""
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return document

    def bare(self) -> Descriptor:
        """Return the descriptor without what others may say about it."""
        return Descriptor(self.media_type, self.digest, self.size)


class Manifest(NamedTuple):
    """A manifest or an index: its exact bytes, and what they say."""

    descriptor: Descriptor
    raw: bytes
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]

    @property
    def digest(self) -> str:
        """The digest of the bytes."""
        return self.descriptor.digest

    @property
    def artifact_type(self) -> str:
        """What kind of artifact it is."""
        return self.descriptor.artifact_type

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and the layers, each digest once."""
        every = (self.config, *self.layers) if self.config else self.layers
        return tuple({each.digest: each for each in every}.values())


def digest_of(data: bytes) -> str:
    """Return the digest of some bytes."""
    return f"sha256:{sha256(data).hexdigest()}"


def describe(media_type: str, data: bytes, **annotations: str) -> Descriptor:
    """Return the descriptor of some bytes."""
    return Descriptor(media_type, digest_of(data), len(data), annotations=annotations)


def describe_file(media_type: str, data: bytes, title: str) -> Descriptor:
    """Return the descriptor of a layer that is one file called `title`."""
    return Descriptor(media_type, digest_of(data), len(data), annotations={TITLE: title})


EMPTY_BLOB = b"{}"
EMPTY_CONFIG = describe(EMPTY, EMPTY_BLOB)
"""The config of an artifact that needs none. Source: OCI image 1.1, "Guidance for an Empty Descriptor"."""


def artifact(
    artifact_type: str,
    layers: Iterable[Descriptor],
    *,
    annotations: Mapping[str, str] | None = None,
    subject: Descriptor | None = None,
    config: Descriptor = EMPTY_CONFIG,
) -> Manifest:
    """Return the manifest of an artifact made of `layers`; with `subject`, one that says something about that."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": artifact_type,
        "config": config.document(),
        "layers": [layer.document() for layer in layers],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    if subject is not None:
        document["subject"] = subject.bare().document()
    return parse_manifest(canonical(document))


def index(manifests: Iterable[Descriptor], *, annotations: Mapping[str, str] | None = None) -> Manifest:
    """Return an index that lists `manifests`."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [each.document() for each in manifests],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return parse_manifest(canonical(document))


def parse_manifest(raw: bytes, *, media_type: str = "", reference: str = "", name: str = "manifest") -> Manifest:
    """Return what the bytes of a manifest or an index say.

    Args:
        raw: the bytes, exactly as they are stored.
        media_type: what the store calls them, "" when it does not say.
        reference: what was asked for; a digest is held against the bytes.
        name: how a message calls it.

    Raises:
        WrongContent: the bytes are not those of the digest that was asked for.
        Malformed: they are no manifest, or one that can be read in two ways.
    """
    if is_digest(reference) and digest_of(raw) != reference:
        raise WrongContent(f"{name} does not match its digest: {digest_of(raw)}")
    if len(raw) > LARGEST_MANIFEST_BYTES:
        raise Malformed(f"{name} is larger than {LARGEST_MANIFEST_BYTES >> 20} MiB")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{name} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise Malformed(f"{name} is not an OCI manifest of schema version 2")
    kind = _media_type(document, media_type, name)
    lists = kind in INDEXES
    if ("manifests" in document) != lists or ("layers" in document or "config" in document) == lists:
        raise Malformed(f"{name} is both an index and a manifest")  # CVE-2021-41190
    try:
        config = None if lists else parse_descriptor(document["config"])
        own_type = _text(document.get("artifactType", "")) or (config.media_type if config else "")
        annotations = _annotations(document.get("annotations"))
        subject = parse_descriptor(document["subject"]) if document.get("subject") is not None else None
        layers = () if lists else tuple(parse_descriptor(each) for each in _list(document["layers"]))
        manifests = tuple(parse_descriptor(each) for each in _list(document["manifests"])) if lists else ()
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"{name} is incomplete: {error}") from error
    descriptor = Descriptor(kind, digest_of(raw), len(raw), own_type, annotations)
    return Manifest(descriptor, raw, config, layers, manifests, subject, annotations)


def parse_descriptor(document: Any) -> Descriptor:
    """Return what a descriptor in a manifest says.

    Raises:
        Malformed: its digest is not one.
        TypeError: it is not a descriptor at all; also ValueError and KeyError.
    """
    if not isinstance(document, dict):
        raise TypeError("a descriptor is not a map")
    size = document["size"]
    if type(size) is not int or size < 0:
        raise ValueError(f"a size is {size!r}")
    return Descriptor(
        _text(document["mediaType"]),
        check_digest(document["digest"]),
        size,
        _text(document.get("artifactType", "")),
        _annotations(document.get("annotations")),
    )


def _media_type(document: Mapping[str, Any], expected: str, name: str) -> str:
    """Return the media type of a document, which its store must not call otherwise."""
    expected = expected.partition(";")[0].strip()
    own = document.get("mediaType") or (
        expected if expected in ACCEPTED else INDEX if "manifests" in document else MANIFEST
    )
    if own not in ACCEPTED:
        raise Malformed(f"{name} has an unsupported type: {str(own)[:80]!a}")
    if expected in ACCEPTED and expected != own:
        raise Malformed(f"{name} has the media type {own}, but {expected} was expected")
    return str(own)


def _text(word: Any) -> str:
    if not isinstance(word, str):
        raise TypeError(f"{str(word)[:40]!a} is not text")
    return word


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list of descriptors is not a list")
    return value


def _annotations(value: Any) -> dict[str, str]:
    """Return annotations; what is no text in them is refused."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError("annotations are not a map")
    return {key: _text(value) for key, value in value.items()}
