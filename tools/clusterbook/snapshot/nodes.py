"""The nodes of a cluster as a snapshot shows them: each by itself, and how much of them was seen.

Whoever judges asks this view, so that one node never stands for all of them and a list that broke off never for the
whole. What a kubelet says of its node is in the snapshot's Node objects; older snapshots, and those of the reference,
have labels only, below which the nodes are listed. Source: reference rows S13, S15, S16.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.documents.selector import listing
from clusterbook.records import Any, NamedTuple
from clusterbook.snapshot import gpus, services
from clusterbook.snapshot.gpus import Gpus, gpus_of
from clusterbook.snapshot.inventory import Gap, Object, gap_text
from clusterbook.snapshot.kubelet import SOFTWARE, as_map, identity, kubelet, os_release, release
from clusterbook.snapshot.recognition import (
    DRA_DRIVER,
    DRIVER_LABELS,
    MODEL_LABELS,
    OS_LABEL,
    POOL_LABELS,
    PRESENT_LABEL,
)  # fmt: skip
from clusterbook.snapshot.systems import System
from clusterbook.snapshot.topology import NodeLabel

_JUDGED = frozenset((*POOL_LABELS, *DRIVER_LABELS))
_NAMED = 3
"""Most nodes that one message names."""
OWN_READINGS = frozenset(("K8s.node.source-node", "K8s.node.provider-id"))
"""The readings that each node has for itself."""


def is_judged(label: str) -> bool:
    """Return whether judging asks for a label of a node, so that it is kept with the node itself."""
    return label in _JUDGED or label.startswith(OS_LABEL) or gpus.is_judged(label) or services.is_judged(label)


class ClusterNode(NamedTuple):
    """One node. `readings` maps the path of a reading, such as `OS.release.ID`, to what the API says of it.

    Nodes of one `kind` differ in their names and in `OWN_READINGS` alone.
    """

    name: str
    labels: Mapping[str, str]
    readings: Mapping[str, str]
    gpus: Gpus | None = None
    kind: str = ""

    @property
    def system(self) -> System:
        """Return its operating system, as far as anybody says."""
        return System(self.readings.get("OS.release.ID", ""), self.readings.get("OS.release.VERSION_ID", ""))

    @property
    def pool(self) -> str:
        """Return the pool it belongs to: that of its cloud, else what its GPU and its system are."""
        named = next((self.labels[key] for key in POOL_LABELS if self.labels.get(key)), "")
        if named:
            return named
        model = (self.gpus.model() or self.gpus.product) if self.gpus else ""
        return "-".join(word for word in (model, *str(self.system).split()) if word) or "unnamed"


class NodeKind(NamedTuple):
    """Nodes that show the same: one of them, and the names of all. 10,000 nodes are of few kinds."""

    node: ClusterNode
    names: Sequence[str]


def kinds_of(nodes: Iterable[ClusterNode]) -> tuple[NodeKind, ...]:
    """Return nodes by their kinds, in the order of the first of each."""
    found: dict[str, NodeKind] = {}
    names: dict[str, list[str]] = {}
    for node in nodes:
        if node.kind not in found:
            names[node.kind] = []
            found[node.kind] = NodeKind(node, names[node.kind])
        names[node.kind].append(node.name)
    return tuple(found.values())


class NodeView:
    """All nodes that a snapshot shows; `gap` says what limits the view, None for nothing.

    `unnamed` is how many GPU nodes labels count without naming them, `unmodelled` those of them whose model no label
    counts; `chosen` the names that somebody picked, None
    where all are meant; `listed` whether the nodes themselves were listed, and not only their labels.
    """

    def __init__(
        self,
        nodes: Sequence[ClusterNode],
        gap: Gap | None = None,
        *,
        unnamed: int = 0,
        unmodelled: int = 0,
        chosen: Collection[str] | None = None,
        listed: bool = False,
    ) -> None:
        self.all = tuple(nodes)
        self.gap = gap
        self.unnamed = unnamed if chosen is None else 0
        self.unmodelled = unmodelled if chosen is None else 0
        self.chosen = chosen
        self.listed = listed

    @cached_property
    def nodes(self) -> tuple[ClusterNode, ...]:
        """The nodes that are meant."""
        return tuple(each for each in self.all if self.chosen is None or each.name in self.chosen)

    @cached_property
    def gpu(self) -> tuple[ClusterNode, ...]:
        """Those that have a GPU."""
        return tuple(each for each in self.nodes if each.gpus is not None)

    @cached_property
    def judged(self) -> tuple[ClusterNode, ...]:
        """The nodes that a recipe is about: those with a GPU, and all where none has one."""
        return self.gpu or self.nodes

    @cached_property
    def kinds(self) -> tuple[NodeKind, ...]:
        """The kinds of the nodes that a recipe is about."""
        return kinds_of(self.judged)

    @cached_property
    def all_kinds(self) -> tuple[NodeKind, ...]:
        """The kinds of all nodes, whichever are meant."""
        return kinds_of(self.all)

    def kinds_beside(self, own: str) -> Iterator[NodeKind]:
        """Yield the kinds of the judged nodes, and by itself the node `own`, of which more is known; "" for none."""
        kind = next((node.kind for node in self.judged if node.name == own), "") if own else ""
        for each in self.kinds:
            if not kind or each.node.kind != kind:
                yield each
                continue
            yield NodeKind(each.node, [own])
            if rest := [name for name in each.names if name != own]:
                yield NodeKind(each.node, rest)

    @property
    def gpu_count(self) -> int | None:
        """How many nodes have a GPU, None where nobody can tell."""
        if self.gap is not None or not (self.listed or self.gpu):
            return None
        return len(self.gpu) + self.unnamed

    @property
    def limit(self) -> str:
        """Return why not all nodes were seen, "" where all were, or where nobody looked for them."""
        if self.gap is None:
            return ""
        if self.gap.part.endswith("/ResourceSlice"):
            return f"ResourceSlice {gap_text(self.gap)}, and GPUs with dynamic allocation show nowhere else"
        count = len(self.all)
        why = f": {self.gap.reason}" if self.gap.reason else ""
        if count:
            return f"only {count} node{'s were' if count > 1 else ' was'} captured{why}"
        return f"the nodes {gap_text(self.gap).replace('was', 'were', 1)}"

    @property
    def is_complete(self) -> bool:
        """Return whether every node was seen, with what it has to give."""
        return self.listed and self.gap is None

    @cached_property
    def gpu_kinds(self) -> dict[str, int]:
        """How many GPUs of each kind the nodes have to give, without the kinds of which there are none."""
        found = dict.fromkeys(gpus.KINDS, 0)
        for node, names in self.kinds:
            for kind, count in node.gpus.counts if node.gpus else ():
                found[kind] += count * len(names)
        return {kind: count for kind, count in found.items() if count}

    def pools(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the judged nodes by pool, sorted."""
        found: dict[str, list[str]] = {}
        for node, names in self.kinds:
            found.setdefault(node.pool, []).extend(names)
        return {name: tuple(sorted(found[name])) for name in sorted(found)}

    def without_claims(self, gap: Gap | None) -> NodeView:
        """Return the view of nodes whose GPUs are claimed, where the slices that show them were not all seen.

        What every one of them shows of its GPUs otherwise, it shows.
        """
        if gap is None or self.gap is not None or all(each.gpus and each.gpus.product for each in self.nodes):
            return self
        view = NodeView(self.all, gap, chosen=self.chosen, listed=self.listed)
        view.unnamed, view.unmodelled = self.unnamed, self.unmodelled
        return view

    def only(self, names: Collection[str]) -> NodeView:
        """Return the view of some nodes."""
        return NodeView(self.all, self.gap, chosen=frozenset(names), listed=self.listed)

    def pool(self, name: str) -> frozenset[str]:
        """Return the names of the nodes of one pool.

        Raises:
            InvalidRequest: there is no such pool.
        """
        pools = self.pools()
        if name not in pools:
            hint = did_you_mean(name, pools) or f"the pools are: {listing(pools)}"
            raise InvalidRequest(f"the snapshot shows no pool '{name}'", hint=hint)
        return frozenset(pools[name])


