"""The criteria that a cluster shows, each with one of five words: it is, is several, none, unreadable, unasked.

What is measured counts; a fingerprint that somebody wrote by hand counts more, since some services show themselves
nowhere. Source: reference rows R9, S2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from clusterbook.documents.yaml_writer import scalar
from clusterbook.records import NamedTuple
from clusterbook.snapshot import services
from clusterbook.snapshot.gpus import MIXED, accelerator_in
from clusterbook.snapshot.inventory import ABSENT, DENIED, FAILED, PARTIAL, gap_text
from clusterbook.snapshot.model import Snapshot, Subtype
from clusterbook.snapshot.nodes import list_names, unnamed_nodes
from clusterbook.snapshot.recognition import ACCELERATORS, SYSTEMS
from clusterbook.snapshot.systems import system

DIMENSIONS = ("service", "accelerator", "os")
"""The criteria that a cluster may show."""
IS, SEVERAL, NONE, UNREADABLE, UNASKED = "is", "several", "none", "unreadable", "unasked"
"""All that was seen says the same; its nodes differ; it has none; somebody looked and could not see; nobody looked."""
UNKNOWN_SKU = "unknown-sku"
"""Note of a fingerprint: the GPU is none that whoever took the snapshot had a name for."""
_STATED = {"service": ("service",), "accelerator": ("accelerator",), "os": ("os",), "nodes": ("nodes", "nodeCount")}
"""Dimension → its names in the fingerprint block, the first that is there counts. Source: reference row S2."""
_READINGS = ("k8s.", "node.", "nodetopology.", "gpu.", "os.", "the api group ")
"""How the source of a fingerprint's value begins where it was made of readings, which are asked again."""


class DimensionReading(NamedTuple):
    """What a cluster shows of one dimension.

    `values` maps each value, named as recipes do where they have a name for it, to the nodes that have it; `details`
    says more of a value, such as its version. `unread` are nodes that show nothing, `limit` why the view is not whole,
    `reason` what there is to say where there is no value, `source` the reading that says so.
    """

    values: Mapping[str, Sequence[str]] = {}
    source: str = ""
    unread: Sequence[str] = ()
    limit: str = ""
    reason: str = ""
    looked: bool = False
    none: bool = False
    details: Mapping[str, Sequence[str]] = {}

    @property
    def state(self) -> str:
        """Return one of the five words."""
        if self.values:
            return IS if len(self.values) == 1 else SEVERAL
        if self.none and not self.limit:
            return NONE
        return UNREADABLE if self.looked or self.limit else UNASKED

    @property
    def value(self) -> str:
        """Return the one value, "" where there are none or several, or where the view was cut short."""
        return next(iter(self.values)) if self.state == IS and not self.limit else ""


def read_dimension(snapshot: Snapshot, dimension: str, accelerators: Iterable[str] = ACCELERATORS) -> DimensionReading:
    """Return what a cluster shows of a dimension; `accelerators` are the names to look for in a GPU's product."""
    entry = next((snapshot.stated[name] for name in _STATED[dimension] if name in snapshot.stated), None)
    stated, source = _stated_value(entry), str(entry.get("source") or "") if isinstance(entry, Mapping) else ""
    if stated and snapshot.chosen is None and not source.lower().startswith(_READINGS):
        return DimensionReading({stated: ()}, source)
    if dimension == "service":
        seen = _service(snapshot)
    elif dimension == "os":
        seen = _os(snapshot)
    else:
        seen = _accelerator(snapshot, tuple(accelerators))
    if stated and seen.state == UNASKED:
        return DimensionReading({stated: ()}, source)
    note = str(entry.get("note") or "") if isinstance(entry, Mapping) else ""
    if (
        note.startswith("multi-") and seen.state == IS and not (stated or snapshot.nodes.all)
    ):  # one node says nothing of the others
        return DimensionReading(looked=True, reason=f"its fingerprint says {note}")
    return seen


def fingerprint(snapshot: Snapshot, accelerators: Iterable[str] = ACCELERATORS) -> dict[str, str]:
    """Return the criteria that the cluster shows, dimension → value, as far as known: service, accelerator, os, nodes.

    The number of nodes is never derived: a recipe for exactly that many nodes must be asked for. `accelerators` are the
    names to look for in a GPU's product name. Source: reference rows R9, S2.
    """
    names = tuple(accelerators)
    values = {dimension: read_dimension(snapshot, dimension, names).value for dimension in DIMENSIONS}
    if values["accelerator"] not in names and not _is_by_hand(snapshot, "accelerator"):
        values["accelerator"] = ""
    if values["os"] not in SYSTEMS.values() and not _is_by_hand(snapshot, "os"):
        values["os"] = ""
    count = next((_stated_value(snapshot.stated[name]) for name in _STATED["nodes"] if name in snapshot.stated), "")
    values["nodes"] = "" if count == "0" else count
    return {dimension: value for dimension, value in values.items() if value}


