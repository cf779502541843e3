"""The commands about air gaps: `mirror list`.

Knows their flags. Does not know how a list is made.
"""

from __future__ import annotations

from typing import Any

import click

from clusterbook.client.bundle_flags import ASKED, FLAGS
from clusterbook.client.flags import Flag
from clusterbook.client.program import Once, Program, option
from clusterbook.client.terminal import deliver
from clusterbook.core.mirror_formats import FORMATS

_WITHOUT = ("deployer", "vendorCharts", "appName", "repo", "targetRevision", "fluxNamespace", "fluxOciSourceName")
"""Options of a bundle that change nothing about what it pulls."""
LISTED = (
    Flag("check", ("--check",), "Render the charts with helm, and add what the catalog's lists lack."),
    Flag("format", ("--format", "-t", "-f"), "How the list is written; default: yaml.", values=tuple(FORMATS)),
    Flag("output", ("--output", "-o"), "Write to this file instead of standard output.", "FILE"),
)


def list_command(slugs: tuple[str, ...], **given: Any) -> int:
    """List what bundles pull."""
    from clusterbook.client.mirroring import respond

    output = str(given.pop("output") or "")
    reply = respond(words(given), slugs)
    log_json = bool(click.get_current_context().find_root().params["log_json"])
    deliver(reply.text, notes=reply.notes, output=output, log_json=log_json)
    if reply.error is not None:
        raise reply.error
    return 0


def words(given: dict[str, Any]) -> dict[str, list[str]]:
    """Return what click found as words by flag key."""
    return {
        key: ["1" if each is True else str(each) for each in (value if isinstance(value, tuple) else [value])]
        for key, value in given.items()
        if value not in (None, (), False)
    }


MIRROR = Program("mirror", help="Carry recipes across an air gap.")
MIRROR.add_command(
    Once(
        "list",
        params=[
            *(option(flag) for flag in ASKED),
            *(option(flag) for name, flag in FLAGS.items() if name not in _WITHOUT),
            *(option(flag) for flag in LISTED),
            click.Argument(["slugs"], metavar="[SLUG]...", nargs=-1),
        ],
        callback=list_command,
        help="List the charts and images that bundles pull.",
        epilog="\b\nExample:\n  clusterbook mirror list h100-eks-ubuntu-training-kubeflow --format images",
    )
)
