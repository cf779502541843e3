"""Keyless signatures part by part, so that any part may be another one: what no honest signer would make.

In process, with the keys of a FakeSigstore; nothing listens.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterbook.trust.statement import BUNDLE, PAYLOAD, pae
from tests.support.servers import der
from tests.support.servers.sigstore import IDENTITY, ISSUER, FakeSigstore, compact
from tests.support.servers.transparency import b64, sha256, sign

Document = dict[str, Any]
NAMES: Sequence[x509.GeneralName] = (x509.UniformResourceIdentifier(IDENTITY),)


@dataclass
class Forge:
    """One signer of an instance, with a key and a certificate for ten minutes that began a minute ago."""

    instance: FakeSigstore
    names: Sequence[x509.GeneralName] = NAMES
    without: Collection[x509.ObjectIdentifier] = ()
    promise: Callable[[bytes], bytes] | None = None
    claims: Mapping[str, str] = field(default_factory=lambda: {"iss": ISSUER})
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        """Have the key certified."""
        self.start = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(minutes=1)
        self.certificate = self.instance.certificate(
            self.key.public_key(), self.names, self.claims, start=self.start, without=self.without, promise=self.promise
        )

    def envelope(self, payload: bytes) -> Document:
        """Return a statement with a signature."""
        signature = {"sig": b64(sign(self.key, pae(payload)))}
        return {"payload": b64(payload), "payloadType": PAYLOAD, "signatures": [signature]}

    def entry1(self, envelope: Document, minutes: float = 1) -> Document:
        """Return what the first log says about an envelope, taken up so long after the certificate's beginning."""
        proposed = {"envelope": json.dumps(envelope), "verifiers": [b64(self._pem())]}
        asked = {"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": proposed}}
        at_s = int((self.start + dt.timedelta(minutes=minutes)).timestamp())
        (answer,) = self.instance.log1(asked, at_s).values()
        proof = answer["verification"]["inclusionProof"]
        return {
            "logIndex": str(answer["logIndex"]),
            "logId": {"keyId": b64(bytes.fromhex(answer["logID"]))},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(answer["integratedTime"]),
            "inclusionPromise": {"signedEntryTimestamp": answer["verification"]["signedEntryTimestamp"]},
            "inclusionProof": {
                "logIndex": str(proof["logIndex"]),
                "rootHash": b64(bytes.fromhex(proof["rootHash"])),
                "treeSize": str(proof["treeSize"]),
                "hashes": [b64(bytes.fromhex(each)) for each in proof["hashes"]],
                "checkpoint": {"envelope": proof["checkpoint"]},
            },
            "canonicalizedBody": answer["body"],
        }

    def entry2(self, envelope: Document) -> Document:
        """Return what the second log says about an envelope; it knows no time."""
        digest = sha256(pae(base64.b64decode(envelope["payload"])))
        certificate = {"rawBytes": b64(self.certificate.public_bytes(serialization.Encoding.DER))}
        verifier = {"x509Certificate": certificate, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
        signature = {"content": envelope["signatures"][0]["sig"], "verifier": verifier}
        return self.instance.log2({"hashedRekordRequestV002": {"digest": b64(digest), "signature": signature}})

    def stamp(self, envelope: Document, minutes: float = 1) -> Document:
        """Return a time stamp of the signature of an envelope, so long after the certificate's beginning."""
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
        algorithm = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
        imprint = der.sequence(algorithm, der.octets(sha256(signature)))
        request = der.sequence(der.integer(1), imprint, der.tlv(1, b"\xff"))
        return {"signedTimestamp": b64(self.instance.timestamp(request, self.start + dt.timedelta(minutes=minutes)))}

    def bundle(self, envelope: Document, entry: Document, stamps: Sequence[Document] = ()) -> Document:
        """Return the bundle of all this."""
        certificate = {"rawBytes": b64(self.certificate.public_bytes(serialization.Encoding.DER))}
        return {
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "certificate": certificate,
                "tlogEntries": [entry],
                "timestampVerificationData": {"rfc3161Timestamps": [*stamps]},
            },
            "dsseEnvelope": envelope,
        }

    def first(self, payload: bytes, minutes: float = 1) -> Document:
        """Return a bundle by way of the first log, whose time counts."""
        envelope = self.envelope(payload)
        return self.bundle(envelope, self.entry1(envelope, minutes))

    def second(self, payload: bytes, *minutes: float) -> Document:
        """Return a bundle by way of the second log, with a time stamp of each of these times."""
        envelope = self.envelope(payload)
        return self.bundle(envelope, self.entry2(envelope), [self.stamp(envelope, each) for each in minutes])

    def _pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def encoded(document: Document) -> bytes:
    """Return a bundle as text."""
    return compact(document)
