"""Cosign key: the private keys that `cosign generate-key-pair` writes, locked with a password.

    password ─ scrypt → key ─ XSalsa20-Poly1305 ("nacl/secretbox") → PKCS#8

cryptography has scrypt and Poly1305. It has not Salsa20, which is 30 lines here instead of a further library: it only
ever opens a key file of one's own, and what it makes of a wrong password or a changed file, Poly1305 refuses first.
Source: sigstore, pkg/cryptoutils/encrypted; D. J. Bernstein, "Salsa20 specification", "Extending the Salsa20 nonce".
"""

from __future__ import annotations

import base64
import json
import re
import struct
from typing import Any

_PEM = re.compile(
    rb"\s*-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+?)"
    rb"\s*-----END ENCRYPTED \1 PRIVATE KEY-----\s*"
)
_MOST_N, _MOST_R, _MOST_P = 1 << 18, 16, 16
"""cosign takes N 2^16, r 8, p 1; these are 512 MiB, so that no file makes us use more."""
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_QUARTERS = (
    (0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
    (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14),
)  # fmt: skip


class WrongPassword(Exception):
    """The password does not open the key, or the file was changed."""


def is_cosign_key(pem: bytes) -> bool:
    """Return whether a text is a private key as cosign writes it."""
    return re.match(rb"\s*-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----", pem) is not None


def open_key(pem: bytes, password: str) -> bytes:
    """Return the PKCS#8 DER of a key.

    Raises:
        WrongPassword: it does not open.
        ValueError: it is not written as cosign writes one.
    """
    match = _PEM.fullmatch(pem)
    if match is None:
        raise ValueError("not a cosign key")
    try:
        document: dict[str, Any] = json.loads(base64.b64decode(b"".join(match[2].split()), validate=True))
        kdf, cipher = document["kdf"], document["cipher"]
        if (kdf["name"], cipher["name"]) != ("scrypt", "nacl/secretbox"):
            raise ValueError("of another kind")
        cost, block, lanes = (kdf["params"][name] for name in ("N", "r", "p"))
        if not all(type(each) is int for each in (cost, block, lanes)):
            raise ValueError("no numbers")
        if not (1 < cost <= _MOST_N and 0 < block <= _MOST_R and 0 < lanes <= _MOST_P):
            raise ValueError("its scrypt parameters need too much memory")
        salt, nonce, box = map(base64.b64decode, (kdf["salt"], cipher["nonce"], document["ciphertext"]))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"incomplete: {error}") from error
    if len(nonce) != 24:
        raise ValueError("a nonce of another length")
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    key = Scrypt(salt=salt, length=32, n=cost, r=block, p=lanes).derive(password.encode())
    return open_box(box, key, nonce)


def open_box(box: bytes, key: bytes, nonce: bytes) -> bytes:
    """Return what is in a secretbox: 16 bytes of Poly1305, then the message. Raises WrongPassword."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    tag, body = box[:16], box[16:]
    stream = _xsalsa20(key, nonce, 32 + len(body))
    try:
        Poly1305.verify_tag(stream[:32], body, tag)
    except InvalidSignature as error:
        raise WrongPassword from error
    return bytes(left ^ right for left, right in zip(body, stream[32:], strict=True))


def _xsalsa20(key: bytes, nonce: bytes, length: int) -> bytes:
    """Return the first `length` bytes of the stream of a key of 32 bytes and a nonce of 24."""
    mixed = _rounds(_state(key, nonce[:16]))
    short = struct.pack("<8I", *(mixed[at] for at in (0, 5, 10, 15, 6, 7, 8, 9)))  # HSalsa20
    stream = bytearray()
    for block in range(-(-length // 64)):
        state = _state(short, nonce[16:] + struct.pack("<Q", block))
        stream += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(state, _rounds(state), strict=True)))
    return bytes(stream[:length])


def _state(key: bytes, rest: bytes) -> list[int]:
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", rest)
    return [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]


def _rounds(state: list[int]) -> list[int]:
    """Return a state after 20 rounds."""
    x = list(state)
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            for to, one, other, bits in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
                total = (x[one] + x[other]) & 0xFFFFFFFF
                x[to] ^= (total << bits | total >> (32 - bits)) & 0xFFFFFFFF
    return x