def unnamed_nodes(count: int) -> list[str]:
    """Return what stands for nodes without a name in a list of names."""
    return [f"{count} that the snapshot does not list"] if count else []


def list_names(names: Sequence[str]) -> str:
    """Return nodes for a sentence: `gpu-1, gpu-2, gpu-3 and 4 more`."""
    first = sorted(names)[:_NAMED]
    more = len(names) - len(first)
    if more:
        return f"{', '.join(first)} and {more} more"
    return " and ".join(part for part in (", ".join(first[:-1]), first[-1]) if part) if first else ""


_PARTS = {gpus.MIG: "MIG slices", gpus.SHARED: "shared GPUs", gpus.VGPU: "virtual GPUs"}


def parts_of_gpus(nodes: NodeView) -> dict[str, str]:
    """Return where a pod is given a part of a GPU, by kind: `MIG slices on gpu-1`."""
    found: dict[str, list[str]] = {}
    for node, names in nodes.kinds:
        if node.gpus and node.gpus.kind != gpus.WHOLE:
            found.setdefault(node.gpus.kind, []).extend(names)
    return {kind: f"{_PARTS[kind]} on {list_names(names)}" for kind, names in sorted(found.items())}


# --- from a snapshot --------------------------------------------------------------------------------------------------


def view(
    objects: Sequence[Object],
    labels: Iterable[NodeLabel],
    gap: Gap | None = None,
    slices: Iterable[Object] = (),
) -> NodeView:
    """Return the view of the nodes.

    Args:
        objects: the Node objects.
        labels: what NodeTopology lists.
        gap: what limits the view.
        slices: the ResourceSlices, which say which node has GPUs to claim.
    """
    claimed = dict(_dra_products(slices))
    bare = not any(each["metadata"].get("labels") for each in objects)
    listed, unnamed, unmodelled = _labels_by_node(labels) if bare else ({}, 0, 0)
    if not objects:
        names = sorted({*listed, *claimed})
        return NodeView([_labelled(name, listed.get(name, {}), claimed.get(name)) for name in names], gap,
                        unnamed=unnamed, unmodelled=unmodelled)  # fmt: skip
    found = []
    kinds: dict[str, ClusterNode] = {}
    for each in objects:
        name = str(each["metadata"].get("name"))
        labels_of = each["metadata"].get("labels") or listed.get(name) or {}
        status = each.get("status") or {}
        own = {f"K8s.node.{key}": value for key, value in identity(each).items()}
        software = as_map(status.get("nodeInfo"))
        kind = repr((labels_of, status.get("capacity"), status.get("allocatable"), claimed.get(name),
                     own.get("K8s.node.provider"), [software.get(key) for key in SOFTWARE]))  # fmt: skip
        if kind not in kinds:
            kinds[kind] = _node(each, labels_of, claimed.get(name), str(len(kinds)))
        found.append(kinds[kind]._replace(name=name, readings={**kinds[kind].readings, **own}))
    return NodeView(found, gap, listed=True)


