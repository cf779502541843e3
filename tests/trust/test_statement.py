"""Statements and bundles: written as cosign writes them, and taken apart without belief."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from clusterbook.trust.statement import (
    BUNDLE,
    PAYLOAD,
    PROVENANCE,
    STATEMENT,
    BrokenBundle,
    Material,
    Subject,
    key_bundle,
    pae,
    parse_bundle,
    parse_statement,
    provenance,
    split_subjects,
    statement,
)

A, B = (f"sha256:{each * 64}" for each in "ab")


def test_a_statement_is_the_same_bytes_whatever_the_order() -> None:
    predicate = provenance(
        build_type="https://x.test/t",
        builder="https://x.test/b",
        parameters={"release": "2026.7.0"},
        materials=[Material("git+https://x.test/r@refs/heads/main", {"gitCommit": "1" * 40})],
        invocation="https://x.test/run/1",
    )
    first = statement([Subject("b", B), Subject("a", A), Subject("a", A)], PROVENANCE, predicate)
    assert first == statement([Subject("a", A), Subject("b", B)], PROVENANCE, predicate)
    assert json.loads(first) == {
        "_type": STATEMENT,
        "predicateType": PROVENANCE,
        "subject": [{"name": "a", "digest": {"sha256": "a" * 64}}, {"name": "b", "digest": {"sha256": "b" * 64}}],
        "predicate": {
            "buildDefinition": {
                "buildType": "https://x.test/t",
                "externalParameters": {"release": "2026.7.0"},
                "resolvedDependencies": [
                    {"uri": "git+https://x.test/r@refs/heads/main", "digest": {"gitCommit": "1" * 40}}
                ],
            },
            "runDetails": {"builder": {"id": "https://x.test/b"}, "metadata": {"invocationId": "https://x.test/run/1"}},
        },
    }
    found = parse_statement(first)
    assert (found.subjects, found.predicate_type) == ((Subject("a", A), Subject("b", B)), PROVENANCE)


def test_what_is_signed_names_its_kind_and_lengths() -> None:
    assert pae(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"


def bundle(**changes: Any) -> bytes:
    """Return a bundle with some of its keys changed; `certificate` makes it a keyless one."""
    document = json.loads(key_bundle(b"{}", b"sig", "hint"))
    document["verificationMaterial"] = changes.pop("material", document["verificationMaterial"])
    document["dsseEnvelope"] |= changes.pop("envelope", {})
    return json.dumps({**document, **changes}).encode()


def test_a_bundle_is_taken_apart() -> None:
    found = parse_bundle(bundle())
    assert (found.payload, found.signature, found.certificate, found.hint) == (b"{}", b"sig", b"", "hint")
    certificate = {"certificate": {"rawBytes": base64.b64encode(b"der").decode()}}
    assert parse_bundle(bundle(material=certificate)).certificate == b"der"
    chain = {"x509CertificateChain": {"certificates": [certificate["certificate"]]}}
    old = parse_bundle(bundle(material=chain, mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"))
    assert old.certificate == b"der"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b" " * (17 << 20),
        bundle(mediaType="application/json"),
        bundle(dsseEnvelope=None),
        bundle(envelope={"payload": "***"}),
        bundle(envelope={"payloadType": "text/plain"}),
        bundle(envelope={"signatures": []}),
        bundle(envelope={"signatures": [{"sig": ""}, {"sig": ""}]}),
        bundle(material={}),
        bundle(material={"publicKey": {"hint": "x"}, "certificate": {"rawBytes": ""}}),
        bundle(material={"certificate": {"rawBytes": 1}}),
        bundle(material={"x509CertificateChain": {"certificates": []}}),
    ],
)
def test_what_is_no_bundle_is_refused(raw: bytes) -> None:
    with pytest.raises(BrokenBundle):
        parse_bundle(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v2"},
        {"subject": None},
        {"subject": [1]},
        {"subject": [{"name": "x"}]},
        {"subject": [{"name": "x", "digest": []}]},
        {"predicateType": 1},
        {"predicate": "x"},
    ],
)
def test_what_is_no_statement_is_refused(changes: dict[str, Any]) -> None:
    document = {**json.loads(statement([Subject("a", A)], PROVENANCE, {})), **changes}
    with pytest.raises(BrokenBundle):
        parse_statement(json.dumps(document).encode())


def test_the_statements_of_others_are_read() -> None:
    document = json.loads(statement([Subject("a", A)], PROVENANCE, {}))
    old = {**document, "_type": "https://in-toto.io/Statement/v0.1", "predicate": None}
    assert parse_statement(json.dumps(old).encode()).subjects == (Subject("a", A),)
    assert json.loads(key_bundle(b"", b"", ""))["mediaType"] == BUNDLE
    assert json.loads(key_bundle(b"", b"", ""))["dsseEnvelope"]["payloadType"] == PAYLOAD


@pytest.mark.parametrize(
    ("count", "lengths"), [(0, []), (1, [1]), (1024, [1024]), (1025, [512, 513]), (3000, [1000] * 3)]
)
def test_what_is_too_much_for_one_statement_is_parted(count: int, lengths: list[int]) -> None:
    found = split_subjects(range(count))
    assert [len(each) for each in found] == lengths
    assert [item for each in found for item in each] == list(range(count))
