"""Redaction: a snapshot that may be shown, because it no longer says whose cluster it is.

Only what is listed here stays; everything else goes, whatever it is called. Names stay where the recipe, which is
public, says them; other names and all identifiers become pseudonyms, the same for the same cluster. What judging reads
is kept, so that a redacted snapshot is judged like the one it came from. Source: reference row V49.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.evidence.public import NODE_INFO, NODE_KEYS, NODE_VALUES, OBJECT, READINGS, RESOURCES
from clusterbook.evidence.scrubber import Scrubber, matches
from clusterbook.resolve.recipe import RecipeResult
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.nodes import is_judged
from clusterbook.snapshot.services import service_of
from clusterbook.snapshot.topology import COUNT, CUT, EFFECT, KEY, NODES, NODES_AT, VALUE

VERSION = "4"
"""Raised whenever something that went stays, or the other way round."""
Document = dict[str, Any]

_FINGERPRINT = ("service", "accelerator", "gpuModel", "os", "k8sVersion", "region", "nodeCount", "gpuNodeCount", "gpus")
_RELEASE = ("name", "namespace", "chart", "version", "appVersion", "status", "revision")
_HOSTNAME = "kubernetes.io/hostname"
_OF_A_GROUP = ("CustomResourceDefinition", "APIService")
"""The kinds whose names end in an API group."""


def public_names(recipe: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the words that a recipe says, and the namespaces that it deploys to."""
    words: set[str] = set()

    def gather(value: Any) -> None:
        if isinstance(value, Mapping):
            words.update(map(str, value))
            for each in value.values():
                gather(each)
        elif isinstance(value, list | tuple):
            for each in value:
                gather(each)
        elif isinstance(value, str):
            words.update(_WORD.findall(value))

    gather(recipe)
    namespaces = {component.namespace for component in RecipeResult(recipe).components}
    return frozenset(words), frozenset({"kube-system", *namespaces} - {""})


_WORD = re.compile(r"[\w./-]*\w")


def redact(
    document: Mapping[str, Any],
    *,
    words: Collection[str] = (),
    namespaces: Collection[str] = (),
    groups: Collection[str] = (),
) -> Document:
    """Return what of a snapshot may be shown.

    Args:
        document: a snapshot, whose shape is checked.
        words: names that may stay, since they are public; see `public_names`, and `words` of checks.
        namespaces: whose objects and releases stay. Those of all others go, and the coverage says so, so that nobody
            takes them for absent.
        groups: patterns of the API groups that stay besides those of Kubernetes, such as `*.nvidia.com`.

    Raises:
        InvalidRequest: the document is no snapshot.
    """
    read_snapshot(document)
    try:
        return _redact_body(document, Scrubber(_nodes(document), words, namespaces, groups))
    except (KeyError, TypeError, AttributeError) as error:  # deep inside an object, where `read` does not look
        what = f"this snapshot cannot be redacted: {error}"
        raise InvalidRequest(what, hint="capture a new one with `clusterbook snapshot`") from error


def _redact_body(document: Mapping[str, Any], scrub: Scrubber) -> Document:
    redacted: Document = {key: document[key] for key in ("apiVersion", "kind") if key in document}
    metadata = document.get("metadata") or {}
    metadata_fields = {
        key: scrub.text(metadata[key]) for key in ("timestamp", "version", "source-node") if metadata.get(key)
    }
    redacted["metadata"] = {**metadata_fields, "redacted": VERSION}
    if document.get("fingerprint"):
        redacted["fingerprint"] = _fingerprint(document["fingerprint"], scrub)
    redacted["measurements"] = [_measurement(each, scrub) for each in document.get("measurements") or () if each]
    gaps = [_gap(each, scrub) for each in document.get("coverage") or () if each and scrub.is_public(each["part"])]
    if document.get("objects") is not None:
        redacted["objects"] = []
        for group in document["objects"]:
            if scrub.is_public(f"objects/{group['apiVersion']}/{group['kind']}"):
                kept_group, left = _group(group, scrub)
                redacted["objects"].append(kept_group)
                gaps += left
    if document.get("releases") is not None:
        redacted["releases"] = [
            {
                key: scrub.name(each[key], "release") if key in ("name", "chart") else scrub.text(each[key])
                for key in _RELEASE
                if each.get(key) is not None
            }
            for each in document["releases"]
            if each.get("namespace") in scrub.namespaces
        ]
        if len(redacted["releases"]) < len(document["releases"]):
            gaps.append({"part": "releases", "state": "partial", "reason": "redacted"})
    redacted["coverage"] = gaps
    return redacted


def is_redacted(document: Mapping[str, Any]) -> bool:
    """Return whether a snapshot says that it was redacted, by whatever version."""
    metadata = document.get("metadata")
    return isinstance(metadata, Mapping) and bool(metadata.get("redacted"))


