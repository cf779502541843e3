"""The commands about bundles: `bundle` and `verify`.

Knows their flags and what they print. Does not know how a bundle is made, read or proved.
"""

from __future__ import annotations

import json
from typing import Any

import click

from clusterbook.client import bundling
from clusterbook.client.bundle_flags import ASKED, FLAGS, TARGET
from clusterbook.client.flags import Flag
from clusterbook.client.program import Once, option
from clusterbook.client.terminal import deliver
from clusterbook.core.errors import ClusterbookError


class NotAsRecorded(ClusterbookError):
    """A bundle's files are not those that were recorded, or do not derive from its recipe.

    Do not deploy it. Make it again, or fetch it again from where it came.
    """

    code = "CB114"
    exit_status = 4


def bundle(slug: str, **found: Any) -> int:
    """Make a bundle, or say what would change."""
    words = {
        key: [_word(each) for each in (value if isinstance(value, tuple) else [value])]
        for key, value in found.items()
        if value not in (None, (), False)
    }
    outcome = bundling.respond(words, slug)
    deliver(
        outcome.text, notes=outcome.notes, log_json=bool(click.get_current_context().find_root().params["log_json"])
    )
    if outcome.error is not None:
        raise outcome.error
    return 0


def _word(value: Any) -> str:
    return "1" if value is True else str(value)


def verify(where: str, format: str | None) -> int:
    """Prove a bundle."""
    from clusterbook.client.bundlefolder import read_bundle
    from clusterbook.core.bundle.checksums import CHECKSUMS, differences, digests, listed
    from clusterbook.core.bundle.proof import prove

    files = read_bundle(where)
    if CHECKSUMS not in files:
        raise NotAsRecorded(f"{where} has no {CHECKSUMS}, so nothing says what it should hold", hint="name a bundle")
    recorded = listed(files[CHECKSUMS].decode(errors="replace"))
    found = differences(recorded, digests(files))
    proof = prove(files) if not found else None
    again = proof.differences if proof else ()
    result = {
        "bundle": where,
        "checksumsPassed": not found,
        "checksumFiles": len(recorded),
        "derives": bool(proof) and not again,
        "recipe": proof.slug if proof else "",
        "deployer": proof.deployer if proof else "",
        "toolVersion": proof.version if proof else "",
        "differences": [each._asdict() for each in (*found, *again)],
    }
    if format == "json":
        deliver(json.dumps(result, indent=2, sort_keys=True) + "\n")
    elif not found and proof and not again:
        deliver(
            f"{where}: {len(recorded)} files as recorded\n"
            f"{where}: derives from recipe {proof.slug} and its options"
            f" ({proof.deployer}, {len(proof.components)} components)\n"
        )
    else:
        deliver("".join(f"{each.kind}: {each.path}\n" for each in (*found, *again)))
    if found:
        raise NotAsRecorded(
            f"{where}: {len(found)} of its files {'is' if len(found) == 1 else 'are'} not as {CHECKSUMS} records",
            hint=_mend(found[0].path),
        )
    if again:
        raise NotAsRecorded(
            f"{where} is not what its recipe and options make (made by clusterbook {proof.version if proof else '?'})",
            hint="verify with the version that made it, or make it again and compare: clusterbook bundle --diff",
        )
    return 0


def _mend(path: str) -> str:
    if path.endswith("cluster-values.yaml"):
        return "values of this cluster belong into --set or --dynamic options: make the bundle again with them"
    return "do not deploy it: make or fetch it again"


BUNDLE = Once(
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
VERIFY = Once(
    "verify",
    params=[
        click.Argument(["where"], metavar="DIR"),
        option(Flag("format", ("--format", "-t"), "How the result is printed.", values=("text", "json"))),
    ],
    callback=verify,
    help="Prove that a bundle is as it was made, and that it derives from its recipe and options.",
    epilog="\b\nExample:\n  clusterbook verify bundle",
)
