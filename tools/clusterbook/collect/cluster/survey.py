"""The survey: a cluster, by all that can be asked of it at once.

Of a list no more than a page is in memory beside what is kept of it. A list that cannot be read, or not to its end, is
a gap and never silence. Source: reference rows S3, S10-S16.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from clusterbook.collect.cluster import helm_releases
from clusterbook.collect.cluster.images import Images
from clusterbook.collect.cluster.nodes import Nodes, policies
from clusterbook.collect.cluster.objects import CLUSTER_POLICY, NODE, POD, STANDARD, trim
from clusterbook.collect.run import Collector
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.documents.selector import describe
from clusterbook.kubernetes.api import PAGE, Api
from clusterbook.kubernetes.discovery import Kind, Resources, discover
from clusterbook.kubernetes.errors import ClusterDenied, NoObject
from clusterbook.snapshot.build import Capture, SubtypeReadings, measurement_part
from clusterbook.snapshot.inventory import DENIED, FAILED, NODES, PARTIAL, RELEASES, Gap, objects_part

TIMEOUT_S = 90.0
"""How long one list may take. Source: reference row S3."""
_GRACE_S = 5.0
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_PAGES = {"CustomResourceDefinition": 20}
"""Kinds whose objects are so large that fewer are asked for at a time: a definition has a megabyte at most."""
_FIELDS = {"Event": "type=Warning,reason=FailedCreate"}
"""Kinds of whose objects some are wanted: of events those of pods that never came."""
_STORES = (("secrets", "Secret", "type=helm.sh/release.v1"), ("configmaps", "ConfigMap", ""))
"""Where Helm keeps releases; the first unless its user chose otherwise."""


class SurveyOptions(NamedTuple):
    """What of a cluster is wanted, and how long that may take.

    `node` is the one whose readings are taken, "" for the first with a GPU; `most_nodes` cuts the lists of nodes below
    a label, 0 for never; `values` asks for what users gave to Helm, passwords and all.
    """

    node: str = ""
    kinds: Sequence[Kind] = ()
    most_nodes: int = 0
    values: bool = False
    timeout_s: float = TIMEOUT_S


EVERYTHING = SurveyOptions()


def collectors(api: Api, options: SurveyOptions = EVERYTHING) -> tuple[Collector, ...]:
    """Return the collectors of a cluster; what each is to ask for is found out here, by two requests.

    Raises:
        ClusterbookError: the cluster cannot be asked at all.
    """
    resources = discover(api)
    wanted = [kind for kind in dict.fromkeys((*STANDARD, *options.kinds)) if kind not in (NODE, POD)]

    def collector(part: str, look: Callable[[], Capture]) -> Collector:
        return Collector(part, look, options.timeout_s + _GRACE_S)

    return (
        collector(measurement_part("K8s", "server"), lambda: server(api)),
        collector(NODES, lambda: nodes(api, options)),
        collector(objects_part(*POD), lambda: pods(api, options)),
        collector(RELEASES, lambda: releases(api, options)),
        *(collector(objects_part(*kind), _listing(api, resources, kind, options)) for kind in wanted),
    )


def _listing(api: Api, resources: Resources, kind: Kind, options: SurveyOptions) -> Callable[[], Capture]:
    return lambda: objects(api, resources, kind, options)


def server(api: Api) -> Capture:
    """Return K8s.server. Source: reference row S10."""
    said = api.get("/version")
    keys = {"version": "gitVersion", "platform": "platform", "goVersion": "goVersion"}
    data = {name: said[key] for name, key in keys.items() if said.get(key) and isinstance(said[key], str)}
    if "version" not in data:
        what = f"/version has no gitVersion: it is {describe(said.get('gitVersion'))}"
        return Capture(gaps=[Gap(measurement_part("K8s", "server"), FAILED, what)])
    return Capture({"K8s": {"server": SubtypeReadings(data)}})


def nodes(api: Api, options: SurveyOptions) -> Capture:
    """Return K8s.node, NodeTopology, and the nodes themselves."""
    told, kept = Nodes(), list[Mapping[str, Any]]()

    def add(node: Mapping[str, Any]) -> None:
        told.add(node, options.node)
        kept.append(trim(NODE.kind, node))

    gap = _walk_list(api, "/api/v1/nodes", add, objects_part(*NODE), options)
    if gap is not None and not kept:
        parts = (objects_part(*NODE), measurement_part("K8s", "node"), measurement_part("NodeTopology"))
        return Capture(gaps=[gap._replace(part=part) for part in parts])
    gaps = [] if gap is None else [gap, gap._replace(part=measurement_part("NodeTopology"))]
    if options.node and kept and told.name != options.node:
        what = f"the cluster has no node {options.node}; these are the readings of {told.name}"
        gaps.append(Gap(measurement_part("K8s", "node"), PARTIAL, what))
    found = told.node()
    return Capture({**found, "NodeTopology": told.topology(options.most_nodes)}, [_block(NODE, kept)], gaps=gaps)


def pods(api: Api, options: SurveyOptions) -> Capture:
    """Return K8s.image, and the pods themselves."""
    images, kept = Images(), list[Mapping[str, Any]]()

    def add(pod: Mapping[str, Any]) -> None:
        images.add(pod)
        kept.append(trim(POD.kind, pod))

    gap = _walk_list(api, "/api/v1/pods", add, objects_part(*POD), options)
    if gap is not None and not kept:
        return Capture(gaps=[gap, gap._replace(part=measurement_part("K8s", "image"))])
    gaps = [] if gap is None else [gap, gap._replace(part=measurement_part("K8s", "image"))]
    return Capture({"K8s": {"image": images.group()}}, [_block(POD, kept)], gaps=gaps)


def objects(api: Api, resources: Resources, kind: Kind, options: SurveyOptions) -> Capture:
    """Return the objects of one kind; of one that the cluster does not serve there are none."""
    served, part = resources.find(kind), objects_part(*kind)
    if served is None:
        if resources.is_silent(kind):
            return Capture(gaps=[Gap(part, FAILED, f"discovery of the API {kind.group or 'v1'} failed")])
        return Capture(objects=[_block(kind, [])])
    kept: list[Mapping[str, Any]] = []
    whole: list[Mapping[str, Any]] = []

    def add(found: Mapping[str, Any]) -> None:
        kept.append(trim(kind.kind, found))
        if kind == CLUSTER_POLICY:
            whole.append(found)

    page, fields = _PAGES.get(kind.kind, PAGE), _FIELDS.get(kind.kind, "")
    gap = _walk_list(api, served.path(), add, part, options, page=page, fields=fields)
    if gap is not None and not kept:
        return Capture(gaps=[gap])
    measurements = {"K8s": {"policy": policies(whole)}} if whole else {}
    return Capture(measurements, [_block(served.kind, kept)], gaps=[gap] if gap else [])


def _block(kind: Kind, items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {"apiVersion": kind.api_version, "kind": kind.kind, "items": items}


def _walk_list(
    api: Api,
    path: str,
    add: Callable[[Mapping[str, Any]], None],
    part: str,
    options: SurveyOptions,
    *,
    page: int = PAGE,
    fields: str = "",
) -> Gap | None:
    """Hand every object of a list to `add`; return what of it could not be seen, None when all of it was."""
    until, count = time.monotonic() + options.timeout_s, 0
    try:
        for found in api.items(path, page=page, fields=fields):
            add(found)
            count += 1
            if time.monotonic() > until:
                return Gap(part, PARTIAL, f"only {count} were read within {options.timeout_s:g} s")
    except ClusterDenied as error:
        return Gap(part, PARTIAL if count else DENIED, error.what)
    except ClusterbookError as error:
        return Gap(part, PARTIAL if count else FAILED, error.what)
    return None


# --- releases ---------------------------------------------------------------------------------------------------------


def releases(api: Api, options: SurveyOptions) -> Capture:
    """Return the Helm releases, each in its last revision.

    Which there are is read from labels alone: a list of the records themselves would have every revision of every
    chart in one answer. Then each record is read by itself.
    """
    until = time.monotonic() + options.timeout_s
    found: list[Mapping[str, Any]] = []
    gaps: list[Gap] = []
    for plural, kind, fields in _STORES:
        kept: list[Mapping[str, Any]] = []
        try:
            listed = api.items(f"/api/v1/{plural}", labels=helm_releases.LABELS, fields=fields, accept=_METADATA_ONLY)
            kept = [each["metadata"] for each in listed]
        except ClusterDenied as error:
            gaps.append(Gap(RELEASES, DENIED if kind == "Secret" else PARTIAL, error.what))
        except ClusterbookError as error:
            gaps.append(Gap(RELEASES, FAILED, error.what))
        for record in helm_releases.records(kept):
            if time.monotonic() > until:
                gaps.append(Gap(RELEASES, PARTIAL, f"not all were read within {options.timeout_s:g} s"))
                break
            try:
                found.append(_release(api, record, plural, packed=kind == "Secret", values=options.values))
            except NoObject:
                continue  # uninstalled in the meantime
            except ClusterbookError as error:
                gaps.append(Gap(RELEASES, PARTIAL, error.what, record.namespace))
    found.sort(key=lambda each: (each["namespace"], each["name"]))
    seen = all(gap.state == PARTIAL for gap in gaps)
    return Capture(releases=found if seen or found else None, gaps=gaps)


def _release(
    api: Api, record: helm_releases.ReleaseRecord, plural: str, *, packed: bool, values: bool
) -> dict[str, Any]:
    """Return one release. A Secret's data is base64 of what Helm wrote, a ConfigMap's is that itself."""
    document = api.get(f"/api/v1/namespaces/{record.namespace}/{plural}/{record.stored}")
    payload = str((document.get("data") or {}).get("release") or "").encode()
    try:
        payload = base64.b64decode(payload, validate=True) if packed else payload
    except binascii.Error as error:
        raise InvalidRequest(f"the release {record.namespace}/{record.release} cannot be read: {error}") from error
    return helm_releases.release(record, payload, values=values)


def extra_kinds(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Return kinds without those that are looked for anyway."""
    return tuple(kind for kind in dict.fromkeys(kinds) if kind not in STANDARD)
