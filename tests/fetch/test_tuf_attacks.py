"""The attacks that TUF's specification lists, a class each; more variants of some stand in the modules named below.

Source: TUF specification 1.0, section 1.5.2; "Security", theupdateframework.io.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.artifacts import freshness
from clusterbook.artifacts.freshness import Expired, MixAndMatch, Oversized, Rollback
from clusterbook.diagnostics.errors import NotFound
from clusterbook.diagnostics.transport import Patience, TimedOut, WrongContent
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.registry import Registry
from clusterbook.oci.transfer import copy
from clusterbook.trust.policy import SubjectMismatch, WrongSigner
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.verify import key_policy
from tests.support import publications
from tests.support.attackers import Attacker
from tests.support.fetchers import NOW, Client
from tests.support.memory import MemoryStore
from tests.support.publications import JULY, MARCH, Publisher
from tests.support.servers.certificates import private_pem
from tests.support.servers.registry import FakeRegistry, Fault, running


@pytest.fixture
def attacker(tmp_path: Path, publisher: Publisher, july: Path) -> Attacker:
    return Attacker(tmp_path, publisher, july)


@pytest.fixture
def thief(tmp_path: Path) -> KeySigner:
    """Give somebody with a key that nobody named."""
    (tmp_path / "thief.key").write_bytes(private_pem(ed25519.Ed25519PrivateKey.generate()))
    signer = KeySigner.from_file(tmp_path / "thief.key", {})
    (tmp_path / "thief.pub").write_text(signer.public_pem())
    return signer


def pinned(attacker: Attacker, repository: str, tag: str) -> Path:
    """Return the file with the first layer of an artifact."""
    return attacker.blob(attacker.layout.manifest(repository, tag).layers[0].digest)


class TestArbitrarySoftware:
    """Something else is shown in the place of what was asked for; more in test_attacks.py."""

    @pytest.mark.parametrize(("repository", "kind"), [("recipes/eks", "recipe"), ("helm/eks", "bundle")])
    def test_bytes_of_the_same_length_are_no_stand_in(self, attacker: Attacker, repository: str, kind: str) -> None:
        file = pinned(attacker, repository, "1.1.0")
        file.write_bytes(bytes(len(file.read_bytes())))
        attacker.fails(WrongContent, kinds=[kind])

    def test_what_only_the_attacker_published_is_not_there(self, attacker: Attacker) -> None:
        manifest = attacker.layout.manifest("recipes/eks", "1.1.0")
        attacker.layout.put_manifest("recipes/evil", manifest, tag="1.0.0")
        attacker.layout.put_manifest("recipes/eks", manifest, tag="9.9.9")
        for name in ("evil", "eks@9.9.9"):
            with pytest.raises(NotFound):
                attacker.client("recipe", name, from_=attacker.shown)


class TestEndlessData:
    """An answer that does not end fills neither disk nor memory; see test_attacks.py and tests/files."""

    @pytest.mark.parametrize(("repository", "kind"), [("recipes/eks", "recipe"), ("helm/eks", "bundle")])
    def test_an_artifact_that_goes_on_is_cut_off(self, attacker: Attacker, repository: str, kind: str) -> None:
        with pinned(attacker, repository, "1.1.0").open("ab") as file:
            file.truncate(1 << 40)  # a file with a hole: a terabyte to whoever reads to its end
        attacker.fails(WrongContent, kinds=[kind])

    def test_a_shard_that_goes_on_is_cut_off(self, attacker: Attacker) -> None:
        with attacker.shard("eks").open("ab") as file:
            file.truncate(1 << 40)
        attacker.fails(Oversized)


class TestExtraneousDependencies:
    """Nothing comes along that was not asked for; charts and images in archives: tests/mirror/test_mirrors.py."""

    def test_a_file_more_in_a_bundle_is_refused(self, attacker: Attacker, tmp_path: Path) -> None:
        attacker.client("bundle", "eks", from_=attacker.shown, output=tmp_path / "b")
        (tmp_path / "b" / "099-evil.sh").write_text("true")
        assert attacker.client.verify(tmp_path / "b").trust.level == "unknown"

    def test_a_recipe_more_in_a_shard_is_refused(self, attacker: Attacker) -> None:
        shard = attacker.shard("eks")
        shard.write_bytes(shard.read_bytes().replace(b'{"eks":', b'{"evil":{"current":"","versions":{}},"eks":', 1))
        attacker.fails(Oversized)


class TestFastForward:
    """A huge number does not keep the publisher's later ones out; with a stolen key: tests/artifacts/test_root.py."""

    def test_a_number_that_a_stranger_signed_is_not_remembered(
        self, attacker: Attacker, thief: KeySigner, tmp_path: Path
    ) -> None:
        policy = key_policy([tmp_path / "thief.pub"])
        attacker.publisher.publish(publications.layout(tmp_path / "evil"), JULY, signer=thief, policy=policy)
        attacker.show(tmp_path / "evil")
        attacker.fails(WrongSigner)

    def test_a_number_beyond_all_numbers_is_no_index(self) -> None:
        envelope = freshness.Envelope(JULY, 2**53 + 1, NOW, NOW + timedelta(days=1), "0.1", {}, ())
        with pytest.raises(freshness.BrokenIndex):
            freshness.parse(freshness.encode(envelope), "index")


