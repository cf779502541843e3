"""Memory: an index that was verified is remembered, of its source and of its publisher, whatever becomes of the visit.

Attack: finding 8 of the review of trust; tests of python-tuf's client for what corresponds.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.artifacts.freshness import Rollback
from clusterbook.artifacts.memory import memory
from clusterbook.artifacts.open import WithdrawnVersion
from clusterbook.oci.open import absolute
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.verify import key_policy
from tests.support import publications
from tests.support.fetchers import Client
from tests.support.publications import JULY, MARCH, Publisher
from tests.support.servers.certificates import private_pem


@pytest.fixture(scope="module")
def march(publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a layout with the release of March alone."""
    path = tmp_path_factory.mktemp("march") / "layout"
    publisher.publish(publications.layout(path), MARCH)
    return path


def test_an_older_mirror_of_the_same_publisher_is_refused_under_any_name(
    client: Client, july: Path, march: Path, tmp_path: Path
) -> None:
    client("index", from_=july)
    shutil.copytree(march, tmp_path / "copy")
    for older in (march, tmp_path / "copy"):
        with pytest.raises(Rollback) as caught:
            client("index", from_=older)
        assert f"trust forget {absolute(str(july))}" in caught.value.hint
        with pytest.raises(Rollback):
            client.verify(older)


def test_a_publisher_that_is_forgotten_may_go_back(client: Client, july: Path, march: Path) -> None:
    client("index", from_=july)
    assert memory({}, client.home).forget(absolute(str(july)))
    assert client("index", from_=march).text


def test_a_newer_mirror_after_an_older_one_is_taken(client: Client, july: Path, march: Path) -> None:
    client("index", from_=march)
    assert client("index", from_=july).text
    with pytest.raises(Rollback):
        client("index", from_=march)


def test_a_refused_fetch_is_remembered_too(tmp_path: Path) -> None:
    publisher = publications.publisher(tmp_path)
    for release in (MARCH, JULY):
        publisher.publish(publications.layout(tmp_path / "layout"), release)
    shutil.copytree(tmp_path / "layout", tmp_path / "before")
    publisher.withdraw("eks", "1.0.0", "1.1.0")
    publisher.publish(publications.layout(tmp_path / "layout"), JULY)
    client = Client(tmp_path / "home", publisher)
    with pytest.raises(WithdrawnVersion):
        client("recipe", "eks@1.0.0", from_=tmp_path / "layout")
    shutil.rmtree(tmp_path / "layout")
    (tmp_path / "before").rename(tmp_path / "layout")
    with pytest.raises(Rollback):
        client("recipe", "eks@1.0.0", from_=tmp_path / "layout")


def test_a_release_can_be_asked_for_at_least(client: Client, july: Path, march: Path) -> None:
    assert client("index", from_=july, at_least=JULY).text
    fresh = Client(client.home / "fresh", client.publisher)
    with pytest.raises(Rollback):
        fresh("index", from_=march, at_least=JULY)
    assert fresh("index", from_=march, at_least=MARCH).text


def test_what_a_key_showed_that_is_no_longer_believed_does_not_count(
    client: Client, publisher: Publisher, july: Path, tmp_path: Path
) -> None:
    """A thief's number ends with his key: the layout is published anew with another key, from a lower number on."""
    shutil.copytree(july, tmp_path / "layout")
    client("index", from_=tmp_path / "layout")
    shutil.rmtree(tmp_path / "layout")
    (tmp_path / "new.key").write_bytes(private_pem(ed25519.Ed25519PrivateKey.generate()))
    signer = KeySigner.from_file(tmp_path / "new.key", {})
    (tmp_path / "new.pub").write_text(signer.public_pem())
    policy = key_policy([tmp_path / "new.pub"])
    publisher.publish(publications.layout(tmp_path / "layout"), MARCH, signer=signer, policy=policy)
    assert client("index", from_=tmp_path / "layout", key=tmp_path / "new.pub").text
    assert client.seen(tmp_path / "layout") == 1
