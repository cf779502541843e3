"""Keys: signing and checking with a key of one's own, as cosign does.

Knows P-256 and Ed25519, by way of cryptography. Does not know what is signed, nor Sigstore (`keyless`): the way
through here takes 12 ms of imports instead of 250.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from clusterbook.core.errors import InvalidRequest

_LARGEST_BYTES = 64 << 10
_PublicKeys = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_PrivateKeys = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class BadKey(InvalidRequest):
    """A file is no key, one of a kind that is not used here, or one that its password does not open.

    Keys are PEM files: P-256 or Ed25519; private ones PKCS#8. `openssl genpkey -algorithm ed25519` makes one.
    """

    code = "CB170"


class PublicKey:
    """A key that checks signatures."""

    def __init__(self, key: _PublicKeys) -> None:
        self._key = key

    def fits(self, signature: bytes, message: bytes) -> bool:
        """Return whether the owner of the key signed exactly this message."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            else:
                self._key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def hint(self) -> str:
        """Return what a bundle calls the key. Source: cosign, base64 of the SHA-256 of the DER form."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(
            hashlib.sha256(self._key.public_bytes(serialization.Encoding.DER, form)).digest()
        ).decode()

    def pem(self) -> str:
        """Return the key as text."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_bytes(serialization.Encoding.PEM, form).decode()


class PrivateKey:
    """A key that signs. It shows itself to nobody."""

    def __init__(self, key: _PrivateKeys) -> None:
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """Return a signature of a message."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))

    def public(self) -> PublicKey:
        """Return the key that checks what this one signs."""
        return PublicKey(self._key.public_key())


def public_key(pem: str, name: str) -> PublicKey:
    """Return the public key in a text.

    Raises:
        BadKey: it is none, or not of a kind that is used here.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = "a public key begins with -----BEGIN PUBLIC KEY-----; never hand out a private one"
        raise BadKey(f"{name} is no public key", hint=hint if "PRIVATE" in pem else "name a PEM file") from error
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return PublicKey(key)
    raise BadKey(f"{name} is of a kind that is not used here", hint="use P-256 or Ed25519")


def private_key(pem: bytes, name: str, *, password: str = "") -> PrivateKey:
    """Return the private key in a text, which `password` opens if it is locked.

    Raises:
        BadKey: it is none, not of a kind that is used here, or locked with another password.
    """
    locked = b"ENCRYPTED" in pem
    if locked and not password:
        raise BadKey(f"{name} is locked", hint="give its password in CLUSTERBOOK_KEY_PASSWORD")
    try:
        key = serialization.load_pem_private_key(pem, password.encode() if locked else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        what = "is no private key, or locked with another password" if locked else "is no private key"
        raise BadKey(f"{name} {what}", hint="name a PKCS#8 PEM file; cosign's own are read by cosign only") from error
    if isinstance(key, ed25519.Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return PrivateKey(key)
    raise BadKey(f"{name} is of a kind that is not used here", hint="use P-256 or Ed25519")


def read_key_file(path: Path) -> bytes:
    """Return what is in a key file.

    Raises:
        BadKey: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_BYTES)
    except OSError as error:
        raise BadKey(f"{path} cannot be read: {error.strerror}", hint="name a file with a key") from error


def certificate_key(der: bytes) -> PublicKey:
    """Return the key in a certificate, which is not checked itself.

    Raises:
        BadKey: there is none of a kind that is used here.
    """
    from cryptography import x509

    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("the certificate of a signature cannot be read") from error
    if isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
        return PublicKey(key)
    raise BadKey("the certificate of a signature has a key that is not used here")
