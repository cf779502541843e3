"""Readings: what a snapshot shows at the path of a constraint, and whether the constraint holds there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound
from clusterbook.documents.selector import Match, listing, suggestion
from clusterbook.documents.yaml_writer import scalar
from clusterbook.records import NamedTuple
from clusterbook.snapshot import node_sets, topology
from clusterbook.snapshot.constraint import Path, Verdict, evaluate, parse_expression, parse_path
from clusterbook.snapshot.inventory import PARTIAL, gap_text
from clusterbook.snapshot.model import Item, Snapshot
from clusterbook.snapshot.nodes import OWN_READINGS, NodeKind, list_names, unnamed_nodes

_OF_NODES = frozenset(("GPU", "OS", "SystemD"))
"""The types of readings that are of one node each."""


def verdict(name: str, value: str, snapshot: Snapshot, *, reference: bool = False) -> Verdict:
    """Return whether the constraint `name` with expression `value` holds; what cannot be told does not hold.

    What holds on the nodes that were seen is not measured where there are others, but in trees of the reference.

    Source: reference rows V5, R25.
    """
    if name == node_sets.NAME:
        return _of_gpu_nodes(value, snapshot)
    actual, measured = "", False
    try:
        shown = readings(snapshot, parse_path(name))
        actual, measured = next(iter(shown.values)), True
        expression = parse_expression(value)
        for actual in shown.values:
            if not evaluate(expression, actual, reference=reference):
                return Verdict(False, actual, f"{name} is '{actual}', not {value}")
    except ClusterbookError as error:
        return Verdict(False, actual, error.what, measured)
    if not reference and (shown.limit or shown.unread):  # the reference asks one node
        unknown = shown.limit or f"not inspected: {list_names(shown.unread)}"
        return Verdict(False, actual, f"{name} is '{actual}' as far as captured: {unknown}", measured=False)
    return Verdict(True, actual, "")


def _of_gpu_nodes(value: str, snapshot: Snapshot) -> Verdict:
    """Return whether the GPU nodes have a label, or have not."""
    try:
        listed = snapshot.subtype("NodeTopology", "label")
        holds, shown = node_sets.judge(value.strip(), topology.labels(listed.data, listed.items))
    except ClusterbookError as error:
        return Verdict(False, "", error.what, measured=False)
    return Verdict(holds, shown, "" if holds else f"{node_sets.NAME} is '{shown}', not {value}")


def lookup(snapshot: Snapshot, path: Path) -> str:
    """Return the reading at `path` as text. An item's data count before its context. Source: reference row V3.

    Raises:
        NotFound: it was not measured; the message lists what was.
        InvalidRequest: several items match.
    """
    try:
        subtype = snapshot.subtype(path.type, path.subtype)
    except NotFound as error:
        raise NotFound(error.what, hint=_dotted(snapshot, path) or error.hint) from error
    where = f"{path.type}.{path.subtype}"
    readings = subtype.data
    if path.item is not None:
        item = _item(subtype.items, path.item, where)
        where += f"[{path.item}]" if isinstance(path.item, int) else f"[{path.item.key}={path.item.value}]"
        readings = {**item.context, **{key: value for key, value in item.data.items() if value is not None}}
    value = readings.get(path.key)
    if value is None:
        known = [key for key, value in readings.items() if value is not None]
        what = f"{where} has no key '{path.key}'; it has: {listing(known)}"
        raise NotFound(what, hint=suggestion(path.key, known))
    return scalar(value)


class Readings(NamedTuple):
    """What is shown at a path: each text with the nodes that say it, () for what is the cluster's own.

    `unread` are the nodes of which nobody knows, `limit` says why the view is not whole, "" where it is.
    """

    values: Mapping[str, Sequence[str]]
    unread: Sequence[str] = ()
    limit: str = ""


def readings(snapshot: Snapshot, path: Path) -> Readings:
    """Return what every node that is judged shows at `path`, or what the cluster does.

    Raises:
        NotFound: nobody shows anything there.
        InvalidRequest: several items match.
    """
    group = f"{path.type}.{path.subtype}"
    part = snapshot.inventory.gap(f"measurements/{group}") or snapshot.inventory.gap(f"measurements/{path.type}")
    limit = f"{group} {gap_text(part)}" if part is not None and part.state == PARTIAL else ""
    if path.type in _OF_NODES or group == "K8s.node":
        mine = limit if path.type == "GPU" and not path.key.endswith("-version") else ""
        return _of_nodes(snapshot, path, group, snapshot.nodes.limit or mine)
    if path.type == "NodeTopology":
        limit = limit or snapshot.nodes.limit
    return Readings({lookup(snapshot, path): ()}, limit=limit)


def _of_nodes(snapshot: Snapshot, path: Path, group: str, limit: str) -> Readings:
    """Return what each judged node shows: by the API's account of it, and one of them by its own."""
    own, nodes = snapshot.own_node(group), snapshot.nodes
    if not nodes.judged:
        return Readings({lookup(snapshot, path): (own,) if own else ()}, limit=limit)
    key = f"{group}.{path.key}" if path.item is None else ""
    values: dict[str, list[str]] = {}
    unread: list[str] = []
    alone = (NodeKind(node, [node.name]) for node in nodes.judged)
    for node, names in alone if key in OWN_READINGS else nodes.kinds_beside(own):
        told = node.readings.get(key, "")
        if names == [own]:
            with suppress(NotFound):
                told = lookup(snapshot, path)
        (values.setdefault(told, []) if told else unread).extend(names)
    if not values:
        text = lookup(snapshot, path)
        if own:
            what = f"{group}.{path.key} was read only on {own}, which is not one of the validated nodes"
            raise NotFound(what, hint="inspect a node with a GPU: --agent")
        return Readings({text: ()}, unread if len(unread) > 1 else (), limit)
    unread += unnamed_nodes(nodes.unnamed)
    return Readings(values, unread, limit)


def _dotted(snapshot: Snapshot, path: Path) -> str:
    """Return a hint to quote the subtype, when the path was split inside one that contains dots."""
    rest = f"{path.subtype}.{path.key}"
    for name in snapshot.measurements.get(path.type, {}):
        if rest.startswith(f"{name}."):
            return f'write {path.type}."{name}".{rest[len(name) + 1 :]}'
    return ""


def _item(items: tuple[Item, ...], selector: int | Match, where: str) -> Item:
    """Return the element of a subtype's list that `selector` picks."""
    if isinstance(selector, int):
        if not -len(items) <= selector < len(items):
            raise NotFound(f"{where} has {len(items)} items; there is no item {selector}")
        return items[selector]
    fitting = [item for item in items if _field(item, selector.key) == selector.value]
    if not fitting:
        known = {text for item in items if (text := _field(item, selector.key)) is not None}
        what = f"{where} has no item with {selector.key} '{selector.value}'; {selector.key} is one of: {listing(known)}"
        raise NotFound(what, hint=suggestion(selector.value, known))
    if len(fitting) > 1:
        what = f"{selector.key} '{selector.value}' fits {len(fitting)} items of {where}"
        raise InvalidRequest(what, hint=f"name one by its number, from {where}[0]")
    return fitting[0]


def _field(item: Item, key: str) -> str | None:
    """Return one field of an item as text, from its data before its context."""
    value = item.data.get(key)
    value = item.context.get(key) if value is None else value
    return None if value is None else scalar(value)
