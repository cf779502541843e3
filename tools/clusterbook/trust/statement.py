"""Statement: what is signed, and the bundle that the signature comes in, as far as they are text.

Source: in-toto attestation v1; SLSA provenance v1; DSSE protocol v1; Sigstore bundle v0.3.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.documents.digest import canonical

STATEMENT = "https://in-toto.io/Statement/v1"
STATEMENTS = (STATEMENT, "https://in-toto.io/Statement/v0.1")
PROVENANCE = "https://slsa.dev/provenance/v1"
PAYLOAD = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_BUNDLES = frozenset(
    {
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        BUNDLE,
    }
)
"""The kinds that are defined. Source: Sigstore's protobuf-specs, `sigstore_bundle.proto`."""
LARGEST_BUNDLE_BYTES = 16 << 20
MOST_SUBJECTS = 1024
"""A statement about more is refused by cosign and by GitHub's verifier. Source: sigstore-go, `limitSubjects`."""

Item = TypeVar("Item")


class BrokenBundle(ClusterbookError):
    """A signature is not a Sigstore bundle with an in-toto statement, so it is not accepted.

    Sign the artifact again, with Clusterbook or cosign 3.
    """

    code = "CB160"
    exit_status = 4


class Subject(NamedTuple):
    """One artifact that a statement is about."""

    name: str
    digest: str


class Material(NamedTuple):
    """One thing that went into what a statement is about, such as a commit: `digests` by algorithm."""

    uri: str
    digests: Mapping[str, str]


class Statement(NamedTuple):
    """What somebody says about artifacts, once it is known who."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Any]


class SigstoreBundle(NamedTuple):
    """A signature with all that is needed to check it, taken apart but not believed.

    Exactly one of `certificate` (DER) and `hint` (of a public key) says who signed.
    """

    raw: bytes
    payload: bytes
    signature: bytes
    certificate: bytes
    hint: str


def statement(subjects: Iterable[Subject], predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """Return an in-toto statement about `subjects`, sorted by name and digest."""
    return canonical(
        {
            "_type": STATEMENT,
            "subject": [
                {"name": name, "digest": dict([digest.split(":", 1)])} for name, digest in sorted(set(subjects))
            ],
            "predicateType": predicate_type,
            "predicate": dict(predicate),
        }
    )


def split_subjects(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Return `items` in as few parts as statements about it need, all of about the same length."""
    count = -(-len(items) // MOST_SUBJECTS)
    return [items[len(items) * n // count : len(items) * (n + 1) // count] for n in range(count)]


def provenance(
    *,
    build_type: str,
    builder: str,
    parameters: Mapping[str, Any],
    materials: Iterable[Material],
    invocation: str = "",
) -> dict[str, Any]:
    """Return a SLSA provenance predicate.

    Args:
        build_type: the address that explains how the parameters lead to the artifacts.
        builder: the address of who ran the build, such as a workflow.
        parameters: what the build was asked for.
        materials: what went into it.
        invocation: the address of this very run.
    """
    details: dict[str, Any] = {"builder": {"id": builder}}
    if invocation:
        details["metadata"] = {"invocationId": invocation}
    return {
        "buildDefinition": {
            "buildType": build_type,
            "externalParameters": dict(parameters),
            "resolvedDependencies": [{"uri": each.uri, "digest": dict(each.digests)} for each in materials],
        },
        "runDetails": details,
    }


def pae(payload: bytes) -> bytes:
    """Return the bytes that are really signed for a statement. Source: DSSE protocol v1."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)


def key_bundle(payload: bytes, signature: bytes, hint: str) -> bytes:
    """Return the bundle of a statement that was signed with a key, as cosign writes it."""
    return canonical(
        {
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": hint}},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD,
                "signatures": [{"sig": base64.b64encode(signature).decode()}],
            },
        }
    )


def parse_bundle(raw: bytes) -> SigstoreBundle:
    """Return the parts of a bundle.

    Raises:
        BrokenBundle: it is not one, or of a kind that is not read.
    """
    if len(raw) > LARGEST_BUNDLE_BYTES:
        raise BrokenBundle(f"a signature is larger than {LARGEST_BUNDLE_BYTES >> 20} MiB")
    try:
        document = json.loads(raw)
        if document["mediaType"] not in _BUNDLES:
            raise BrokenBundle(
                f"a signature has the media type {str(document['mediaType'])[:80]!a}, which is not supported"
            )
        material, envelope = document["verificationMaterial"], document.get("dsseEnvelope")
        if envelope is None:
            raise BrokenBundle("a signature covers a blob, not a statement", hint="sign with `cosign attest`")
        if envelope["payloadType"] != PAYLOAD or len(envelope["signatures"]) != 1:
            raise BrokenBundle("a signature does not cover exactly one in-toto statement")
        certificate = (
            material.get("certificate")
            or (material.get("x509CertificateChain") or {"certificates": [None]})["certificates"][0]
        )
        key = material.get("publicKey")
        if (certificate is None) == (key is None):
            raise BrokenBundle("a signature must name exactly one certificate or one key")
        return SigstoreBundle(
            raw,
            _bytes(envelope["payload"]),
            _bytes(envelope["signatures"][0]["sig"]),
            _bytes(certificate["rawBytes"]) if certificate else b"",
            str(key.get("hint", "")) if key else "",
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise BrokenBundle(f"a signature is not a Sigstore bundle: {str(error)[:80]}") from error


def parse_statement(payload: bytes) -> Statement:
    """Return what a payload says, whose signature was checked before.

    Raises:
        BrokenBundle: it is no in-toto statement.
    """
    try:
        document = json.loads(payload)
        if document["_type"] not in STATEMENTS:
            raise BrokenBundle(
                f"the signed statement has the type {str(document['_type'])[:80]!a}, which is not supported"
            )
        subjects = tuple(
            Subject(str(each.get("name", "")), f"{name}:{value}")
            for each in document["subject"]
            for name, value in each["digest"].items()
        )
        predicate = document.get("predicate") or {}
        if not isinstance(document["predicateType"], str) or not isinstance(predicate, dict):
            raise TypeError("predicate")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenBundle(f"the signed payload is not an in-toto statement: {str(error)[:80]}") from error
    return Statement(subjects, document["predicateType"], predicate)


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error
