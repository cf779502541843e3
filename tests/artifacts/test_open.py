"""Opening an index: what was published comes back, and each lie of a source has its own message; one test a lie.

The publisher is real; each test then changes what the layout shows, as whoever runs a registry could.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.artifacts import index
from clusterbook.artifacts.attachment import signature_attachment
from clusterbook.artifacts.freshness import (
    LARGEST_INDEX_BYTES,
    Expired,
    Forked,
    IndexWithdrawal,
    MixAndMatch,
    Oversized,
    Rollback,
    Truncated,
    encode,
)
from clusterbook.artifacts.index import Pin, PublishedRecipe, PublishedVersion
from clusterbook.artifacts.open import OpenIndex, WithdrawnVersion, open_index, refuse_withdrawn
from clusterbook.diagnostics.errors import BrokenIndex, InvalidRequest, NotFound
from clusterbook.diagnostics.transport import NoArtifact, WrongContent
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, Manifest, artifact, describe_file, digest_of
from clusterbook.oci.open import Base
from clusterbook.oci.store import from_bytes
from clusterbook.publish.send import Sender
from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import Key, Policy, SubjectMismatch, TrustOptions, Unsigned, WrongSigner
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.statement import PROVENANCE, Subject, statement
from tests.support.memory import MemoryStore
from tests.support.servers.certificates import private_pem

START = datetime(2026, 7, 1, tzinfo=UTC)
A = f"sha256:{'a' * 64}"
GONE = IndexWithdrawal("eks", "1.0.0", "it burns", "eks@1.1.0")


class Publisher:
    """Publishes indexes of one recipe, signed, into a store that a test may change afterwards."""

    def __init__(self) -> None:
        self.base = Base(MemoryStore(), "acme")
        self.signer = KeySigner(private_key(private_pem(ed25519.Ed25519PrivateKey.generate()), "k"))
        self.policy = Policy((Key("k.pub", self.signer.public_pem()),))

    def publish(self, sequence: int = 1, *, sign: bool = True, **changes: Any) -> Manifest:
        """Publish an index as the latest and as 2026.7.0; return its manifest."""
        recipe = PublishedRecipe("1.0.0", {"1.0.0": PublishedVersion(A, "2026.7.0", {"recipe": Pin(A, sequence)})})
        shards = index.shards({"eks": recipe}, {}, b"head")
        envelope = index.envelope("2026.7.0", sequence, START, shards, ())._replace(**changes)
        return self.show([encode(envelope), *(shards[name] for name in sorted(shards))], sign=sign)

    def show(self, parts: list[bytes], *, sign: bool = True, kind: str = index.INDEX) -> Manifest:
        """Put an artifact of these parts in the place of the index."""
        home, store = "acme/index", self.base.store
        layers = [describe_file(index.INDEX if n == 0 else index.SHARD, data, f"{n}") for n, data in enumerate(parts)]
        for blob, data in [(EMPTY_CONFIG, EMPTY_BLOB), *zip(layers, parts, strict=True)]:
            store.put_blob(home, blob, from_bytes(data))
        made = artifact(kind, layers)
        for tag in ("latest", "2026.7.0"):
            store.put_manifest(home, made, tag=tag)
        if sign:
            bundle = self.signer.sign(statement([Subject("index", made.digest)], PROVENANCE, {}))
            Sender(self.base, 1).attach("index", made.descriptor, signature_attachment(bundle, PROVENANCE, created=""))
        return made

    def open(self, **changes: Any) -> OpenIndex:
        """Return what a client finds who trusts the publisher."""
        words: dict[str, Any] = {"now": START + timedelta(days=1), "previous": None, **changes}
        return open_index(self.base, words.pop("trust", TrustOptions(self.policy)), **words)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


def test_what_was_published_is_opened_and_read_shard_by_shard(publisher: Publisher) -> None:
    made = publisher.publish()
    found = publisher.open()
    assert (found.manifest.digest, found.envelope.sequence) == (made.digest, 1)
    assert found.verified is not None
    assert found.recipe("eks").current == "1.0.0"
    with pytest.raises(NotFound):
        found.recipe("gke")
    with pytest.raises(MixAndMatch, match="has no shard"):
        found.shard("other")
    with pytest.raises(NoArtifact):
        found.artifact("recipes/eks", Pin(A, 1))


def test_nothing_published_is_told_apart_from_a_wrong_base(publisher: Publisher) -> None:
    with pytest.raises(NoArtifact, match="nothing is published at"):
        publisher.open()
    publisher.publish()
    with pytest.raises(NoArtifact) as caught:
        publisher.open(tag="2026.9.0")
    assert "name another release" in caught.value.hint


def test_an_index_that_nobody_signed_needs_to_be_asked_for(publisher: Publisher) -> None:
    publisher.publish(sign=False)
    with pytest.raises(Unsigned) as caught:
        publisher.open()
    assert "--allow-unsigned" in caught.value.hint
    assert publisher.open(trust=TrustOptions(publisher.policy, unsigned=True)).verified is None
    assert publisher.open(trust=TrustOptions(None, unsigned=True)).verified is None
    with pytest.raises(InvalidRequest, match="there is no trust policy"):
        publisher.open(trust=TrustOptions(None))


def test_a_wrong_signature_is_refused_even_where_none_would_do(publisher: Publisher) -> None:
    publisher.publish()
    with pytest.raises(WrongSigner):
        publisher.open(trust=TrustOptions(Publisher().policy, unsigned=True))


def test_an_index_whose_signature_is_another_ones_is_refused(publisher: Publisher) -> None:
    publisher.publish(1)
    store = publisher.base.store
    moved = store.referrers("acme/index", store.manifest("acme/index", "latest").digest)[0]
    bundle = store.read("acme/index", moved.layers[0], limit_bytes=1 << 20)
    made = publisher.publish(2, sign=False)
    Sender(publisher.base, 1).attach("index", made.descriptor, signature_attachment(bundle, PROVENANCE, created=""))
    with pytest.raises(SubjectMismatch):
        publisher.open()


def test_an_older_index_than_was_seen_is_refused(publisher: Publisher) -> None:
    publisher.publish(2)
    seen = publisher.open().rollback_state
    publisher.publish(1)
    with pytest.raises(Rollback):
        publisher.open(previous=seen)


def test_two_indexes_of_one_number_are_refused(publisher: Publisher) -> None:
    publisher.publish(2)
    seen = publisher.open().rollback_state
    publisher.publish(2, release="2026.7.0", expires=START + timedelta(days=500))
    with pytest.raises(Forked):
        publisher.open(previous=seen)


def test_an_index_that_is_shown_for_ever_runs_out(publisher: Publisher) -> None:
    publisher.publish()
    with pytest.raises(Expired):
        publisher.open(now=START + timedelta(days=401))
    assert publisher.open(now=None).envelope.sequence == 1  # whoever publishes the next one has to read it


def test_a_tag_that_was_moved_to_another_release_is_refused(publisher: Publisher) -> None:
    publisher.publish(release="2026.3.0")
    with pytest.raises(MixAndMatch, match=r"the index of release 2026\.3\.0"):
        publisher.open(tag="2026.7.0")


def test_shards_of_another_index_are_refused(publisher: Publisher) -> None:
    publisher.publish(1)
    old = publisher.open()
    publisher.publish(2)
    new = publisher.open()
    name = index.shard_of("eks", new.envelope)
    blobs: dict[Any, bytes] = publisher.base.store.blobs  # type: ignore[attr-defined]
    mine, theirs = (("acme/index", each.envelope.shards[name].digest) for each in (new, old))
    blobs[mine] = blobs[theirs]
    with pytest.raises((MixAndMatch, WrongContent)):
        new.shard(name)


@pytest.mark.parametrize(("change", "error"), [(lambda b: b[:-1], Truncated), (lambda b: b + b"x", Oversized)])
def test_a_shard_of_another_length_is_refused(
    publisher: Publisher, change: Callable[[bytes], bytes], error: type[Exception]
) -> None:
    publisher.publish()
    found = publisher.open()
    name = index.shard_of("eks", found.envelope)
    blobs: dict[Any, bytes] = publisher.base.store.blobs  # type: ignore[attr-defined]
    key = ("acme/index", found.envelope.shards[name].digest)
    blobs[key] = change(blobs[key])
    with pytest.raises(error):
        found.shard(name)


def test_an_index_that_is_too_large_is_not_read(publisher: Publisher) -> None:
    publisher.show([b" " * (LARGEST_INDEX_BYTES + 1)])
    with pytest.raises(Oversized):
        publisher.open()


def test_what_is_no_index_is_named(publisher: Publisher) -> None:
    publisher.show([b"{}"], kind="application/vnd.example.other")
    with pytest.raises(BrokenIndex, match="is not an index"):
        publisher.open()
    publisher.show([])
    with pytest.raises(BrokenIndex, match="is not an index"):
        publisher.open()
    publisher.show([b"{}"])
    with pytest.raises(BrokenIndex):
        publisher.open()


def test_a_withdrawn_version_is_refused_with_what_to_use_instead(publisher: Publisher) -> None:
    publisher.publish(withdrawn=(GONE,))
    envelope = publisher.open().envelope
    with pytest.raises(WithdrawnVersion, match="it burns") as caught:
        refuse_withdrawn(envelope, "eks", "1.0.0")
    assert "use eks@1.1.0" in caught.value.hint
    refuse_withdrawn(envelope, "eks", "1.1.0")


def test_the_digest_of_a_shard_is_that_of_its_bytes(publisher: Publisher) -> None:
    publisher.publish()
    found = publisher.open()
    for name, shard in found.envelope.shards.items():
        assert digest_of(found.shard(name)) == shard.digest


def test_it_opens_on_disk_as_well(tmp_path: Path) -> None:
    from clusterbook.oci.layout.folder import Layout

    publisher = Publisher()
    publisher.base = Base(Layout(tmp_path, create=True), "acme")
    publisher.publish()
    assert publisher.open().recipe("eks").current == "1.0.0"