def _nodes(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every node name and host name that a snapshot holds, wherever it says it is one."""
    yield str((document.get("metadata") or {}).get("source-node") or "")
    for kind, name, data, items in _groups(document):
        if kind == "NodeTopology" and name in ("label", "taint"):
            for item in filter(None, items):
                yield from str((item.get("data") or {}).get(NODES) or "").partition(" (+")[0].split(",")
                if (context := item.get("context") or {}).get(KEY) == _HOSTNAME:
                    yield str(context.get(VALUE) or "")
            for key, value in data.items():
                yield from str(value).rpartition("|")[2].partition(" (+")[0].split(",")
                if key.startswith(_HOSTNAME):
                    yield str(value).partition("|")[0]
        elif kind == "K8s" and name == "node":
            yield str(data.get("source-node") or "")
        elif kind == "OS" and name == "sysctl":
            yield str(data.get("/proc/sys/kernel/hostname") or "")
    for group in document.get("objects") or ():
        for item in group.get("items") or ():
            yield str(item["metadata"].get("name") or "") if group["kind"] == "Node" else ""
            yield str((item.get("spec") or {}).get("nodeName") or "")


def _groups(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], Sequence[Any]]]:
    for measurement in document.get("measurements") or ():
        for subtype in filter(None, (measurement or {}).get("subtypes") or ()):
            yield measurement["type"], subtype["subtype"], subtype.get("data") or {}, subtype.get("items") or ()


def _fingerprint(stated: Mapping[str, Any], scrub: Scrubber) -> Document:
    """Return the parts of a fingerprint that say what kind of cluster it is."""
    redacted: Document = {}
    for name in _FINGERPRINT:
        entry = stated.get(name)
        if isinstance(entry, Mapping):
            keys = ("value", "version", "source", "note")
            redacted[name] = {key: scrub.text(entry[key]) for key in keys if entry.get(key) is not None}
        elif entry is not None:
            redacted[name] = scrub.text(entry)
    return redacted


def _measurement(measurement: Mapping[str, Any], scrub: Scrubber) -> Document:
    """Return the readings of one type that stay."""
    kind = measurement["type"]
    items = []
    for subtype in filter(None, measurement.get("subtypes") or ()):
        name = subtype["subtype"]
        data = subtype.get("data") or {}
        if kind == "NodeTopology" and name in ("label", "taint"):
            items.append({"subtype": name, **_redact_topology(data, subtype.get("items") or (), scrub, name)})
            continue
        block: Document = {"subtype": name, "data": _readings(data, f"{kind}.{name}", scrub)}
        if subtype.get("items"):
            block["items"] = [
                {"data": _readings(each.get("data") or {}, f"{kind}.{name}", scrub)} for each in subtype["items"]
            ]
        items.append(block)
    return {"type": kind, "subtypes": items}


def _readings(data: Mapping[str, Any], path: str, scrub: Scrubber) -> Document:
    found = {key: scrub.text(value) for key, value in data.items() if matches(f"{path}.{key}", READINGS)}
    if path == "K8s.node" and "provider" in found:  # Oracle's is an identifier, of which the kind is public
        found["provider"] = scrub.text(service_of(str(data["provider"])))
    return found


def _redact_topology(data: Mapping[str, Any], items: Sequence[Any], scrub: Scrubber, name: str) -> Document:
    """Return labels or taints that stay: those that are public, and of labels those that judging asks for.

    Only where key and value stand apart may a label stay whose value goes: a word of both would say it. Where there are
    no items they are made for such labels, and for all that stay beside them, since a reader takes either.
    """
    redacted = {}
    for word, value in data.items():
        if matches(word, NODE_KEYS):
            text, bar, nodes = str(value).rpartition("|")
            redacted[scrub.text(word)] = f"{scrub.text(text)}{bar}{scrub.pseudonyms(nodes)}"
    apart = [each for each in items if each and (each.get("context") or {}).get(KEY)]
    if not apart and name == "label":
        apart = _items_of_words(data)
    kept = [_redact_label(each, redacted, scrub, data) for each in apart if _stays(each["context"][KEY], name)]
    return {"data": redacted, **({"items": kept} if kept else {})}


def _stays(key: Any, name: str) -> bool:
    return matches(str(key), NODE_KEYS) or (name == "label" and is_judged(str(key)))


def _items_of_words(data: Mapping[str, Any]) -> list[Document]:
    """Return items for words that are known labels, none where each of these words stays as it is.

    Of a word that may hold its value only the key is taken.
    """
    found, goes = [], False
    for word, text in data.items():
        value, bar, listed = str(text).rpartition("|")
        key = word.removesuffix(f".{value}") if value else word
        if bar and _stays(key, "label"):
            found.append({"context": {KEY: key, VALUE: value}, "data": {NODES: listed}})
            goes = goes or not matches(word, NODE_KEYS)
    return found if goes else []


def _redact_label(
    item: Mapping[str, Any], words: Mapping[str, str], scrub: Scrubber, data: Mapping[str, Any]
) -> Document:
    """Return the item of a label or a taint; one of `words` lists its nodes, or it does so itself."""
    context, fields = item["context"], item.get("data") or {}
    key, value = str(context[KEY]), str(context.get(VALUE) or "")
    shown = scrub.text(value) if not value or matches(key, NODE_VALUES) else scrub.pseudonym(value, "pool")
    word = str(fields.get(NODES_AT) or "")
    at = {NODES_AT: scrub.text(word)} if scrub.text(word) in words else {NODES: scrub.pseudonyms(_listed(fields, data))}
    counts = {name: fields[name] for name in (COUNT, CUT) if name in fields}
    effect = {EFFECT: str(context[EFFECT])} if context.get(EFFECT) else {}
    return {"context": {KEY: scrub.text(key), VALUE: shown, **effect}, "data": at | counts}


def _listed(fields: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return the nodes that an item lists, or the word that it names."""
    if fields.get(NODES) is not None:
        return str(fields[NODES])
    return str(data.get(str(fields.get(NODES_AT) or "")) or "").rpartition("|")[2]


def _group(group: Mapping[str, Any], scrub: Scrubber) -> tuple[Document, list[Document]]:
    """Return the objects of one kind that stay, and the gaps that those which go leave behind."""
    kind, items, left = str(group["kind"]), [], set()
    for item in group.get("items") or ():
        namespace = str(item["metadata"].get("namespace") or "")
        if namespace and namespace not in scrub.namespaces:
            left.add(namespace)
        else:
            items.append(_node(item, scrub) if kind == "Node" else _redact_value(item, OBJECT, scrub, kind))
    part = f"objects/{group['apiVersion']}/{kind}"
    pseudonyms = sorted(map(scrub.namespace, sorted(left)))
    gaps = [{"part": part, "state": "skipped", "reason": "redacted", "namespace": name} for name in pseudonyms]
    return {"apiVersion": group["apiVersion"], "kind": kind, "items": items}, gaps


def _node(item: Mapping[str, Any], scrub: Scrubber) -> Document:
    """Return what of a node stays: what it runs, which GPUs it has, and whose machine it is, but not which."""
    redacted: Document = _redact_value(item, OBJECT, scrub, "Node")
    labels = {
        key: scrub.text(value) if matches(key, NODE_VALUES) else scrub.pseudonym(str(value), "pool")
        for key, value in (item["metadata"].get("labels") or {}).items()
        if is_judged(key)
    }
    redacted["metadata"] = {"name": redacted["metadata"]["name"], **({"labels": labels} if labels else {})}
    status, machine = item.get("status") or {}, str((item.get("spec") or {}).get("providerID") or "")
    provider = "ocid1" if machine.startswith("ocid1") else machine.partition("://")[0] if "://" in machine else ""
    redacted["spec"] = {"providerID": f"{provider}://redacted"} if provider else {}
    info = status.get("nodeInfo") or {}
    node_status = {"nodeInfo": {key: scrub.text(info[key]) for key in NODE_INFO if info.get(key)}}
    for part in ("capacity", "allocatable"):
        node_status[part] = {key: value for key, value in (status.get(part) or {}).items() if matches(key, RESOURCES)}
    redacted["status"] = {
        **(redacted.get("status") or {}),
        **{key: value for key, value in node_status.items() if value},
    }
    return redacted


def _redact_value(value: Any, shape: Any, scrub: Scrubber, kind: str) -> Any:
    """Return what of a value stays, by the shape `shape`; see `OBJECT`."""
    if isinstance(shape, tuple):
        members = value if isinstance(value, Mapping) else {}
        return {key: scrub.name(str(each), "label") for key, each in members.items() if matches(key, shape)}
    if isinstance(shape, dict):
        members = value if isinstance(value, Mapping) else {}
        parts = (
            (key, _redact_value(members[key], below, scrub, kind)) for key, below in shape.items() if key in members
        )
        return {key: part for key, part in parts if part is not None}
    if isinstance(shape, list):
        return [_redact_value(each, shape[0], scrub, kind) for each in value] if isinstance(value, list) else None
    if shape == "name":
        return _object_name(str(value), scrub, kind)
    if shape == "image":
        return _image(str(value), scrub)
    if shape == "driver":
        return value if matches(str(value), scrub.groups) else "redacted"
    return scrub.text(value) if isinstance(value, str | int | float) else None


def _object_name(name: str, scrub: Scrubber, kind: str) -> str:
    """Return the name of an object: that of a kind or an API stays with its group, a node's becomes its pseudonym."""
    if kind == "Namespace":
        return scrub.namespace(name)
    if name in scrub.nodes:
        return scrub.pseudonym(name, "node")
    if kind in _OF_A_GROUP and matches(name.partition(".")[2], scrub.groups[1:]):
        return name
    return scrub.name(name, kind.lower())


def _image(image: str, scrub: Scrubber) -> str:
    """Return the last part of an image and its tag, where the recipe says that part; else nothing."""
    whole = image.partition("@")[0].rpartition("/")[2]
    name, colon, tag = whole.partition(":")
    return f"{name}{colon}{scrub.text(tag)}" if name in scrub.words else "redacted"


def _gap(gap: Mapping[str, Any], scrub: Scrubber) -> Document:
    """Return a gap without its reason, which quotes what an API said to whom."""
    redacted = {"part": scrub.text(gap["part"]), "state": gap["state"]}
    return {**redacted, "namespace": scrub.namespace(str(gap["namespace"]))} if gap.get("namespace") else redacted
