"""Taking a snapshot: of this machine, of a cluster from outside, or of a pod's node and what its account may see.

An agent looks before the API is asked about its node; of the rest it is said that nobody looked.
Source: reference rows S3, S21, S31.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook import __version__
from clusterbook.collect.node import collectors
from clusterbook.collect.node.host import this_host
from clusterbook.collect.run import Collector, gather, patience
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound
from clusterbook.kubernetes.errors import ClusterDenied
from clusterbook.snapshot.build import Capture, combine, document, measurement_part
from clusterbook.snapshot.inventory import DENIED, FAILED, RELEASES, SKIPPED, Gap

if TYPE_CHECKING:
    from clusterbook.collect.agent_manifests import Agent
    from clusterbook.collect.cluster.survey import SurveyOptions
    from clusterbook.kubernetes.api import Api
    from clusterbook.kubernetes.discovery import Kind

Document = dict[str, Any]

_CLUSTER_PARTS = (measurement_part("K8s"), measurement_part("NodeTopology"), RELEASES)
_NODE_PARTS = (
    measurement_part("GPU"),
    measurement_part("SystemD"),
    *(measurement_part("OS", name) for name in ("grub", "kmod", "sysctl")),
)


class SnapshotRequest(NamedTuple):
    """What a snapshot is asked to be of. `agent` None: nobody looks into a node of the cluster.

    `kinds` are wanted beside those that are always shown; `timeout_s` is how long one list may take, 0 for the usual;
    `network` is what the file `cluster_config` says.
    """

    root: str = ""
    cluster: bool = False
    no_cluster: bool = False
    kubeconfig: str = ""
    context: str = ""
    node: str = ""
    max_nodes_per_entry: int = 0
    helm_values: bool = False
    agent: Agent | None = None
    no_cleanup: bool = False
    kinds: tuple[Kind, ...] = ()
    timeout_s: float = 0
    cluster_config: str = ""
    network: Capture = Capture()

    @property
    def outside(self) -> bool:
        """Whether a cluster is meant, and not the machine we are on."""
        return self.cluster or self.agent is not None or bool(self.kubeconfig or self.context)


class SnapshotResult(NamedTuple):
    """A snapshot, and what its user should know besides what it does not show."""

    document: Document
    notes: tuple[str, ...] = ()


def take(request: SnapshotRequest, variables: Mapping[str, str], say: Callable[[str], None]) -> SnapshotResult:
    """Return the snapshot that was asked for; `say` is told what an agent says while it works, and who is waited for.

    Raises:
        InvalidRequest: it is asked of two things at once.
        ClusterbookError: the cluster cannot be asked at all, or the agent failed.
    """
    in_pod = "KUBERNETES_SERVICE_HOST" in variables
    if request.cluster_config and request.agent is not None:
        what = "--cluster-config describes what an agent detects by itself"
        raise InvalidRequest(what, hint="leave --agent or --cluster-config out")
    request = request._replace(network=_network(request.cluster_config))
    if request.outside:
        if request.no_cluster or request.root:
            flag = "--no-cluster" if request.no_cluster else "--root"
            what = f"{flag} applies to this machine, but a cluster is captured"
            raise InvalidRequest(what, hint="leave one of them out")
        return _from_outside(request, say)
    if request.root and not Path(request.root).is_dir():
        what = f"--root {request.root} is not a folder"
        raise NotFound(what, hint="name where the machine's root is mounted, such as /host")
    host = this_host(request.root or "/", contained=in_pod)
    if in_pod and not request.no_cluster:
        return _in_pod(request, collectors.collectors(host), node_name(variables, ""))
    gaps = [Gap(part, SKIPPED, "capture it with --cluster") for part in _CLUSTER_PARTS]
    seen = combine((collectors.node(host), Capture(gaps=gaps)))
    return SnapshotResult(_snapshot_of(request, seen, node_name(variables, collectors.name(host))))


def _connect(request: SnapshotRequest, node: str) -> tuple[Api, SurveyOptions]:
    """Return the cluster that is meant, and what is wanted of it."""
    from clusterbook.collect.cluster.survey import TIMEOUT_S, SurveyOptions
    from clusterbook.kubernetes.api import PATIENCE, open_api

    # A list has its own end; one page of it should not use up all its time.
    api = open_api(request.kubeconfig, context=request.context, patience=PATIENCE._replace(tries=3, read_s=30))
    timeout_s = request.timeout_s or TIMEOUT_S
    return api, SurveyOptions(
        request.node or node, request.kinds, request.max_nodes_per_entry, request.helm_values, timeout_s
    )


def _from_outside(request: SnapshotRequest, say: Callable[[str], None]) -> SnapshotResult:
    """Return what a cluster's API shows, and what an agent does."""
    from clusterbook.collect.agent import run_agent
    from clusterbook.collect.cluster.survey import collectors

    with patience(say, "a login to the cluster"):
        api, wishes = _connect(request, "")
    whom = f"asked: {api.description}"
    if request.agent is None:
        gaps = [Gap(part, SKIPPED, "capture it with --agent, which inspects a node") for part in _NODE_PARTS]
        with patience(say, api.description):
            seen = combine((gather(collectors(api, wishes)), Capture(gaps=gaps)))
        return SnapshotResult(_snapshot_of(request, seen, request.node), (whom,))
    say(whom)
    found = run_agent(api, request.agent, say=say, keep=request.no_cleanup)
    around = gather(collectors(api, wishes._replace(node=found.node or request.node)))
    return SnapshotResult(_snapshot_of(request, combine((found.seen, around)), found.node), (whom, *found.notes))


