"""Nodes: labels and taints of all of them, one node's own account of itself, and the GPU operator's policies.

Source: reference rows S12-S16, S20; the operating system of a node that nobody looked into is ours.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clusterbook.snapshot.build import SubtypeReadings
from clusterbook.snapshot.gpus import gpus_of
from clusterbook.snapshot.kubelet import account, release
from clusterbook.snapshot.model import Item, Reading
from clusterbook.snapshot.topology import COUNT, CUT, EFFECT, KEY, NODES, NODES_AT, VALUE

Object = Mapping[str, Any]
Measurements = dict[str, dict[str, SubtypeReadings]]

_EXTENSION = "extensions.talos.dev/"


class Nodes:
    """All nodes, told one after the other."""

    def __init__(self) -> None:
        self.count = 0
        self._labels: dict[str, dict[str, list[str]]] = {}
        self._taints: dict[str, dict[tuple[str, str], list[str]]] = {}
        self._first: tuple[bool, str] | None = None
        self._chosen: Object | None = None

    def add(self, node: Object, own: str = "") -> None:
        """Count one node in. `own` is the name of the node whose readings are taken, if it is known."""
        metadata, spec = node["metadata"], node.get("spec") or {}
        name = str(metadata["name"])
        self.count += 1
        labels = metadata.get("labels") or {}
        for key, value in labels.items():
            self._labels.setdefault(key, {}).setdefault(str(value), []).append(name)
        for taint in spec.get("taints") or ():
            which = str(taint.get("effect") or ""), str(taint.get("value") or "")
            self._taints.setdefault(str(taint["key"]), {}).setdefault(which, []).append(name)
        capacity = (node.get("status") or {}).get("capacity") or {}
        rank = (name != own if own else gpus_of(labels, capacity) is None, name)
        if self._first is None or rank < self._first:
            self._first, self._chosen = rank, node

    def topology(self, most: int = 0) -> dict[str, SubtypeReadings]:
        """Return the subtypes of NodeTopology; an entry names at most `most` nodes, 0 for all of them."""
        labels: dict[str, str] = {}
        label_items = []
        words = Counter(key if len(values) == 1 else f"{key}.{value}"
                        for key, values in self._labels.items() for value in values)  # fmt: skip
        for key, values in sorted(self._labels.items()):
            for value, names in sorted(values.items()):
                word, listed = key if len(values) == 1 else f"{key}.{value}", _name_list(names, most)
                labels[word] = f"{value}|{listed}"
                at = {NODES_AT: word} if words[word] == 1 else {NODES: listed}
                label_items.append(Item(at | _counted(names, most), {KEY: key, VALUE: value}))
        taints: dict[str, str] = {}
        taint_items = []
        for key, kinds in sorted(self._taints.items()):
            effects = Counter(effect for effect, _ in kinds)
            for (effect, value), names in sorted(kinds.items()):
                word = key if len(kinds) == 1 else f"{key}.{effect}"
                listed = _name_list(names, most)
                at = {NODES_AT: word} if effects[effect] == 1 and word not in taints else {NODES: listed}
                taint_items.append(Item(at | _counted(names, most), {KEY: key, VALUE: value, EFFECT: effect}))
                word = word if effects[effect] == 1 else f"{word}.{value}"
                taints[word] = f"{effect}|{value}|{listed}" if len(kinds) == 1 else f"{value}|{listed}"
        counts = {"node-count": self.count, "taint-count": len(taint_items), "label-count": len(label_items)}
        return {
            "summary": SubtypeReadings(counts),
            "label": SubtypeReadings(labels, label_items),
            "taint": SubtypeReadings(taints, taint_items),
        }

    def node(self) -> Measurements:
        """Return what one node says of itself: the one asked for, else the first with a GPU, else the first of all."""
        if self._chosen is None:
            return {}
        found: Measurements = {"K8s": {"node": SubtypeReadings(account(self._chosen))}}
        labels = self._chosen["metadata"].get("labels") or {}
        system = release(self._chosen, labels)
        if system:
            found["OS"] = {"release": SubtypeReadings(system)}
        if system.get("ID") == "talos":
            extensions = {
                key.removeprefix(_EXTENSION): value for key, value in labels.items() if key.startswith(_EXTENSION)
            }
            found["OS"]["extensions"] = SubtypeReadings(extensions)
            found["SystemD"] = _services(self._chosen)
        return found

    @property
    def name(self) -> str:
        """The name of that one node, "" where there is none."""
        return str(self._chosen["metadata"]["name"]) if self._chosen is not None else ""


def _counted(names: list[str], most: int) -> dict[str, Reading]:
    """Return how many nodes there are, and whether some of them are not named."""
    return {COUNT: len(names), CUT: bool(most) and len(names) > most}


def _name_list(names: list[str], most: int) -> str:
    """Return names as NodeTopology writes them. Source: reference row S16."""
    names = sorted(names)
    if not most or len(names) <= most:
        return ",".join(names)
    return f"{','.join(names[:most])} (+{len(names) - most} more)"


def _services(node: Object) -> dict[str, SubtypeReadings]:
    """Return the services of a system without systemd, as the API knows them. Source: reference row S20."""
    info = (node.get("status") or {}).get("nodeInfo") or {}
    ready = any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in (node.get("status") or {}).get("conditions") or ()
    )
    state = "active" if ready else "inactive"
    runtime, _, version = str(info.get("containerRuntimeVersion") or "").partition("://")
    return {
        "containerd.service": SubtypeReadings(
            {"ActiveState": state, "Version": version, "UnitFileName": "containerd.service", "RuntimeName": runtime}
        ),
        "kubelet.service": SubtypeReadings(
            {"ActiveState": state, "Version": str(info.get("kubeletVersion") or ""), "UnitFileName": "kubelet.service"}
        ),
    }


# --- cluster policies -------------------------------------------------------------------------------------------------


def policies(shown: Iterable[Mapping[str, Any]]) -> SubtypeReadings:
    """Return K8s.policy: what the cluster policy specifies and which state it is in, by keys with dots.

    Of several the operator follows one and ignores the others: that one's readings are the group's, and each is an item
    of its own, so that `K8s.policy[name=other].driver.version` asks for another.
    """
    items = sorted(map(_policy, shown), key=lambda item: (_RANK.get(str(item.data.get("state")), 1), str(item.context)))
    return SubtypeReadings(items[0].data if items else {}, items if len(items) > 1 else ())


_RANK = {"ready": 0, "ignored": 2}
"""Which of several policies the operator follows, by the state that it gives them."""


def _policy(policy: Mapping[str, Any]) -> Item:
    readings: dict[str, Reading] = dict(_flatten(policy.get("spec") or {}, ""))
    readings.update(_flatten({"state": (policy.get("status") or {}).get("state")}, ""))
    return Item(dict(sorted(readings.items())), {"name": str((policy.get("metadata") or {}).get("name") or "")})


def _flatten(found: Mapping[str, Any], path: str) -> Iterator[tuple[str, Reading]]:
    """Yield every leaf with its path; a list is one leaf, as JSON."""
    for key, value in found.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            yield from _flatten(value, where)
        elif isinstance(value, list):
            yield where, json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        elif value is not None:
            yield where, value
