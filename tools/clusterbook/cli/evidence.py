"""The commands about evidence: `evidence verify`, `evidence sign`, `evidence publish` and `evidence digest`.

Knows their flags and what they print. Does not know what evidence is. Source: reference rows V50-V55.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clusterbook.cli.fetch import ACCESS
from clusterbook.cli.flags import WHERE, Flag
from clusterbook.cli.program import Once, Program, option
from clusterbook.cli.terminal import deliver, log
from clusterbook.oci.reference import SCHEME
from clusterbook.validate import ctrf

if TYPE_CHECKING:
    from clusterbook.oci.open import Access
    from clusterbook.trust.sign import Signer

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
    Flag("yes", ("--yes", "-y"), "Ask nothing: who signs --keyless is made public."),
)
_SAVE = Flag("save", ("--save",), "Keep the evidence in this folder, once it holds.", "DIR")
_PUBLISHED = Flag("unsigned", ("--unsigned",), "Publish it though nobody vouches for it.")


def verify(
    where: str,
    key: tuple[str, ...],
    policy: str | None,
    *,
    unsigned: bool,
    format: str | None,
    save: str | None,
    **access: Any,
) -> int:
    """Judge evidence again, and say who vouches for it."""
    from clusterbook.diagnostics.errors import InvalidRequest
    from clusterbook.evidence.folder import save as save_evidence
    from clusterbook.evidence.folder import verify as verify_evidence
    from clusterbook.trust.policy import Trusting
    from clusterbook.trust.verify import key_policy, read_policy

    if key and policy:
        raise InvalidRequest("both --key and --policy were given", hint="give one of them")
    believed = key_policy(map(Path, key)) if key else read_policy(Path(policy)) if policy else None
    held, (proof, by) = verify_evidence(where, Trusting(believed, unsigned), _access(access))
    if save:
        save_evidence(held, save)
    signer = by.signer if by else ""
    said = {
        "evidence": held.where,
        "recipe": proof.recipe,
        "digest": proof.digest,
        "verdict": proof.verdict,
        "counts": dict(proof.counts),
        "taken": proof.taken,
        "fingerprint": dict(proof.fingerprint),
        "signer": signer,
    }
    text = (
        f"judged again, it is the same: {proof.recipe} {proof.verdict} ({proof.says})\n"
        f"{f'evidence {held.where}{chr(10)}' if where.startswith(SCHEME) else ''}"
        f"recipe {proof.digest}\n"
        f"cluster seen at {proof.taken or 'an unknown time'}: {proof.cluster or 'nothing says what it is'}\n"
        f"{f'signed by {signer}' if signer else 'nobody vouches for the snapshot'}\n"
    )
    deliver(json.dumps(said, indent=2, sort_keys=True) + "\n" if format == "json" else text)
    return ctrf.EXIT[proof.verdict]


def sign(where: str, **words: Any) -> int:
    """Sign evidence."""
    from clusterbook.evidence.folder import sign as sign_evidence

    proof = sign_evidence(where, _signer(words))
    deliver("", notes=[f"signed: {proof.outcome}, {proof.digest}"])
    return 0


def publish(where: str, target: str, *, unsigned: bool, format: str | None, **words: Any) -> int:
    """Push evidence to a registry."""
    from clusterbook.evidence.folder import publish as publish_evidence

    vouches = words["key"] or words["keyless"]
    signer = _signer(words) if vouches else None
    done = publish_evidence(where, target, signer=signer, unsigned=unsigned, access=_access(words))
    proof = done.proof
    said = {"reference": done.reference, "recipe": proof.recipe, "digest": proof.digest, "verdict": proof.verdict}
    note = f"published: {proof.outcome}; check it: clusterbook evidence verify {done.reference}"
    text = json.dumps(said, indent=2, sort_keys=True) if format == "json" else done.reference
    deliver(f"{text}\n", notes=[note])
    return 0


def _access(words: Mapping[str, Any]) -> Access:
    """Return how registries are spoken to."""
    from clusterbook.files.context import Context
    from clusterbook.oci.open import Access

    around = Context.of(os.environ)
    ca_file = str(words.get("ca_file") or "")
    return Access(bool(words.get("plain_http")), ca_file, environment=around.environment, home=around.home)


def _signer(words: Mapping[str, Any]) -> Signer:
    """Return who signs; somebody at a terminal who logs in is asked first whether he wants to be known.

    Source: reference row V55.
    """
    from clusterbook.trust.sign import PUBLIC, signer

    if words["keyless"]:
        log("note", PUBLIC, log_json=bool(click.get_current_context().find_root().params.get("log_json")))
        if not words["yes"] and sys.stdin.isatty():
            click.confirm("sign?", abort=True, err=True)
    return signer(
        os.environ,
        key=words["key"],
        keyless=words["keyless"],
        trust_config=words["trust_config"],
        browser=words["browser"],
    )


def digest(recipe: str, source: str | None, data: str | None) -> int:
    """Print the digest of a recipe."""
    from clusterbook.cli.validate import whole_recipe
    from clusterbook.evidence.model import recipe_digest

    found = whole_recipe({key: word for key, word in (("source", source), ("data", data)) if word}, recipe)
    deliver(f"{recipe_digest(found)}\n")
    return 0


_FOLDER = click.Argument(["where"], metavar="DIR")
EVIDENCE = Program("evidence", help="Prove how a cluster was judged, and check such proofs.")
EVIDENCE.add_command(
    Once(
        "verify",
        params=[_FOLDER, *(option(flag) for flag in (*_TRUST, *ACCESS, _SAVE, _FORMAT))],
        callback=verify,
        help="Judge evidence again from its recipe and snapshot, and say who vouches for it.\n\nDIR is a folder, or"
        " oci://HOST/REPOSITORY with a tag or a digest. Exit status:"
        " that of the judgement (0, 10 or 2) when it holds, 2 when it does not, 4 when nobody believed vouches for it.",
        epilog="\b\nExamples:\n  clusterbook evidence verify evidence --key operator.pub\n"
        "  clusterbook evidence verify oci://ghcr.io/acme/evidence@sha256:… --key operator.pub --save evidence",
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
        "publish",
        params=[
            _FOLDER,
            click.Argument(["target"], metavar="oci://HOST/REPOSITORY[:TAG]"),
            *(option(flag) for flag in (*_SIGN, _PUBLISHED, *ACCESS, _FORMAT)),
        ],
        callback=publish,
        help="Push evidence to a registry, once judging it again has shown that it holds, and print its reference.",
        epilog="\b\nExample:\n  clusterbook evidence publish evidence oci://ghcr.io/acme/evidence --key operator.key",
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
