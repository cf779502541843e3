"""TUF root: a document that names the keys of releases, and those keys by which it is replaced.

    role root                            a threshold of its keys signs each version: those of the version before, and
                                         its own, so that no single lost or stolen key is enough
    roles targets, snapshot, timestamp   the keys of releases, any one of them; an index is all three at once

It is root metadata as TUF defines it, so that other tools write and sign it as well. Parsing, canonical form and
thresholds are python-tuf's, which is imported only where somebody uses such a root. Source: TUF specification 1.0,
sections 4.3, 5.3 and 6.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.trust.keys import PrivateKey, PublicKey, ed25519_key, public_key
from clusterbook.trust.policy import Key, RootOfTrust, Untrusted

if TYPE_CHECKING:
    from securesystemslib.signer import Key as TufKey
    from tuf.api.metadata import Metadata, Root

ROOT, RELEASE = "root", ("targets", "snapshot", "timestamp")
LARGEST_ROOT_BYTES = 512 << 10
"""As python-tuf has it."""
_COUNT = "sign it with more of its keys: clusterbook-build root sign FILE --key KEY"


class BadTufRoot(InvalidRequest):
    """A root of trust cannot be read, cannot be used for releases, or cannot be changed as asked.

    It is TUF root metadata: `clusterbook-build root new` writes one. P-256 and Ed25519 keys are supported.
    """

    code = "CB212"


class UntrustedRoot(Untrusted):
    """A root of trust is not signed by enough keys of the previous version, or of its own.

    The previously trusted version is kept. An attacker with fewer keys than the threshold may have published this one.
    """

    code = "CB213"


class ExpiredTufRoot(Untrusted):
    """The newest available root of trust has expired, so a later one may be withheld from you.

    Its publisher has to publish a new version before that date, even if nothing in it changes.
    """

    code = "CB214"


class Signatures(NamedTuple):
    """How many of the keys that have to sign a root did, of how many that are needed: of its own, of those before."""

    own: int
    needed: int
    before: int = 0
    before_needed: int = 0

    @property
    def enough(self) -> bool:
        """Whether it counts."""
        return self.own >= self.needed and self.before >= self.before_needed


def read_root(data: bytes, name: str) -> RootOfTrust:
    """Return a root of trust to begin with, which has to be signed by enough of its own keys.

    Raises:
        BadTufRoot: it is none.
        UntrustedRoot: too few signed it.
    """
    metadata = _parse(data, name)
    _refuse_unsigned(signatures(data, name), name)
    return _root(metadata, data, name, sha256(data).hexdigest())


def next_root(before: RootOfTrust, data: bytes, name: str) -> RootOfTrust:
    """Return the root of trust that follows one that is believed; it keeps the name of that.

    Raises:
        BadTufRoot: it is none.
        UntrustedRoot: it is not the next version, or too few signed it.
    """
    metadata = _parse(data, name)
    if metadata.signed.version != before.version + 1:
        what = f"{name} is version {metadata.signed.version} of a root of trust, not {before.version + 1}"
        raise UntrustedRoot(what, hint="versions follow one another without a gap")
    _refuse_unsigned(signatures(data, name, before.data), name)
    return _root(metadata, data, before.file, before.first)


def signatures(data: bytes, name: str, before: bytes = b"") -> Signatures:
    """Return who signed a root of trust; `before` is the version before it, b"" for the first that is believed.

    Raises:
        BadTufRoot: one of them is none.
    """
    metadata = _parse(data, name)
    own = metadata.signed.get_verification_result(ROOT, metadata.signed_bytes, metadata.signatures)
    if not before:
        return Signatures(len(own.signed), own.threshold)
    old = _parse(before, name).signed.get_verification_result(ROOT, metadata.signed_bytes, metadata.signatures)
    return Signatures(len(own.signed), own.threshold, len(old.signed), old.threshold)


def new_root(root_keys: Iterable[PublicKey], threshold: int, releases: Iterable[PublicKey], expires: datetime) -> bytes:
    """Return version 1 of a root of trust, signed by nobody yet.

    Raises:
        BadTufRoot: it could never be signed, or nobody could sign a release.
    """
    from tuf.api.metadata import Metadata, Root

    metadata = Metadata(Root(version=1, expires=expires, consistent_snapshot=True))
    for key in root_keys:
        metadata.signed.add_key(_tuf_key(key), ROOT)
    _add_releases(metadata.signed, releases)
    return _encode_signed(metadata, threshold, "the new root of trust")


class RootChange(NamedTuple):
    """What becomes another in the next version of a root; `threshold` 0 leaves it is."""

    add_root: tuple[PublicKey, ...] = ()
    remove_root: tuple[PublicKey, ...] = ()
    add_release: tuple[PublicKey, ...] = ()
    remove_release: tuple[PublicKey, ...] = ()
    threshold: int = 0


def change_root(data: bytes, name: str, change: RootChange, expires: datetime) -> bytes:
    """Return the next version of a root of trust, signed by nobody yet.

    Raises:
        BadTufRoot: a key that is to go is not there, too few stay, or it is no root.
    """
    metadata = _parse(data, name)
    root = metadata.signed
    metadata.signatures.clear()
    root.version, root.expires = root.version + 1, expires.replace(microsecond=0)
    for key in change.add_root:
        root.add_key(_tuf_key(key), ROOT)
    _add_releases(root, change.add_release)
    for key in change.remove_root:
        _revoke(root, key, (ROOT,), name)
    for key in change.remove_release:
        _revoke(root, key, RELEASE, name)
    return _encode_signed(metadata, change.threshold or root.roles[ROOT].threshold, name)


def sign_root(data: bytes, name: str, key: PrivateKey, before: bytes = b"") -> bytes:
    """Return a root of trust with one more signature.

    Args:
        data: the root.
        name: how a message calls it.
        key: who signs.
        before: the version before it, whose keys count as well.

    Raises:
        BadTufRoot: neither version names the key as one of a root.
    """
    from securesystemslib.signer import Signature

    metadata = _parse(data, name)
    keys = dict(_keys_of(metadata.signed, ROOT))
    if before:
        keys |= dict(_keys_of(_parse(before, name).signed, ROOT))
    der = key.public().der
    keyid = next((keyid for keyid, each in keys.items() if _der(each) == der), "")
    if not keyid:
        hint = "name the private half of a root key; put the previous version beside it, or name it with --after"
        raise BadTufRoot(f"this key is not a root key of {name}", hint=hint)
    metadata.signatures[keyid] = Signature(keyid, key.sign(metadata.signed_bytes).hex())
    return _encode(metadata)


def describe_root(root: RootOfTrust) -> Mapping[str, Any]:
    """Return what a root of trust says, as data."""
    root_data = _parse(root.data, root.file).signed
    return {
        "version": root.version,
        "expires": root.expires.isoformat().replace("+00:00", "Z"),
        "threshold": root_data.roles[ROOT].threshold,
        "rootKeys": [keyid for keyid, _ in _keys_of(root_data, ROOT)],
        "releaseKeys": [keyid for keyid, _ in _keys_of(root_data, RELEASE[0])],
    }


def _parse(data: bytes, name: str) -> Metadata[Root]:
    """Return root metadata that can be used here.

    Raises:
        BadTufRoot: it is none, or asks for what is not done here.
    """
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata, Root

    hint = "name TUF root metadata, as `clusterbook-build root new` writes it"
    try:
        metadata = Metadata[Root].from_bytes(data)
        _ = metadata.signed_bytes  # what is signed cannot be written down where a number in it is no integer
    except (RepositoryError, ValueError, RecursionError) as error:
        raise BadTufRoot(f"{name} is not a root of trust", hint=hint) from error
    if not isinstance(metadata.signed, Root):
        raise BadTufRoot(f"{name} is TUF metadata of another type", hint=hint)
    _refuse_unusable(metadata.signed, name)
    return metadata


def _refuse_unusable(root: Root, name: str) -> None:
    """Raise BadTufRoot where a root lets one key count twice, or nobody sign a release."""
    for role in (ROOT, RELEASE[0]):
        keys = [_der(key) for _, key in _keys_of(root, role)]
        if b"" in keys:
            what = f"{name} has a key of an unsupported type in the role {role}"
            raise BadTufRoot(what, hint="use P-256 or Ed25519")
        if len(set(keys)) < len(keys):
            raise BadTufRoot(f"{name} lists one key twice, so it would count twice", hint="list it once")
        if len(keys) < root.roles[role].threshold:
            what = f"{name} requires {root.roles[role].threshold} signatures for the role {role}, but lists {len(keys)}"
            raise BadTufRoot(f"{what} keys", hint="add keys, or lower the threshold")
    if root.roles[RELEASE[0]].threshold != 1:
        raise BadTufRoot(f"{name} requires several signatures on a release", hint="its threshold must be 1")
    if any(root.roles[role].keyids != root.roles[RELEASE[0]].keyids for role in RELEASE):
        what = f"{name} has different keys for {', '.join(RELEASE)}"
        raise BadTufRoot(what, hint="use the same keys: the index serves as all three")


def _refuse_unsigned(counts: Signatures, name: str) -> None:
    if counts.before < counts.before_needed:
        what = (
            f"{name} is signed by {counts.before} of the {counts.before_needed} keys that the previous version requires"
        )
        raise UntrustedRoot(what, hint=_COUNT)
    if counts.own < counts.needed:
        raise UntrustedRoot(
            f"{name} is signed by {counts.own} of the {counts.needed} keys that it requires", hint=_COUNT
        )


def _root(metadata: Metadata[Root], data: bytes, name: str, first: str) -> RootOfTrust:
    keys = _keys_of(metadata.signed, RELEASE[0])
    named = tuple(Key(f"{name}#{keyid[:12]}", _public(key).pem()) for keyid, key in keys)
    return RootOfTrust(name, first, data, metadata.signed.version, metadata.signed.expires.astimezone(UTC), named)


def _keys_of(root: Root, role: str) -> list[tuple[str, TufKey]]:
    return [(keyid, root.keys[keyid]) for keyid in root.roles[role].keyids if keyid in root.keys]


def _public(key: TufKey) -> PublicKey:
    """Return a key of TUF as one of ours. Raises BadKey, ValueError where it is of another kind."""
    value = str(key.keyval.get("public", ""))
    if key.keytype == "ed25519":
        return ed25519_key(bytes.fromhex(value))
    if key.scheme != "ecdsa-sha2-nistp256":
        raise ValueError(f"{key.scheme} is not supported")
    return public_key(value, "a key of the root")


def _der(key: TufKey) -> bytes:
    """Return the bytes of a key, b"" for one of a kind that only TUF knows."""
    try:
        return _public(key).der
    except (ValueError, InvalidRequest):
        return b""


def _tuf_key(key: PublicKey) -> TufKey:
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    from securesystemslib.signer import SSlibKey

    return SSlibKey.from_crypto(load_der_public_key(key.der))


def _add_releases(root: Root, keys: Iterable[PublicKey]) -> None:
    for key in keys:
        for role in RELEASE:
            root.add_key(_tuf_key(key), role)


def _revoke(root: Root, key: PublicKey, roles: Iterable[str], name: str) -> None:
    for role in roles:
        keyid = next((keyid for keyid, each in _keys_of(root, role) if _der(each) == key.der), "")
        if not keyid:
            raise BadTufRoot(f"{name} does not have a key that is to be removed", hint="it may be in the other role")
        root.revoke_key(keyid, role)


def _encode_signed(metadata: Metadata[Root], threshold: int, name: str) -> bytes:
    metadata.signed.roles[ROOT].threshold = threshold
    _refuse_unusable(metadata.signed, name)
    return _encode(metadata)


def _encode(metadata: Metadata[Root]) -> bytes:
    from tuf.api.serialization.json import JSONSerializer

    return metadata.to_bytes(JSONSerializer(compact=False)) + b"\n"
