"""The command `clusterbook snapshot`, and the forms in which a snapshot is written. Source: reference rows S31-S34."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from clusterbook.cli.agent_flags import AGENT, OF_AGENTS, manifests_text, read_agent
from clusterbook.cli.command import Caller, Command, FlagRule, Request
from clusterbook.cli.flags import Flag
from clusterbook.cli.render import render, table
from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.progress import ProgressMeter
from clusterbook.evidence import redact
from clusterbook.lookup.find import open_shelf
from clusterbook.validate import checks

if TYPE_CHECKING:
    from clusterbook.collect.agent_manifests import Agent
    from clusterbook.collect.take import SnapshotRequest

FORMATS = ("yaml", "json", "table")
Document = dict[str, Any]

_WIDEST = 100
"""Longest value in a table."""
_SHOWN = 10
"""Most gaps that are told one by one."""


def redact_snapshot(document: Document) -> Document:
    """Return a snapshot that may be shown: names stay where one of the published recipes says them."""
    words: set[str] = set()
    namespaces: set[str] = set()
    shelf = open_shelf()
    for line in shelf.listing():
        said, places = redact.public_names(shelf.recipe_by_slug(line["slug"]))
        words |= said
        namespaces |= places
    words |= checks.check_words(checks.read_checks(shelf.validators()).values())
    return redact.redact(document, words=words, namespaces=namespaces, groups=shelf.public_groups())


def as_text(document: Document, form: str) -> str:
    """Return a snapshot as yaml, json or a table for people."""
    return render(document, form, lambda _: table(["READING", "VALUE"], [list(row) for row in rows(document)]))


def rows(document: Document) -> Iterator[tuple[str, str]]:
    """Yield path, as a constraint writes it, and value of everything in a snapshot; objects are only counted."""
    for name, entry in sorted((document.get("fingerprint") or {}).items()):
        said = entry if isinstance(entry, dict) else {"value": entry}
        yield f"fingerprint.{name}", " ".join(_short(said[key]) for key in ("value", "version", "note") if key in said)
    for measurement in document["measurements"]:
        for group in measurement["subtypes"]:
            name = f'"{group["subtype"]}"' if "." in group["subtype"] else group["subtype"]
            below = [(name, group["data"])]
            below += [(f"{name}[{number}]", item["data"]) for number, item in enumerate(group.get("items") or ())]
            for place, data in below:
                for key, value in sorted(data.items()):
                    yield f"{measurement['type']}.{place}.{key}", _short(value)
    for group in document.get("objects") or ():
        yield f"objects/{group['apiVersion']}/{group['kind']}", str(len(group["items"]))
    for each in document.get("releases") or ():
        yield f"releases/{each.get('namespace', '')}/{each['name']}", f"{each.get('chart')} {each.get('version')}"


def _short(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def gaps(document: Document) -> tuple[str, ...]:
    """Return a sentence for each thing that could not be seen, so that nobody overlooks it."""
    found = document.get("coverage") or []
    said = [f"not captured: {gap['part']} ({gap['state']}): {gap.get('reason', 'no reason given')}" for gap in found]
    more = [f"not captured: {len(said) - _SHOWN} more; see coverage"] if len(said) > _SHOWN else []
    return (*said[:_SHOWN], *more)


def snapshot(request: Request, caller: Caller) -> Reply:
    """Capture the state of a machine or a cluster, and record what could not be read."""
    from clusterbook.collect.take import save_config_map, take

    notes: tuple[str, ...] = ()
    if request.text("config"):
        from clusterbook.cli.config_cluster import of_snapshot

        request, notes = of_snapshot(request.values["config"], request)
    output, form, template = request.text("output"), request.text("format"), request.text("template")
    if template and form not in ("", "yaml"):
        raise InvalidRequest(f"--template and --format {form} were given", hint="keep one of them")
    layout = _text(template) if template else ""
    agent = read_agent(request) if request.switches & {"agent", "print_manifests"} else None
    if agent is not None and "print_manifests" in request.switches:
        return Reply(manifests_text(agent, form or FORMATS[0]), notes, output=output)
    asked = _snapshot_request(request, agent)
    speaker = "note" if agent is None else "agent"
    with ProgressMeter() as progress:
        progress("snapshot", "the cluster" if asked.cluster else "this machine")
        taken, told = take(asked, caller.environment, lambda line: CONSOLE.say(speaker, line))
    notes = (*notes, *told, *gaps(taken))
    if "redact" in request.switches:  # which takes the reasons away; who asks may know them
        taken = redact_snapshot(taken)
    if request.says("api_version"):
        from clusterbook.snapshot.build import envelope

        taken = envelope(taken, request.values["api_version"])
    if template:
        from clusterbook.snapshot.template import render_snapshot

        text = render_snapshot(layout, taken, template)
    else:
        text = as_text(taken, form or FORMATS[0])
    if output.startswith("cm://"):
        timestamp = str(taken["metadata"]["timestamp"])
        kept = save_config_map(asked, output, text, form or FORMATS[0], timestamp, request.text("owner"))
        text, output, notes = "", "", (*notes, kept)
    return Reply(text, notes, output=output)


def _snapshot_request(request: Request, agent: Agent | None) -> SnapshotRequest:
    """Return what a snapshot is asked to be of."""
    from clusterbook.collect.take import SnapshotRequest

    return SnapshotRequest(
        root=request.text("root"),
        cluster="cluster" in request.switches,
        no_cluster="no_cluster" in request.switches,
        kubeconfig=request.text("kubeconfig"),
        context=request.text("context"),
        node=request.text("node"),
        max_nodes_per_entry=int(request.text("max_nodes_per_entry", "0")),
        helm_values="helm_values" in request.switches,
        agent=agent,
        no_cleanup="no_cleanup" in request.switches,
        cluster_config=request.text("cluster_config"),
    )


def _text(where: str) -> str:
    from clusterbook.inputs.read import read_text

    return read_text(where)


_FLAGS = (
    Flag("output", ("--output", "-o"), "File, or cm://NAMESPACE/NAME (a ConfigMap).", "FILE"),
    Flag(
        "owner",
        ("--owner",),
        "With cm://: the Job that owns the ConfigMap, so that both are removed together.",
        "NAME/UID",
    ),
    Flag("cluster", ("--cluster",), "Capture the cluster of the current kubectl context."),
    Flag("no_cluster", ("--no-cluster",), "In a pod, capture its node only."),
    Flag("kubeconfig", ("--kubeconfig", "-k"), "Capture the cluster of this kubeconfig.", "FILE"),
    Flag("context", ("--context",), "Capture the cluster of this context.", "NAME"),
    Flag("node", ("--node",), "Node to report as K8s.node; default: one with a GPU.", "NAME"),
    Flag(
        "max_nodes_per_entry",
        ("--max-nodes-per-entry",),
        "Maximum number of nodes listed for a label; 0: all.",
        "N",
        number=True,
    ),
    Flag("helm_values", ("--helm-values",), "Include user-supplied Helm values, passwords included."),
    Flag(
        "cluster_config",
        ("--cluster-config",),
        "Network configuration file of l8k, for NICs that /sys does not describe.",
        "FILE",
    ),
    *AGENT,
    Flag("format", ("--format", "-t"), "Default: yaml.", values=FORMATS),
    Flag("api_version", ("--api-version",), "Write an apiVersion that AICR reads, such as aicr.run/v1.", "VERSION"),
    Flag("template", ("--template",), "Jinja2 template (file or URL) to render the snapshot with.", "FILE"),
    Flag("redact", ("--redact",), "Leave out what identifies the cluster: names, addresses, IDs."),
    Flag("root", ("--root",), "Mount point of the machine's root file system.", "DIR"),
    Flag("config", ("--config",), "Configuration file or URL (ClusterbookConfig or AICRConfig).", "FILE"),
)
_JOB = ("agent", "print_manifests")
_RULES = (
    FlagRule((*OF_AGENTS, "namespace", "node_selector", "toleration"), needs=_JOB),
    FlagRule(("no_cleanup",), needs=("agent",)),
    FlagRule(
        ("node", "max_nodes_per_entry", "helm_values"),
        needs=("cluster", "kubeconfig", "context", "agent"),
        outside=True,
    ),
)
COMMANDS: Mapping[str, Command] = {
    "snapshot": Command(
        "snapshot",
        _FLAGS,
        (),
        snapshot,
        "Capture the state of a machine or a cluster, and record what could not be read.\n\nOf a machine: operating"
        " system, kernel, services and GPUs. Works without a cluster, without privileges (less is captured "
        "then) and, with the machine's root mounted, in a pod. Of a cluster: version, nodes, images, "
        "Helm releases, objects and whether they are healthy. Read-only; what it may not read is "
        "recorded as missing.",
        "clusterbook snapshot -o node.yaml\n  clusterbook snapshot --cluster -o cluster.yaml",
        rules=_RULES,
    )
}
"""What takes a snapshot, by name."""
