"""The command that verifies.

Knows its words and what it prints. Does not know how anything is verified. Source: reference rows T7-T9.
"""

from __future__ import annotations

import json
import os
from typing import Any

import click

from clusterbook.cli.fetch import ACCESS, BELIEF, FROM, access_of, choice_of
from clusterbook.cli.fetch_command import words_of
from clusterbook.cli.flags import Flag
from clusterbook.cli.program import Strict, option
from clusterbook.cli.terminal import deliver
from clusterbook.files.context import Context
from clusterbook.verify.level import DEFAULT, LEVELS, MAX, Requirement, require

_FLAGS = (
    Flag("min_trust_level", ("--min-trust-level",), f"Refuse less; default: {DEFAULT}.", values=(*LEVELS, MAX)),
    Flag("require_creator", ("--require-creator",), "Refuse what somebody else signed.", "NAME"),
    Flag("cli_version_constraint", ("--cli-version-constraint",), "Refuse what other versions made.", "CONSTRAINT"),
    # Not CLUSTERBOOK_FROM: whoever set it for `fetch` did not ask for the network here.
    FROM._replace(key="published_in", help="Where the recipe of a bundle is published that you made with options."),
    *BELIEF,
    *ACCESS,
    Flag("format", ("--format", "-t"), "How the result is printed.", values=("text", "json")),
)


def verify(where: str, **found: Any) -> int:
    """Say how much is known of a bundle, an artifact or a source, and refuse when it is not enough."""
    from clusterbook.verify.verifier import Verifier
    from clusterbook.verify.verify import verify as verdict_of

    words = words_of(found)
    required = Requirement(
        words.get("min_trust_level", [DEFAULT])[0],
        words.get("require_creator", [""])[0],
        words.get("cli_version_constraint", [""])[0],
    )
    around = Context.of(os.environ)
    published_in = words["published_in"][0] if "published_in" in words else None
    verifier = Verifier(choice_of(words), access_of(words, around), around, published_in)
    if any(flag.key in words for flag in BELIEF):
        verifier.trusting()  # what is wrong with it, it shall say before all else
    verdict = verdict_of(where, verifier)
    if words.get("format") == ["json"]:
        document = {**verdict.document, "minTrustLevel": required.level}
        deliver(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n", notes=verdict.notes)
    else:
        deliver("".join(f"{line}\n" for line in verdict.lines), notes=verdict.notes)
    if verdict.error is not None:
        raise verdict.error
    require(verdict.trust, required, where)
    return 0


VERIFY = Strict(
    "verify",
    params=[click.Argument(["where"]), *map(option, _FLAGS)],
    callback=verify,
    help=(
        "Say how much is known of a bundle, a published artifact or the source of a mirror, with no network.\n\n"
        "WHERE is the folder or archive of a bundle, oci://HOST/REPOSITORY:TAG, or what `fetch --from` takes."
        " unknown: damaged, or wrongly signed; unverified: nobody signed it; attested: signed; verified: signed, and"
        " what its signed recipe makes. A bundle that you made yourself: --min-trust-level unverified."
    ),
    epilog="\b\nExample:\n  clusterbook verify bundle --policy trust.yaml",
)
