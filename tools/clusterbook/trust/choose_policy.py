"""Believing: from the words of a command line to whom it believes.

Knows where a policy comes from: flags, else the user's own file, else the one that comes with the package; never from
what is to be judged. Does not know signatures (`trust`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.trust.policy import Identity, Policy, Trusting, is_pattern
from clusterbook.trust.roots import root_file
from clusterbook.trust.verify import DEFAULT, key_policy, read_policy

Words = Mapping[str, Sequence[str]]
"""The values of each flag by its key, as `flags.scan_all` finds them."""
_KMS = ("awskms://", "gcpkms://", "azurekms://", "hashivault://")


def trusting(words: Words, environment: Mapping[str, str], home: Path) -> Trusting:
    """Return whom a command line believes.

    Raises:
        InvalidRequest: it names several policies, or one that is none.
        NotFound: a file that it names does not exist.
    """
    ways = ("policy", "key", "certificate_identity", "certificate_identity_regexp")
    given = [way for way in ways if way in words]
    if len(given) > 1:
        what = " and ".join(f"--{way.replace('_', '-')}" for way in given)
        raise InvalidRequest(f"{what} each say whom to believe", hint="give one of them; a policy may name several")
    if "certificate_oidc_issuer" in words and not (given and given[0].startswith("certificate")):
        raise InvalidRequest("--certificate-oidc-issuer names nobody", hint="add --certificate-identity")
    policy = _updated(_policy(words, environment, home), root_file(environment, home))
    return Trusting(_rooted(policy, words), unsigned="allow_unsigned" in words)


def own_policy(environment: Mapping[str, str], home: Path) -> Path:
    """Return where a user's own policy is looked for. Source: XDG base directory specification."""
    folder = Path(environment.get("XDG_CONFIG_HOME", ""))
    return (folder if folder.is_absolute() else home / ".config") / "clusterbook" / "trust.yaml"


def _policy(words: Words, environment: Mapping[str, str], home: Path) -> Policy:
    if "key" in words:
        for key in words["key"]:
            if key.startswith(_KMS):
                hint = f"save its public key to a file: cosign public-key --key {key} > key.pub"
                raise InvalidRequest(f"{key.partition('://')[0]} is not asked: checking needs no network", hint=hint)
        return key_policy(map(Path, words["key"]))
    if "policy" in words:
        return read_policy(Path(words["policy"][0]))
    if "certificate_identity" in words or "certificate_identity_regexp" in words:
        return Policy((_identity(words),))
    own = own_policy(environment, home)
    return read_policy(own if own.is_file() else DEFAULT)


def _identity(words: Words) -> Identity:
    """Return somebody who logs in, named as cosign names them."""
    if "certificate_oidc_issuer" not in words:
        hint = "such as https://token.actions.githubusercontent.com"
        raise InvalidRequest("it is not said who vouches for the name", hint=f"add --certificate-oidc-issuer, {hint}")
    pattern = words.get("certificate_identity_regexp", [""])[0]
    if pattern and not is_pattern(pattern):
        raise InvalidRequest(f"{pattern!a} is not a regular expression")
    issuer = words["certificate_oidc_issuer"][0]
    return Identity(words.get("certificate_identity", [""])[0], issuer, identity_pattern=pattern)


def _updated(policy: Policy, root: Path) -> Policy:
    """Return a policy that believes what `trust update` brought, instead of the public root that sigstore came with."""
    if not any(each.root == "" for each in policy.identities) or not root.is_file():
        return policy
    return policy._replace(
        signers=tuple(
            each._replace(root=str(root)) if isinstance(each, Identity) and not each.root else each
            for each in policy.signers
        )
    )


def _rooted(policy: Policy, words: Words) -> Policy:
    """Return a policy that also believes what the trust roots vouch for that are named on the command line."""
    more = [
        each._replace(root=root)
        for root in words.get("trust_root", ())
        for each in dict.fromkeys(each._replace(root="") for each in policy.identities)
    ]
    return policy._replace(signers=(*policy.signers, *more))
