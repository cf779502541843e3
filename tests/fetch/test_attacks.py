"""Attacks on a client: whoever runs the source shows something else than was published. One test an attack.

The publisher is real, the layout is changed afterwards, as an attacker could who holds the place but not the key. Every
attack is named, nothing of it is written or remembered, and the honest source is believed again afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clusterbook.artifacts.freshness import Expired, Forked, MixAndMatch, NotYet, Oversized, Rollback, Truncated
from clusterbook.diagnostics.transport import WrongContent
from clusterbook.trust.policy import SubjectMismatch, Tampered, Unsigned, WrongSigner
from clusterbook.trust.verify import bundles_of
from tests.support import publications
from tests.support.attackers import Attacker
from tests.support.publications import MARCH, START, Publisher


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