def _node(node: Object, labels: Mapping[str, Any], claimed: str | None, kind: str) -> ClusterNode:
    """Return a node as all of its kind are, without what it has alone."""
    own, status = {str(key): str(value) for key, value in labels.items()}, node.get("status") or {}
    gpu = gpus_of(own, {**as_map(status.get("allocatable")), **as_map(status.get("capacity"))}, claimed)
    return ClusterNode("", own, _node_readings(node, own) | _model(gpu), gpu, kind)


def _labelled(name: str, labels: Mapping[str, str], claimed: str | None) -> ClusterNode:
    """Return a node of which labels are all that is known."""
    readings = {f"OS.release.{key}": value for key, value in os_release(labels).items()}
    gpu = gpus_of(labels, {}, claimed)
    told = {**readings, **_driver(labels), **_model(gpu)}
    return ClusterNode(name, labels, told, gpu, repr((labels, claimed)))


def _dra_products(slices: Iterable[Object]) -> Iterator[tuple[str, str]]:
    """Yield the nodes whose GPUs a DRA driver publishes, and the name of their product."""
    for each in slices:
        spec = each.get("spec") or {}
        if spec.get("driver") == DRA_DRIVER and spec.get("nodeName"):
            devices = spec.get("devices")
            names = (_product(device) for device in (devices if isinstance(devices, list) else ()))
            yield str(spec["nodeName"]), next(filter(None, names), "")


def _product(device: object) -> str:
    attributes = as_map(device).get("attributes") or as_map(as_map(device).get("basic")).get("attributes")
    return str(as_map(as_map(attributes).get("productName")).get("string") or "")


def _labels_by_node(labels: Iterable[NodeLabel]) -> tuple[dict[str, dict[str, str]], int, int]:
    """Return the judged labels by node, how many GPU nodes cut lists do not name, and how many of which model."""
    found: dict[str, dict[str, str]] = {}
    modelled, present = Counter[str](), 0
    for label in labels:
        if not is_judged(label.key):
            continue
        for name in label.nodes:
            found.setdefault(name, {})[label.key] = label.value
        if (label.key, label.value) == (PRESENT_LABEL, "true"):
            present = label.unnamed
        elif label.key in MODEL_LABELS and label.value:
            modelled[label.key] += label.unnamed
    most = max(modelled.values(), default=0)
    return found, max(present, most), max(present - most, 0)


def _node_readings(node: Object, labels: Mapping[str, str]) -> dict[str, str]:
    """Return what the API says of a node and of all that are alike, by the path of the reading that says it."""
    found = {f"K8s.node.{key}": value for key, value in kubelet(node).items()}
    found |= {f"OS.release.{key}": value for key, value in release(node, labels).items()}
    if kernel := found.get("K8s.node.kernel-version"):
        found["OS.sysctl./proc/sys/kernel/osrelease"] = kernel
    return found | _driver(labels)


def _model(gpu: Gpus | None) -> dict[str, str]:
    """Return the model of the GPUs by the name that recipes have for it."""
    model = gpu.model() if gpu else ""
    return {"GPU.hardware.model": model} if model else {}


def _driver(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the version of the GPU driver, from the labels of GPU feature discovery."""
    parts = [labels.get(key, "") for key in DRIVER_LABELS[1:]]
    version = labels.get(DRIVER_LABELS[0]) or ".".join(filter(None, parts))
    return {"GPU.smi.driver-version": version} if version else {}