def _in_pod(request: SnapshotRequest, node: tuple[Collector, ...], name: str) -> SnapshotResult:
    """Return what a pod sees of its node, and what its service account may see of the cluster."""
    from clusterbook.collect.cluster.survey import collectors

    whom: tuple[str, ...] = ()
    try:
        api, wishes = _connect(request, name)
        whom = (f"asked: {api.description}",)
        seen = gather((*node, *collectors(api, wishes)))
    except ClusterbookError as error:
        state = DENIED if isinstance(error, ClusterDenied) else FAILED
        seen = combine((gather(node), Capture(gaps=[Gap(part, state, error.what) for part in _CLUSTER_PARTS])))
    return SnapshotResult(_snapshot_of(request, seen, name), whom)


def _network(where: str) -> Capture:
    """Return the network as the file `where` has it, "" for none."""
    if not where:
        return Capture()
    from clusterbook.collect.node.l8k import from_cluster_config
    from clusterbook.inputs.read import read_document

    return from_cluster_config(read_document(where))


def _snapshot_of(request: SnapshotRequest, capture: Capture, name: str) -> Document:
    """Return what was seen as a snapshot; what the user says about the network counts more than what was seen of it."""
    return snapshot_document(combine((request.network, capture)), name)


def snapshot_document(capture: Capture, node: str) -> Document:
    """Return what was seen as a snapshot taken now, on the node called `node` ("" for none)."""
    now = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return document(capture, {"timestamp": now, "version": __version__, "source-node": node})


def node_name(variables: Mapping[str, str], own_name: str) -> str:
    """Return the name of this node: what the pod was told, else what the machine calls itself. Source: row G15."""
    return variables.get("NODE_NAME") or variables.get("KUBERNETES_NODE_NAME") or own_name


def save_config_map(request: SnapshotRequest, where: str, text: str, form: str, timestamp: str, owner: str = "") -> str:
    """Write a snapshot into the ConfigMap `where`, which goes with the Job `owner`; return in which cluster.

    Raises:
        InvalidRequest: it is no ConfigMap, or not in a form that one keeps.
    """
    from clusterbook.kubernetes import configmaps
    from clusterbook.kubernetes.api import open_api

    if form not in configmaps.FORMATS:
        raise InvalidRequest(f"a ConfigMap cannot hold {form}", hint="write it as yaml or json")
    place = configmaps.parse_where(where)
    api = open_api(request.kubeconfig, context=request.context)
    configmaps.write(api, place, text, form=form, timestamp=timestamp, owner=owner)
    return f"written: {place} at {api.description}"
