"""The command `clusterbook snapshot`.

Knows click and which flags go together. Does not know how a machine is read, nor how a snapshot is written.
"""

from __future__ import annotations

import os
from typing import Any

import click

from clusterbook.cli.agent_flags import NAMES, agent_options, read_agent, typed
from clusterbook.cli.program import Once
from clusterbook.cli.terminal import deliver, log
from clusterbook.collect.agent_manifests import Agent
from clusterbook.diagnostics.errors import InvalidRequest

FORMATS = ("yaml", "json", "table")


_EXAMPLES = "\b\nExamples:\n  clusterbook snapshot -o node.yaml\n  clusterbook snapshot --cluster -o cluster.yaml"


@click.command("snapshot", cls=Once, epilog=_EXAMPLES)
@click.option(
    "--output",
    "-o",
    default="",
    envvar="CLUSTERBOOK_OUTPUT",
    help="Write to this file, or to cm://NAMESPACE/NAME.",
    metavar="FILE",
)
@click.option("--cluster", is_flag=True, envvar="CLUSTERBOOK_CLUSTER", help="Of the cluster that kubectl would ask.")
@click.option("--no-cluster", is_flag=True, envvar="CLUSTERBOOK_NO_CLUSTER", help="In a pod: of its node alone.")
@click.option(
    "--kubeconfig", "-k", default="", envvar="CLUSTERBOOK_KUBECONFIG", metavar="FILE", help="Of this one's cluster."
)
@click.option("--context", default="", envvar="CLUSTERBOOK_CONTEXT", metavar="NAME", help="Of this context's cluster.")
@click.option("--node", default="", metavar="NAME", help="The node that K8s.node is about. Default: one with a GPU.")
@click.option(
    "--max-nodes-per-entry",
    type=click.IntRange(min=0),
    default=0,
    envvar="CLUSTERBOOK_MAX_NODES_PER_ENTRY",
    metavar="N",
    help="Most nodes that a label lists; 0: all.",
)
@click.option("--helm-values", is_flag=True, help="With what users gave to Helm, passwords and all.")
@click.option(
    "--cluster-config",
    default="",
    envvar="CLUSTERBOOK_CLUSTER_CONFIG",
    metavar="FILE",
    help="The network as l8k has it, for NICs that /sys does not explain.",
)
@agent_options
@click.option("--format", "-t", "form", type=click.Choice(FORMATS), envvar="CLUSTERBOOK_FORMAT", help="Default: yaml.")
@click.option("--template", default="", envvar="CLUSTERBOOK_TEMPLATE", metavar="FILE", help="A Jinja2 template or URL.")
@click.option("--redact", is_flag=True, envvar="CLUSTERBOOK_REDACT", help="Leave out what says whose machine it is.")
@click.option(
    "--root", default="", envvar="CLUSTERBOOK_ROOT", metavar="DIR", help="Where the machine's root is mounted."
)
@click.option("--config", default="", envvar="CLUSTERBOOK_CONFIG", metavar="FILE", help="Configuration file or URL.")
def snapshot(config: str, **words: Any) -> int:
    """Write down what a machine or a cluster is, and what of it could not be seen.

    Of a machine: operating system, kernel, services and GPUs. Works without a cluster, without privileges (less is seen
    then) and, with the machine's root mounted, in a pod. Of a cluster: version, nodes, images, Helm releases, objects
    and whether they do what they are there for. Reads only, what it may read.
    """
    from clusterbook.cli import snapshotting_ as snapshotting
    from clusterbook.collect.take import SnapshotRequest, keep, take

    notes: tuple[str, ...] = ()
    if config:
        from clusterbook.cli.config_cluster import of_snapshot

        words, _, notes = of_snapshot(config, words, typed())
    output, form, template = (words.pop(name) for name in ("output", "form", "template"))
    redact = words.pop("redact")
    if template and form not in (None, "yaml"):
        raise InvalidRequest(f"--template and --format {form} were given", hint="keep one of them")
    layout = _text(template) if template else ""
    log_json = bool(click.get_current_context().find_root().params.get("log_json"))
    job = {name: given for name, given in words.items() if name in NAMES}
    agent = read_agent(job) if job["agent"] or job["print_manifests"] else None
    if agent is not None and job["print_manifests"]:
        deliver(manifests_text(agent, form or FORMATS[0]), notes=notes, output=output, log_json=log_json)
        return 0
    own = {name: given for name, given in words.items() if name not in NAMES}
    asked = SnapshotRequest(agent=agent, no_cleanup=job["no_cleanup"], **own)
    taken, told = take(asked, os.environ, lambda line: log("agent", line, log_json=log_json))
    notes = (*notes, *told, *snapshotting.gaps(taken))
    if redact:  # which takes the reasons away; who asks may know them
        taken = snapshotting.redacted(taken)
    if template:
        from clusterbook.snapshot.template import render

        text = render(layout, taken, template)
    else:
        text = snapshotting.written(taken, form or FORMATS[0])
    if output.startswith("cm://"):
        keep(asked, output, text, form or FORMATS[0], str(taken["metadata"]["timestamp"]))
        text = ""
    deliver(text, notes=notes, output="" if output.startswith("cm://") else output, log_json=log_json)
    return 0


def _text(where: str) -> str:
    from clusterbook.inputs.read import read_text

    return read_text(where)


def manifests_text(agent: Agent, form: str) -> str:
    """Return what an agent is made of, as kubectl takes it."""
    import json

    from clusterbook.collect.agent_manifests import manifests
    from clusterbook.documents.yaml_writer import dump

    found = manifests(agent)
    if form == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": found}, indent=2) + "\n"
    return "---\n".join(dump(each) for each in found)
