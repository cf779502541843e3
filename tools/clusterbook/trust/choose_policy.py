"""Whose policy counts: what a command line says, else the user's own file, else the one that comes with the package.

A policy never comes from what is to be judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.trust.policy import Identity, Policy, TrustOptions, is_pattern
from clusterbook.trust.roots import root_file
from clusterbook.trust.verify import DEFAULT, key_policy, read_policy, root_of_trust

_KMS = ("awskms://", "gcpkms://", "azurekms://", "hashivault://", "k8s://", "pkcs11:")


class PolicyChoice(NamedTuple):
    """What a command line says about whom to believe; None and () where it says nothing.

    `tuf_root` is the file of a root of trust. `identity` and `identity_pattern` name somebody who logs in, for whom
    `issuer` vouches; `roots` are Sigstore instances that are believed as well; with `unsigned`, what nobody signed is
    accepted. `at_least` is the oldest release that will do.
    """

    policy: str | None = None
    keys: tuple[str, ...] = ()
    identity: str | None = None
    identity_pattern: str | None = None
    issuer: str | None = None
    roots: tuple[str, ...] = ()
    unsigned: bool = False
    at_least: str = ""
    tuf_root: str | None = None

    @property
    def flags(self) -> str:
        """The flags by which the next command takes the same policy or keys, each behind a blank."""
        given = [("policy", self.policy), ("tuf-root", self.tuf_root), *(("key", key) for key in self.keys)]
        return "".join(f" --{name} {value}" for name, value in given if value is not None)


def trust_options(choice: PolicyChoice, environment: Mapping[str, str], home: Path) -> TrustOptions:
    """Return whom a command line believes.

    Raises:
        InvalidRequest: it names several policies, or one that is none.
        NotFound: a file that it names does not exist.
    """
    ways = {
        "--policy": choice.policy is not None,
        "--key": bool(choice.keys),
        "--tuf-root": choice.tuf_root is not None,
        "--certificate-identity": choice.identity is not None,
        "--certificate-identity-regexp": choice.identity_pattern is not None,
    }
    given = [flag for flag, is_given in ways.items() if is_given]
    if len(given) > 1:
        what = " and ".join(given)
        raise InvalidRequest(f"{what} exclude each other", hint="give one of them; a policy may name several signers")
    if choice.issuer is not None and not (given and given[0].startswith("--certificate")):
        raise InvalidRequest("--certificate-oidc-issuer alone names no signer", hint="add --certificate-identity")
    policy = _policy(choice, environment, home)
    if policy.roots:
        from clusterbook.trust.root_store import newest_roots

        policy = newest_roots(policy, environment, home)
    policy = _with_updated_root(policy, root_file(environment, home))
    return TrustOptions(_with_roots(policy, choice.roots), unsigned=choice.unsigned, at_least=choice.at_least)


def own_policy(environment: Mapping[str, str], home: Path) -> Path:
    """Return where a user's own policy is looked for. Source: XDG base directory specification."""
    folder = Path(environment.get("XDG_CONFIG_HOME", ""))
    return (folder if folder.is_absolute() else home / ".config") / "clusterbook" / "trust.yaml"


def _policy(choice: PolicyChoice, environment: Mapping[str, str], home: Path) -> Policy:
    if choice.keys:
        for key in choice.keys:
            if key.startswith(_KMS):
                hint = f"save its public key to a file: cosign public-key --key {key} > key.pub"
                raise InvalidRequest(
                    f"{key.partition('://')[0]} is not supported: verification works offline", hint=hint
                )
        return key_policy(map(Path, choice.keys))
    if choice.tuf_root is not None:
        return Policy((root_of_trust(Path(choice.tuf_root)),))
    if choice.policy is not None:
        return read_policy(Path(choice.policy))
    if choice.identity is not None or choice.identity_pattern is not None:
        return Policy((_identity(choice),))
    own = own_policy(environment, home)
    return read_policy(own if own.is_file() else DEFAULT)


def _identity(choice: PolicyChoice) -> Identity:
    """Return somebody who logs in, named as cosign names them."""
    if choice.issuer is None:
        hint = "such as https://token.actions.githubusercontent.com"
        raise InvalidRequest(
            "the OIDC issuer of the identity is missing", hint=f"add --certificate-oidc-issuer, {hint}"
        )
    pattern = choice.identity_pattern or ""
    if pattern and not is_pattern(pattern):
        raise InvalidRequest(f"{pattern!a} is not a regular expression", hint="use RE2 syntax without flags")
    return Identity(choice.identity or "", choice.issuer, identity_pattern=pattern)


def _with_updated_root(policy: Policy, root: Path) -> Policy:
    """Return a policy that believes what `trust update` brought, instead of the public root that sigstore came with."""
    if not any(each.root == "" for each in policy.identities) or not root.is_file():
        return policy
    return policy._replace(
        signers=tuple(
            each._replace(root=str(root)) if isinstance(each, Identity) and not each.root else each
            for each in policy.signers
        )
    )


def _with_roots(policy: Policy, roots: tuple[str, ...]) -> Policy:
    """Return a policy that also believes what these trust roots vouch for."""
    more = [
        each._replace(root=root)
        for root in roots
        for each in dict.fromkeys(each._replace(root="") for each in policy.identities)
    ]
    return policy._replace(signers=(*policy.signers, *more))
