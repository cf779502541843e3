"""Labels of nodes as a snapshot lists them: each with its value, and the nodes that have it.

`items` keep key and value apart. Below them stands what older snapshots have alone: one word of both where a label has
several values, which says the same of the label `pool.gpu` and of `pool=gpu`. An item names its nodes, or the word
below which they stand. Source: reference rows S15, S16; NVIDIA/aicr#2093 for the items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clusterbook.documents.yaml_writer import scalar
from clusterbook.records import Any, NamedTuple

KEY, VALUE, EFFECT = "key", "value", "effect"
COUNT, NODES, NODES_AT, CUT = "node-count", "node-list", "node-list-ref", "truncated"
"""Fields of an item: its context, and its data."""


class NodeLabel(NamedTuple):
    """A label with one of its values; `listed` are the nodes that have it, as they are written."""

    key: str
    value: str
    listed: str

    @property
    def nodes(self) -> list[str]:
        """Return the nodes that are named."""
        return [name for name in self.listed.partition(" (+")[0].split(",") if name]

    @property
    def unnamed(self) -> int:
        """Return how many more nodes have it."""
        more = self.listed.partition(" (+")[2].partition(" ")[0]
        return int(more) if more.isdecimal() else 0


def labels(data: Mapping[str, Any], items: Sequence[Any]) -> Iterator[NodeLabel]:
    """Yield the labels of NodeTopology.label: of its `items` where it has any, else of its `data`.

    A word that may be a label or a label and its value is yielded as both: nobody can tell.
    """
    for item in items:
        key = str(item.context.get(KEY) or "")
        if key:
            yield NodeLabel(key, str(item.context.get(VALUE) or ""), _listed(item.data, data))
    if any(item.context.get(KEY) for item in items):
        return
    for word, text in data.items():
        value, bar, listed = scalar(text).rpartition("|")
        if bar:
            yield NodeLabel(word, value, listed)
            if value and word.endswith(f".{value}"):
                yield NodeLabel(word.removesuffix(f".{value}"), value, listed)


def _listed(fields: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return the nodes that an item lists, or the word of `data` that it names."""
    if fields.get(NODES) is not None:
        return scalar(fields[NODES])
    text = data.get(str(fields.get(NODES_AT) or ""))
    return "" if text is None else scalar(text).rpartition("|")[2]


def only_in_items(items: Sequence[Any]) -> dict[str, str]:
    """Return the labels or taints that have no word of their own in the data, as the data would have them."""
    found = {}
    for item in items:
        key, value, effect = (str(item.context.get(field) or "") for field in (KEY, VALUE, EFFECT))
        if key and item.data.get(NODES) is not None:
            found[f"{key}={value}{f':{effect}' if effect else ''}"] = f"{value}|{scalar(item.data[NODES])}"
    return found
