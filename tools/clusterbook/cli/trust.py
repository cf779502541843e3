"""The command that verifies, and those about trust itself: what vouches for signers, what is remembered of a source.

Source: reference rows T7-T9.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.cli.command import Argument, Caller, Command, Request
from clusterbook.cli.fetch import BELIEF, FROM, WITHDRAWN, read_access, read_choice
from clusterbook.cli.flags import ACCESS, AT_LEAST, CONFIG, Flag
from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound, did_you_mean
from clusterbook.diagnostics.printable import one_line
from clusterbook.files.context import Context
from clusterbook.publisher.names import BASE
from clusterbook.trust.policy import Policy, RootOfTrust
from clusterbook.trust.roots import PUBLIC, root_file, update
from clusterbook.verify.level import DEFAULT, LEVELS, MAX, Requirement, require

_FORMAT = Flag("format", ("--format", "-t"), "Output format.", values=("text", "json"))
_MARKS = {
    "verified": "good", "attested": "good", "derived": "doubtful", "adjusted": "doubtful", "unverified": "doubtful",
    "unknown": "bad",
}  # fmt: skip
"""How the levels of trust strike the eye."""
_FLAGS = (
    Flag("min_trust_level", ("--min-trust-level",), f"Minimum trust level; default: {DEFAULT}.", values=(*LEVELS, MAX)),
    Flag("require_creator", ("--require-creator",), "Require this signer.", "NAME"),
    Flag(
        "cli_version_constraint",
        ("--cli-version-constraint",),
        "Require a Clusterbook version, such as >=0.3.",
        "CONSTRAINT",
    ),
    FROM._replace(key="published_in", help="Source that publishes it or its recipe; also checks for withdrawal."),
    WITHDRAWN,
    AT_LEAST,
    *BELIEF,
    *ACCESS,
    CONFIG,
    _FORMAT,
)


def verify(request: Request, caller: Caller) -> Reply:
    """Say how much is known of a bundle, an artifact or a source, and refuse when it is not enough."""
    from clusterbook.verify.verifier import Verifier
    from clusterbook.verify.verify import verify as verdict_of

    if "config" in request.values:
        from clusterbook.cli.config import read_config, verify_request

        request = request.over(verify_request(read_config(request.values["config"])))
        level = request.text("min_trust_level", DEFAULT)
        if level not in (*LEVELS, MAX):
            what = f"spec.verify.minTrustLevel is '{level}', which is not a trust level"
            raise InvalidRequest(what, place=request.values["config"], hint=did_you_mean(level, (*LEVELS, MAX)))
    where, context = request.values["where"], Context.of(caller.environment)
    required = Requirement(
        request.text("min_trust_level", DEFAULT),
        request.text("require_creator"),
        request.text("cli_version_constraint"),
    )
    published_in = request.values.get("published_in")
    withdrawn = request.says("allow_withdrawn")
    verifier = Verifier(read_choice(request), read_access(request, context), context, published_in, withdrawn=withdrawn)
    if any(request.says(flag.key) for flag in BELIEF):
        verifier.trust_options()  # what is wrong with it, it shall say before all else
    verdict = verdict_of(where, verifier)
    if request.text("format") == "json":
        document = {**verdict.document, "minTrustLevel": required.level}
        text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    else:
        text = "".join(f"{one_line(line)}\n" for line in verdict.lines)  # a stranger may have written part of it
    try:
        if verdict.error is None:
            require(verdict.trust, required, where)
    except ClusterbookError as error:
        return Reply(text, verdict.notes, error=error, marks=_MARKS)
    return Reply(text, verdict.notes, error=verdict.error, marks=_MARKS)


def forget(request: Request, caller: Caller) -> Reply:
    """Forget what was seen of a source."""
    from clusterbook.artifacts.memory import memory
    from clusterbook.oci.open import absolute

    source = absolute(request.values["source"])
    context = Context.of(caller.environment)
    if not memory(context.environment, context.home).forget(source):
        raise NotFound(f"there is no state for {source}", hint="write it as in `fetch --from`")
    return Reply(f"{source}: forgotten; its next signed index is accepted, whatever its number\n")


def show(request: Request, caller: Caller) -> Reply:
    """Say who is believed; a source is asked for later versions of roots of trust."""
    from clusterbook.artifacts.root import follow
    from clusterbook.oci.open import open_source
    from clusterbook.trust.choose_policy import trust_options

    context = Context.of(caller.environment)
    trust, warning = trust_options(read_choice(request), context.environment, context.home), ""
    if request.text("from"):
        base = open_source(request.text("from"), read_access(request, context))
        trust, warning = follow(base, trust, context)
    assert trust.policy is not None
    notes = (warning,) if warning else ()
    if request.text("format") == "json":
        return Reply(json.dumps(policy_document(trust.policy), indent=2, sort_keys=True) + "\n", notes)
    return Reply("".join(f"{one_line(line)}\n" for line in policy_lines(trust.policy)), notes)


def policy_document(policy: Policy) -> dict[str, Any]:
    """Return whom a policy believes, as data."""
    from clusterbook.trust.tuf_root import describe_root

    return {
        "signers": [str(each) for each in policy.signers if not isinstance(each, RootOfTrust)],
        "roots": [{"file": root.file, **describe_root(root)} for root in policy.roots],
    }


def policy_lines(policy: Policy) -> Iterator[str]:
    """Yield whom a policy believes, a line each."""
    yield from (str(each) for each in policy.signers if not isinstance(each, RootOfTrust))
    for root in policy.roots:
        yield f"{root}, valid until {root.expires.date()}"
        yield from (f"release key: {key.file.rpartition('#')[2]}" for key in root.keys)


def update_root(request: Request, caller: Caller) -> Reply:
    """Get the newest trust root of Sigstore."""
    context, url = Context.of(caller.environment), request.text("url", PUBLIC)
    first = Path(request.values["root"]) if "root" in request.values else None
    updated = update(root_file(context.environment, context.home, url), url, first)
    if request.text("format") == "json":
        document = {"file": str(updated.file), "changed": updated.changed, "digest": updated.digest, "url": url}
        return Reply(json.dumps(document, indent=2, sort_keys=True) + "\n")
    state = "new" if updated.changed else "as before"
    text = f"{updated.file}: {state}, {updated.digest}, the trust root of {url}\n"
    if url != PUBLIC:
        text += f"trust it: root: {updated.file} in trust.yaml, or --trust-root {updated.file}\n"
    return Reply(text)


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "verify",
            _FLAGS,
            (Argument("where", required=True),),
            verify,
            "Verify signature and provenance of a bundle, a published artifact or a mirror, offline.\n\n"
            "WHERE is the folder or archive of a bundle, oci://HOST/REPOSITORY:TAG, oci-layout:FOLDER:TAG, or"
            " what `fetch --from` takes. unknown: damaged, or wrongly signed; unverified: not signed; adjusted: "
            "signed, with edits in cluster-values.yaml; derived: rendered from a signed recipe with options, "
            "which are printed; attested: signed; verified: signed, and equal to what its signed recipe "
            "renders to. For a bundle that you made yourself: --from SOURCE with --min-trust-level derived, or"
            " --min-trust-level unverified.",
            "clusterbook verify bundle --policy trust.yaml",
            strict=True,
        ),
        Command(
            "trust forget",
            (),
            (Argument("source", required=True),),
            forget,
            "Forget the rollback state of SOURCE, after its publisher started over on purpose.",
            f"clusterbook trust forget oci://{BASE}",
        ),
        Command(
            "trust show",
            (FROM._replace(help="Source to look for newer versions of the TUF root in."), *BELIEF, *ACCESS, _FORMAT),
            (),
            show,
            "Show who is trusted to sign: by flags, by the policy and by TUF roots.",
            "clusterbook trust show --tuf-root root.json --from oci://ghcr.io/acme/book",
        ),
        Command(
            "trust update",
            (
                Flag("url", ("--url",), "TUF repository of the Sigstore instance.", "URL", default=PUBLIC),
                Flag(
                    "root",
                    ("--initial-root", "--root"),
                    "Initial root.json of your own Sigstore instance.",
                    "FILE",
                ),
                _FORMAT._replace(default="text"),
            ),
            (),
            update_root,
            "Update Sigstore's trust root, which keyless signatures are verified against, by TUF.\n\nNo other command"
            " contacts the network for it; until then the built-in trust root is used.",
            "clusterbook trust update",
        ),
    )
}
"""What verifies, and what looks after trust itself, by name."""
