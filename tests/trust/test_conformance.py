"""Sigstore's conformance cases about bundles, with our verifier: what has to be believed, and what has to be refused.

Fixtures are made here after the descriptions in sigstore-conformance, test/assets/bundle-verify; cases about bare
message signatures are not ours. Names of cases are those of that suite where it has one.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import (
    BadSignature,
    ExpiredRoot,
    Identity,
    Key,
    Policy,
    SubjectMismatch,
    Untrusted,
    WrongIssuer,
    WrongSigner,
)
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.sigstore import BadTrustRoot
from clusterbook.trust.statement import PROVENANCE, STATEMENT, BrokenBundle, Subject, statement
from clusterbook.trust.verify import verify
from tests.support.forged import Document, Forge, encoded
from tests.support.servers.certificates import private_pem
from tests.support.servers.sigstore import IDENTITY, ISSUER, FakeSigstore
from tests.support.servers.transparency import b64, sha256, sign

A, B = (f"sha256:{each * 64}" for each in "ab")
ABOUT, OTHER = (statement([Subject("recipes/eks", each)], PROVENANCE, {"x": 1}) for each in (A, B))
SCT = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
REFUSED = (Untrusted, BrokenBundle)
INSTANCE, STRANGER = FakeSigstore(), FakeSigstore(name="stranger.test")
Change = Callable[[Document], object]
Root = dict[str, Any]


def believe(document: Document | bytes, folder: Path, root: Root | Key | None = None, **policy: str) -> str:
    """Return who signed a bundle, by the trust root of the instance, another one, or a key."""
    raw = document if isinstance(document, bytes) else encoded(document)
    if isinstance(root, Key):
        return verify(raw, A, Policy((root,))).signer
    (folder / "root.json").write_text(json.dumps(root or INSTANCE.trusted_root()))
    wanted = Identity(IDENTITY, ISSUER, root=str(folder / "root.json"))._replace(**policy)
    return verify(raw, A, Policy((wanted,))).signer


def entry(document: Document) -> Document:
    """Return what the log says in a bundle."""
    (found,) = document["verificationMaterial"]["tlogEntries"]
    return found


def stamps(document: Document) -> list[Document]:
    """Return the time stamps of a bundle."""
    found: list[Document] = document["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    return found


def body_of(document: Document) -> Document:
    """Return what the log has written down."""
    found: Document = json.loads(base64.b64decode(entry(document)["canonicalizedBody"]))
    return found


# --- what has to be believed ------------------------------------------------------------------------------------------


def test_a_bundle_of_the_first_log_is_believed(tmp_path: Path) -> None:
    assert believe(Forge(INSTANCE).first(ABOUT), tmp_path) == IDENTITY


def test_rekor2_dsse_happy_path(tmp_path: Path) -> None:
    assert believe(Forge(INSTANCE).second(ABOUT, 1), tmp_path) == IDENTITY
    assert believe(Forge(INSTANCE).second(ABOUT, 0, 10), tmp_path) == IDENTITY  # both ends count


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3"])
def test_older_ways_to_write_a_bundle_are_read(tmp_path: Path, version: str) -> None:
    document = Forge(INSTANCE).first(ABOUT)
    document["mediaType"] = f"application/vnd.dev.sigstore.bundle+json;version={version}"
    if version != "0.3":
        chain = {"certificates": [document["verificationMaterial"].pop("certificate")]}
        document["verificationMaterial"]["x509CertificateChain"] = chain
    assert believe(document, tmp_path) == IDENTITY


def test_sct_duplicate_intermediate_name(tmp_path: Path) -> None:
    """Two authorities of one name: the promise of the certificate log is checked with the one that issued."""
    root, twin = INSTANCE.trusted_root(), FakeSigstore()
    authorities = [*twin.trusted_root()["certificateAuthorities"], *root["certificateAuthorities"]]
    assert believe(Forge(INSTANCE).first(ABOUT), tmp_path, {**root, "certificateAuthorities": authorities}) == IDENTITY


def test_trust_root_tlog_validity_end_inclusive(tmp_path: Path) -> None:
    signer, root = Forge(INSTANCE), INSTANCE.trusted_root()
    for each in root["tlogs"]:
        each["publicKey"]["validFor"] = {"start": "2020-01-01T00:00:00Z", "end": f"{signer.start:%Y-%m-%dT%H:%M:%SZ}"}
    assert believe(signer.first(ABOUT), tmp_path, root) == IDENTITY


# --- what has to be refused: the bundle -------------------------------------------------------------------------------


def other_payload(document: Document) -> None:
    document["dsseEnvelope"]["payload"] = b64(OTHER)


def other_signature(document: Document) -> None:
    document["dsseEnvelope"]["signatures"] = Forge(INSTANCE).envelope(ABOUT)["signatures"]


def another_signature_beside(document: Document) -> None:
    document["dsseEnvelope"]["signatures"] *= 2


def no_signature(document: Document) -> None:
    document["dsseEnvelope"]["signatures"] = []


def other_payload_type(document: Document) -> None:
    document["dsseEnvelope"]["payloadType"] = "application/json"


def message_signature(document: Document) -> None:
    envelope = document.pop("dsseEnvelope")
    digest = {"algorithm": "SHA2_256", "digest": b64(sha256(ABOUT))}
    document["messageSignature"] = {"messageDigest": digest, "signature": envelope["signatures"][0]["sig"]}


def a_key_beside_the_certificate(document: Document) -> None:
    document["verificationMaterial"]["publicKey"] = {"hint": "x"}


def a_key_in_place_of_the_certificate(document: Document) -> None:
    document["verificationMaterial"].pop("certificate")
    document["verificationMaterial"]["publicKey"] = {"hint": "x"}


def nobody(document: Document) -> None:
    document["verificationMaterial"].pop("certificate")


def media_type(word: Any) -> Change:
    def change(document: Document) -> None:
        document["mediaType"] = word

    return change


@pytest.mark.parametrize(
    "change",
    [
        other_payload,
        other_signature,
        another_signature_beside,
        no_signature,
        other_payload_type,
        message_signature,
        a_key_beside_the_certificate,
        a_key_in_place_of_the_certificate,
        nobody,
        *map(
            media_type,
            (
                "application/vnd.dev.sigstore.bundle+json;version=0.4",
                "application/vnd.dev.sigstore.bundle.v0.4+json",
                "application/vnd.dev.sigstore.bundle.v0.1+json",
                "application/vnd.dev.sigstore.bundle.v0.3+json;version=0.1",
                "application/json",
                "",
                None,
                3,
                [],
            ),
        ),
    ],
)
@pytest.mark.parametrize("log", [1, 2])
def test_a_bundle_that_is_written_otherwise_is_refused(tmp_path: Path, change: Change, log: int) -> None:
    document = Forge(INSTANCE).first(ABOUT) if log == 1 else Forge(INSTANCE).second(ABOUT, 1)
    believe(document, tmp_path)
    change(document)
    with pytest.raises(REFUSED):
        believe(document, tmp_path)


@pytest.mark.parametrize("place", ["", "verificationMaterial", "dsseEnvelope", "tlogEntry", "inclusionProof"])
def test_a_field_that_nobody_knows_vouches_for_nothing(tmp_path: Path, place: str) -> None:
    """Whether it is refused or not looked at: what is believed is what was signed, by who signed it."""
    document = Forge(INSTANCE).first(ABOUT)
    found = {
        "": document,
        "tlogEntry": entry(document),
        "inclusionProof": entry(document)["inclusionProof"],
    }.get(place) or document[place]
    found["payload2"] = found["verified"] = "true"
    try:
        assert believe(document, tmp_path) == IDENTITY
    except REFUSED:
        return


@pytest.mark.parametrize("key", ["dsseEnvelope", "verificationMaterial"])
def test_of_a_part_that_stands_twice_the_one_that_is_checked_is_the_one_that_is_read(tmp_path: Path, key: str) -> None:
    """Readers of JSON differ in which they take: no reader may check one and read the other."""
    mine, theirs = Forge(INSTANCE).first(ABOUT), Forge(STRANGER).first(ABOUT)
    theirs["dsseEnvelope"]["payload"] = b64(OTHER)
    for first, second in ((mine, theirs), (theirs, mine)):
        text = encoded({**mine, key: second[key]}).decode()
        twice = f"{text[:-1]},{json.dumps(key)}:{json.dumps(first[key])}}}".encode()
        if first is mine:
            assert believe(twice, tmp_path) == IDENTITY
        else:
            with pytest.raises(REFUSED):
                believe(twice, tmp_path)


# --- what has to be refused: who signed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "error"),
    [({"identity": "https://ci.test/job/2"}, WrongSigner), ({"issuer": "https://issuer.test/"}, WrongIssuer),
     ({"identity": IDENTITY.upper()}, WrongSigner), ({"identity": "", "identity_pattern": "https://ci"}, WrongSigner)],
)  # fmt: skip
def test_another_name_and_another_issuer_are_refused(tmp_path: Path, policy: dict[str, str], error: type) -> None:
    with pytest.raises(error):
        believe(Forge(INSTANCE).first(ABOUT), tmp_path, **policy)


def uri(name: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(name)


@pytest.mark.parametrize(
    "names",
    [
        [uri("https://ci.test/job/1x")],
        [uri("https://eve.test"), uri(IDENTITY)],
        [uri(IDENTITY), uri("https://eve.test")],
        [uri(IDENTITY), x509.RFC822Name("eve@x.test")],
        [x509.DNSName("ci.test")],
        [x509.RFC822Name("ci@ci.test")],
    ],
)
def test_a_certificate_for_somebody_else_or_for_several_is_refused(
    tmp_path: Path, names: list[x509.GeneralName]
) -> None:
    with pytest.raises(REFUSED):
        believe(Forge(INSTANCE, names).first(ABOUT), tmp_path)


@pytest.mark.parametrize(
    "without",
    [
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.KEY_USAGE,
        SCT,
    ],
)
@pytest.mark.parametrize("log", [1, 2])
def test_a_certificate_that_lacks_something_is_refused(
    tmp_path: Path, without: x509.ObjectIdentifier, log: int
) -> None:
    signer = Forge(INSTANCE, without=[without])
    with pytest.raises(REFUSED):
        believe(signer.first(ABOUT) if log == 1 else signer.second(ABOUT, 1), tmp_path)


def test_a_certificate_that_names_no_issuer_is_refused(tmp_path: Path) -> None:
    names = [ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}") for number in (1, 8)]
    with pytest.raises(BadSignature, match="has no identity"):
        believe(Forge(INSTANCE, without=names).first(ABOUT), tmp_path)


@pytest.mark.parametrize(
    "promise",
    [
        STRANGER.promise,
        lambda certificate: INSTANCE.promise(certificate + b"x"),
        lambda certificate: INSTANCE.promise(certificate)[:-1] + b"x",
        lambda _: b"\0\0",
        lambda _: b"",
    ],
)
def test_a_promise_of_another_certificate_log_or_about_another_certificate_is_refused(
    tmp_path: Path, promise: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(REFUSED):
        believe(Forge(INSTANCE, promise=promise).first(ABOUT), tmp_path)


def test_a_certificate_of_another_instance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSignature):
        believe(Forge(STRANGER).first(ABOUT), tmp_path)


def test_verify_rejects_root(tmp_path: Path) -> None:
    """A bundle brings no root of its own: the certificate that counts is the first, and the root is the policy's."""
    document = Forge(STRANGER).first(ABOUT)
    chain = [document["verificationMaterial"].pop("certificate")]
    for authority in STRANGER.trusted_root()["certificateAuthorities"]:
        chain += authority["certChain"]["certificates"]
    document["verificationMaterial"]["x509CertificateChain"] = {"certificates": chain}
    document["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2"
    with pytest.raises(REFUSED):
        believe(document, tmp_path)


# --- what has to be refused: the log ----------------------------------------------------------------------------------


def in_entry(**changes: Any) -> Change:
    """Change what the log says; None takes it away."""

    def change(document: Document) -> None:
        for name, value in changes.items():
            at: Document = entry(document)
            *steps, last = name.split("__")
            for step in steps:
                at = at[step]
            assert last in at, name
            if value is None:
                del at[last]
            else:
                at[last] = value(at[last]) if callable(value) else value

    return change


def other_body(document: Document) -> None:
    body = body_of(document)
    body["spec"]["x"] = 1
    entry(document)["canonicalizedBody"] = b64(json.dumps(body).encode())


def swapped_entry(document: Document) -> None:
    """Put the log's word about something else that the same signer signed."""
    log = entry(
        Forge(INSTANCE).first(OTHER) if "inclusionPromise" in entry(document) else Forge(INSTANCE).second(OTHER)
    )
    document["verificationMaterial"]["tlogEntries"] = [log]


def no_entry(document: Document) -> None:
    document["verificationMaterial"]["tlogEntries"] = []


def two_entries(document: Document) -> None:
    document["verificationMaterial"]["tlogEntries"] *= 2


def unsigned_checkpoint(text: str) -> str:
    return text.partition("\n\n")[0] + "\n\n"


def other_tree_in_checkpoint(text: str) -> str:
    name, size, _, rest = text.split("\n", 3)
    return "\n".join((name, size, b64(b"x" * 32), rest))


def signed_by_a_stranger(text: str) -> str:
    note, _, line = text.partition("\n\n")
    signature = base64.b64decode(line.split(" ")[2])[:4] + sign(STRANGER.rekor1.key, f"{note}\n".encode())
    return f"{note}\n\n{' '.join(line.split(' ')[:2])} {b64(signature)}\n"


LOG_CHANGES = [
    in_entry(canonicalizedBody=b64(b"{}")),
    in_entry(canonicalizedBody=None),
    other_body,
    swapped_entry,
    no_entry,
    two_entries,
    in_entry(logId={"keyId": b64(b"x" * 32)}),
    in_entry(logId=None),
    in_entry(kindVersion={"kind": "intoto", "version": "0.0.2"}),
    in_entry(kindVersion={"kind": "hashedrekord", "version": "0.0.1"}),
    in_entry(kindVersion=None),
    in_entry(inclusionProof=None),
    in_entry(inclusionProof__rootHash=b64(b"x" * 32)),
    in_entry(inclusionProof__hashes=[]),
    in_entry(inclusionProof__hashes=lambda hashes: [*hashes, b64(b"x" * 32)]),
    in_entry(inclusionProof__hashes=lambda hashes: [b64(b"x" * 32)] * len(hashes)),
    in_entry(inclusionProof__treeSize="1"),
    in_entry(inclusionProof__treeSize=lambda size: str(int(size) + 5)),
    in_entry(inclusionProof__treeSize="-1"),
    in_entry(inclusionProof__logIndex=lambda index: str(int(index) + 1)),
    in_entry(inclusionProof__checkpoint=None),
    in_entry(inclusionProof__checkpoint__envelope=""),
    in_entry(inclusionProof__checkpoint__envelope="x"),
    in_entry(inclusionProof__checkpoint__envelope=unsigned_checkpoint),
    in_entry(inclusionProof__checkpoint__envelope=other_tree_in_checkpoint),
    in_entry(inclusionProof__checkpoint__envelope=signed_by_a_stranger),
]


@pytest.mark.parametrize("change", LOG_CHANGES)
@pytest.mark.parametrize("log", [1, 2])
def test_a_log_that_does_not_bear_it_out_is_refused(tmp_path: Path, change: Change, log: int) -> None:
    document = Forge(INSTANCE).first(ABOUT) if log == 1 else Forge(INSTANCE).second(ABOUT, 1)
    before = encoded(document)
    change(document)
    assert encoded(document) != before
    with pytest.raises(REFUSED):
        believe(document, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        in_entry(integratedTime=lambda time: str(int(time) + 1)),
        in_entry(integratedTime="0"),
        in_entry(integratedTime=None),
        in_entry(inclusionPromise=None),
        in_entry(inclusionPromise__signedEntryTimestamp=b64(b"x" * 70)),
        in_entry(logIndex=lambda index: str(int(index) + 1)),
    ],
)
def test_verify_rejects_invalid_set(tmp_path: Path, change: Change) -> None:
    document = Forge(INSTANCE).first(ABOUT)
    change(document)
    with pytest.raises(REFUSED):
        believe(document, tmp_path)


