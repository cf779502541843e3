"""Health checks as documents: what a Test asks, operation by operation, and what the keys of its trees say.

Of Chainsaw's Test the part that reads: `assert` and `error` below `try`. Source: reference rows F10, F23; Chainsaw and
kyverno-json as published in 2025.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.selector import describe
from clusterbook.records import Any, NamedTuple
from clusterbook.validate.jmespath import BadExpression

_EACH = re.compile(r"~(\w+)?\.(.*)\Z", re.DOTALL)
_BINDING = re.compile(r"(.*?)\s*->\s*(\w+)\Z", re.DOTALL)
_ESCAPED = re.compile(r"\\(.+)\\\Z", re.DOTALL)
_EXPRESSION = re.compile(r"\((?:(\w+);)?(.+)\)\Z", re.DOTALL)


class Operation(NamedTuple):
    """One question: `assert` wants one object that fits `tree`, `error` wants none."""

    step: str
    wanted: bool
    tree: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """Return whom it asks about, for a message: `Deployment gpu-operator/gpu-operator`."""
        metadata = self.tree.get("metadata") or {}
        name, namespace = metadata.get("name", ""), metadata.get("namespace", "")
        labels = ",".join(f"{key}={value}" for key, value in (metadata.get("labels") or {}).items())
        kind = f"{self.tree['kind']} "
        if name:
            return kind + (f"{namespace}/{name}" if namespace else name)
        where = f"in {namespace}" if namespace else "anywhere"
        return f"{kind}{where}{f' with {labels}' if labels else ''}"


def read_test(document: object, name: str) -> list[Operation]:
    """Return the operations of a health check, in order.

    Args:
        document: a parsed file.
        name: its name in messages.

    Raises:
        InvalidRequest: not a Test, or one that does more than read.
    """
    top = document if isinstance(document, Mapping) else {}
    if top.get("kind") != "Test":
        raise InvalidRequest(f"{name} is not a health check: its kind is '{top.get('kind') or ''}', not 'Test'")
    steps = (top.get("spec") or {}).get("steps") if isinstance(top.get("spec"), Mapping) else None
    found = []
    for number, step in enumerate(_list(steps, f"{name}: spec.steps")):
        where = f"{name}: spec.steps[{number}]"
        if not isinstance(step, Mapping):
            raise InvalidRequest(f"{where} is {describe(step)}, not a map")
        title = str(step.get("name") or f"step {number + 1}")
        for place, said in enumerate(_list(step.get("try"), f"{where}.try")):
            found.append(_operation(said, title, f"{where}.try[{place}]"))
    return found


def _operation(entry: object, step: str, where: str) -> Operation:
    """Return one entry of `try`."""
    if not isinstance(entry, Mapping):
        raise InvalidRequest(f"{where} is {describe(entry)}, not a map")
    kinds = sorted(set(entry) - {"description"})
    if kinds not in (["assert"], ["error"]):
        listed = ", ".join(map(str, kinds)) or "nothing"
        raise InvalidRequest(f"{where} does {listed}", hint="a health check is read-only: use assert or error")
    inner = entry[kinds[0]]
    tree = inner.get("resource") if isinstance(inner, Mapping) else None
    if not isinstance(tree, Mapping) or not (tree.get("apiVersion") and tree.get("kind")):
        raise InvalidRequest(f"{where}.{kinds[0]} has no resource with apiVersion and kind", hint="write resource:")
    metadata = tree.get("metadata")
    if not isinstance(metadata, Mapping | None) or not isinstance((metadata or {}).get("labels"), Mapping | None):
        raise InvalidRequest(f"{where}.{kinds[0]}.resource.metadata is not a map of name, namespace and labels")
    return Operation(step, kinds[0] == "assert", tree)


def _list(value: object, where: str) -> Sequence[Any]:
    if not isinstance(value, list | None):
        raise InvalidRequest(f"{where} is {describe(value)}, not a list")
    return value or ()


class AssertionKey(NamedTuple):
    """What the key of an assertion tree says: which value to take, and how to go on with it."""

    text: str
    expression: bool
    each: bool = False
    each_name: str = ""
    binding: str = ""


@lru_cache(maxsize=1024)
def read_key(text: str) -> AssertionKey:
    """Return what a key says. Source: kyverno-json, package expression.

    Raises:
        BadExpression: it is written for another compiler than JMESPath.
    """
    each, each_name, binding = False, "", ""
    if match := _EACH.match(text):
        each, each_name, text = True, match[1] or "", match[2]
    if match := _BINDING.match(text):
        text, binding = match[1], match[2]
    if match := _ESCAPED.match(text):
        return AssertionKey(match[1], False, each, each_name, binding)
    if match := _EXPRESSION.match(text):
        if match[1] not in (None, "jp"):
            raise BadExpression(f"the key ({match[1]};…) is written for {match[1]}", hint="write it in JMESPath")
        return AssertionKey(match[2], True, each, each_name, binding)
    return AssertionKey(text, False, each, each_name, binding)
