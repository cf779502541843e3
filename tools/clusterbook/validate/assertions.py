"""Assertions: the health checks of components, held against the objects of a snapshot.

Of Chainsaw's Test the part that reads (`assert` and `error` below `try`) and its assertion trees: keys and values in
parentheses are expressions, `~.key` goes through every element, `-> name` keeps a value for what stands below. A
snapshot is one moment: nothing is waited for. Source: reference rows F10, F23, V23; Chainsaw and kyverno-json as
published in 2025.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clusterbook.documents.selector import describe
from clusterbook.documents.yaml_writer import scalar
from clusterbook.records import Any, NamedTuple
from clusterbook.snapshot.inventory import Inventory, Object, UnseenPart
from clusterbook.validate.health_test import AssertionKey, Operation, read_key
from clusterbook.validate.jmespath import BadExpression, evaluate, is_number

_SHOWN = 3
"""Most objects that one message names."""
Bindings = Mapping[str, Any]


class Outcome(NamedTuple):
    """What became of a health check: the operations that do not hold, and those that nobody can tell about.

    `asked` counts all; `blind` is true where the snapshot was looked for and not seen, as opposed to never looked for.
    """

    asked: int
    broken: tuple[str, ...]
    unseen: tuple[str, ...]
    blind: bool


def run(operations: Sequence[Operation], inventory: Inventory) -> Outcome:
    """Return what the objects of a snapshot answer to a health check; every operation is asked.

    Raises:
        BadExpression: an expression cannot be read, or has no answer.
    """
    broken, unseen, blind = [], [], False
    for operation in operations:
        try:
            said = operation_fault(operation, inventory)
        except UnseenPart as gap:
            unseen.append(f"{operation.step}: {gap.what}")
            blind = blind or gap.looked
            continue
        if said:
            broken.append(f"{operation.step}: {said}")
    return Outcome(len(operations), tuple(broken), tuple(unseen), blind)


def operation_fault(operation: Operation, inventory: Inventory) -> str:
    """Return why an operation does not hold, "" when it holds.

    Raises:
        Unseen: the snapshot cannot tell.
        BadExpression: an expression has no answer.
    """
    tree = operation.tree
    api_version, kind = str(tree["apiVersion"]), str(tree["kind"])
    metadata = tree.get("metadata") or {}
    namespace = str(metadata.get("namespace") or "")
    known, gap = inventory.kind(api_version, kind, namespace)
    candidates = _select(known, metadata)
    body = {key: value for key, value in tree.items() if key not in ("apiVersion", "kind", "metadata")}
    asked = ("name", "namespace", *(("labels",) if _is_plain(metadata.get("labels")) else ()))
    rest = {key: value for key, value in metadata.items() if key not in asked}
    tree = {**body, "metadata": rest} if rest else body
    mismatches = _mismatches(tree, candidates, operation.subject)
    if operation.wanted:
        said = []
        for each, why in mismatches:
            if not why:
                return ""
            said.append(f"{_name(each)}: {why}" if "name" not in metadata else why)
        if gap is not None:
            raise UnseenPart(f"{kind} ({api_version}) was captured in part: {gap.reason}", looked=True)
        return f"{operation.subject} {_first_few(said)}" if said else f"there is no {operation.subject}"
    fitting = [_name(each) for each, why in mismatches if not why]
    if fitting:
        return f"{operation.subject}: {_first_few(fitting)}: {_innermost(body)}"
    if gap is not None:
        raise UnseenPart(f"{kind} ({api_version}) was captured in part: {gap.reason}", looked=True)
    return ""


def _mismatches(tree: Mapping[str, Any], objects: Sequence[Object], subject: str) -> Iterator[tuple[Object, str]]:
    """Yield each object, and how it differs from a tree; of those alike, as pods of 10,000 nodes are, one is asked."""
    if not all(map(_is_name, tree)):
        yield from ((each, mismatch(tree, each, subject)) for each in objects)
        return
    known: dict[str, str] = {}
    for each in objects:
        asked = repr([(key, each[key]) for key in tree if key in each])
        why = known.get(asked)
        if why is None:
            why = known[asked] = mismatch(tree, each, subject)
        yield each, why


def _select(objects: Sequence[Object], metadata: Mapping[str, Any]) -> Sequence[Object]:
    """Return the objects that have the name and the labels that are asked for."""
    if "name" in metadata:
        objects = [each for each in objects if each["metadata"].get("name") == metadata["name"]]
    labels = metadata.get("labels")
    if not labels or not _is_plain(labels):
        return objects
    return [each for each in objects if labels.items() <= (each["metadata"].get("labels") or {}).items()]


def _is_plain(labels: Mapping[str, Any] | None) -> bool:
    """Return whether labels can be selected by, without asking an expression about them."""
    return all(isinstance(value, str) and f"{key}{value}"[:1] not in "(~\\" for key, value in (labels or {}).items())


def _name(item: Object) -> str:
    return str(item["metadata"].get("name"))


def _first_few(sentences: Sequence[str]) -> str:
    more = f" and {len(sentences) - _SHOWN} more" if len(sentences) > _SHOWN else ""
    return "; ".join(sentences[:_SHOWN]) + more


def _innermost(tree: Any) -> str:
    """Return the last part of a tree in a line: what it asks for in the end."""
    while isinstance(tree, Mapping) and len(tree) == 1 and isinstance(next(iter(tree.values())), Mapping):
        tree = next(iter(tree.values()))
    return ", ".join(f"{key} is {_show(value)}" for key, value in tree.items()) if isinstance(tree, Mapping) else ""


# --- assertion trees --------------------------------------------------------------------------------------------------


def _is_name(key: str) -> bool:
    """Return whether a key is the name of a value, and no expression about what has it."""
    return key[:1] not in ("(", "~", "\\") and "->" not in key


def mismatch(tree: Any, value: Any, subject: str, path: str = "", bindings: Bindings | None = None) -> str:
    """Return where and how `value` differs from what `tree` says, "" when it fits; the first difference counts.

    Raises:
        BadExpression: an expression cannot be read, or has no answer, or types cannot be compared.
    """
    known = {} if bindings is None else bindings
    if isinstance(tree, Mapping):
        return _map_mismatch(tree, value, subject, path, known)
    if isinstance(tree, list):
        return _list_mismatch(tree, value, subject, path, known)
    wanted = tree
    if isinstance(tree, str) and tree[:1] == "(" and tree[-1:] == ")":
        wanted = evaluate(read_key(tree).text, value, known)
    elif isinstance(tree, str) and tree[:1] == "\\":
        wanted = read_key(tree).text
    return "" if _same(wanted, value) else f"{path} is {_show(value)}, not {_show(wanted)}"


def _map_mismatch(tree: Mapping[str, Any], value: Any, subject: str, path: str, bindings: Bindings) -> str:
    """Return the difference to a map of keys and what stands below them."""
    if not tree:
        return f"{path or subject} is null" if value is None else ""
    for name, below in tree.items():
        key = AssertionKey(str(name), False) if _is_name(name) else read_key(str(name))
        where = f"{path}.{name}" if path else str(name)
        if key.expression:
            found = evaluate(key.text, value, bindings)
        elif not isinstance(value, Mapping):
            if value is not None:
                raise BadExpression(f"{path} is {describe(value)}, which has no {key.text}")
            return f"{where} is not there"
        elif key.text not in value:
            return f"{where} is not there"
        else:
            found = value[key.text]
        if key.binding:
            bindings = {**bindings, key.binding: found}
        if not key.each:
            why = mismatch(below, found, subject, where, bindings)
            if why:
                return why
            continue
        for at, element in _elements(found, where):
            inside = {**bindings, key.each_name: at} if key.each_name else bindings
            why = mismatch(below, element, subject, f"{where}[{at}]", inside)
            if why:
                return why
    return ""


def _elements(value: Any, where: str) -> Iterator[tuple[Any, Any]]:
    """Yield number or key, and value, of everything in a list or a map."""
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
    else:
        raise BadExpression(f"{where} is {describe(value)}, which has no elements to go through")


def _list_mismatch(tree: list[Any], value: Any, subject: str, path: str, bindings: Bindings) -> str:
    """Return the difference to a list, which has as many elements."""
    if value is None:
        return f"{path} is not there"
    if not isinstance(value, list):
        raise BadExpression(f"{path} is {describe(value)}, not a list")
    if len(value) != len(tree):
        return f"{path} is {_show(value)}, not {_show(tree)}"
    for number, wanted in enumerate(tree):
        why = mismatch(wanted, value[number], subject, f"{path}[{number}]", bindings)
        if why:
            return why
    return ""


def _same(expected: Any, value: Any) -> bool:
    """Return whether a value is what is wanted; of a map what is not mentioned may be there as well.

    Raises:
        BadExpression: they are of different kinds, such as a text and a number. Source: kyverno-json, package matching.
    """
    if expected is None or value is None:
        return expected is value
    if type(expected) is str and type(value) is str:  # nearly always
        return expected == value
    if _sort(expected) != _sort(value):
        raise BadExpression(f"{describe(value)} cannot be compared with {describe(expected)}")
    if isinstance(expected, Mapping):
        return all(key in value and _same(each, value[key]) for key, each in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(value) and all(map(_same, expected, value))
    return bool(expected == value)


def _sort(value: Any) -> str:
    """Return what sort of value this is, as far as comparing goes."""
    if isinstance(value, Mapping):
        return "map"
    return "number" if is_number(value) else type(value).__name__


def _show(value: Any) -> str:
    """Return a value for a message."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return f"[{', '.join(value)}]"
    if isinstance(value, Mapping | list):
        return describe(value)
    return "null" if value is None else f"'{value}'" if isinstance(value, str) else scalar(value)
