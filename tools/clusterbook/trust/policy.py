"""Policy: whom we believe, and what about; whether a signature that is good counts.

Part of `fetch` and `verify` with a key, so it imports no pydantic; `policy_schema` says the same in shapes, for the
schema and for messages with places, and a test holds that both agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.documents.api_version import API_VERSION
from clusterbook.trust.statement import PROVENANCE, Statement

KIND = "TrustPolicy"
_IDENTITY_KEYS = {"identity": "identityPattern", "issuer": "issuerPattern"}


class Untrusted(ClusterbookError):
    """No signature on the artifact satisfies the policy. Do not use it.

    `rank` says how far the best signature got: of several that fail, the one to tell the user about.
    """

    code = "CB161"
    exit_status = 4
    rank = 0


class Unsigned(Untrusted):
    """The artifact carries no signature at all; one may have been stripped, or it was never signed."""

    code = "CB162"


class Tampered(Untrusted):
    """A signature does not match its content: one of them was changed after signing."""

    code = "CB163"
    rank = 1


class BadSignature(Untrusted):
    """A signature does not chain to the trust root: it is of another instance, expired, or not in the log."""

    code = "CB164"
    rank = 2


class ExpiredRoot(Untrusted):
    """The trust root expired before the signature was made, so it cannot verify it. Get a newer one: `trust update`."""

    code = "CB165"
    rank = 3


class WrongSigner(Untrusted):
    """A valid signature by a signer whom the policy does not name."""

    code = "CB166"
    rank = 4


class WrongIssuer(Untrusted):
    """A valid signature with the right identity, but from an OIDC issuer that the policy does not name."""

    code = "CB167"
    rank = 5


class SubjectMismatch(Untrusted):
    """A valid signature by the right signer, but for another artifact."""

    code = "CB168"
    rank = 6


class PredicateMismatch(Untrusted):
    """A valid signature by the right signer on this artifact, but not of a predicate type that the policy requires."""

    code = "CB169"
    rank = 7


class Identity(NamedTuple):
    """Somebody who signs by logging in: a name and who vouches for it, each exact or a pattern that fits all of it.

    `root` is the trusted_root.json that vouches for both; "" is Sigstore's public one.
    """

    identity: str = ""
    issuer: str = ""
    identity_pattern: str = ""
    issuer_pattern: str = ""
    root: str = ""

    def __str__(self) -> str:
        return f"{self.identity or self.identity_pattern} of {self.issuer or self.issuer_pattern}"


class Key(NamedTuple):
    """Somebody who signs with a key: a file with a public key, and its text once it is read."""

    file: str
    pem: str = ""

    def __str__(self) -> str:
        return f"the key {self.file}"


class RootOfTrust(NamedTuple):
    """Those whom a root of trust names: the file that is believed to begin with, and the version that counts now.

    `keys` are those of releases, `expires` until when no later version has to be seen, `first` the digest of what is in
    the file.
    """

    file: str
    first: str = ""
    data: bytes = b""
    version: int = 0
    expires: datetime = datetime.max.replace(tzinfo=UTC)
    keys: tuple[Key, ...] = ()

    def __str__(self) -> str:
        return f"the root of trust {self.file}, version {self.version}"


class Policy(NamedTuple):
    """Who may sign, any one of them, and what they have to say."""

    signers: tuple[Identity | Key | RootOfTrust, ...]
    predicate_types: tuple[str, ...] = (PROVENANCE,)

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Those who log in."""
        return tuple(each for each in self.signers if isinstance(each, Identity))

    @property
    def keys(self) -> tuple[Key, ...]:
        """Those who have a key, and the keys that roots of trust name."""
        keys: list[Key] = []
        for each in self.signers:
            keys += [each] if isinstance(each, Key) else each.keys if isinstance(each, RootOfTrust) else []
        return tuple(keys)

    @property
    def roots(self) -> tuple[RootOfTrust, ...]:
        """The roots of trust."""
        return tuple(each for each in self.signers if isinstance(each, RootOfTrust))

    def __str__(self) -> str:
        return " or ".join(map(str, self.signers))


class TrustOptions(NamedTuple):
    """Whom to believe; with `unsigned`, also those who do not sign, though never a signature that is wrong.

    `at_least` is the oldest release that will do, "" for any.
    """

    policy: Policy | None
    unsigned: bool = False
    at_least: str = ""


def decode(document: Any) -> Policy | None:
    """Return the policy that a trust.yaml says, its scalars as text; None when it is not written as it has to be."""
    if not _has_keys(document, {"apiVersion", "kind", "metadata", "spec"}, {"apiVersion", "kind", "metadata", "spec"}):
        return None
    metadata, spec = document["metadata"], document["spec"]
    if document["apiVersion"] != API_VERSION or document["kind"] != KIND:
        return None
    if not _has_keys(metadata, {"name"}, {"name", "version"}) or not all(map(_is_word, metadata.values())):
        return None
    if not _has_keys(spec, {"signers"}, {"signers", "predicateTypes"}):
        return None
    signers, types = spec["signers"], spec.get("predicateTypes", [PROVENANCE])
    if not isinstance(signers, list) or not signers or not _are_words(types):
        return None
    decoded = [_signer(each) for each in signers]
    return None if None in decoded else Policy(tuple(filter(None, decoded)), tuple(types))