@pytest.mark.parametrize("log", [1, 2])
def test_cve_2022_36056_swapped_tlog_entry(tmp_path: Path, log: int) -> None:
    """The word of a log about one signature, beside another one of the same signer over the same statement."""
    signer = Forge(INSTANCE)
    first, second = signer.envelope(ABOUT), signer.envelope(ABOUT)
    entry_of = signer.entry1 if log == 1 else signer.entry2
    believe(signer.bundle(first, entry_of(first), [signer.stamp(first)]), tmp_path)
    with pytest.raises(BadSignature):
        believe(signer.bundle(second, entry_of(first), [signer.stamp(second)]), tmp_path)


@pytest.mark.parametrize("log", [1, 2])
def test_dsse_mismatch_envelope(tmp_path: Path, log: int) -> None:
    signer = Forge(INSTANCE)
    mine, other = signer.envelope(ABOUT), signer.envelope(OTHER)
    entry_of = signer.entry1 if log == 1 else signer.entry2
    with pytest.raises(BadSignature):
        believe(signer.bundle(mine, entry_of(other), [signer.stamp(mine)]), tmp_path)


def test_the_log_of_another_instance_is_refused(tmp_path: Path) -> None:
    signer, other = Forge(INSTANCE), Forge(INSTANCE)
    other.instance = STRANGER
    envelope = signer.envelope(ABOUT)
    for log in (other.entry1, other.entry2):
        with pytest.raises(BadSignature):
            believe(signer.bundle(envelope, log(envelope), [signer.stamp(envelope)]), tmp_path)


