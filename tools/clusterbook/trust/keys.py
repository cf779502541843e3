"""Keys: signing and checking with a key of one's own, P-256 or Ed25519, as cosign does.

Part of `fetch` with a key, so checking imports next to nothing: cryptography's own reader of key files takes longer
than all the rest, and a public key of either kind is a few bytes that never change and then the key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.diagnostics.errors import InvalidRequest, unreadable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

_LARGEST_BYTES = 64 << 10
_PEM = re.compile(r"\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END PUBLIC KEY-----\s*")
_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""What a public key in DER begins with. Source: RFC 8410, section 4."""
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""The same, for an uncompressed point on the named curve. Source: RFC 5480, section 2."""

_OPENS = "set its password in CLUSTERBOOK_KEY_PASSWORD or COSIGN_PASSWORD"
_MAKE_ONE = (
    "make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out our.key"
    " && openssl pkey -in our.key -pubout -out our.pub; `cosign import-key-pair --key our.key` imports it into cosign"
)


class BadKey(InvalidRequest):
    """A file is not a key, is a key of an unsupported type, or cannot be decrypted with the password.

    Keys are PEM files: P-256 or Ed25519; private keys as PKCS#8, or encrypted by cosign. `cosign generate-key-pair` and
    `openssl genpkey -algorithm ed25519` make one.
    """

    code = "CB170"


class PublicKey:
    """A key that checks signatures; `der` are its bytes."""

    def __init__(self, key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey, der: bytes) -> None:
        self._key, self.der = key, der

    def fits(self, signature: bytes, message: bytes) -> bool:
        """Return whether the owner of the key signed exactly this message."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            else:
                self._key.verify(signature, message, _ecdsa())
        except InvalidSignature:
            return False
        return True

    def hint(self) -> str:
        """Return what a bundle calls the key. Source: cosign, base64 of the SHA-256 of the DER form."""
        return base64.b64encode(hashlib.sha256(self.der).digest()).decode()

    def pem(self) -> str:
        """Return the key as text."""
        text = base64.b64encode(self.der).decode()
        lines = [text[at : at + 64] for at in range(0, len(text), 64)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


class PrivateKey:
    """A key that signs. It shows itself to nobody."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, message: bytes) -> bytes:
        """Return a signature of a message."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        return self._key.sign(message, _ecdsa())

    def public(self) -> PublicKey:
        """Return the key that checks what this one signs."""
        return _with_bytes(self._key.public_key())


def public_key(pem: str, name: str) -> PublicKey:
    """Return the public key in a text.

    Raises:
        BadKey: it is none, or not of a kind that is used here.
    """
    match = _PEM.fullmatch(pem)
    try:
        if match is None:
            raise ValueError("not a public key")
        der = base64.b64decode("".join(match[1].split()), validate=True)
    except (ValueError, binascii.Error) as error:
        hint = "a public key begins with -----BEGIN PUBLIC KEY-----; never share a private one"
        raise BadKey(f"{name} is not a public key", hint=hint if "PRIVATE" in pem else "name a PEM file") from error
    try:
        if der.startswith(_ED25519):
            return ed25519_key(der[len(_ED25519) :])
        if der.startswith(_P256):
            from cryptography.hazmat.primitives.asymmetric import ec

            return PublicKey(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), der[len(_P256) :]), der)
    except ValueError as error:
        raise BadKey(f"{name} is a damaged public key", hint="copy it again from where it was published") from error
    raise BadKey(f"{name} has an unsupported type", hint="use P-256 or Ed25519")


def ed25519_key(raw: bytes) -> PublicKey:
    """Return the public key of Ed25519 in its 32 bytes. Raises ValueError where they are none."""
    return PublicKey(ed25519.Ed25519PublicKey.from_public_bytes(raw), _ED25519 + raw)


def private_key(pem: bytes, name: str, *, password: str = "") -> PrivateKey:
    """Return the private key in a text, which `password` opens if it is locked.

    Raises:
        BadKey: it is none, not of a kind that is used here, or locked with another password.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    from clusterbook.trust.cosign_key import WrongPassword, is_cosign_key, open_key

    of_cosign = is_cosign_key(pem)
    locked = of_cosign or b"ENCRYPTED" in pem
    if locked and not (password or of_cosign):  # cosign locks with an empty password, too
        raise BadKey(f"{name} is encrypted", hint=_OPENS)
    try:
        if of_cosign:
            key = load_der_private_key(open_key(pem, password), None)
        else:
            key = load_pem_private_key(pem, password.encode() if locked else None)
    except WrongPassword as error:
        what = "is encrypted with another password" if password else "is encrypted"
        raise BadKey(f"{name} {what}", hint=_OPENS) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        what = "is not a private key, or is encrypted with another password" if locked else "is not a private key"
        raise BadKey(f"{name} {what}", hint=_MAKE_ONE) from error
    if isinstance(key, ed25519.Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return PrivateKey(key)
    raise BadKey(f"{name} has an unsupported type", hint="use P-256 or Ed25519")


def read_key_file(path: Path) -> bytes:
    """Return what is in a key file.

    Raises:
        BadKey: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_BYTES)
    except OSError as error:
        raise unreadable(path, error, hint=f"name a file with a key, or {_MAKE_ONE.partition('; ')[0]}") from error


def certificate_key(der: bytes) -> PublicKey:
    """Return the key in a certificate, which is not checked itself.

    Raises:
        BadKey: there is none of a kind that is used here.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("the certificate of a signature cannot be read") from error
    if isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
        return _with_bytes(key)
    raise BadKey("the certificate of a signature has a key of an unsupported type")


def _ecdsa() -> ec.ECDSA:
    """Return how P-256 signs. ECDSA itself loads a backend to ask it about signatures that are never made here."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm

    class WithSha256(ec.ECDSA):
        algorithm: HashAlgorithm = SHA256()
        deterministic_signing = False

        def __init__(self) -> None:
            """Ask nothing."""

    return WithSha256()


def _with_bytes(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return PublicKey(key, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
