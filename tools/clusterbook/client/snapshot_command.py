"""The command `clusterbook snapshot`.

Knows click and which flags go together. Does not know how a machine is read, nor how a snapshot is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from clusterbook.client.program import Once
from clusterbook.client.terminal import deliver
from clusterbook.core.errors import InvalidRequest, NotFound

FORMATS = ("yaml", "json", "table")


@click.command("snapshot", cls=Once, epilog="\b\nExample:\n  clusterbook snapshot -o node.yaml")
@click.option("--output", "-o", default="", envvar="CLUSTERBOOK_OUTPUT", help="Write to this file.", metavar="FILE")
@click.option("--format", "-t", "form", type=click.Choice(FORMATS), envvar="CLUSTERBOOK_FORMAT", help="Default: yaml.")
@click.option("--template", default="", envvar="CLUSTERBOOK_TEMPLATE", metavar="FILE", help="A Jinja2 template or URL.")
@click.option("--redact", is_flag=True, envvar="CLUSTERBOOK_REDACT", help="Leave out what says whose machine it is.")
@click.option(
    "--root", default="", envvar="CLUSTERBOOK_ROOT", metavar="DIR", help="Where the machine's root is mounted."
)
@click.option("--config", default="", envvar="CLUSTERBOOK_CONFIG", metavar="FILE", help="Configuration file or URL.")
def snapshot(output: str, form: str | None, template: str, redact: bool, root: str, config: str) -> int:
    """Write down what a machine is: operating system, kernel, services and GPUs, and what could not be seen.

    Works without a cluster, without privileges (less is seen then) and, with the machine's root mounted, in a pod.
    """
    from clusterbook.client import snapshotting

    if config:
        from clusterbook.client.config import read_config, snapshot_flags

        given = snapshot_flags(read_config(config))
        output, template = output or given.get("output", ""), template or given.get("template", "")
        form = form or given.get("format")
    if template and form not in (None, "yaml"):
        raise InvalidRequest(f"--template and --format {form} were given", hint="keep one of them")
    layout = _text(template) if template else ""
    taken = _take(root, os.environ)
    if redact:
        taken = snapshotting.redacted(taken)
    notes = snapshotting.gaps(taken)
    if template:
        from clusterbook.client.templating import render

        text = render(layout, taken, template)
    else:
        text = snapshotting.written(taken, form or FORMATS[0])
    log_json = bool(click.get_current_context().find_root().params.get("log_json"))
    deliver(text, notes=notes, output=output, log_json=log_json)
    return 0


def _text(where: str) -> str:
    from clusterbook.client.inputs import read_text

    return read_text(where)


def _take(root: str, variables: Mapping[str, str]) -> dict[str, object]:
    """Return the snapshot of the machine whose root is at `root`, "" for the one we run on."""
    from clusterbook.client import snapshotting
    from clusterbook.client.collect import node
    from clusterbook.client.collect.host import this_host

    if root and not Path(root).is_dir():
        raise NotFound(f"--root {root} is no folder", hint="name where the machine's root is mounted, such as /host")
    host = this_host(root or "/", contained="KUBERNETES_SERVICE_HOST" in variables)
    return snapshotting.stamped(node.node(host), snapshotting.node_name(variables, node.name(host)))
