"""Verify: whether somebody whom the user believes speaks for an artifact: bundle, signature, signer, statement.

There is no network call, and sigstore is imported only for a signature without a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.files.read import read_text
from clusterbook.publisher.names import REPOSITORY
from clusterbook.trust.policy import (
    Identity,
    Key,
    Policy,
    RootOfTrust,
    Tampered,
    Unsigned,
    Untrusted,
    WrongSigner,
    check_identity,
    check_statement,
    decode,
    furthest_fault,
    has_login,
)
from clusterbook.trust.statement import (
    BUNDLE,
    LARGEST_BUNDLE_BYTES,
    BrokenBundle,
    SigstoreBundle,
    Statement,
    pae,
    parse_bundle,
    parse_statement,
)

if TYPE_CHECKING:
    from clusterbook.diagnostics.findings import Finding
    from clusterbook.oci.store import Store

DEFAULT = Path(__file__).with_name("trust.yaml")
"""The policy that comes with the package: our own releases."""
_OF_ROOT = "root "
PUBLIC_ROOT = "Sigstore's public trust root"
_LARGEST_POLICY_BYTES = 1 << 20
_NAMED = "name a trust.yaml, a key or a trusted_root.json"


class BadPolicy(InvalidRequest):
    """A trust.yaml names no signer, or is invalid; nothing was verified."""

    code = "CB173"


class VerifiedStatement(NamedTuple):
    """What was found to be true: who says what about an artifact. `issuer` is "" for a key, `signer` then its file.

    `publisher` stays the same for as long as the key does, or the workflow that logs in.
    """

    statement: Statement
    signer: str
    issuer: str
    publisher: str = ""


def read_policy(path: Path = DEFAULT) -> Policy:
    """Return the policy in a trust.yaml; the keys it names are read, and paths are those of the file's folder.

    Raises:
        NotFound: there is no such file.
        BadPolicy: naming the place of the mistake.
    """
    from clusterbook.documents import yaml_fast

    text, name = _text(path), str(path)
    if path == DEFAULT:
        text = text.replace("{repository}", re.escape(REPOSITORY))
    policy = decode(yaml_fast.read(text))
    if policy is None:
        policy = _parse_policy(text, name)
    return policy._replace(signers=tuple(_read_files(each, path.parent) for each in policy.signers))


def _parse_policy(text: str, name: str) -> Policy:
    """Return the policy in a text that takes all of YAML to read, or is wrong. Raises BadPolicy."""
    from clusterbook.diagnostics.findings import SourceErrors
    from clusterbook.documents.yaml_reader import parse  # 30 ms that a plain policy does not cost

    try:
        node = parse(text, name, plain=True)
    except SourceErrors as error:
        raise _policy_error(error.findings[0]) from error
    policy = decode(node.text_data()) if node is not None else None
    if policy is not None:
        return policy
    if node is None or not isinstance(node.value, dict):
        raise BadPolicy(f"{name} holds no policy", hint="it starts with apiVersion: and kind: TrustPolicy")
    from clusterbook.documents.schema import check_shape
    from clusterbook.trust.policy_schema import TrustPolicyShape

    findings: list[Finding] = []
    check_shape(node, name, TrustPolicyShape, findings, strict=True)
    raise _policy_error(findings[0]) if findings else BadPolicy(f"{name} is not a valid policy")


def key_policy(files: Iterable[Path]) -> Policy:
    """Return the policy that any one of these keys may have signed. Raises BadPolicy when one cannot be read."""
    return Policy(tuple(Key(str(path), _text(path)) for path in files))


def root_of_trust(file: Path) -> RootOfTrust:
    """Return the root of trust in a file. Raises BadPolicy, BadTufRoot, UntrustedRoot."""
    from clusterbook.trust.tuf_root import read_root

    return read_root(_text(file).encode(), str(file))


def verify(raw: bytes, digest: str, policy: Policy) -> VerifiedStatement:
    """Return what a bundle says about the artifact with `digest`, once it is known to be true.

    Raises:
        Untrusted: it is not; of which kind says why.
        BrokenBundle: it is no bundle.
        BadKey: the policy names a key that is none; BadTrustRoot: a root that is none.
    """
    bundle = parse_bundle(raw)
    signer, issuer = _by_key(bundle, policy) if not bundle.certificate else _by_login(bundle, policy)
    statement = check_statement(parse_statement(bundle.payload), digest, policy)
    return VerifiedStatement(statement, signer, issuer, _publisher(policy, signer, issuer))


def accepts_publisher(policy: Policy, publisher: str, signer: str, issuer: str) -> bool:
    """Return whether a policy names whoever signed something once (`Verified`)."""
    if issuer:
        return has_login(policy, signer, issuer)
    if publisher.startswith(_OF_ROOT):
        name = signer.rpartition("#")[2]
        return any(
            publisher == f"{_OF_ROOT}{root.first}" and name in (key.file.rpartition("#")[2] for key in root.keys)
            for root in policy.roots
        )
    return any(publisher == _publisher(policy, key.file, "") for key in policy.keys)


def _publisher(policy: Policy, signer: str, issuer: str) -> str:
    """Return what stays of whoever signed from one release to the next: of a workflow, not the tag that it ran for.

    Of keys that a root of trust names it is that root, so that an older index is noticed whichever of them signed it.
    """
    if issuer:
        return f"login {issuer} {signer.partition('@')[0] if '://' in signer else signer}"
    for root in policy.roots:
        if signer in (key.file for key in root.keys):
            return f"{_OF_ROOT}{root.first}"
    from clusterbook.trust.keys import public_key

    key = next(each for each in policy.keys if each.file == signer)
    return f"key {public_key(key.pem, key.file).hint()}"


def verify_any(bundles: Iterable[bytes], digest: str, policy: Policy) -> VerifiedStatement:
    """Return what the first bundle that counts says about the artifact with `digest`.

    Raises:
        Unsigned: there is no bundle.
        Untrusted: none counts; the one that got furthest says why.
    """
    return next(_statements(bundles, digest, policy))


def verify_every(bundles: Iterable[bytes], digest: str, policy: Policy) -> list[VerifiedStatement]:
    """Return what each bundle that counts says about the artifact with `digest`. Raises as `verify_any`."""
    return list(_statements(bundles, digest, policy))


def _statements(bundles: Iterable[bytes], digest: str, policy: Policy) -> Iterator[VerifiedStatement]:
    """Yield what bundles that count say, at least one of them."""
    faults: list[Untrusted] = []
    none = True
    for raw in bundles:
        try:
            statement = verify(raw, digest, policy)
        except Untrusted as fault:
            faults.append(fault)
        except BrokenBundle as error:
            faults.append(Tampered(error.what, hint=error.hint))
        else:
            none = False
            yield statement
    if none and not faults:
        hint = f"the policy requires {policy}; check that it is the right source"
        raise Unsigned(f"{digest} is not signed", hint=hint)
    if none:
        raise furthest_fault(faults)


def bundles_of(store: Store, repository: str, digest: str) -> Iterator[bytes]:
    """Yield the bundles that a store has on an artifact, as our publisher and cosign attach them."""
    for manifest in store.referrers(repository, digest, BUNDLE):
        for layer in manifest.layers[:1]:
            yield store.read(repository, layer, limit_bytes=LARGEST_BUNDLE_BYTES)


def _by_key(bundle: SigstoreBundle, policy: Policy) -> tuple[str, str]:
    """Return which of the policy's keys signed."""
    from clusterbook.trust.keys import public_key

    keys = {each: public_key(each.pem, each.file) for each in policy.keys}
    for each, key in keys.items():
        if key.fits(bundle.signature, pae(bundle.payload)):
            return each.file, ""
    if bundle.hint in [key.hint() for key in keys.values()]:
        raise Tampered("the signature does not match the statement", hint="one of them was changed after signing")
    hint = f"--key FILE trusts the publisher's public key; the policy requires {policy}"
    raise WrongSigner("it is signed with a key that the policy does not name", hint=hint)


