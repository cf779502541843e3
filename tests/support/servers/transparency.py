"""A transparency log in memory: Merkle tree, proofs, signed checkpoints. Source: RFC 6962; C2SP tlog-checkpoint."""

from __future__ import annotations

import base64
import hashlib
import threading
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

Keys = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def spki(key: Keys) -> bytes:
    """Return the public half of a key, in DER."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def sign(key: Keys, message: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    return key.sign(message)


class Inclusion(NamedTuple):
    """Where an entry is, and the proof that it is there."""

    position: int
    size: int
    root: bytes
    path: list[bytes]
    checkpoint: str


class Log:
    """One log: `origin` is its name, `key` signs, `log_id` is what others call it."""

    def __init__(self, origin: str, key: Keys, log_id: bytes = b"") -> None:
        self.origin, self.key = origin, key
        self.log_id = log_id or sha256(spki(key))
        # protobuf's JSON leaves out an index of 0 and a proof without hashes, which sigstore-models then refuses
        self._leaves = [_leaf(b"seed")]
        self._lock = threading.Lock()

    def append(self, entry: bytes) -> Inclusion:
        """Add an entry."""
        with self._lock:
            self._leaves.append(_leaf(entry))
            size, root = len(self._leaves), _root(self._leaves)
            note = f"{self.origin}\n{size}\n{b64(root)}\n"
            signature = b64(self.log_id[:4] + sign(self.key, note.encode()))
            checkpoint = f"{note}\n\u2014 {self.origin.split(' ')[0]} {signature}\n"
            return Inclusion(size - 1, size, root, _path(size - 1, self._leaves), checkpoint)


def _leaf(data: bytes) -> bytes:
    return sha256(b"\0" + data)


def _split(leaves: list[bytes]) -> int:
    return 1 << ((len(leaves) - 1).bit_length() - 1)


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    at = _split(leaves)
    return sha256(b"\1" + _root(leaves[:at]) + _root(leaves[at:]))


def _path(position: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = _split(leaves)
    if position < at:
        return [*_path(position, leaves[:at]), _root(leaves[at:])]
    return [*_path(position - at, leaves[at:]), _root(leaves[:at])]
