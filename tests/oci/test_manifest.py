"""Manifests: read in one way only, and the same content is the same bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.diagnostics.transport import Malformed, WrongContent
from clusterbook.documents.digest import canonical
from clusterbook.oci.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    EMPTY_CONFIG,
    INDEX,
    LARGEST_MANIFEST_BYTES,
    MANIFEST,
    artifact,
    describe,
    describe_file,
    digest_of,
    index,
    parse_manifest,
)

LAYER = describe_file("text/plain", b"hello", "hello.txt")
KEPT = artifact("application/vnd.example.x.v1", [LAYER, LAYER], annotations={"b": "2", "a": "1"})


def document(**changes: Any) -> dict[str, Any]:
    """Return the document of a manifest with some keys changed; None removes one."""
    found = {**json.loads(KEPT.raw), **changes}
    return {key: value for key, value in found.items() if value is not None}


def parsed(**changes: Any) -> object:
    """Read such a manifest."""
    return parse_manifest(json.dumps(document(**changes)).encode())


def test_an_artifact_is_written_as_oci_says() -> None:
    assert EMPTY_CONFIG.digest == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert json.loads(KEPT.raw) == {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.example.x.v1",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": EMPTY_CONFIG.digest, "size": 2},
        "layers": [
            {
                "mediaType": "text/plain",
                "digest": digest_of(b"hello"),
                "size": 5,
                "annotations": {"org.opencontainers.image.title": "hello.txt"},
            }
        ]
        * 2,
        "annotations": {"a": "1", "b": "2"},
    }
    assert KEPT.raw == canonical(json.loads(KEPT.raw))
    assert [blob.digest for blob in KEPT.blobs] == [EMPTY_CONFIG.digest, LAYER.digest]


def test_a_referrer_names_its_subject_and_nothing_more_about_it() -> None:
    note = artifact("application/vnd.example.note", [], subject=KEPT.descriptor)
    assert json.loads(note.raw)["subject"] == {
        "mediaType": MANIFEST,
        "digest": KEPT.digest,
        "size": len(KEPT.raw),
    }
    assert note.subject is not None
    assert note.subject.digest == KEPT.digest


def test_what_is_written_is_read_back() -> None:
    assert parse_manifest(KEPT.raw, reference=KEPT.digest) == KEPT
    listing = index([KEPT.descriptor], annotations={"x": "y"})
    assert listing.manifests[0].artifact_type == "application/vnd.example.x.v1"
    assert parse_manifest(listing.raw, media_type=INDEX) == listing


def test_the_kind_of_an_artifact_without_one_is_that_of_its_config() -> None:
    found = parse_manifest(json.dumps(document(artifactType=None)).encode())
    assert found.artifact_type == EMPTY_CONFIG.media_type


def test_images_of_docker_are_read() -> None:
    found = parse_manifest(json.dumps(document(mediaType=DOCKER_MANIFEST, artifactType=None)).encode())
    assert found.descriptor.media_type == DOCKER_MANIFEST
    listing = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [KEPT.descriptor.document()]}
    assert parse_manifest(json.dumps(listing).encode()).manifests[0].digest == KEPT.digest


def test_a_manifest_that_does_not_name_its_kind_is_what_its_store_says() -> None:
    raw = json.dumps(document(mediaType=None)).encode()
    assert parse_manifest(raw, media_type=f"{DOCKER_MANIFEST}; charset=utf-8").descriptor.media_type == DOCKER_MANIFEST
    assert parse_manifest(raw).descriptor.media_type == MANIFEST


def test_other_bytes_than_those_asked_for_are_refused() -> None:
    with pytest.raises(WrongContent, match="CB146"):
        parse_manifest(KEPT.raw + b" ", reference=KEPT.digest)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"schemaVersion": 1}', b" " * (LARGEST_MANIFEST_BYTES + 1)]
)
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_manifest(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"manifests": []},
        {"layers": None},
        {"config": None},
        {"layers": {}},
        {"mediaType": INDEX},
        {"mediaType": "application/x"},
        {"annotations": []},
        {"annotations": {"a": 1}},
        {"artifactType": 1},
        {"subject": {"digest": LAYER.digest}},
        {"layers": [1]},
        {"layers": [{**LAYER.document(), "size": -1}]},
        {"layers": [{**LAYER.document(), "size": True}]},
        {"layers": [{**LAYER.document(), "size": 1.5}]},
        {"layers": [{**LAYER.document(), "digest": "sha256:../../x"}]},
        {"layers": [{**LAYER.document(), "mediaType": None}]},
    ],
)
def test_a_manifest_that_can_be_read_in_two_ways_or_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parsed(**changes)


def test_a_store_that_calls_it_something_else_is_not_believed() -> None:
    with pytest.raises(Malformed, match="has the media type"):
        parse_manifest(KEPT.raw, media_type=INDEX)


def test_a_descriptor_says_size_and_digest() -> None:
    assert describe("a/b", b"", x="y").document() == {
        "mediaType": "a/b",
        "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "size": 0,
        "annotations": {"x": "y"},
    }
