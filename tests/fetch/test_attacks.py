"""Attacks on a client: whoever runs the source shows something else than was published. One test an attack.

The publisher is real, the layout is changed afterwards, as an attacker could who holds the place but not the key. Every
attack is named, nothing of it is written or remembered, and the honest source is believed again afterwards.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clusterbook.artifacts.attachment import signature_attachment
from clusterbook.artifacts.freshness import Expired, Forked, MixAndMatch, NotYet, Oversized, Rollback, Truncated
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import WrongContent
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.open import Base
from clusterbook.publish.send import Sender
from clusterbook.trust.policy import SubjectMismatch, Tampered, Unsigned, WrongSigner
from clusterbook.trust.statement import BUNDLE, PROVENANCE
from clusterbook.trust.verify import bundles_of
from tests.support import publications
from tests.support.fetchers import NOW, Client
from tests.support.publications import MARCH, START, Publisher


class Attacker:
    """Somebody who holds the source: shows any bytes under any name."""

    def __init__(self, home: Path, publisher: Publisher, honest: Path) -> None:
        self.client, self.publisher, self.honest = Client(home / "client", publisher), publisher, honest
        self.shown = home / "shown"
        shutil.copytree(honest, self.shown)
        self.client("index", from_=self.shown)
        self.target = home / "target"

    @property
    def layout(self) -> Layout:
        return Layout(self.shown)

    def show(self, other: Path) -> None:
        """Show another layout in the place of the honest one."""
        shutil.rmtree(self.shown)
        shutil.copytree(other, self.shown)

    def blob(self, digest: str) -> Path:
        """Return the file of a blob."""
        return self.shown / "blobs/sha256" / digest.removeprefix("sha256:")

    def shard(self, slug: str) -> Path:
        """Return the file of the shard that a recipe is in."""
        files = [self.blob(each.digest) for each in self.layout.manifest("index", "latest").layers[1:]]
        return next(path for path in files if f'"{slug}":{{"current"'.encode() in path.read_bytes())

    def strip(self) -> None:
        """Remove every signature."""
        path = self.shown / "index.json"
        document = json.loads(path.read_bytes())
        document["manifests"] = [each for each in document["manifests"] if each.get("artifactType") != BUNDLE]
        path.write_text(json.dumps(document))

    def attach(self, index: Manifest, bundle: bytes) -> None:
        """Attach a signature to an index."""
        Sender(Base(self.layout, ""), 1).attach(
            "index", index.descriptor, signature_attachment(bundle, PROVENANCE, created="")
        )

    def fails(
        self, error: type[ClusterbookError], *, now: datetime = NOW, kinds: Sequence[str] = ("recipe", "bundle")
    ) -> None:
        """Make sure that a fetch ends in an error, and leaves nothing behind."""
        for kind in kinds:
            with pytest.raises(error) as caught:
                self.client(kind, "eks", from_=self.shown, output=self.target, now=now)
            assert caught.value.exit_status == 4
            assert caught.value.hint or caught.value.what
            assert not self.target.exists()
            assert not list(self.target.parent.glob(".target*"))
            assert self.client.seen(self.shown) == 2
        self.show(self.honest)
        self.client("bundle", "eks", from_=self.shown, output=self.target)
        assert self.client.verify(self.target).trust.level == "verified"


@pytest.fixture
def attacker(tmp_path: Path, publisher: Publisher, july: Path) -> Attacker:
    return Attacker(tmp_path, publisher, july)


def test_rollback_an_older_index_is_shown(attacker: Attacker, tmp_path: Path) -> None:
    attacker.publisher.publish(publications.layout(tmp_path / "march"), MARCH)
    attacker.show(tmp_path / "march")
    attacker.fails(Rollback)


def test_rollback_the_name_is_moved_back_beside_the_newer_one(attacker: Attacker) -> None:
    older = attacker.layout.manifest("index", MARCH)
    attacker.layout.put_manifest("index", older, tag="latest")
    attacker.fails(Rollback)


def test_freeze_the_last_index_is_shown_for_ever(attacker: Attacker) -> None:
    attacker.fails(Expired, now=START + publications.LIFETIME)


def test_fork_another_index_of_the_same_number_is_shown(attacker: Attacker, tmp_path: Path) -> None:
    base = publications.layout(tmp_path / "fork")
    attacker.publisher.publish(base, lifetime=timedelta(days=3000))
    attacker.show(tmp_path / "fork")
    attacker.fails(Forked)


def test_an_index_of_the_future_is_shown(attacker: Attacker) -> None:
    attacker.fails(NotYet, now=START - timedelta(days=1))


def test_mix_and_match_a_shard_of_another_release_is_shown(attacker: Attacker) -> None:
    path = attacker.shard("eks")
    path.write_bytes(path.read_bytes().replace(b'"current":"1.1.0"', b'"current":"1.0.0"'))
    attacker.fails(MixAndMatch)


def test_swapped_shards_are_shown_in_the_place_of_each_other(attacker: Attacker) -> None:
    one, other = attacker.shard("eks"), attacker.shard("gke")
    assert one != other
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    attacker.fails(Truncated if len(second) < len(first) else Oversized if len(second) > len(first) else MixAndMatch)


def test_a_truncated_shard_is_shown(attacker: Attacker) -> None:
    path = attacker.shard("eks")
    path.write_bytes(path.read_bytes()[:-1])
    attacker.fails(Truncated)


def test_an_oversized_shard_is_shown(attacker: Attacker) -> None:
    path = attacker.shard("eks")
    path.write_bytes(path.read_bytes() + b" " * 4096)
    attacker.fails(Oversized)


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b" ", lambda data: data.replace(b"2", b"3")]
)
def test_an_index_of_other_bytes_is_shown(attacker: Attacker, change: Callable[[bytes], bytes]) -> None:
    path = attacker.blob(attacker.layout.manifest("index", "latest").layers[0].digest)
    path.write_bytes(change(path.read_bytes()))
    attacker.fails(WrongContent)


def test_wrong_signer_the_catalog_of_somebody_else_is_shown(attacker: Attacker, tmp_path: Path) -> None:
    (tmp_path / "eve").mkdir()
    eve = publications.publisher(tmp_path / "eve")
    eve.publish(publications.layout(tmp_path / "hers"), policy=eve.policy)
    attacker.show(tmp_path / "hers")
    attacker.fails(WrongSigner)


def test_stripped_signatures_are_missed(attacker: Attacker) -> None:
    attacker.strip()
    attacker.fails(Unsigned)


def test_a_moved_signature_is_about_something_else(attacker: Attacker, tmp_path: Path) -> None:
    index = attacker.layout.manifest("index", "latest")
    (good,) = bundles_of(attacker.layout, "index", index.digest)
    attacker.publisher.publish(publications.layout(tmp_path / "unsigned"), unsigned=True, lifetime=timedelta(days=3000))
    attacker.show(tmp_path / "unsigned")
    other = attacker.layout.manifest("index", "latest")
    attacker.attach(other, good)
    attacker.fails(SubjectMismatch)


def test_a_changed_statement_does_not_fit_its_signature(attacker: Attacker) -> None:
    index = attacker.layout.manifest("index", "latest")
    (good,) = bundles_of(attacker.layout, "index", index.digest)
    document: dict[str, Any] = json.loads(good)
    document["dsseEnvelope"]["payload"] = document["dsseEnvelope"]["payload"][:-4] + "AAA="
    attacker.strip()
    made = json.dumps(document).encode()
    attacker.attach(index, made)
    attacker.fails(Tampered)


@pytest.mark.parametrize("part", ["manifest", "layer"])
@pytest.mark.parametrize("kind", ["recipe", "bundle"])
def test_an_artifact_of_other_bytes_is_shown(attacker: Attacker, kind: str, part: str) -> None:
    manifest = attacker.layout.manifest(f"{'recipes' if kind == 'recipe' else 'helm'}/eks", "1.1.0")
    path = attacker.blob(manifest.digest if part == "manifest" else manifest.layers[0].digest)
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    attacker.fails(WrongContent, kinds=(kind,))


def test_a_tag_that_leads_to_another_artifact_is_not_followed(attacker: Attacker) -> None:
    other = attacker.layout.manifest("recipes/gke", "1.0.0")
    attacker.layout.put_manifest("recipes/eks", other, tag="1.1.0")
    got = attacker.client("recipe", "eks", from_=attacker.shown, format="json")
    assert json.loads(got.text)["metadata"]["slug"] == "eks"