# --- what has to be refused: the time ---------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-1, 10.1, 60 * 24 * 365])
def test_a_time_outside_the_certificate_is_refused(tmp_path: Path, minutes: float) -> None:
    with pytest.raises(BadSignature):
        believe(Forge(INSTANCE).first(ABOUT, minutes), tmp_path)
    with pytest.raises(BadSignature):
        believe(Forge(INSTANCE).second(ABOUT, minutes), tmp_path)


@pytest.mark.parametrize("times", [(1, 11), (11, 1), (1, 2, -1)])
def test_rekor2_multiple_timestamps_one_outside_cert_validity(tmp_path: Path, times: tuple[float, ...]) -> None:
    with pytest.raises(BadSignature):
        believe(Forge(INSTANCE).second(ABOUT, *times), tmp_path)


def test_a_time_stamp_outside_the_certificate_counts_against_the_first_log_as_well(tmp_path: Path) -> None:
    signer = Forge(INSTANCE)
    envelope = signer.envelope(ABOUT)
    with pytest.raises(BadSignature):
        believe(signer.bundle(envelope, signer.entry1(envelope), [signer.stamp(envelope, 11)]), tmp_path)


def test_rekor2_without_a_timestamp(tmp_path: Path) -> None:
    with pytest.raises(BadSignature):
        believe(Forge(INSTANCE).second(ABOUT), tmp_path)


