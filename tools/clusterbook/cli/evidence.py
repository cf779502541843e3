"""The commands about evidence: `evidence verify`, `evidence sign`, `evidence publish` and `evidence digest`.

Source: reference rows V50-V55.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clusterbook.cli.command import OF_ACCESS, OF_LEDGER, OF_TRUST, Argument, Caller, Command, FlagRule, Request
from clusterbook.cli.fetch import FROM, read_access
from clusterbook.cli.flags import ACCESS, WHERE, Flag
from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.printable import one_line
from clusterbook.files.context import Context
from clusterbook.oci.reference import SCHEME
from clusterbook.validate import ctrf

if TYPE_CHECKING:
    from clusterbook.evidence.model import EvidenceProof
    from clusterbook.oci.open import Access
    from clusterbook.trust.sign import Signer

_FORMAT = Flag("format", ("--format", "-t"), "Output format.", values=("text", "json"))
_TRUST = (
    Flag("key", ("--key",), "Trust this public key (PEM). May be repeated.", "FILE",
         repeated=True),
    Flag("policy", ("--policy",), "Trust policy (trust.yaml).", "FILE"),
    Flag("unsigned", ("--unsigned",), "Accept unsigned evidence."),
)  # fmt: skip
_SIGN = (
    Flag("key", ("--sign-key", "--key"), "Sign with this private key (PEM: P-256, Ed25519).", "FILE"),
    Flag("keyless", ("--keyless",), "Sign keyless: in CI, with SIGSTORE_ID_TOKEN, or by --browser."),
    Flag("browser", ("--browser",), "Without a token, log in with the browser."),
    Flag("trust_config", ("--trust-config",), "ClientTrustConfig of your own Sigstore instance.", "FILE"),
    Flag(
        "yes", ("--yes", "-y"), "Do not ask for confirmation: a keyless signature makes the signer's identity public."
    ),
)
_PUBLISHER = (
    FROM._replace(help="Source that publishes the recipe; evidence for an unpublished recipe is refused."),
    Flag(
        "from_key",
        ("--from-key",),
        "Public key of that catalog; default: as in your trust policy.",
        "FILE",
        repeated=True,
    ),
)
_SAVE = Flag("save", ("--save",), "Save the evidence to this folder if it verifies.", "DIR")
_PUBLISHED = Flag("unsigned", ("--unsigned",), "Publish the evidence unsigned.")


def verify(request: Request, caller: Caller) -> Reply:
    """Judge evidence again, and say who vouches for it."""
    from clusterbook.evidence.folder import save as save_evidence
    from clusterbook.evidence.folder import verify as verify_evidence
    from clusterbook.trust.choose_policy import PolicyChoice, trust_options
    from clusterbook.trust.policy import TrustOptions

    where, context = request.values["where"], Context.of(caller.environment)
    choice = PolicyChoice(request.values.get("policy"), request.lists.get("key", ()))
    policy = trust_options(choice, context.environment, context.home).policy if choice.flags else None
    access = read_access(request, context)
    evidence, (proof, by) = verify_evidence(where, TrustOptions(policy, "unsigned" in request.switches), access)
    published, notes = "", tuple[str, ...]()
    if request.text("from"):
        published, warning = _published_version(proof, request, access, context)
        notes = (warning,) if warning else ()
    if request.text("save"):
        save_evidence(evidence, request.values["save"])
    signer = by.signer if by else ""
    document = {
        "evidence": evidence.where,
        "recipe": proof.recipe,
        "digest": proof.digest,
        "verdict": proof.verdict,
        "counts": dict(proof.counts),
        "taken": proof.taken_at,
        "fingerprint": dict(proof.fingerprint),
        "signer": signer,
        "published": published,
    }
    lines = (
        f"validated again, with the same result: {proof.recipe} {proof.verdict} ({proof.says})",
        f"evidence {evidence.where}" if where.startswith(SCHEME) else "",
        f"recipe {proof.digest}",
        f"published as {published}" if published else "",
        f"cluster captured at {proof.taken_at or 'an unknown time'}: {proof.cluster or 'unknown'}",
        f"signed by {signer}" if signer else "unsigned: nothing proves that the snapshot is genuine",
    )
    text = "".join(f"{one_line(line)}\n" for line in lines if line)  # a stranger may have written the snapshot
    if request.text("format") == "json":
        text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    return Reply(text, notes, status=ctrf.EXIT[proof.verdict])


def _published_version(proof: EvidenceProof, request: Request, access: Access, context: Context) -> tuple[str, str]:
    """Return as what the recipe of evidence is published in a source, and what the user has to hear.

    Raises:
        SubjectMismatch: it never was: somebody judged by a recipe of his own.
        WithdrawnVersion: it is no longer to be used.
        Untrusted, BadIndex: the index of the source cannot be relied on.
    """
    from clusterbook.artifacts.open import OpenIndex, refuse_withdrawn
    from clusterbook.artifacts.visit import visit
    from clusterbook.trust.choose_policy import PolicyChoice, trust_options
    from clusterbook.trust.policy import SubjectMismatch

    where = request.text("from")

    def find(source_index: OpenIndex) -> str:
        versions = source_index.versions_of(proof.recipe, proof.digest)
        if not versions:
            what = f"{proof.recipe} {proof.digest}, which was validated against, was never published by {where}"
            raise SubjectMismatch(what, hint="ask for evidence for a published recipe: `fetch recipe`, `validate -r`")
        refuse_withdrawn(source_index.envelope, proof.recipe, versions[-1])
        return f"{proof.recipe}@{versions[-1]}"

    trust = trust_options(PolicyChoice(keys=request.lists.get("from_key", ())), context.environment, context.home)
    return visit(where, find, access=access, trust=trust, context=context)


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
        CONSOLE.note(PUBLIC)
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
_RULES = (FlagRule(("browser", "trust_config"), needs=("keyless",)),)
COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "evidence verify",
            (*_TRUST, *_PUBLISHER, *ACCESS, _SAVE, _FORMAT),
            (_FOLDER,),
            verify,
            "Verify evidence: validate its snapshot again, compare the report, and check the signature.\n\nDIR is a"
            " folder or oci://HOST/REPOSITORY with a tag or a digest. Exit status: that of the validation (0, 10 or 2)"
            " when the evidence verifies, 2 when it does not, 4 without a trusted signature.",
            "clusterbook evidence verify evidence --key operator.pub\n"
            "  clusterbook evidence verify oci://ghcr.io/acme/evidence@sha256:… --key operator.pub --save evidence",
        ),
        Command(
            "evidence sign",
            _SIGN,
            (_FOLDER,),
            sign,
            "Verify evidence, then sign it.",
            "clusterbook evidence sign evidence --key operator.key",
            rules=_RULES,
        ),
        Command(
            "evidence publish",
            (*_SIGN, _PUBLISHED, *ACCESS, _FORMAT),
            (_FOLDER, Argument("target", "oci://HOST/REPOSITORY[:TAG]", required=True)),
            publish,
            "Verify evidence, then push it to a registry and print its reference.",
            "clusterbook evidence publish evidence oci://ghcr.io/acme/evidence --key operator.key",
            rules=_RULES,
        ),
        Command(
            "evidence digest",
            WHERE,
            (Argument("recipe", "RECIPE", required=True),),
            digest,
            "Print the digest of a recipe, which evidence and releases refer to.",
            "clusterbook evidence digest h100-eks-training",
            rules=(OF_TRUST, OF_ACCESS, OF_LEDGER),
        ),
    )
}
"""What proves a judgement, by name."""
