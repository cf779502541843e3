"""The command `clusterbook snapshot`.

Knows click and which flags go together. Does not know how a machine is read, nor how a snapshot is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from clusterbook.client.program import Once
from clusterbook.client.terminal import deliver
from clusterbook.core.errors import InvalidRequest, NotFound

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
@click.option("--format", "-t", "form", type=click.Choice(FORMATS), envvar="CLUSTERBOOK_FORMAT", help="Default: yaml.")
@click.option("--template", default="", envvar="CLUSTERBOOK_TEMPLATE", metavar="FILE", help="A Jinja2 template or URL.")
@click.option("--redact", is_flag=True, envvar="CLUSTERBOOK_REDACT", help="Leave out what says whose machine it is.")
@click.option(
    "--root", default="", envvar="CLUSTERBOOK_ROOT", metavar="DIR", help="Where the machine's root is mounted."
)
@click.option("--config", default="", envvar="CLUSTERBOOK_CONFIG", metavar="FILE", help="Configuration file or URL.")
def snapshot(
    output: str,
    form: str | None,
    template: str,
    redact: bool,
    root: str,
    config: str,
    **cluster: Any,
) -> int:
    """Write down what a machine or a cluster is, and what of it could not be seen.

    Of a machine: operating system, kernel, services and GPUs. Works without a cluster, without privileges (less is seen
    then) and, with the machine's root mounted, in a pod. Of a cluster: version, nodes, images, Helm releases, objects
    and whether they do what they are there for. Reads only, what it may read.
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
    asked = Asked(root=root, **cluster)
    taken = _take(asked, os.environ)
    if redact:
        taken = snapshotting.redacted(taken)
    notes = snapshotting.gaps(taken)
    if template:
        from clusterbook.client.templating import render

        text = render(layout, taken, template)
    else:
        text = snapshotting.written(taken, form or FORMATS[0])
    log_json = bool(click.get_current_context().find_root().params.get("log_json"))
    if output.startswith("cm://"):
        _keep(asked, output, text, form or FORMATS[0], str(taken["metadata"]["timestamp"]))
        text = ""
    deliver(text, notes=notes, output="" if output.startswith("cm://") else output, log_json=log_json)
    return 0


def _text(where: str) -> str:
    from clusterbook.client.inputs import read_text

    return read_text(where)


class Asked(NamedTuple):
    """What a snapshot is asked to be of."""

    root: str = ""
    cluster: bool = False
    no_cluster: bool = False
    kubeconfig: str = ""
    context: str = ""
    node: str = ""
    max_nodes_per_entry: int = 0
    helm_values: bool = False

    @property
    def outside(self) -> bool:
        """Whether a cluster is meant, and not the machine we are on."""
        return self.cluster or bool(self.kubeconfig or self.context)


def _keep(asked: Asked, output: str, text: str, form: str, timestamp: str) -> None:
    """Write a snapshot into a ConfigMap."""
    from clusterbook.client.kube import configmaps
    from clusterbook.client.kube.api import open_api

    if form not in configmaps.FORMATS:
        raise InvalidRequest(f"a ConfigMap keeps no {form}", hint="write it as yaml or json")
    where = configmaps.parse_where(output)
    api = open_api(asked.kubeconfig, context=asked.context)
    configmaps.write(api, where, text, form=form, timestamp=timestamp)


def _take(asked: Asked, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the snapshot of a cluster, or of the machine whose root is at `asked.root`, "" for the one we run on."""
    from clusterbook.client import snapshotting
    from clusterbook.client.collect import node
    from clusterbook.client.collect.host import this_host
    from clusterbook.core.seen import together

    if asked.outside and (asked.no_cluster or asked.root):
        flag = "--no-cluster" if asked.no_cluster else "--root"
        raise InvalidRequest(f"{flag} is about this machine, and a cluster was asked for", hint="leave one of them out")
    if asked.root and not Path(asked.root).is_dir():
        what = f"--root {asked.root} is no folder"
        raise NotFound(what, hint="name where the machine's root is mounted, such as /host")
    in_pod = "KUBERNETES_SERVICE_HOST" in variables
    if not asked.outside and (asked.no_cluster or not in_pod):
        from clusterbook.client.kube.taking import nobody_looked_at_a_cluster

        host = this_host(asked.root or "/", contained=in_pod)
        seen = together((node.node(host), nobody_looked_at_a_cluster("--cluster would ask one")))
        return snapshotting.stamped(seen, snapshotting.node_name(variables, node.name(host)))
    from clusterbook.client.kube import taking
    from clusterbook.client.kube.surveying import Wishes

    own = "" if asked.outside else snapshotting.node_name(variables, "")
    wishes = Wishes(node=asked.node or own, most_nodes=asked.max_nodes_per_entry, values=asked.helm_values)
    api = taking.cluster(asked.kubeconfig, asked.context)
    if asked.outside:
        return snapshotting.stamped(taking.from_outside(api, wishes), asked.node)
    host = this_host(asked.root or "/", contained=True)
    return snapshotting.stamped(taking.in_pod(node.collectors(host), api, wishes), own)