def test_a_time_stamp_of_another_signature_or_twice_is_refused(tmp_path: Path) -> None:
    signer = Forge(INSTANCE)
    document = signer.second(ABOUT, 1)
    stamps(document)[:] = [signer.stamp(signer.envelope(ABOUT))]
    with pytest.raises(BadSignature):
        believe(document, tmp_path)
    document = signer.second(ABOUT, 1)
    stamps(document).append(stamps(document)[0])
    with pytest.raises(BadSignature):
        believe(document, tmp_path)


@pytest.mark.parametrize("stamp", ["", "x", b64(b"x"), b64(b"\x30\x03\x02\x01\x00"), None, 3, "=="])
def test_what_is_no_time_stamp_is_refused(tmp_path: Path, stamp: Any) -> None:
    document = Forge(INSTANCE).second(ABOUT)
    stamps(document).append({"signedTimestamp": stamp})
    with pytest.raises(REFUSED):
        believe(document, tmp_path)


def test_a_time_stamp_of_another_instance_is_refused(tmp_path: Path) -> None:
    signer, other = Forge(INSTANCE), Forge(STRANGER)
    envelope = signer.envelope(ABOUT)
    with pytest.raises(BadSignature):
        believe(signer.bundle(envelope, signer.entry2(envelope), [other.stamp(envelope)]), tmp_path)


