"""The timeline, attacked: a publisher who signs, a repository that lies, and a client who notices; one test an attack.

In the manner of python-tuf's repository simulator: the simulator publishes as it should, and each test makes it lie.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.artifacts.freshness import (
    BadIndex,
    ClientTooOld,
    Envelope,
    Expired,
    Forked,
    IndexWithdrawal,
    MixAndMatch,
    NotYet,
    Oversized,
    Rollback,
    RollbackState,
    Shard,
    Truncated,
    accept,
    check_shard,
    encode,
    parse,
    parse_rollback_state,
    withdrawal_of,
)
from clusterbook.diagnostics.errors import BrokenIndex
from clusterbook.oci.manifest import digest_of
from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import Key, Policy, SubjectMismatch, Tampered, Unsigned, WrongSigner
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.statement import PROVENANCE, Subject, statement
from clusterbook.trust.verify import verify_any
from tests.support.servers.certificates import private_pem

START = datetime(2026, 7, 1, tzinfo=UTC)


class Simulator:
    """A publisher and the repository that shows what was published, or something else."""

    def __init__(self) -> None:
        self.signer = KeySigner(private_key(private_pem(ed25519.Ed25519PrivateKey.generate()), "k"))
        self.now = START
        self.sequence = 0
        self.withdrawn: tuple[IndexWithdrawal, ...] = ()
        self.shards: dict[str, bytes] = {}
        self.index, self.signatures = b"", [b""]
        self.publish()

    def envelope(self, **changes: Any) -> Envelope:
        """Return what the next index would say."""
        shards = {name: Shard(digest_of(data), len(data)) for name, data in self.shards.items()}
        expires = self.now + timedelta(days=90)
        found = Envelope("2026.7.0", self.sequence, self.now, expires, "0.1.0", shards, self.withdrawn)
        return found._replace(**changes)

    def publish(self, **changes: Any) -> None:
        """Publish the next index, signed."""
        self.sequence += 1
        self.shards = {name: f"{name} of {self.sequence}".encode() for name in ("eks.json", "gke.json")}
        self.show(encode(self.envelope(**changes)))

    def show(self, index: bytes) -> None:
        """Sign an index, and show it."""
        self.index = index
        self.signatures = [self.signer.sign(statement([Subject("index", digest_of(index))], PROVENANCE, {}))]

    def policy(self) -> Policy:
        """Return the policy that believes the publisher."""
        return Policy((Key("release.pub", self.signer._key.public().pem()),))


class Client:
    """Somebody who visits a repository now and then, and remembers what was seen."""

    def __init__(self, repository: Simulator, *, version: str = "0.1.0") -> None:
        self.repository, self.policy, self.version = repository, repository.policy(), version
        self.seen: RollbackState | None = None

    def refresh(self) -> Envelope:
        """Return the index that is shown, having checked it."""
        shown = self.repository
        verify_any(shown.signatures, digest_of(shown.index), self.policy)
        found, self.seen = accept(shown.index, "the index", previous=self.seen, now=shown.now, client=self.version)
        return found

    def shard(self, name: str) -> bytes:
        """Return a shard, having checked it."""
        return check_shard(self.refresh(), name, self.repository.shards[name])


@pytest.fixture
def repository() -> Simulator:
    return Simulator()


@pytest.fixture
def client(repository: Simulator) -> Client:
    found = Client(repository)
    found.refresh()
    return found


def test_what_is_published_in_order_is_accepted(repository: Simulator, client: Client) -> None:
    for _ in range(3):
        repository.now += timedelta(days=30)
        repository.publish()
        assert client.refresh().sequence == repository.sequence
        assert client.refresh().release == "2026.7.0"  # the same one again is no attack
        assert client.shard("eks.json") == f"eks.json of {repository.sequence}".encode()


def test_rollback_to_an_older_index_is_noticed(repository: Simulator, client: Client) -> None:
    old, signatures = repository.index, repository.signatures
    repository.publish()
    client.refresh()
    repository.index, repository.signatures = old, signatures
    with pytest.raises(Rollback, match="number 1, and number 2 was seen"):
        client.refresh()
    assert client.seen is not None
    assert client.seen.sequence == 2


def test_freeze_on_the_last_index_is_noticed(repository: Simulator, client: Client) -> None:
    repository.now += timedelta(days=89)
    client.refresh()
    repository.now += timedelta(days=1)
    with pytest.raises(Expired, match="expired on 2026-09-29"):
        client.refresh()


def test_two_indexes_of_one_number_are_noticed(repository: Simulator, client: Client) -> None:
    repository.show(encode(repository.envelope(release="2026.7.1")))
    with pytest.raises(Forked):
        client.refresh()


def test_a_shard_of_another_release_is_noticed(repository: Simulator, client: Client) -> None:
    old = repository.shards
    repository.publish()
    repository.shards = old
    with pytest.raises(MixAndMatch, match="does not belong to release"):
        client.shard("eks.json")


def test_one_shard_in_the_place_of_another_is_noticed(repository: Simulator, client: Client) -> None:
    shards = repository.shards
    repository.shards = {"eks.json": shards["gke.json"], "gke.json": shards["eks.json"]}
    with pytest.raises(MixAndMatch):
        client.shard("eks.json")


def test_a_shard_that_the_index_does_not_name_is_noticed(repository: Simulator, client: Client) -> None:
    repository.shards["aks.json"] = b"smuggled"
    with pytest.raises(MixAndMatch, match="has no shard"):
        client.shard("aks.json")


def test_a_truncated_shard_is_noticed(repository: Simulator, client: Client) -> None:
    repository.shards["eks.json"] = repository.shards["eks.json"][:-1]
    with pytest.raises(Truncated, match="is truncated"):
        client.shard("eks.json")


def test_an_oversized_shard_is_noticed(repository: Simulator, client: Client) -> None:
    repository.shards["eks.json"] += b"x"
    with pytest.raises(Oversized):
        client.shard("eks.json")


def test_a_shard_larger_than_any_of_ours_is_refused_even_if_signed(repository: Simulator, client: Client) -> None:
    huge = b"x" * (17 << 20)
    repository.sequence += 1
    repository.shards = {"eks.json": huge}
    repository.show(encode(repository.envelope()))
    with pytest.raises(Oversized):
        client.shard("eks.json")


def test_a_truncated_index_is_noticed_by_its_signature_and_without_one(repository: Simulator, client: Client) -> None:
    repository.index = repository.index[:-10]
    with pytest.raises(SubjectMismatch):
        client.refresh()
    with pytest.raises(Truncated):
        parse(repository.index, "the index")


def test_an_oversized_index_is_refused_before_it_is_read(repository: Simulator, client: Client) -> None:
    repository.show(repository.index + b" " * (5 << 20))
    with pytest.raises(Oversized):
        client.refresh()


def test_the_index_of_somebody_else_is_noticed(repository: Simulator, client: Client) -> None:
    repository.signer = Simulator().signer
    repository.publish()
    with pytest.raises(WrongSigner):
        client.refresh()


def test_a_stripped_signature_is_noticed(repository: Simulator, client: Client) -> None:
    repository.signatures = []
    with pytest.raises(Unsigned):
        client.refresh()


def test_a_changed_signature_is_noticed(repository: Simulator, client: Client) -> None:
    document = json.loads(repository.signatures[0])
    document["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
    repository.signatures = [json.dumps(document).encode()]
    with pytest.raises(Tampered):
        client.refresh()


def test_a_changed_index_under_an_old_signature_is_noticed(repository: Simulator, client: Client) -> None:
    repository.index = repository.index.replace(b"2026.7.0", b"2026.7.9")
    with pytest.raises(SubjectMismatch):
        client.refresh()


def test_an_index_from_the_future_is_noticed(repository: Simulator, client: Client) -> None:
    repository.publish(issued=START + timedelta(minutes=9))
    client.refresh()
    repository.publish(issued=START + timedelta(minutes=11))
    with pytest.raises(NotYet, match="dated 2026-07-01T00:11:00Z, in the future: it is 2026-07-01T00:00:00Z"):
        client.refresh()


def test_the_first_and_the_last_day_there_is_are_dates_like_others(repository: Simulator, client: Client) -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    repository.publish(issued=first, expires=last)
    assert client.refresh().expires == last
    repository.publish(issued=last, expires=last)
    with pytest.raises(NotYet):
        client.refresh()


def test_an_index_of_a_later_format_asks_for_a_newer_client(repository: Simulator, client: Client) -> None:
    repository.show(repository.index.replace(b'"format":1', b'"format":2'))
    with pytest.raises(ClientTooOld, match="format 2"):
        client.refresh()


@pytest.mark.parametrize(
    ("wanted", "version", "old"),
    [("0.2", "0.1.9", True), ("0.10.0", "0.9.0", True), ("1", "0.99", True), ("0.2.0", "0.2.0.dev3", False),
     ("0.2.0", "0.2", False), ("0.2", "0.2.0", False), ("0.2", "1.0", False), ("0.0.1", "unknown", True)],
)  # fmt: skip
def test_an_index_for_a_newer_client_says_so(repository: Simulator, wanted: str, version: str, old: bool) -> None:
    repository.publish(minimum_client=wanted)
    client = Client(repository, version=version)
    if not old:
        client.refresh()
        return
    with pytest.raises(ClientTooOld, match=f"needs client {wanted} or newer") as caught:
        client.refresh()
    assert caught.value.exit_status == 2


def test_a_withdrawal_is_told_and_cannot_be_taken_back(repository: Simulator, client: Client) -> None:
    bad = IndexWithdrawal("eks-training", "1.0.0", "the driver does not load", "1.0.1")
    repository.withdrawn = (bad,)
    repository.publish()
    found = client.refresh()
    assert withdrawal_of(found, "eks-training", "1.0.0") == bad
    assert withdrawal_of(found, "eks-training", "1.0.1") is None
    repository.withdrawn = ()
    repository.publish()
    with pytest.raises(Rollback, match=r"no longer lists eks-training@1\.0\.0"):
        client.refresh()


def test_what_is_remembered_survives_in_a_file(repository: Simulator, client: Client) -> None:
    assert client.seen is not None
    assert parse_rollback_state(json.loads(json.dumps(client.seen.document()))) == client.seen
    for damaged in (None, [], {}, {"sequence": "1", "digest": "", "withdrawn": []}, {"sequence": 1, "digest": 1}):
        assert parse_rollback_state(damaged) is None
    assert repository.sequence == client.seen.sequence


def test_an_index_is_written_and_read_back(repository: Simulator) -> None:
    envelope = repository.envelope(withdrawn=(IndexWithdrawal("a", "1", "b", ""),))
    assert parse(encode(envelope), "x") == envelope


@pytest.mark.parametrize(
    "raw", [b"[]", b"null", b"{}", b'{"kind": "Index"}', b'{"spec": {}, "kind": "X", "apiVersion": 1}']
)
def test_what_is_no_index_is_refused(raw: bytes) -> None:
    with pytest.raises(BrokenIndex):
        parse(raw, "x")


@pytest.mark.parametrize(
    ("key", "value"),
    [("sequence", -1), ("sequence", True), ("sequence", 1.5), ("sequence", 2**60), ("issued", "yesterday"),
     ("issued", "2026-07-01T00:00:00"), ("expires", "2026-07-01"),
     ("expires", 1), ("minimumClient", "x"), ("minimumClient", 1), ("shards", []), ("shards", {"a": {}}),
     ("withdrawn", [{}]), ("withdrawn", {"a": 1})],
)  # fmt: skip
def test_an_index_with_a_wrong_value_is_refused(repository: Simulator, key: str, value: object) -> None:
    document = json.loads(repository.index)
    document["spec"][key] = value
    with pytest.raises(BrokenIndex):
        parse(json.dumps(document).encode(), "x")


def test_every_attack_has_its_own_code() -> None:
    kinds = [BadIndex, *BadIndex.__subclasses__()]
    assert len({kind.code for kind in kinds}) == len(kinds) == 9
    assert all(kind.__doc__ for kind in kinds)
