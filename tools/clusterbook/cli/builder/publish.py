"""The commands of `clusterbook-build` that publish, and that say which keys sign what is published.

Who signs a release and who is believed follow from the words of `publish`; `root` exchanges keys.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from clusterbook.artifacts import index
from clusterbook.artifacts.latest import current_latest
from clusterbook.artifacts.root import check_chain
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.cli.builder.options import RECIPES, REGISTRY
from clusterbook.cli.program import Program, RepeatedOption, SingleUseCommand
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.progress import ProgressMeter
from clusterbook.files.read import read_text
from clusterbook.files.write import write_bytes
from clusterbook.ledger.folder import open_ledger
from clusterbook.oci.open import Access, open_base
from clusterbook.publish.publish import JOBS, Destination, PublishResult, publish
from clusterbook.publish.release import BUILDER, SOURCE, PublishRequest, prepare
from clusterbook.publish.send import Report
from clusterbook.trust.keys import PublicKey, public_key, read_key_file
from clusterbook.trust.policy import Key, Policy, RootOfTrust, TrustOptions
from clusterbook.trust.sign import KeylessSigner, KeySigner, Signer, read_private_key
from clusterbook.trust.tuf_root import (
    LARGEST_ROOT_BYTES,
    BadTufRoot,
    RootChange,
    Signatures,
    change_root,
    describe_root,
    new_root,
    sign_root,
    signatures,
)
from clusterbook.trust.verify import DEFAULT, read_policy

_OPTIONS = (
    click.option("--to", "to", required=True, metavar="BASE", help="oci://HOST/BASE or oci-layout:FOLDER."),
    click.option("--key", type=click.Path(path_type=Path), help="Sign with this private key (PEM: P-256, Ed25519)."),
    click.option("--keyless", is_flag=True, help="Sign keyless: in CI, with SIGSTORE_ID_TOKEN, or by --browser."),
    click.option("--browser", is_flag=True, help="Without a token, log in with the browser."),
    click.option("--trust-config", default="", metavar="FILE", help="ClientTrustConfig of your own Sigstore instance."),
    click.option("--unsigned", is_flag=True, help="Do not sign; clients then need --allow-unsigned."),
    click.option(
        "--policy",
        type=click.Path(path_type=Path),
        help="Trust policy that existing and new artifacts have to satisfy; default: --key, else our release workflow.",
    ),
    click.option(
        "--tuf-root", "tuf_roots", cls=RepeatedOption, multiple=True, type=click.Path(path_type=Path), metavar="FILE",
        help="Every version of your TUF root, oldest first; the last one names the signing key. May be repeated.",
    ),
    click.option(
        "--deployer",
        "deployers",
        cls=RepeatedOption, multiple=True,
        type=click.Choice(DEPLOYERS),
        help="Deployers to publish bundles for; default: all. May be repeated.",
    ),
    click.option("--no-bundles", is_flag=True, help="Publish recipes without bundles."),
    click.option(
        "--lifetime", type=click.IntRange(1, 3660), default=index.LIFETIME.days, show_default=True, metavar="DAYS",
        help="Validity of the index.",
    ),
    click.option("--as-of", default="", metavar="COMMIT", help="Date the index by this commit instead of the release."),
    RECIPES,
    REGISTRY,
    click.option("--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=True, help="Parallel uploads."),
    click.option("--plain-http", is_flag=True, help="Use plain HTTP with the registry."),
    click.option("--ca-file", default="", metavar="FILE", help="CA certificates to trust (PEM)."),
    click.option("--builder", default=BUILDER, metavar="URL", help="Builder URI in the provenance statement."),
    click.option("--source", default=SOURCE, metavar="URL", help="Source repository URI in the provenance statement."),
    click.option("--format", "-t", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
                 help="Output format."),
)  # fmt: skip


def _with_options(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("publish", cls=SingleUseCommand)
@click.argument("release", default="")
@click.option("--all", "every", is_flag=True, help="Publish every release of the ledger, the oldest first.")
@_with_options
def publish_command(release: str, every: bool, **words: Any) -> int:
    """Publish a release: recipes, bundles, SBOMs and the index, all signed.

    RELEASE is a release of the ledger; default: the last. Artifacts that are already there are not sent again, so
    an interrupted run is resumed by running it once more. An older release is added to the index of the newest that
    is there. Of an older release, bundles that can no longer be made are named and left out.
    """
    if release and every:
        raise InvalidRequest(f"both the release {release} and --all were given", hint="give one of them")
    signer, trust = signing(words, os.environ)
    access = Access(words["plain_http"], words["ca_file"], dict(os.environ), Path.home())
    base = open_base(words["to"], access, create=True)
    lifetime = timedelta(days=words["lifetime"])
    where = Destination(base, signer, trust, words["jobs"], lifetime, read_chain(words["tuf_roots"]))
    ledger = open_ledger(words["registry"])
    with ProgressMeter() as progress:

        def report(what: str, sent: int, total: int) -> None:
            progress(what, "", max(sent - 1, 0), total)

        names = ledger.releases() if every else [release]
        published = [publish(prepare(_request(name, words)), where, report) for name in names]
        latest, more = published[-1].latest, []
        if latest != published[-1].release:
            more = [_list_again(latest, words, where, report, ledger.releases())]
    if words["form"] == "json":
        said = [{**asdict(done), "unmade": [each._asdict() for each in done.unmade]} for done in published]
        text = json.dumps(said if every else said[0], indent=2) + "\n"
    else:
        text = "".join(summary(done) for done in published) + fetch_line(words["to"], flags=_believing(words))
    deliver(text, notes=[*more, *notes(published[-1], datetime.now(UTC))])
    return 0


def _request(name: str, words: Mapping[str, Any]) -> PublishRequest:
    deployers = () if words["no_bundles"] else words["deployers"] or DEPLOYERS
    return PublishRequest(
        name, words["recipes"], words["registry"], deployers, words["as_of"], words["builder"], words["source"]
    )


def _list_again(
    latest: str, words: Mapping[str, Any], where: Destination, report: Report, releases: Sequence[str]
) -> str:
    """Return what became of the index of the newest release, which has to name what was published after it."""
    if latest not in releases:
        return f"the index of {latest} does not name it: publish {latest} again, from the ledger that has it"
    found = prepare(_request(latest, words)._replace(deployers=()))
    current = current_latest(where.base, where.trust)
    if current is not None:
        found = replace(found, issued=max(found.issued, current.envelope.issued))
    done = publish(found, where, report)
    return f"the index of {latest}, which is the newest, names it too: number {done.sequence}"


def signing(words: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[Signer | None, TrustOptions]:
    """Return who signs, and who is believed when it is read back.

    Raises:
        InvalidRequest: it is not said who signs, or twice.
    """
    if [bool(words["key"]), bool(words["keyless"]), bool(words["unsigned"])].count(True) != 1:
        hint = "type --key FILE, --keyless, or --unsigned if clients should accept it unsigned"
        raise InvalidRequest("name one signer", hint=hint)
    if words["tuf_roots"] and not words["key"]:
        raise InvalidRequest("--tuf-root names keys, but no key signs", hint="add --key FILE")
    if words["unsigned"]:
        return None, TrustOptions(read_policy(words["policy"]) if words["policy"] else None, unsigned=True)
    if words["key"]:
        signer = KeySigner.from_file(words["key"], environment)
        chain = read_chain(words["tuf_roots"])
        own = Policy((chain[-1] if chain else Key(str(words["key"]), signer.public_pem()),))
        return signer, TrustOptions(read_policy(words["policy"]) if words["policy"] else own)
    keyless = KeylessSigner.from_environment(environment, trust_config=words["trust_config"], browser=words["browser"])
    return keyless, TrustOptions(read_policy(words["policy"] or DEFAULT))


def _believing(words: Mapping[str, Any]) -> str:
    if words["tuf_roots"]:
        return f"--tuf-root {words['tuf_roots'][0]}"
    return "--key PUBLIC_KEY" if words["key"] else ""


def notes(done: PublishResult, now: datetime) -> list[str]:
    """Return what whoever publishes should know."""
    if done.expires > now.date().isoformat():
        return []
    return [f"the index expired on {done.expires}, so clients refuse it: give a newer date with --as-of HEAD"]


def summary(done: PublishResult) -> str:
    """Return what was published, for reading."""
    sent = f"{done.sent_blobs:,} blobs ({done.sent_bytes / 1e6:.1f} MB) and {done.sent_manifests:,} manifests sent"
    lines = [
        f"release {done.release}: {done.artifacts:,} artifacts; {sent}",
        f"index {done.index}, number {done.sequence}, valid until {done.expires}",
    ]
    by_reason: dict[str, dict[str, list[str]]] = {}
    for each in done.unmade:
        by_reason.setdefault(each.reason, {}).setdefault(f"{each.slug}@{each.version}", []).append(each.deployer)
    for reason, unmade in by_reason.items():
        lines.append(f"bundles left out, {reason}:")
        lines += [f"  {name}: {', '.join(deployers)}" for name, deployers in unmade.items()]
    return "\n".join(lines) + "\n"


def fetch_line(where: str, *, flags: str) -> str:
    """Return how what was published is fetched; `flags` are those by which others believe who signed it."""
    return f"fetch: clusterbook fetch recipe SLUG --from {where}{f' {flags}' if flags else ''}\n"


_KEYS = click.Path(path_type=Path)
_days = click.option(
    "--days", type=click.IntRange(1, 3660), default=365, show_default=True, metavar="DAYS",
    help="Validity of this version.",
)  # fmt: skip
_output = click.option("--output", "-o", required=True, type=_KEYS, metavar="FILE", help="File to write.")


@click.group("root", cls=Program)
def root_group() -> None:
    """Manage the trust root: which keys sign releases, signed by several people together."""


@root_group.command("new", cls=SingleUseCommand)
@click.option("--root-key", "roots", type=_KEYS, cls=RepeatedOption, multiple=True, required=True, metavar="FILE",
              help="Public key of a root signer; keep the private key offline. May be repeated.")  # fmt: skip
@click.option("--threshold", type=click.IntRange(1, 64), required=True, help="Number of root signatures required.")
@click.option("--release-key", "releases", type=_KEYS, cls=RepeatedOption, multiple=True, required=True, metavar="FILE",
              help="Public key of a release signer; any one of them is enough. May be repeated.")  # fmt: skip
@_days
@_output
def new_command(roots: tuple[Path, ...], threshold: int, releases: tuple[Path, ...], days: int, output: Path) -> int:
    """Write version 1 of a TUF root, still unsigned."""
    data = new_root(map(_key, roots), threshold, map(_key, releases), _expires(days))
    return _write(output, data, signatures(data, str(output)))


@root_group.command("change", cls=SingleUseCommand)
@click.argument("file", type=_KEYS)
@click.option("--add-root-key", type=_KEYS, cls=RepeatedOption, multiple=True, metavar="FILE", help="Add a root key.")
@click.option("--remove-root-key", type=_KEYS, cls=RepeatedOption, multiple=True, metavar="FILE",
              help="Remove a root key.")  # fmt: skip
@click.option("--add-release-key", type=_KEYS, cls=RepeatedOption, multiple=True, metavar="FILE",
              help="Add a release key.")  # fmt: skip
@click.option("--remove-release-key", type=_KEYS, cls=RepeatedOption, multiple=True, metavar="FILE",
              help="Remove a release key.")  # fmt: skip
@click.option("--threshold", type=click.IntRange(1, 64), default=None, help="Number of root signatures required.")
@_days
@_output
def change_command(file: Path, threshold: int | None, days: int, output: Path, **keys: tuple[Path, ...]) -> int:
    """Write the next version of a TUF root, still unsigned; without key flags only its expiry changes.

    A key is removed by naming its public half.
    """
    found = {word: tuple(map(_key, files)) for word, files in keys.items()}
    change = RootChange(
        found["add_root_key"],
        found["remove_root_key"],
        found["add_release_key"],
        found["remove_release_key"],
        threshold or 0,
    )
    before = _read(file)
    data = change_root(before, str(file), change, _expires(days))
    return _write(output, data, signatures(data, str(output), before))


@root_group.command("sign", cls=SingleUseCommand)
@click.argument("file", type=_KEYS)
@click.option(
    "--key", required=True, type=_KEYS, metavar="FILE", help="Private root key, of this version or the one before."
)
@click.option(
    "--after", type=_KEYS, default=None, metavar="FILE", help="Previous version of the root; not for the first."
)
def sign_command(file: Path, key: Path, after: Path | None) -> int:
    """Sign a version of a TUF root, and print how many signatures are missing."""
    before = _read(after) if after else b""
    data = sign_root(_read(file), str(file), read_private_key(key, os.environ), before)
    return _write(file, data, signatures(data, str(file), before))


@root_group.command("check", cls=SingleUseCommand)
@click.argument("files", type=_KEYS, nargs=-1, required=True)
@click.option(
    "--format",
    "-t",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)
def check_command(files: tuple[Path, ...], form: str) -> int:
    """Check that each of FILES follows from the one before it, and print the last."""
    last = describe_root(read_chain(files)[-1])
    deliver(json.dumps(last, indent=2) + "\n" if form == "json" else _text(last))
    return 0


def read_chain(files: Sequence[Path]) -> tuple[RootOfTrust, ...]:
    """Return the versions of a root of trust in files, each of which has to follow from the one before it."""
    return check_chain([_read(file) for file in files], str(files[-1])) if files else ()


def _text(said: Any) -> str:
    lines = [f"version {said['version']}, valid until {said['expires']}"]
    lines += [f"root key: {key}" for key in said["rootKeys"]]
    lines += [f"release key: {key}" for key in said["releaseKeys"]]
    return "\n".join([*lines, f"{said['threshold']} of the root keys have to sign the next version"]) + "\n"


def _read(file: Path) -> bytes:
    hint = "name a file that `clusterbook-build root new` wrote"
    return read_text(file, limit_bytes=LARGEST_ROOT_BYTES, hint=hint, error=BadTufRoot).encode()


def _key(file: Path) -> PublicKey:
    return public_key(read_key_file(file).decode("utf-8", "replace"), str(file))


def _expires(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


def _write(output: Path, data: bytes, found: Signatures) -> int:
    write_bytes(output, data)
    before = f", {found.before} of {found.before_needed} by keys of the version before" if found.before_needed else ""
    own = f"{found.own} of {found.needed} signatures by its own keys{before}"
    deliver(f"{output}: {own}{'' if found.enough else '; more are needed'}\n")
    return 0
