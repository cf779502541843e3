"""The commands about trust itself: what is remembered of a source.

Knows their words. Does not decide whom to believe.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from clusterbook.client.program import Program
from clusterbook.core.errors import NotFound


@click.group("trust", cls=Program)
def TRUST() -> None:  # noqa: N802
    """Look after what is believed: the memory of each source."""


@TRUST.command("forget", epilog="\b\nExample:\n  clusterbook trust forget oci://ghcr.io/clusterbook/catalog")
@click.argument("source")
def forget(source: str) -> int:
    """Forget what was seen of SOURCE, where its publisher started anew on purpose: its next index is believed again."""
    from clusterbook.client.seen import memory
    from clusterbook.client.stores import absolute

    kept = memory(os.environ, Path.home())
    if not kept.forget(absolute(source)):
        raise NotFound(f"nothing is remembered of {absolute(source)}", hint="write it as `fetch --from` has it")
    return 0