class TestIndefiniteFreeze:
    """The last index is shown for ever; of roots of trust: tests/artifacts/test_root.py."""

    def test_an_index_ends(self, attacker: Attacker) -> None:
        attacker.fails(Expired, now=NOW + publications.LIFETIME)

    def test_whoever_knows_of_a_later_release_asks_for_it(
        self, client: Client, publisher: Publisher, tmp_path: Path
    ) -> None:
        publisher.publish(publications.layout(tmp_path / "frozen"), MARCH)
        with pytest.raises(Rollback):
            client("index", from_=tmp_path / "frozen", at_least=JULY)


class TestMixAndMatch:
    """Parts of two releases are no release."""

    def test_a_shard_of_another_release_does_not_fit(self, attacker: Attacker, tmp_path: Path) -> None:
        attacker.publisher.publish(publications.layout(tmp_path / "march"), MARCH)
        older = Attacker.__new__(Attacker)
        older.shown = tmp_path / "march"
        attacker.shard("eks").write_bytes(older.shard("eks").read_bytes())
        with pytest.raises((MixAndMatch, freshness.Truncated, Oversized)):
            attacker.client("recipe", "eks", from_=attacker.shown)

    def test_an_older_version_under_the_newer_tag_is_not_followed(self, attacker: Attacker) -> None:
        layout = attacker.layout
        layout.put_manifest("helm/eks", layout.manifest("helm/eks", "1.0.0"), tag="1.1.0")
        attacker.client("bundle", "eks", from_=attacker.shown, output=attacker.target)
        verdict = attacker.client.verify(attacker.target, published_in=attacker.honest)
        assert verdict.document["published"]["version"] == "1.1.0"


class TestRollback:
    """What is older than what was seen is refused; more in test_attacks.py and tests/artifacts/test_visit.py."""

    def test_a_path_that_is_spelt_otherwise_is_the_same_source(self, attacker: Attacker, tmp_path: Path) -> None:
        attacker.publisher.publish(publications.layout(tmp_path / "march"), MARCH)
        attacker.show(tmp_path / "march")
        (tmp_path / "link").symlink_to(attacker.shown)
        for where in (tmp_path / "link", f"oci-layout:{attacker.shown}", f"{attacker.shown}/../{attacker.shown.name}"):
            with pytest.raises(Rollback):
                attacker.client("index", from_=where)


class TestSlowRetrieval:
    """A source that drips is left."""

    @pytest.mark.parametrize("path", ["/manifests/", "/blobs/"])
    def test_a_registry_that_drips_is_left(self, july: Path, path: str) -> None:
        with running(FakeRegistry()) as server:
            store = Registry(server.host, patience=Patience(tries=1, read_s=0.5))
            copy(Layout(july), "recipes/eks", "1.1.0", Registry(server.host), "recipes/eks", tags=["1.1.0"])
            server.faults = [Fault("GET", path, times=99, drip_s=0.2)]
            with pytest.raises(TimedOut):
                copy(store, "recipes/eks", "1.1.0", MemoryStore(), "recipes/eks")


class TestMaliciousMirrors:
    """A mirror can refuse to serve, and nothing else: what it shows is not believed, and another one is taken."""

    def test_another_mirror_serves_what_the_first_one_damaged(self, attacker: Attacker, tmp_path: Path) -> None:
        pinned(attacker, "helm/eks", "1.1.0").write_bytes(b"evil")
        shutil.copytree(attacker.honest, tmp_path / "mirror")
        with pytest.raises(WrongContent):
            attacker.client("bundle", "eks", from_=attacker.shown, output=attacker.target)
        assert not attacker.target.exists()
        attacker.client("bundle", "eks", from_=tmp_path / "mirror", output=attacker.target)
        assert attacker.client.verify(attacker.target).trust.level == "verified"


class TestWrongSoftware:
    """What is signed, and not what was asked for, is refused."""

    @pytest.mark.parametrize(("other", "tag"), [("helm/aks", "1.0.0"), ("helm/eks", "1.0.0"), ("flux/eks", "1.1.0")])
    def test_a_tag_that_leads_to_something_else_that_is_signed(self, attacker: Attacker, other: str, tag: str) -> None:
        with running(FakeRegistry()) as server:
            far = Registry(server.host)
            copy(attacker.layout, other, tag, far, "base/helm/eks", tags=["1.1.0"])
            verdict = attacker.client.verify(f"oci://{server.host}/base/helm/eks:1.1.0")
            assert isinstance(verdict.error, SubjectMismatch)


class TestKeyCompromise:
    """A key that is no longer named signs nothing; thresholds and revocation: tests/artifacts/test_root.py."""

    def test_what_a_key_signed_that_was_exchanged_is_refused(
        self, attacker: Attacker, thief: KeySigner, tmp_path: Path
    ) -> None:
        new, base = key_policy([tmp_path / "thief.pub"]), publications.layout(tmp_path / "anew")
        attacker.publisher.publish(base, JULY, signer=thief, policy=new)
        client = Client(tmp_path / "other", attacker.publisher)
        assert client("index", from_=tmp_path / "anew", key=tmp_path / "thief.pub").text
        with pytest.raises(WrongSigner):
            client("index", from_=attacker.shown, key=tmp_path / "thief.pub")
