"""The agent at work: put into the cluster, waited for, read, and taken away.

What it captured of its node becomes part of a larger snapshot; what it says of the cluster does not count.
Source: reference rows S21, S25, S26.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from clusterbook.collect.agent_manifests import Agent, check, manifests
from clusterbook.diagnostics.errors import ClusterbookError, NotFound
from clusterbook.documents.yaml_reader import parse
from clusterbook.kubernetes import configmaps
from clusterbook.kubernetes.api import Api
from clusterbook.kubernetes.configmaps import ConfigMapName
from clusterbook.kubernetes.jobs import JobFailed, Pace, finish, in_cluster
from clusterbook.kubernetes.placement import GPU, GPU_LABEL
from clusterbook.snapshot.build import Capture, SubtypeReadings
from clusterbook.snapshot.model import Item, read_snapshot

_GRACE_S = 30
"""How much longer than the Job itself may take one waits for it: it has to be scheduled first."""


class AgentReport(NamedTuple):
    """What an agent saw, of which node, and what its user should know."""

    seen: Capture
    node: str
    notes: tuple[str, ...]


def run_agent(
    api: Api, agent: Agent, *, say: Callable[[str], None], keep: bool = False, pace: Pace | None = None
) -> AgentReport:
    """Return what an agent sees of one node.

    Args:
        api: the cluster.
        agent: what runs there, and where.
        say: is told each line of its log.
        keep: leave everything in the cluster.
        pace: how often is looked.

    Raises:
        NotFound: a GPU is required and there is none.
        JobFailed: it failed, or left nothing behind.
        NotFinished: it did not end in time.
    """
    agent, notes = place_agent(api, check(agent))
    where = ConfigMapName(agent.namespace, agent.result)
    with in_cluster(api, manifests(agent), keep=keep) as job:
        finish(api, job, timeout_s=agent.timeout_s + _GRACE_S, on_line=say, pace=pace)
        try:
            text, form = configmaps.read(api, where)
        except NotFound as error:
            raise JobFailed(f"the Job {agent.name} succeeded but left no snapshot", hint=error.hint) from error
    document = _document(text, form, where)
    seen = node_capture(document)
    node = str((document.get("metadata") or {}).get("source-node") or "")
    hardware = seen.measurements.get("GPU", {}).get("hardware")
    if hardware is not None and not hardware.data.get("gpu-present"):
        if agent.placement.require_gpu:
            raise NotFound(f"the node {node} has no GPU", hint="name nodes with --node-selector")
        notes = (*notes, f"the node {node} has no GPU; choose others with --node-selector")
    return AgentReport(seen, node, notes)


def place_agent(api: Api, agent: Agent) -> tuple[Agent, tuple[str, ...]]:
    """Return an agent that runs where there are GPUs, as far as nobody has said where, and a note about it.

    Raises:
        NotFound: a GPU is required, and no node has one to give.
    """
    placement = agent.placement
    if placement.require_gpu:
        nodes = api.items("/api/v1/nodes")
        if not any(str(((each.get("status") or {}).get("allocatable") or {}).get(GPU, "0")) != "0" for each in nodes):
            raise NotFound(
                "no node has an allocatable GPU", hint="leave --require-gpu out, or install the GPU operator"
            )
    if not placement.is_free:
        return agent, ()
    try:
        labelled = next(api.items("/api/v1/nodes", labels=f"{GPU_LABEL}=true", page=1), None)
    except ClusterbookError:
        return agent, ("the nodes with GPUs could not be listed; the agent may run on any node",)
    if labelled is None:
        return agent, ()
    return agent._replace(placement=placement._replace(selector={GPU_LABEL: "true"})), ()


def _document(text: str, form: str, where: ConfigMapName) -> Mapping[str, Any]:
    """Return the document that an agent wrote.

    Raises:
        JobFailed: it wrote something else.
    """
    try:
        node = parse(text, str(where))
    except ClusterbookError as error:
        raise JobFailed(f"what the agent wrote cannot be read as {form}: {error.what}") from error
    found = node.data() if node is not None else None
    if not isinstance(found, dict):
        raise JobFailed(f"{where} is empty")
    return found


# --- what it saw ------------------------------------------------------------------------------------------------------


def node_capture(document: Mapping[str, Any]) -> Capture:
    """Return what an agent saw of its node, and what it could not see; what it says of a cluster does not count.

    Raises:
        InvalidRequest: it wrote no snapshot.
    """
    taken = read_snapshot(document)
    measurements = {
        kind: {
            name: SubtypeReadings(group.data, [Item(item.data, item.context) for item in group.items])
            for name, group in groups.items()
        }
        for kind, groups in taken.measurements.items()
        if kind in ("GPU", "OS", "SystemD", "NetworkTopology")
    }
    gaps = [
        gap for gap in taken.inventory.gaps if gap.part.startswith("measurements/") and not _is_of_cluster(gap.part)
    ]
    return Capture(measurements, gaps=gaps)


def _is_of_cluster(part: str) -> bool:
    return part.partition("/")[2].partition(".")[0] in ("K8s", "NodeTopology")
