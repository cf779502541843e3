"""The commands about evidence: `evidence verify`, `evidence sign`, `evidence publish` and `evidence digest`.

Source: reference rows V50-V55.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clusterbook.cli.command import Argument, Caller, Command, Request
from clusterbook.cli.fetch import ACCESS, read_access
from clusterbook.cli.flags import WHERE, Flag
from clusterbook.cli.reply import Reply
from clusterbook.cli.terminal import log
from clusterbook.files.context import Context
from clusterbook.oci.reference import SCHEME
from clusterbook.validate import ctrf

if TYPE_CHECKING:
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


def verify(request: Request, caller: Caller) -> Reply:
    """Judge evidence again, and say who vouches for it."""
    from clusterbook.evidence.folder import save as save_evidence
    from clusterbook.evidence.folder import verify as verify_evidence
    from clusterbook.trust.choose_policy import PolicyChoice, trust_options
    from clusterbook.trust.policy import TrustOptions

    where, around = request.values["where"], Context.of(caller.environment)
    choice = PolicyChoice(request.values.get("policy"), request.lists.get("key", ()))
    believed = trust_options(choice, around.environment, around.home).policy if choice.flags else None
    access = read_access(request, around)
    held, (proof, by) = verify_evidence(where, TrustOptions(believed, "unsigned" in request.switches), access)
    if request.text("save"):
        save_evidence(held, request.values["save"])
    signer = by.signer if by else ""
    document = {
        "evidence": held.where,
        "recipe": proof.recipe,
        "digest": proof.digest,
        "verdict": proof.verdict,
        "counts": dict(proof.counts),
        "taken": proof.taken_at,
        "fingerprint": dict(proof.fingerprint),
        "signer": signer,
    }
    text = (
        f"judged again, it is the same: {proof.recipe} {proof.verdict} ({proof.says})\n"
        f"{f'evidence {held.where}{chr(10)}' if where.startswith(SCHEME) else ''}"
        f"recipe {proof.digest}\n"
        f"cluster seen at {proof.taken_at or 'an unknown time'}: {proof.cluster or 'nothing says what it is'}\n"
        f"{f'signed by {signer}' if signer else 'nobody vouches for the snapshot'}\n"
    )
    if request.text("format") == "json":
        text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    return Reply(text, status=ctrf.EXIT[proof.verdict])


def sign(request: Request, caller: Caller) -> Reply:
    """Sign evidence."""
    from clusterbook.evidence.folder import sign as sign_evidence

    proof = sign_evidence(request.values["where"], _signer(request, caller))
    return Reply("", (f"signed: {proof.outcome}, {proof.digest}",))


def publish(request: Request, caller: Caller) -> Reply:
    """Push evidence to a registry."""
    from clusterbook.evidence.folder import publish as publish_evidence

    vouches = request.text("key") or "keyless" in request.switches
    done = publish_evidence(
        request.values["where"],
        request.values["target"],
        signer=_signer(request, caller) if vouches else None,
        unsigned="unsigned" in request.switches,
        access=read_access(request, Context.of(caller.environment)),
    )
    proof = done.proof
    text = done.reference
    if request.text("format") == "json":
        document = {
            "reference": done.reference,
            "recipe": proof.recipe,
            "digest": proof.digest,
            "verdict": proof.verdict,
        }
        text = json.dumps(document, indent=2, sort_keys=True)
    note = f"published: {proof.outcome}; check it: clusterbook evidence verify {done.reference}"
    return Reply(f"{text}\n", (note,))


def _signer(request: Request, caller: Caller) -> Signer:
    """Return who signs; somebody at a terminal who logs in is asked first whether he wants to be known.

    Source: reference row V55.
    """
    import click

    from clusterbook.trust.sign import PUBLIC, signer

    keyless = "keyless" in request.switches
    if keyless:
        log("note", PUBLIC, log_json=caller.log_json)
        if "yes" not in request.switches and sys.stdin.isatty():
            click.confirm("sign?", abort=True, err=True)
    return signer(
        caller.environment,
        key=request.values.get("key"),
        keyless=keyless,
        trust_config=request.values.get("trust_config"),
        browser="browser" in request.switches,
    )


def digest(request: Request, _caller: Caller) -> Reply:
    """Print the digest of a recipe."""
    from clusterbook.cli.validate import whole_recipe
    from clusterbook.evidence.model import recipe_digest

    return Reply(f"{recipe_digest(whole_recipe(request))}\n")


_FOLDER = Argument("where", "DIR", required=True)
COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "evidence verify",
            (*_TRUST, *ACCESS, _SAVE, _FORMAT),
            (_FOLDER,),
            verify,
            "Judge evidence again from its recipe and snapshot, and say who vouches for it.\n\nDIR is a folder, or"
            " oci://HOST/REPOSITORY with a tag or a digest. Exit status: that of the judgement (0, 10 or 2) when it"
            " holds, 2 when it does not, 4 when nobody believed vouches for it.",
            "clusterbook evidence verify evidence --key operator.pub\n"
            "  clusterbook evidence verify oci://ghcr.io/acme/evidence@sha256:… --key operator.pub --save evidence",
        ),
        Command(
            "evidence sign",
            _SIGN,
            (_FOLDER,),
            sign,
            "Vouch for evidence, once judging it again has shown that it holds.",
            "clusterbook evidence sign evidence --key operator.key",
        ),
        Command(
            "evidence publish",
            (*_SIGN, _PUBLISHED, *ACCESS, _FORMAT),
            (_FOLDER, Argument("target", "oci://HOST/REPOSITORY[:TAG]", required=True)),
            publish,
            "Push evidence to a registry, once judging it again has shown that it holds, and print its reference.",
            "clusterbook evidence publish evidence oci://ghcr.io/acme/evidence --key operator.key",
        ),
        Command(
            "evidence digest",
            WHERE,
            (Argument("recipe", "RECIPE", required=True),),
            digest,
            "Print the digest of a recipe, by which evidence and releases call it.",
            "clusterbook evidence digest h100-eks-training",
        ),
    )
}
"""What proves a judgement, by name."""
