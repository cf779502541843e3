"""The commands about air gaps: `mirror list`, `mirror save` and `mirror load`.

Knows their flags. Does not know how a list or an archive is made.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from clusterbook.cli.bundle import ASKED, FLAGS
from clusterbook.cli.fetch import ACCESS, BELIEF, FROM, UNSIGNED, WITHDRAWN
from clusterbook.cli.fetch_command import words_of
from clusterbook.cli.flags import Flag
from clusterbook.cli.program import Once, Program, option
from clusterbook.cli.reply import Reply
from clusterbook.cli.terminal import Telling, deliver, log
from clusterbook.files.context import Context
from clusterbook.mirror.formats import FORMATS

_WITHOUT = ("deployer", "vendorCharts", "appName", "repo", "targetRevision", "fluxNamespace", "fluxOciSourceName")
"""Options of a bundle that change nothing about what it pulls."""
LISTED = (
    Flag("check", ("--check",), "Render the charts with helm, and add what the catalog's lists lack."),
    Flag("format", ("--format", "-t", "-f"), "How the list is written; default: yaml.", values=tuple(FORMATS)),
    Flag("output", ("--output", "-o"), "Write to this file instead of standard output.", "FILE"),
)


def list_command(slugs: tuple[str, ...], **given: Any) -> int:
    """List what bundles pull."""
    from clusterbook.cli.mirror import listed_reply

    output = str(given.pop("output") or "")
    return _said(listed_reply(words_of(given), slugs), output)


def save_command(slugs: tuple[str, ...], **given: Any) -> int:
    """Save recipes and what they pull."""
    from clusterbook.cli.mirror import saved

    return _said(saved(words_of(given), slugs, Context.of(os.environ), _telling()))


def load_command(archive: str, **given: Any) -> int:
    """Load an archive."""
    from clusterbook.cli.mirror import loaded

    return _said(loaded(words_of(given), archive, Context.of(os.environ), _telling()))


def _telling() -> Telling:
    log_json = _log_json()
    terminal = sys.stderr.isatty() and not log_json
    return Telling(lambda line: log("note", line, log_json=log_json), terminal=terminal)


def _log_json() -> bool:
    return bool(click.get_current_context().find_root().params["log_json"])


def _said(reply: Reply, output: str = "") -> int:
    deliver(reply.text, notes=reply.notes, output=output, log_json=_log_json())
    if reply.error is not None:
        raise reply.error
    return 0


_FORM = Flag("format", ("--format", "-t"), "How the result is printed.", values=("text", "json"))
_COMMON = (*BELIEF, UNSIGNED, *ACCESS, _FORM)
SAVED = (
    FROM,
    Flag("output", ("--output", "-o"), "The archive to write, a .tar file.", "FILE"),
    Flag(
        "deployer",
        ("--deployer", "-d"),
        "Carry the bundles of this deployer only. May be repeated.",
        "NAME",
        repeated=True,
    ),
    Flag("no_charts", ("--no-charts",), "Leave out the charts that bundles pull."),
    Flag("no_images", ("--no-images",), "Leave out the images that charts start."),
    WITHDRAWN,
    *_COMMON,
)
LOADED = (
    Flag("to", ("--to",), "oci://HOST/BASE or oci-layout:FOLDER.", "TARGET"),
    Flag("relocation", ("--relocation",), "Write to this file where each chart and image is now.", "FILE"),
    Flag(
        "containerd", ("--containerd",), "Write below this folder what /etc/containerd/certs.d needs on nodes.", "DIR"
    ),
    *_COMMON,
)

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
MIRROR.add_command(
    Once(
        "save",
        params=[
            *(option(flag) for flag in SAVED),
            click.Argument(["slugs"], metavar="[SLUG[@VERSION|@RELEASE]]...", nargs=-1),
        ],
        callback=save_command,
        help=(
            "Save published recipes into one archive, with bundles, signatures, SBOMs, charts and images; without a"
            " SLUG, the whole release.\n\nWhat cannot be had is listed, and the exit status is 10. Charts of chart"
            " repositories are pulled with helm, all others and images without."
        ),
        epilog="\b\nExample:\n  clusterbook mirror save h100-eks-training --from oci://ghcr.io/acme/book -o mirror.tar",
    )
)
MIRROR.add_command(
    Once(
        "load",
        params=[*(option(flag) for flag in LOADED), click.Argument(["archive"], metavar="FILE.tar")],
        callback=load_command,
        help="Load an archive into a registry, once its signature is verified. No other host is spoken to.",
        epilog="\b\nExample:\n  clusterbook mirror load mirror.tar --to oci://registry.corp/clusterbook",
    )
)