def test_rekor2_timestamp_outside_trust_root_tsa_validity(tmp_path: Path) -> None:
    root = INSTANCE.trusted_root()
    for span in ({"end": "2021-01-01T00:00:00Z"}, {"start": "2999-01-01T00:00:00Z"}):
        (authority,) = root["timestampAuthorities"]
        authority["validFor"] = {"start": "2020-01-01T00:00:00Z", **span}
        with pytest.raises(BadSignature):
            believe(Forge(INSTANCE).second(ABOUT, 1), tmp_path, root)


@pytest.mark.parametrize(
    "chain", [{"certificates": []}, STRANGER.trusted_root()["timestampAuthorities"][0]["certChain"]]
)
def test_rekor2_timestamp_wrong_tsa_validity_borrow(tmp_path: Path, chain: Root) -> None:
    """That another authority was in use then says nothing about the one that stamped."""
    root = INSTANCE.trusted_root()
    (authority,) = root["timestampAuthorities"]
    authority["validFor"] = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
    root["timestampAuthorities"].append(
        {**authority, "certChain": chain, "validFor": {"start": "2020-01-01T00:00:00Z"}}
    )
    with pytest.raises(REFUSED):
        believe(Forge(INSTANCE).second(ABOUT, 1), tmp_path, root)


@pytest.mark.parametrize("position", [3, 4, 10, 31])
@pytest.mark.parametrize("end", ["2021-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
def test_a_log_under_another_name_is_refused_in_use_or_not(tmp_path: Path, position: int, end: str) -> None:
    """The name of a log is not signed: a log that is no longer in use must not come back by another name."""
    root, document = INSTANCE.trusted_root(), Forge(INSTANCE).second(ABOUT, 1)
    for each in root["tlogs"]:
        each["publicKey"]["validFor"] = {"start": "2020-01-01T00:00:00Z", "end": end}
    name = bytearray(base64.b64decode(entry(document)["logId"]["keyId"]))
    name[position] ^= 1
    entry(document)["logId"]["keyId"] = b64(bytes(name))
    with pytest.raises(BadSignature):
        believe(document, tmp_path, root)


@pytest.mark.parametrize(
    ("end", "is_believed"),
    [
        ("{:%Y-%m-%dT%H:%M:%SZ}", (0, 1, 3600)),
        ("{:%Y-%m-%dT%H:%M:%S.000Z}", (0, 1)),
        ("{:%Y-%m-%dT%H:%M:%S+00:00}", (0, 1)),
        ("{:%Y-%m-%dT%H:%M:%S.999999Z}", (0, 1)),
        ("9999-12-31T23:59:59.999999Z", (0,)),
    ],
)
def test_trust_root_tsa_validity_end_inclusive(tmp_path: Path, end: str, is_believed: tuple[int, ...]) -> None:
    signer, root = Forge(INSTANCE), INSTANCE.trusted_root()
    (authority,) = root["timestampAuthorities"]
    too_early = (-1, -2, -3600) if "{" in end else ()
    for seconds in (*is_believed, *too_early):
        last = signer.start + dt.timedelta(minutes=1, seconds=seconds)
        authority["validFor"] = {"start": "2020-01-01T00:00:00Z", "end": end.format(last)}
        if seconds in is_believed:
            assert believe(signer.second(ABOUT, 1), tmp_path, root) == IDENTITY
        else:
            with pytest.raises(BadSignature):
                believe(signer.second(ABOUT, 1), tmp_path, root)


# --- what has to be refused: the trust root ---------------------------------------------------------------------------


def test_trust_root_tlog_missing_validity_start(tmp_path: Path) -> None:
    """A log of which nobody says since when it counts does not count always."""
    for kind in ("tlogs", "ctlogs"):
        for span in ({}, {"end": "2999-01-01T00:00:00Z"}):
            root = INSTANCE.trusted_root()
            for each in root[kind]:
                each["publicKey"]["validFor"] = span
            with pytest.raises((ExpiredRoot, BadTrustRoot)):
                believe(Forge(INSTANCE).first(ABOUT), tmp_path, root)


@pytest.mark.parametrize("kind", ["tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"])
@pytest.mark.parametrize("value", [[], None, [{}], "x", [None]])
def test_a_trust_root_that_lacks_something_vouches_for_nothing(tmp_path: Path, kind: str, value: Any) -> None:
    root = {**INSTANCE.trusted_root(), kind: value}
    with pytest.raises((*REFUSED, BadTrustRoot)):
        believe(Forge(INSTANCE).second(ABOUT, 1), tmp_path, root)


@pytest.mark.parametrize("raw", ["", b64(b"x"), b64(b"\x30\x00"), "="])
@pytest.mark.parametrize("kind", ["certificateAuthorities", "timestampAuthorities"])
def test_a_trust_root_with_a_damaged_certificate_is_named(tmp_path: Path, kind: str, raw: str) -> None:
    root = INSTANCE.trusted_root()
    root[kind][0]["certChain"]["certificates"][0]["rawBytes"] = raw
    with pytest.raises((*REFUSED, BadTrustRoot)):
        believe(Forge(INSTANCE).second(ABOUT, 1), tmp_path, root)


# --- what has to be refused: what was signed --------------------------------------------------------------------------


def altered(**changes: Any) -> bytes:
    """Return the statement with something else in it; None takes it away."""
    document = {**json.loads(ABOUT), **changes}
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (altered(_type=None), BrokenBundle),  # dsse-statement-missing-type
        (altered(_type="https://in-toto.io/Statement/v2"), BrokenBundle),  # dsse-statement-unknown-type
        (altered(_type=[STATEMENT]), BrokenBundle),
        (altered(subject=None), BrokenBundle),
        (altered(subject=[]), SubjectMismatch),
        (altered(subject=[{"name": "x", "digest": {"sha512": A[7:]}}]), SubjectMismatch),
        (altered(subject=[{"name": "x", "digest": {"sha256": A[7:].upper()}}]), SubjectMismatch),
        (altered(predicateType=None), BrokenBundle),
        (OTHER, SubjectMismatch),
        (b"[]", BrokenBundle),
        (b"", BrokenBundle),
    ],
)
@pytest.mark.parametrize("way", ["key", "first", "second"])
def test_a_statement_of_another_kind_or_about_something_else_is_refused(
    tmp_path: Path, payload: bytes, error: type[Exception], way: str
) -> None:
    key = private_key(private_pem(ec.generate_private_key(ec.SECP256R1())), "k")
    document = {
        "key": lambda: json.loads(KeySigner(key).sign(payload)),
        "first": lambda: Forge(INSTANCE).first(payload),
        "second": lambda: Forge(INSTANCE).second(payload, 1),
    }[way]()
    with pytest.raises(error):
        believe(document, tmp_path, Key("k.pub", key.public().pem()) if way == "key" else None)


