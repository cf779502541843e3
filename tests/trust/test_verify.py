"""Trust: a signature counts when it is good, by the right signer, on this artifact, and says the right thing.

Keyless signatures are made by the stand-in on loopback and checked without any network.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from clusterbook.diagnostics.errors import NotFound
from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import (
    BadSignature,
    ExpiredRoot,
    Identity,
    Key,
    Policy,
    PredicateMismatch,
    SubjectMismatch,
    Tampered,
    Unsigned,
    Untrusted,
    WrongIssuer,
    WrongSigner,
)
from clusterbook.trust.sign import KeylessSigner, KeySigner
from clusterbook.trust.sigstore import BadTrustRoot
from clusterbook.trust.statement import PROVENANCE, BrokenBundle, Subject, statement
from clusterbook.trust.verify import (
    DEFAULT,
    BadPolicy,
    bundles_of,
    key_policy,
    read_policy,
    root_text,
    verify,
    verify_any,
)
from tests.support.servers.certificates import private_pem
from tests.support.servers.sigstore import IDENTITY, ISSUER, FakeSigstore, running

A, B = (f"sha256:{each * 64}" for each in "ab")
ABOUT = statement([Subject("recipes/eks", A)], PROVENANCE, {"x": 1})
COSIGN = "https://sigstore.dev/cosign/sign/v1"


def signer(key: object) -> KeySigner:
    """Return whoever signs with a key."""
    return KeySigner(private_key(private_pem(key), "k"))


def policy_of(*keys: object) -> Policy:
    """Return the policy that accepts some keys."""
    return Policy(tuple(Key(f"{n}.pub", private_key(private_pem(k), "k").public().pem()) for n, k in enumerate(keys)))


P256, ED25519, OTHER = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate(), None
OTHER = ec.generate_private_key(ec.SECP256R1())
BY_KEY = signer(P256).sign(ABOUT)


def changed(raw: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a bundle with something in it changed."""
    document = json.loads(raw)
    change(document)
    return json.dumps(document).encode()


def other_payload(document: dict[str, Any]) -> None:
    """Put another statement under a signature."""
    other = statement([Subject("recipes/eks", B)], PROVENANCE, {"x": 1})
    document["dsseEnvelope"]["payload"] = base64.b64encode(other).decode()


