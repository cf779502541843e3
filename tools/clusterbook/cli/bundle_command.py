"""The command that makes bundles.

Knows their flags and what they print. Does not know how a bundle is made.
"""

from __future__ import annotations

from typing import Any

import click

from clusterbook.cli.bundle import ASKED, FLAGS, TARGET, respond
from clusterbook.cli.program import Strict, option
from clusterbook.cli.terminal import deliver


def bundle(slug: str, **found: Any) -> int:
    """Make a bundle, or say what would change."""
    words = {
        key: [_word(each) for each in (value if isinstance(value, tuple) else [value])]
        for key, value in found.items()
        if value not in (None, (), False)
    }
    outcome = respond(words, slug)
    deliver(
        outcome.text, notes=outcome.notes, log_json=bool(click.get_current_context().find_root().params["log_json"])
    )
    if outcome.error is not None:
        raise outcome.error
    return 0


def _word(value: Any) -> str:
    return "1" if value is True else str(value)


BUNDLE = Strict(
    "bundle",
    params=[
        *(option(flag) for flag in ASKED),
        *(option(flag) for flag in FLAGS.values()),
        *(option(flag) for flag in TARGET),
        click.Argument(["slug"], required=False, default=""),
    ],
    callback=bundle,
    help="Make what deploys a recipe: a folder or an archive for Helm, Helmfile, Argo CD or Flux.",
    epilog="\b\nExample:\n  clusterbook bundle h100-eks-ubuntu-training-kubeflow -d helm -o bundle",
)
