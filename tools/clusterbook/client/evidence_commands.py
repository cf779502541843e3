"""The commands about evidence: `evidence verify`, `evidence sign` and `evidence digest`.

Knows their flags and what they print. Does not know what evidence is. Source: reference rows V51-V54.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from clusterbook.client.flags import WHERE, Flag
from clusterbook.client.program import Once, Program, option
from clusterbook.client.terminal import deliver
from clusterbook.core import ctrf

_FORMAT = Flag("format", ("--format", "-t"), "How the result is printed.", values=("text", "json"))
_TRUST = (
    Flag("key", ("--key",), "Believe whoever has this key: its public half (PEM). May be repeated.", "FILE",
         repeated=True),
    Flag("policy", ("--policy",), "Believe those whom this trust.yaml names.", "FILE"),
    Flag("unsigned", ("--unsigned",), "Accept that nobody vouches for it."),
)  # fmt: skip
_SIGN = (
    Flag("key", ("--key",), "Sign with this private key (PEM: P-256, Ed25519).", "FILE"),
    Flag("keyless", ("--keyless",), "Sign as whoever is logged in: CI, SIGSTORE_ID_TOKEN, or --browser."),
    Flag("browser", ("--browser",), "Log in with the browser where nothing else says who signs."),
    Flag("trust_config", ("--trust-config",), "A Sigstore instance of your own.", "FILE"),
)


def verify(where: str, key: tuple[str, ...], policy: str | None, *, unsigned: bool, format: str | None) -> int:
    """Judge evidence again, and say who vouches for it."""
    from clusterbook.client.evidence import verify as verify_evidence
    from clusterbook.client.opened import Trusting
    from clusterbook.client.trust import key_policy, read_policy
    from clusterbook.core.errors import InvalidRequest

    if key and policy:
        raise InvalidRequest("both --key and --policy were given", hint="give one of them")
    believed = key_policy(map(Path, key)) if key else read_policy(Path(policy)) if policy else None
    proof, by = verify_evidence(where, Trusting(believed, unsigned))
    signer = by.signer if by else ""
    said = {
        "recipe": proof.recipe,
        "digest": proof.digest,
        "verdict": proof.verdict,
        "counts": dict(proof.counts),
        "taken": proof.taken,
        "fingerprint": dict(proof.fingerprint),
        "signer": signer,
    }
    counts = ", ".join(f"{count} {state}" for state, count in proof.counts.items() if count)
    seen = ", ".join(proof.fingerprint.values()) or "nothing says what it is"
    text = (
        f"judged again, it is the same: {proof.recipe} {proof.verdict} ({counts})\n"
        f"recipe {proof.digest}\n"
        f"cluster seen at {proof.taken or 'an unknown time'}: {seen}\n"
        f"{f'signed by {signer}' if signer else 'nobody vouches for the snapshot'}\n"
    )
    deliver(json.dumps(said, indent=2, sort_keys=True) + "\n" if format == "json" else text)
    return ctrf.EXIT[proof.verdict]


def sign(where: str, **words: Any) -> int:
    """Sign evidence."""
    from clusterbook.client.evidence import sign as sign_evidence
    from clusterbook.client.sign import signer

    proof = sign_evidence(where, signer(words, os.environ))
    deliver("", notes=[f"signed: {proof.recipe} {proof.verdict}, {proof.digest}"])
    return 0


def digest(recipe: str, source: str | None, data: str | None) -> int:
    """Print the digest of a recipe."""
    from clusterbook.client.judging import whole_recipe
    from clusterbook.core.evidence import recipe_digest

    found = whole_recipe({key: word for key, word in (("source", source), ("data", data)) if word}, recipe)
    deliver(f"{recipe_digest(found)}\n")
    return 0


_FOLDER = click.Argument(["where"], metavar="DIR")
EVIDENCE = Program("evidence", help="Prove how a cluster was judged, and check such proofs.")
EVIDENCE.add_command(
    Once(
        "verify",
        params=[_FOLDER, *(option(flag) for flag in _TRUST), option(_FORMAT)],
        callback=verify,
        help="Judge evidence again from its recipe and snapshot, and say who vouches for it.\n\nExit status:"
        " that of the judgement (0, 10 or 2) when it holds, 2 when it does not, 4 when nobody believed vouches for it.",
        epilog="\b\nExample:\n  clusterbook evidence verify evidence --key operator.pub",
    )
)
EVIDENCE.add_command(
    Once(
        "sign",
        params=[_FOLDER, *(option(flag) for flag in _SIGN)],
        callback=sign,
        help="Vouch for evidence, once judging it again has shown that it holds.",
        epilog="\b\nExample:\n  clusterbook evidence sign evidence --key operator.key",
    )
)
EVIDENCE.add_command(
    Once(
        "digest",
        params=[click.Argument(["recipe"], metavar="RECIPE"), *(option(flag) for flag in WHERE)],
        callback=digest,
        help="Print the digest of a recipe, by which evidence and releases call it.",
        epilog="\b\nExample:\n  clusterbook evidence digest h100-eks-training",
    )
)
