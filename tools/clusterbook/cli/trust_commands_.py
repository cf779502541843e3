"""The commands about trust itself: what vouches for signers, and what is remembered of a source.

Knows their words. Does not decide whom to believe.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from clusterbook.cli.program import Program
from clusterbook.cli.terminal import deliver
from clusterbook.diagnostics.errors import NotFound
from clusterbook.trust.roots import PUBLIC, root_file, update


@click.group("trust", cls=Program)
def TRUST() -> None:  # noqa: N802
    """Look after what is believed: what vouches for signers, and the memory of each source."""


@TRUST.command("forget", epilog="\b\nExample:\n  clusterbook trust forget oci://ghcr.io/clusterbook/catalog")
@click.argument("source")
def forget(source: str) -> int:
    """Forget what was seen of SOURCE, where its publisher started anew on purpose: its next index is believed again."""
    from clusterbook.artifacts.memory import memory
    from clusterbook.oci.open import absolute

    kept = memory(os.environ, Path.home())
    if not kept.forget(absolute(source)):
        raise NotFound(f"nothing is remembered of {absolute(source)}", hint="write it as `fetch --from` has it")
    click.echo(f"{absolute(source)}: forgotten; the next index that it shows is believed, if it is signed")
    return 0


@TRUST.command("update", epilog="\b\nExample:\n  clusterbook trust update")
@click.option("--url", default=PUBLIC, show_default=True, help="TUF repository of an instance.")
@click.option(
    "--root", type=click.Path(path_type=Path), help="The root.json to begin with, of an instance of your own."
)
@click.option("--format", "-t", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def update_command(url: str, root: Path | None, form: str) -> int:
    """Get the newest trust root of Sigstore, by TUF: what vouches for who signed by logging in.

    Nothing else ever asks the network for it; without, the one that came with this program is used.
    """
    found = update(root_file(os.environ, Path.home(), url), url, root)
    said = {"file": str(found.file), "changed": found.changed, "digest": found.digest, "url": url}
    state = "new" if found.changed else "as before"
    text = f"{found.file}: {state}, {found.digest}, the trust root of {url}\n"
    if url != PUBLIC:
        text += f"believe it: root: {found.file} in trust.yaml, or --trust-root {found.file}\n"
    deliver(json.dumps(said, indent=2, sort_keys=True) + "\n" if form == "json" else text)
    return 0
