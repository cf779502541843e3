"""What is attached is found by cosign's layout, on registries with and without the referrers API, and once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from clusterbook.artifacts.attachment import Attachment, sbom_attachment, signature_attachment
from clusterbook.oci.manifest import Descriptor, Manifest, index
from clusterbook.oci.open import Base
from clusterbook.oci.reference import referrers_tag
from clusterbook.oci.registry import Registry
from clusterbook.oci.store import Store
from clusterbook.publish.send import Sender
from clusterbook.trust.statement import BUNDLE, PROVENANCE
from tests.contract.store_contract import put
from tests.support.servers.registry import FakeRegistry, running

DATE = "2026-07-01T00:00:00Z"


def attach(store: Store, repository: str, subject: Descriptor, attachment: Attachment) -> Manifest:
    return Sender(Base(store, ""), 1).attach(repository, subject, attachment)


@pytest.fixture(params=[True, False])
def server(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    with running(FakeRegistry(referrers=request.param)) as registry:
        yield registry


def test_the_manifest_is_the_one_that_cosign_writes(server: FakeRegistry) -> None:
    store = Registry(server.host)
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    attached = attach(store, "a/b", kept.descriptor, signature_attachment(b"{bundle}", PROVENANCE, created=DATE))
    document = json.loads(attached.raw)
    layer = document.pop("layers")[0]
    assert (layer["mediaType"], layer["size"]) == (BUNDLE, 8)
    assert document == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": BUNDLE,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "size": 2,
        },
        "subject": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": kept.digest,
            "size": len(kept.raw),
        },
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": PROVENANCE,
            "org.opencontainers.image.created": DATE,
        },
    }
    listed = store.manifest("a/b", referrers_tag(kept.digest)).manifests
    assert [(each.artifact_type, dict(each.annotations)) for each in listed] == [(BUNDLE, document["annotations"])]


def test_attaching_again_writes_nothing(server: FakeRegistry) -> None:
    store = Registry(server.host)
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    for each in (signature_attachment(b"{bundle}", PROVENANCE, created=DATE), sbom_attachment(b"{sbom}", created=DATE)):
        attach(store, "a/b", kept.descriptor, each)
    server.requests.clear()
    for each in (signature_attachment(b"{bundle}", PROVENANCE, created=DATE), sbom_attachment(b"{sbom}", created=DATE)):
        attach(Registry(server.host), "a/b", kept.descriptor, each)
    assert {each.method for each in server.requests} == {"HEAD", "GET"}
    assert len(store.referrers("a/b", kept.digest)) == 2


def test_one_signature_on_many_artifacts_is_sent_once(server: FakeRegistry) -> None:
    store = Registry(server.host)
    sender = Sender(Base(store, ""), 1)
    kept = {name: put(store, name, name.encode(), tag="1") for name in ("a/b", "a/c", "a/d")}
    for name, manifest in kept.items():
        sender.attach(name, manifest.descriptor, signature_attachment(b"{bundle}" * 100, PROVENANCE, created=DATE))
    assert sum(each.headers.get("Content-Length") == "800" for each in server.requests) == 1
    assert (sender.blobs, sender.size) == (1, 800)
    assert all(store.referrers(name, manifest.digest) for name, manifest in kept.items())


def test_what_another_publisher_wrote_over_is_listed_again(server: FakeRegistry) -> None:
    store = Registry(server.host)
    sender = Sender(Base(store, ""), 1)
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    said = [signature_attachment(b"{bundle}", PROVENANCE, created=DATE), sbom_attachment(b"{sbom}", created=DATE)]
    attached = [sender.attach("a/b", kept.descriptor, each) for each in said]
    assert not any(sender.settle("a/b", kept.descriptor, each) for each in said)
    store.put_manifest("a/b", index([attached[0].descriptor]), tag=referrers_tag(kept.digest))
    assert [sender.settle("a/b", kept.descriptor, each) for each in said] == [False, not server.api]
    assert len(store.referrers("a/b", kept.digest)) == 2
    assert store.referrer_digests("a/b", kept.digest) == {each.digest for each in attached}
