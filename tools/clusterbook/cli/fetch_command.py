"""The commands that get what was published: `fetch recipe`, `fetch bundle` and `fetch index`.

Knows their words. Does not know how anything is fetched or believed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import click

from clusterbook.cli import fetch as fetch_flags
from clusterbook.cli.program import Once, Program, option
from clusterbook.cli.terminal import deliver
from clusterbook.files.context import Context

_HELP = {
    "recipe": (
        "Get a published recipe, once its signature is verified.\n\nWHICH is SLUG, SLUG@VERSION, SLUG@RELEASE (such as"
        " @2026.7.0) or SLUG@sha256:DIGEST; without, criteria say which recipe.",
        "clusterbook fetch recipe h100-eks-training --from oci://ghcr.io/clusterbook/catalog",
    ),
    "bundle": (
        "Get a published bundle, once its signature is verified.\n\nWHICH is as for a recipe. The folder carries the"
        " signature along, so that `clusterbook verify` needs no network.",
        "clusterbook fetch bundle h100-eks-training -d argocd --from mirror.tar -o bundle",
    ),
    "index": (
        "List what is published, once its signature is verified.",
        "clusterbook fetch index --from https://catalog.example.org/oci",
    ),
}


def words_of(found: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what click found as the scanner gives it: values by flag key."""
    return {
        key: [each if isinstance(each, str) else "1" for each in (value if isinstance(value, tuple) else [value])]
        for key, value in found.items()
        if value not in (None, (), False)
    }


def _command(kind: str) -> click.Command:
    """Return the command that fetches one kind of thing."""
    text, example = _HELP[kind]
    params: list[click.Parameter] = [option(flag) for flag in fetch_flags.FETCH[kind]]
    if kind != "index":
        params.append(click.Argument(["which"], required=False, default=""))
    return Once(kind, params=params, callback=_callback(kind), help=text, epilog=f"\b\nExample:\n  {example}")


def _callback(kind: str) -> Callable[..., int]:
    def call(which: str = "", **found: Any) -> int:
        reply = fetch_flags.respond(kind, words_of(found), which, Context.of(os.environ))
        log_json = bool(click.get_current_context().find_root().params["log_json"])
        deliver(reply.text, notes=reply.notes, log_json=log_json)
        return 0

    return call


FETCH = Program("fetch", help="Get what was published: from a registry, a web site, a folder or an archive.")
for _kind in _HELP:
    FETCH.add_command(_command(_kind))