SIGNED_PARTS = ("rawBytes", "keyId", "rootHash", "hashes", "canonicalizedBody", "payload", "sig")
"""The fields of a bundle that are bytes, whichever log it was written to."""


def test_every_single_change_of_a_byte_in_what_is_signed_is_found(tmp_path: Path) -> None:
    """Each part of a bundle that is bytes, changed in its middle: nothing of it is there for show."""
    for log in (1, 2):
        whole = Forge(INSTANCE).first(ABOUT) if log == 1 else Forge(INSTANCE).second(ABOUT, 1)
        places = list(texts(whole))
        # How many hashes lead to a root depends on what is in the log already.
        kinds = {next(step for step in reversed(path) if isinstance(step, str)) for path, _ in places}
        assert kinds == {*SIGNED_PARTS, "signedEntryTimestamp" if log == 1 else "signedTimestamp"}
        for path, text in places:
            document = json.loads(encoded(whole))
            at = document
            for step in path[:-1]:
                at = at[step]
            data = bytearray(base64.b64decode(text))
            data[len(data) // 2] ^= 1
            at[path[-1]] = b64(bytes(data))
            try:
                believe(document, tmp_path)
            except REFUSED:
                continue
            raise AssertionError(path)


def texts(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """Yield path and text of everything that is written in base64."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(inner, (*path, key))
    elif isinstance(value, str) and len(value) > 24 and path[-1] not in ("mediaType", "payloadType", "envelope"):
        yield path, value
