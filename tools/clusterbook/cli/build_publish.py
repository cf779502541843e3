"""The command of `clusterbook-build` that publishes.

Who signs and who is believed follow from its words.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from clusterbook.artifacts import index as published
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.cli.program import Once
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.oci.open import Access, open_base
from clusterbook.publish.publish import JOBS, Destination, PublishResult, publish
from clusterbook.publish.release import BUILDER, SOURCE, PublishRequest, prepare
from clusterbook.publish.send import Report, quiet
from clusterbook.trust.policy import Key, Policy, Trusting
from clusterbook.trust.sign import KeylessSigner, KeySigner, Signer
from clusterbook.trust.verify import DEFAULT, read_policy

_OPTIONS = (
    click.option("--to", "to", required=True, metavar="BASE", help="oci://HOST/BASE or oci-layout:FOLDER."),
    click.option("--key", type=click.Path(path_type=Path), help="Sign with this private key (PEM: P-256, Ed25519)."),
    click.option("--keyless", is_flag=True, help="Sign as whoever is logged in: CI, SIGSTORE_ID_TOKEN, or --browser."),
    click.option("--browser", is_flag=True, help="Log in with the browser where nothing else says who signs."),
    click.option("--trust-config", default="", metavar="FILE", help="A Sigstore instance of your own."),
    click.option("--unsigned", is_flag=True, help="Sign nothing; nobody can fetch it without saying so."),
    click.option(
        "--policy",
        type=click.Path(path_type=Path),
        help="Who has to have signed what is there before, and what is sent now; default: the key, or our releases.",
    ),
    click.option(
        "--deployer", "deployers", multiple=True, type=click.Choice(DEPLOYERS), help="Bundles; default: all five."
    ),
    click.option("--no-bundles", is_flag=True, help="Recipes alone, where sources are too old to make bundles of."),
    click.option(
        "--lifetime", type=click.IntRange(1, 3660), default=published.LIFETIME.days, show_default=True, metavar="DAYS",
        help="How long the index is good for after its date.",
    ),
    click.option("--as-of", default="", metavar="COMMIT", help="Date the index by this commit, not by the release."),
    click.option("--recipes", type=click.Path(path_type=Path), default=Path("recipes"), show_default=True),
    click.option("--registry", type=click.Path(path_type=Path), default=Path("registry"), show_default=True),
    click.option("--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=True, help="How much at once."),
    click.option("--plain-http", is_flag=True, help="Do without TLS, even on other machines."),
    click.option("--ca-file", default="", metavar="FILE", help="Certificate authorities to trust instead."),
    click.option("--builder", default=BUILDER, metavar="URL", help="Who runs this, for the statement."),
    click.option("--source", default=SOURCE, metavar="URL", help="Where the commit is, for the statement."),
    click.option("--format", "-t", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
)  # fmt: skip


def _with_options(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("publish", cls=Once)
@click.argument("release", default="")
@_with_options
def publish_command(release: str, **words: Any) -> int:
    """Publish a release of the ledger: recipes, bundles, SBOMs and the index, with one signature on all of it.

    RELEASE is one of the ledger; default: the last. What is there is not sent again, so that running it once more is
    how it is resumed.
    """
    deployers = () if words["no_bundles"] else words["deployers"] or DEPLOYERS
    asked = PublishRequest(
        release, words["recipes"], words["registry"], deployers, words["as_of"], words["builder"], words["source"]
    )
    signer, trusting = signing(words, os.environ)
    found = prepare(asked)
    access = Access(words["plain_http"], words["ca_file"], dict(os.environ), Path.home())
    base = open_base(words["to"], access, create=True)
    where = Destination(base, signer, trusting, words["jobs"], timedelta(days=words["lifetime"]))
    done = publish(found, where, meter() if sys.stderr.isatty() else quiet)
    text = (
        json.dumps(asdict(done), indent=2) + "\n"
        if words["form"] == "json"
        else summary(done, words["to"], by_key=bool(words["key"]))
    )
    deliver(text, notes=notes(done, datetime.now(UTC)))
    return 0


def signing(words: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[Signer | None, Trusting]:
    """Return who signs, and who is believed when it is read back.

    Raises:
        InvalidRequest: it is not said who signs, or twice.
    """
    if [bool(words["key"]), bool(words["keyless"]), bool(words["unsigned"])].count(True) != 1:
        hint = "say --key FILE, --keyless or, knowing that nobody can tell who made it, --unsigned"
        raise InvalidRequest("say who signs, once", hint=hint)
    if words["unsigned"]:
        return None, Trusting(read_policy(words["policy"]) if words["policy"] else None, unsigned=True)
    if words["key"]:
        signer = KeySigner.from_file(words["key"], environment)
        own = Policy((Key(str(words["key"]), signer.public_pem()),))
        return signer, Trusting(read_policy(words["policy"]) if words["policy"] else own)
    keyless = KeylessSigner.from_environment(environment, trust_config=words["trust_config"], browser=words["browser"])
    return keyless, Trusting(read_policy(words["policy"] or DEFAULT))


def meter() -> Report:
    """Return a line on standard error that says how far it has come."""

    def show(what: str, done: int, total: int) -> None:
        filled = 30 * done // max(total, 1)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{what:12} [{'=' * filled}{' ' * (30 - filled)}] {done}/{total}{end}")
        sys.stderr.flush()

    return show


def notes(done: PublishResult, now: datetime) -> list[str]:
    """Return what whoever publishes should know."""
    if done.expires > now.date().isoformat():
        return []
    return [f"the index has run out on {done.expires}, so nobody takes it: give a newer date, --as-of HEAD"]


def summary(done: PublishResult, where: str, *, by_key: bool) -> str:
    """Return what was published, for reading; `by_key` says that a key of one's own signed it."""
    sent = f"{done.sent_blobs:,} blobs ({done.sent_bytes / 1e6:.1f} MB) and {done.sent_manifests:,} manifests sent"
    return (
        f"release {done.release}: {done.artifacts:,} artifacts at {where}; {sent}\n"
        f"index {done.index}, number {done.sequence}, good until {done.expires}\n"
        f"fetch: clusterbook fetch recipe SLUG --from {where}{' --key PUBLIC_KEY' if by_key else ''}\n"
    )


COMMANDS = (publish_command,)