def origin(snapshot: Snapshot, dimension: str) -> str:
    """Return the reading from which `fingerprint` has the value of a dimension, "" where nobody says."""
    return "" if dimension == "nodes" else read_dimension(snapshot, dimension).source


def _is_by_hand(snapshot: Snapshot, dimension: str) -> bool:
    entry = snapshot.stated.get(dimension)
    return bool(_stated_value(entry)) and not (
        isinstance(entry, Mapping) and str(entry.get("source") or "").lower().startswith(_READINGS)
    )


def _stated_value(entry: object) -> str:
    """Return the value of one dimension of a fingerprint, which is the value itself or a map around it."""
    value = entry.get("value") if isinstance(entry, Mapping) else entry
    return scalar(value).strip() if isinstance(value, str | int) else ""


# --- service ----------------------------------------------------------------------------------------------------------


def _service(snapshot: Snapshot) -> DimensionReading:
    """Return which managed Kubernetes it is."""
    version, nodes = snapshot.reading("K8s", "server", "version"), snapshot.nodes
    labels = {key for kind in nodes.all_kinds for key in kind.node.labels}
    labels |= {key for key in snapshot.label_keys if services.is_judged(key)}
    said = {key: {kind.node.readings.get(f"K8s.node.{key}", "") for kind in nodes.all_kinds} - {""}
            for key in ("container-runtime-version", "os-image", "provider")}  # fmt: skip
    for key, values in said.items():
        values |= {snapshot.reading("K8s", "node", key)} - {""}
    groups = {
        str(each["metadata"].get("name") or "").partition(".")[2]
        for each in snapshot.inventory.objects.get(("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ())
    }
    service, source = services.service_in(
        services.ServiceMarkers(
            version, sorted(labels), said["container-runtime-version"], said["os-image"], said["provider"], groups
        )
    )
    if service:
        return DimensionReading({service: ()}, source)
    limit = snapshot.nodes.limit
    machines = ", ".join(sorted(map(services.cloud_of, said["provider"])))
    where = f" on machines of {machines}" if machines else ""
    if not version:
        gap = snapshot.inventory.gap("measurements/K8s.server") or snapshot.inventory.gap("measurements/K8s")
        looked = gap is not None and gap.state in (DENIED, FAILED)
        why = f"its version {gap_text(gap)}" if gap is not None and looked else "its version is not in the snapshot"
        if not (looked or machines):
            return DimensionReading(limit=limit)
        what = f"unknown which Kubernetes runs{where}: {why}"
        return DimensionReading(limit=limit, looked=True, reason=what)
    what = f"it is Kubernetes {version}{where}, and nothing on it shows a managed service"
    if any(not services.is_recognisable(services.service_of(each)) for each in said["provider"]):
        return DimensionReading(limit=limit, looked=True, reason=what)
    if not (nodes.all or said["provider"]):  # AKS and LKE are known by their nodes alone
        return DimensionReading(limit=limit, reason=what)
    return DimensionReading(limit=limit, none=True, reason=what)


# --- operating system -------------------------------------------------------------------------------------------------


def _os(snapshot: Snapshot) -> DimensionReading:
    """Return which operating system the judged nodes run."""
    own = snapshot.own_node("OS.release")
    mine = system(*(snapshot.reading("OS", "release", key) for key in ("ID", "VERSION_ID", "RHEL_VERSION")))
    nodes, limit = snapshot.nodes, snapshot.nodes.limit
    values: dict[str, list[str]] = {}
    details: dict[str, set[str]] = {}
    unread: list[str] = []
    for node, names in nodes.kinds_beside(own if mine.id else ""):
        found = mine if mine.id and names == [own] else node.system
        if found.id:
            values.setdefault(found.criterion or found.id, []).extend(names)
            details.setdefault(found.criterion or found.id, set()).add(str(found))
        else:
            unread.extend(names)
    unread += unnamed_nodes(snapshot.nodes.unnamed)
    if not values and mine.id and snapshot.chosen is None:
        values, details = {mine.criterion or mine.id: [own] if own else []}, {mine.criterion or mine.id: {str(mine)}}
        unread = [name for name in unread if name != own] if len(unread) > 1 else []
    gap = snapshot.inventory.gap("measurements/OS.release") or snapshot.inventory.gap("measurements/OS")
    looked = gap is not None and gap.state in (DENIED, FAILED, PARTIAL)
    reason = f"OS.release {gap_text(gap)}" if gap is not None and looked else ""
    return DimensionReading(values, "OS.release.ID", unread, limit, reason, looked,
                 details={key: sorted(each) for key, each in details.items()})  # fmt: skip


# --- accelerator ------------------------------------------------------------------------------------------------------


def _accelerator(snapshot: Snapshot, known: tuple[str, ...]) -> DimensionReading:
    """Return which GPUs the nodes have: by what the cluster says of each, and by what one of them says of itself."""
    nodes, limit = snapshot.nodes, snapshot.nodes.limit
    source, products = own_products(snapshot)
    mine = {accelerator_in(product, known) or product for product in products}
    own = snapshot.own_node("GPU") or (nodes.gpu[0].name if len(nodes.gpu) == 1 else "")
    values: dict[str, list[str]] = {}
    unread: list[str] = []
    label = ""
    for node, names in nodes.kinds_beside(own) if nodes.gpu else ():
        gpus, itself = node.gpus, names == [own]
        model = (gpus.model(known) or gpus.product) if gpus else ""
        label = label or (gpus.source if gpus else "")
        models = {model} - {""}
        if itself and mine and (len(mine) > 1 or mine <= {*known}):
            models = mine | (models & {*known})
        elif itself:
            models = models or mine
        for each in sorted(models):
            values.setdefault(each, []).extend(names)
        if not models:
            unread.extend(names)
    unread += unnamed_nodes(nodes.unmodelled)
    limit = limit or _partial_slices(snapshot)
    if values:
        where = (
            label
            if label in ("ResourceSlice", "Node.status.capacity")
            else f"NodeTopology.label.{label}"
            if label
            else source
        )
        return DimensionReading(values, where, unread, limit)
    if mine and (snapshot.chosen is None or own in snapshot.chosen):
        rest = [name for name in unread if name != own]
        group = source.rpartition(".")[0]
        gap = snapshot.inventory.gap(f"measurements/{group}") or snapshot.inventory.gap("measurements/GPU")
        if gap is not None and gap.state == PARTIAL:
            limit = limit or f"{group} {gap_text(gap)}"
        return DimensionReading({each: [own] if own else [] for each in sorted(mine)}, source, rest, limit)
    if unread:
        have = "has" if len(unread) == 1 else "have"
        reason = f"{list_names(unread)} {have} GPUs of an unknown model; inspect a node with --agent"
        return DimensionReading(unread=unread, limit=limit, reason=reason)
    gap = snapshot.inventory.gap("measurements/GPU.hardware") or snapshot.inventory.gap("measurements/GPU")
    failed = gap is not None and gap.state in (DENIED, FAILED, PARTIAL)
    present = snapshot.reading("GPU", "hardware", "gpu-present")
    if present == "true":
        return DimensionReading(limit=limit, looked=True, reason="it has a GPU whose model is not known")
    slices = snapshot.slices_gap
    if nodes.is_complete and slices is not None and slices.state != ABSENT:
        return DimensionReading(
            limit=limit, looked=True, reason=f"no node shows a GPU, and ResourceSlice {gap_text(slices)}"
        )
    if nodes.is_complete:
        what = "no node that was picked" if snapshot.chosen is not None else "no node of the cluster"
        return DimensionReading(limit=limit, none=True, reason=f"{what} shows a GPU: no resource, no device, no label")
    if present == "false" and not nodes.all:
        return DimensionReading(limit=limit, none=True, reason="the machine has no GPU")
    if gap is not None and failed:
        return DimensionReading(limit=limit, looked=True, reason=f"GPU {gap_text(gap)}")
    return DimensionReading(limit=limit)


def _partial_slices(snapshot: Snapshot) -> str:
    """Return what limits the view of the GPUs where the list of slices broke off, or could not be read."""
    gap = snapshot.slices_gap
    return f"ResourceSlice {gap_text(gap)}" if gap is not None and gap.state in (PARTIAL, FAILED) else ""


def own_products(snapshot: Snapshot) -> tuple[str, list[str]]:
    """Return the GPU models that a machine's own readings name, and the reading; the bus where the driver is partial.

    A driver that shows four of eight GPUs names the models of four.
    """
    gap = snapshot.inventory.gap("measurements/GPU.smi")
    sources = [("smi", "name"), ("hardware", "model")]
    if gap is not None and gap.state != ABSENT:
        sources.reverse()
    for name, key in sources:
        group = snapshot.measurements.get("GPU", {}).get(name, Subtype({}, ()))
        models = {str(each[key]) for each in (group.data, *(item.data for item in group.items)) if each.get(key)}
        models -= {MIXED}
        if models:
            models |= {f"PCI 10de:{item.data['device-id']}" for item in group.items
                       if name == "hardware" and "device-id" in item.data and not item.data.get(key)}  # fmt: skip
            return f"GPU.{name}.{key}", sorted(models)
    return "GPU.hardware.model", []