def _by_login(bundle: SigstoreBundle, policy: Policy) -> tuple[str, str]:
    """Return who signed by logging in, and who vouches for them."""
    roots: Mapping[str, None] = dict.fromkeys(each.root for each in policy.identities)
    if not roots:
        what = "it is signed keyless, not with a key"
        raise WrongSigner(what, hint=f"the policy requires {policy}")
    from clusterbook.trust.sigstore import verify_keyless

    faults: list[Untrusted] = []
    for root in roots:
        try:
            signer = verify_keyless(bundle, root_text(root), root or PUBLIC_ROOT)
            check_identity(signer.identity, signer.issuer, root, policy)
            return signer.identity, signer.issuer
        except Untrusted as fault:
            faults.append(fault)
    raise furthest_fault(faults)


def root_text(root: str) -> bytes:
    """Return the text of a trust root: a file, or "" for Sigstore's public one.

    Raises:
        BadPolicy: the file cannot be read.
    """
    if root:
        return _text(Path(root)).encode()
    from clusterbook.trust.sigstore import public_root

    return public_root()


def _read_files(signer: Identity | Key | RootOfTrust, folder: Path) -> Identity | Key | RootOfTrust:
    """Return a signer with its files found from the folder of the policy, and its key or its root of trust read."""
    if isinstance(signer, Key):
        return Key(signer.file, _text(folder / signer.file))
    if isinstance(signer, RootOfTrust):
        return root_of_trust(folder / signer.file)
    return signer._replace(root=str(folder / signer.root)) if signer.root else signer


def _text(path: Path) -> str:
    return read_text(path, limit_bytes=_LARGEST_POLICY_BYTES, hint=_NAMED, error=BadPolicy)


def _policy_error(finding: Finding) -> BadPolicy:
    return BadPolicy(finding.what, place=finding.place, hint=finding.hint)