def other_signature(document: dict[str, Any]) -> None:
    """Put another signature over a statement."""
    document["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(b"x" * 70).decode()


# --- with a key -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [P256, ED25519])
def test_a_statement_signed_with_a_key_of_the_policy_is_believed(key: object) -> None:
    found = verify(signer(key).sign(ABOUT), A, policy_of(OTHER, key))
    assert (found.signer, found.issuer, found.statement.predicate) == ("1.pub", "", {"x": 1})


@pytest.mark.parametrize(
    ("raw", "digest", "policy", "error"),
    [
        (BY_KEY, A, policy_of(OTHER), WrongSigner),
        (BY_KEY, A, Policy((Identity(IDENTITY, ISSUER),)), WrongSigner),
        (BY_KEY, B, policy_of(P256), SubjectMismatch),
        (BY_KEY, A, policy_of(P256)._replace(predicate_types=(COSIGN,)), PredicateMismatch),
        (changed(BY_KEY, other_payload), B, policy_of(P256), Tampered),
        (changed(BY_KEY, other_signature), A, policy_of(P256), Tampered),
        (b"{}", A, policy_of(P256), BrokenBundle),
        (signer(P256).sign(b"{}"), A, policy_of(P256), BrokenBundle),
    ],
)
def test_what_does_not_count_is_refused_in_its_own_words(
    raw: bytes, digest: str, policy: Policy, error: type[Exception]
) -> None:
    with pytest.raises(error):
        verify(raw, digest, policy)


def test_the_policy_that_the_guide_shows_is_one(tmp_path: Path) -> None:
    guide = Path(__file__).resolve().parents[2] / "site/docs/guide/verify.md"
    (tmp_path / "trust.yaml").write_text(guide.read_text().partition("```yaml\n")[2].partition("```")[0])
    (tmp_path / "cosign.pub").write_text(private_key(private_pem(P256), "k").public().pem())
    assert [type(each) for each in read_policy(tmp_path / "trust.yaml").signers] == [Key, Identity]


def test_an_artifact_without_a_signature_is_refused() -> None:
    with pytest.raises(Unsigned, match="is not signed") as caught:
        verify_any([], A, policy_of(P256))
    assert "the key 0.pub" in caught.value.hint


def test_one_good_signature_among_others_will_do() -> None:
    others = [b"{}", signer(OTHER).sign(ABOUT), signer(P256).sign(statement([Subject("x", B)], PROVENANCE, {}))]
    assert verify_any([*others, BY_KEY], A, policy_of(P256)).signer == "0.pub"
    with pytest.raises(SubjectMismatch):
        verify_any(others, A, policy_of(P256))
    with pytest.raises(Tampered):
        verify_any([b"{}"], A, policy_of(P256))


# --- by logging in ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def instance() -> Iterator[FakeSigstore]:
    with running(FakeSigstore()) as found:
        yield found


@pytest.fixture(scope="module")
def folder(instance: FakeSigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the instance's configurations and trust root."""
    path = tmp_path_factory.mktemp("sigstore")
    (path / "root.json").write_text(json.dumps(instance.trusted_root()))
    for rekor in (1, 2):
        (path / f"config{rekor}.json").write_text(json.dumps(instance.trust_config(rekor=rekor)))
    return path


@pytest.fixture(scope="module")
def by_login(instance: FakeSigstore, folder: Path) -> bytes:
    return KeylessSigner(trust_config=str(folder / "config1.json"), token=instance.token()).sign(ABOUT)


def job(folder: Path, **changes: str) -> Policy:
    """Return the policy that accepts the instance's job."""
    return Policy((Identity(IDENTITY, ISSUER, root=str(folder / "root.json"))._replace(**changes),))


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_statement_signed_by_the_job_of_the_policy_is_believed(
    instance: FakeSigstore, folder: Path, rekor: int
) -> None:
    raw = KeylessSigner(trust_config=str(folder / f"config{rekor}.json"), token=instance.token()).sign(ABOUT)
    found = verify(raw, A, job(folder))
    assert (found.signer, found.issuer) == (IDENTITY, ISSUER)
    pattern = job(folder, identity="", issuer="", identity_pattern=r"https://ci\.test/job/\d", issuer_pattern=".*")
    assert verify_any([BY_KEY, raw], A, pattern).signer == IDENTITY


def test_somebody_else_and_somebody_elses_word_are_refused(by_login: bytes, folder: Path) -> None:
    for changes, error in (
        ({"identity": "https://ci.test/job/2"}, WrongSigner),
        ({"issuer": "https://other.test"}, WrongIssuer),
        ({"identity": "", "identity_pattern": "https://ci.test"}, WrongSigner),
    ):
        with pytest.raises(error):
            verify(by_login, A, job(folder, **changes))
    with pytest.raises(WrongSigner, match="signed keyless"):
        verify(by_login, A, policy_of(P256))
    with pytest.raises(SubjectMismatch):
        verify(by_login, B, job(folder))
    with pytest.raises(PredicateMismatch):
        verify(by_login, A, job(folder)._replace(predicate_types=(COSIGN,)))


def test_one_who_logs_in_and_one_with_a_key_may_stand_side_by_side(by_login: bytes, folder: Path) -> None:
    both = Policy((*policy_of(P256).signers, *job(folder).signers))
    assert [verify(raw, A, both).signer for raw in (by_login, BY_KEY)] == [IDENTITY, "0.pub"]


def cut_log(document: dict[str, Any]) -> None:
    document["verificationMaterial"]["tlogEntries"] = []


def other_time(document: dict[str, Any]) -> None:
    document["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "1600000000"


def other_tree(document: dict[str, Any]) -> None:
    proof = document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["rootHash"] = base64.b64encode(b"x" * 32).decode()


def other_promise(document: dict[str, Any]) -> None:
    promise = document["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]
    promise["signedEntryTimestamp"] = base64.b64encode(b"x" * 70).decode()


@pytest.mark.parametrize(
    ("change", "error"),
    [(other_payload, Tampered), (other_signature, Tampered), (cut_log, BadSignature), (other_time, BadSignature),
     (other_tree, BadSignature), (other_promise, BadSignature)],
)  # fmt: skip
def test_a_changed_bundle_is_refused(
    by_login: bytes, folder: Path, change: Callable[[dict[str, Any]], object], error: type[Untrusted]
) -> None:
    with pytest.raises(error) as caught:
        verify(changed(by_login, change), A, job(folder))
    assert caught.value.exit_status == 4


def test_the_certificate_of_somebody_else_is_no_signature(
    by_login: bytes, instance: FakeSigstore, folder: Path
) -> None:
    other = KeylessSigner(trust_config=str(folder / "config1.json"), token=instance.token("eve@x.test")).sign(ABOUT)
    material = json.loads(by_login)["verificationMaterial"]
    with pytest.raises(Tampered):
        verify(changed(other, lambda document: document.update(verificationMaterial=material)), A, job(folder))


def test_another_instance_is_not_vouched_for(by_login: bytes, tmp_path: Path) -> None:
    (tmp_path / "root.json").write_text(json.dumps(FakeSigstore().trusted_root()))
    with pytest.raises(BadSignature, match="does not verify against"):
        verify(by_login, A, job(tmp_path))
    with pytest.raises(BadSignature, match="public trust root"):
        verify(by_login, A, job(tmp_path, root=""))


@pytest.mark.parametrize("part", ["certificateAuthorities", "tlogs", "ctlogs"])
@pytest.mark.parametrize("span", [{"end": "2021-01-01T00:00:00Z"}, {"start": "2999-01-01T00:00:00Z"}])
def test_what_was_not_in_use_when_the_signature_was_made_does_not_vouch_for_it(
    by_login: bytes, instance: FakeSigstore, tmp_path: Path, part: str, span: dict[str, str]
) -> None:
    root = instance.trusted_root()
    spare = FakeSigstore(name="other.test").trusted_root()[part]  # another one that is in use changes nothing
    for each in root[part]:
        each.get("publicKey", each)["validFor"] = {"start": "2020-01-01T00:00:00Z", **span}
    (tmp_path / "root.json").write_text(json.dumps({**root, part: [*root[part], *spare]}))
    with pytest.raises(ExpiredRoot, match="was not valid at 20") as caught:
        verify(by_login, A, job(tmp_path))
    assert "trust update" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mediaType": "x"}'])
def test_what_is_no_trust_root_is_named(by_login: bytes, tmp_path: Path, text: str) -> None:
    (tmp_path / "root.json").write_text(text)
    with pytest.raises(BadTrustRoot, match=r"root\.json is not a Sigstore trust root"):
        verify(by_login, A, job(tmp_path))


def test_the_public_root_is_there_without_a_network() -> None:
    document = json.loads(root_text(""))
    assert {"certificateAuthorities", "tlogs", "ctlogs"} <= document.keys()


def test_verification_looks_nothing_up_and_writes_nothing(
    by_login: bytes, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("verification reaches out")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert verify(by_login, A, job(folder)).signer == IDENTITY
    with pytest.raises(BadSignature):
        verify(by_login, A, job(folder, root=""))
    assert list(tmp_path.iterdir()) == []


# --- policies in files ------------------------------------------------------------------------------------------------

TEXT = """\
apiVersion: clusterbook.dev/v1alpha1
kind: TrustPolicy
metadata:
  name: ours
spec:
  signers:
    - key: keys/release.pub
    - keyless:
        identity: https://ci.test/job/1
        issuer: https://issuer.test
        root: root.json
"""


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A policy with what it names beside it."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "release.pub").write_text(private_key(private_pem(P256), "k").public().pem())
    (tmp_path / "trust.yaml").write_text(TEXT)
    return tmp_path / "trust.yaml"


def test_a_policy_names_its_files_from_its_own_folder(ours: Path, by_login: bytes, folder: Path) -> None:
    (ours.parent / "root.json").write_bytes((folder / "root.json").read_bytes())
    policy = read_policy(ours)
    assert [verify(raw, A, policy).signer for raw in (BY_KEY, by_login)] == ["keys/release.pub", IDENTITY]


def test_the_policy_that_comes_with_the_package_is_one() -> None:
    (found,) = read_policy().identities
    assert "release" in found.identity_pattern
    assert found.issuer == "https://token.actions.githubusercontent.com"
    assert DEFAULT.name == "trust.yaml"


@pytest.mark.parametrize(
    ("right", "wrong", "place", "says"),
    [
        ("issuer:", "isuer:", ":10:9", "'issuer'"),
        ("identity:", "identityPattern: a\n        identity:", ":9:9", "either 'identity' or 'identityPattern'"),
        ("identity: https", "identityPattern: (https", ":9:26", "not an RE2 regular expression"),
        ("key: keys/release.pub", "file: x", ":7:7", "unknown key 'file'"),
        ("kind: TrustPolicy", "kind: Trust", ":2:7", "is not supported here"),
        ("  signers:", "  signers: []\n  x:", ":6:12", ""),
        ("spec:", "spec: {", ":", ""),
        ("kind:", "kind: &a", ":2:", ""),
    ],
)
def test_a_mistake_in_a_policy_is_named_with_its_place(
    ours: Path, right: str, wrong: str, place: str, says: str
) -> None:
    ours.write_text(TEXT.replace(right, wrong, 1))
    with pytest.raises(BadPolicy) as caught:
        read_policy(ours)
    assert str(caught.value).startswith(f"{ours}{place}"), str(caught.value)
    assert says in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_policy_that_is_not_there_or_no_text_is_named(ours: Path) -> None:
    with pytest.raises(NotFound, match=r"absent\.yaml"):
        read_policy(ours.with_name("absent.yaml"))
    (ours.parent / "keys/release.pub").unlink()
    with pytest.raises(NotFound, match=r"release\.pub"):
        read_policy(ours)
    for data in (b"", b"- x\n", b"\xff\xfe", b"x" * (2 << 20)):
        ours.write_bytes(data)
        with pytest.raises(BadPolicy):
            read_policy(ours)


def test_keys_alone_are_a_policy(ours: Path) -> None:
    file = ours.parent / "keys/release.pub"
    assert verify(BY_KEY, A, key_policy([file])).signer == str(file)
    with pytest.raises(NotFound):
        key_policy([file.with_name("absent")])


def test_the_way_with_a_key_imports_neither_sigstore_nor_pydantic(ours: Path, tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_bytes(BY_KEY)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from clusterbook.trust.verify import read_policy, verify\n"
        f"policy = read_policy(Path({str(ours)!r}))\n"
        f"verify(Path({str(tmp_path / 'bundle.json')!r}).read_bytes(), {A!r}, policy)\n"
        "heavy = {'requests', 'urllib3', 'oras', 'sigstore', 'pydantic', 'click', 'asyncio'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_signatures_are_found_with_the_artifact(tmp_path: Path) -> None:
    from clusterbook.artifacts.attachment import signature_attachment
    from clusterbook.oci.layout.folder import Layout
    from clusterbook.oci.open import Base
    from clusterbook.publish.send import Sender
    from tests.contract.store_contract import put

    layout = Layout(tmp_path / "layout", create=True)
    kept = put(layout, "recipes/eks", b"recipe", tag="1.0.0")
    signed = signer(P256).sign(statement([Subject("recipes/eks", kept.digest)], PROVENANCE, {}))
    assert list(bundles_of(layout, "recipes/eks", kept.digest)) == []
    attached = signature_attachment(signed, PROVENANCE, created="2026-07-01T00:00:00Z")
    Sender(Base(layout, ""), 1).attach("recipes/eks", kept.descriptor, attached)
    found = list(bundles_of(layout, "recipes/eks", kept.digest))
    assert verify_any(found, kept.digest, policy_of(P256)).statement.predicate_type == PROVENANCE