def check_identity(identity: str, issuer: str, root: str, policy: Policy) -> Identity:
    """Return the one of the policy's signers who signed, as the trust root `root` says.

    Raises:
        WrongSigner: the policy does not name them.
        WrongIssuer: it does, vouched for by somebody else.
    """
    named = [
        each
        for each in policy.identities
        if each.root == root and _fits(identity, each.identity, each.identity_pattern)
    ]
    for each in named:
        if _fits(issuer, each.issuer, each.issuer_pattern):
            return each
    if named:
        raise WrongIssuer(f"it is signed by {identity} (issuer {issuer})", hint=f"the policy requires {policy}")
    raise WrongSigner(f"it is signed by {identity} (issuer {issuer})", hint=f"the policy requires {policy}")


def has_login(policy: Policy, identity: str, issuer: str) -> bool:
    """Return whether one of the policy's signers is somebody who logs in by that name, whichever instance says so."""
    return any(
        _fits(identity, each.identity, each.identity_pattern) and _fits(issuer, each.issuer, each.issuer_pattern)
        for each in policy.identities
    )


def check_statement(statement: Statement, digest: str, policy: Policy) -> Statement:
    """Return a statement, having made sure that it is about `digest` and says what the policy asks for.

    Raises:
        SubjectMismatch: it is about something else.
        PredicateMismatch: it says something else.
    """
    if digest not in (each.digest for each in statement.subjects):
        names = ", ".join(sorted({each.name for each in statement.subjects if each.name})[:3]) or "something else"
        raise SubjectMismatch(f"the signature covers {names}, not {digest}", hint="it was copied from another artifact")
    if statement.predicate_type not in policy.predicate_types:
        types = " or ".join(policy.predicate_types)
        raise PredicateMismatch(
            f"the signed statement is {statement.predicate_type}", hint=f"the policy requires {types}"
        )
    return statement


def furthest_fault(faults: Sequence[Untrusted]) -> Untrusted:
    """Return the fault of the signature that got furthest, which says most about what is wrong."""
    return max(faults, key=lambda fault: fault.rank)


def covers(root: Mapping[str, Any], at: datetime) -> bool:
    """Return whether a trusted_root.json has a certificate authority and both kinds of log for that time."""
    return all(
        any(_within(each, at) for each in root.get(kind) or [])
        for kind in ("certificateAuthorities", "tlogs", "ctlogs")
    )


def _within(part: Any, at: datetime) -> bool:
    """Return whether one authority or log of a trust root was in use at a time."""
    try:
        span = part.get("validFor") or (part.get("publicKey") or {}).get("validFor") or {}
        start, end = span.get("start"), span.get("end")
        return (not start or datetime.fromisoformat(start) <= at) and (not end or at <= datetime.fromisoformat(end))
    except (AttributeError, TypeError, ValueError):
        return False


def _signer(entry: Any) -> Identity | Key | RootOfTrust | None:
    if _has_keys(entry, {"key"}, {"key"}):
        return Key(entry["key"]) if _is_word(entry["key"]) else None
    if _has_keys(entry, {"tufRoot"}, {"tufRoot"}):
        return RootOfTrust(entry["tufRoot"]) if _is_word(entry["tufRoot"]) else None
    if not _has_keys(entry, {"keyless"}, {"keyless"}):
        return None
    keyless = entry["keyless"]
    keys = {*_IDENTITY_KEYS, *_IDENTITY_KEYS.values(), "root"}
    if not _has_keys(keyless, set(), keys) or not all(map(_is_word, keyless.values())):
        return None
    if any((exact in keyless) == (pattern in keyless) for exact, pattern in _IDENTITY_KEYS.items()):
        return None
    if not all(is_pattern(keyless[name]) for name in _IDENTITY_KEYS.values() if name in keyless):
        return None
    return Identity(
        keyless.get("identity", ""),
        keyless.get("issuer", ""),
        keyless.get("identityPattern", ""),
        keyless.get("issuerPattern", ""),
        keyless.get("root", ""),
    )


def is_pattern(text: str) -> bool:
    """Return whether a text is a regular expression that can be held against a name in linear time."""
    from clusterbook.documents.regex import BadRegex, compile_pattern

    try:
        compile_pattern(text)
    except BadRegex:
        return False
    return True


def _fits(word: str, exact: str, pattern: str) -> bool:
    """Return whether a name is the one that is meant; one that is too long for a pattern is not."""
    if exact:
        return word == exact
    from clusterbook.documents.regex import BadRegex, compile_pattern

    try:
        return compile_pattern(pattern).fullmatch(word)
    except BadRegex:
        return False


def _has_keys(document: Any, required: set[str], allowed: set[str]) -> bool:
    """Return whether something is a map with all the keys it needs, and no other."""
    return isinstance(document, dict) and required <= document.keys() <= allowed


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_word, value))
