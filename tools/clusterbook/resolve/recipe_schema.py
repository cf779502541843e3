"""Soundness: whether a recipe that somebody hands in has the shape that bundling relies on.

Knows what a whole recipe looks like, as far as bundles read it. Does not know what the parts do, nor where a recipe of
ours comes from: those are sound as they were built. Imports next to nothing, like all of `bundle`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.selector import describe

_PATH = re.compile(r"[^\s.]+(\.[^\s.]+)*")
_WORD = re.compile(r"[^\s]+")
_KIND = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+")
_LINE = re.compile(r"[^\s](.*[^\s])?")
_DURATION = re.compile(r"[1-9][0-9]{0,8}[smh]")
_PATHS = [_PATH]
_NODES: Mapping[str, Any] = {
    "nodeSelectorPaths": _PATHS,
    "tolerationPaths": _PATHS,
    "taintPaths": _PATHS,
    "taintStrPaths": _PATHS,
}
_FACTS: Mapping[str, Any] = {
    "valueOverrideKeys": [_WORD],
    "nodeScheduling": {"system": _NODES, "accelerated": _NODES, "nodeCountPaths": _PATHS},
    "podScheduling": {"workload": {"workloadSelectorPaths": _PATHS}},
    "storageClassPaths": _PATHS,
    "validations": [{"function": str, "severity": str, "conditions": {"*": list}, "message": str}],
    "install": {"wait": bool, "timeout": _DURATION, "retries": int},
    "crdGroups": [_WORD],
    "needsKinds": [{"kinds": [_KIND], "how": _LINE}],
    "nodeTaints": [_WORD],
    "allocationPaths": _PATHS,
    "sourceRangePaths": _PATHS,
    "restartsWith": {"component": str, "annotationPaths": _PATHS},
}
_COMPONENT: Mapping[str, Any] = {
    "name": str,
    "type": str,
    "namespace": str,
    "source": str,
    "chart": str,
    "version": str,
    "tag": str,
    "path": str,
    "values": dict,
    "dependencyRefs": [str],
    "manifestFiles": [str],
    "preManifestFiles": [str],
    "healthCheckAsserts": str,
    "registry": _FACTS,
    "images": [str],
}
_RECIPE: Mapping[str, Any] = {
    "metadata": {"slug": str, "version": str},
    "criteria": dict,
    "deploymentOrder": [str],
    "componentRefs": [_COMPONENT],
    "files": {"*": str},
}
"""What may stand where: a type, a pattern, [what all elements are], {key: what it holds}, {"*": what all keys hold}."""
_NEEDED = ("metadata", "criteria", "componentRefs", "deploymentOrder")
_CALLED: Mapping[type, str] = {str: "text", int: "a whole number", bool: "true or false", dict: "a map", list: "a list"}
_HINT = "print one with `clusterbook recipe`, and change that"


def refuse_unsound(recipe: Mapping[str, Any]) -> None:
    """Raise InvalidRequest when a recipe cannot be bundled because of its shape; the message says which part."""
    for key in _NEEDED:
        if recipe.get(key) is None:
            raise InvalidRequest(f"the recipe has no {key}", hint=_HINT)
    _check(recipe, _RECIPE, "")
    if not recipe["deploymentOrder"]:
        raise InvalidRequest("the recipe deploys nothing: its deploymentOrder is empty", hint=_HINT)
    names = [reference.get("name") or "" for reference in recipe["componentRefs"]]
    for where, found in (("componentRefs", names), ("deploymentOrder", recipe["deploymentOrder"])):
        twice = next((name for name in found if found.count(name) > 1), None)
        if twice is not None:
            raise InvalidRequest(f"the recipe names {twice} twice in {where}", hint="keep one of them")
    for name in recipe["deploymentOrder"]:
        if name not in names:
            raise InvalidRequest(f"the recipe deploys {name}, which is not in its componentRefs", hint=_HINT)


def _check(value: Any, wanted: Any, where: str) -> None:
    """Raise InvalidRequest unless `value` is as wanted; null counts as absent."""
    if value is None or wanted is None:
        return
    if isinstance(wanted, re.Pattern):
        if not isinstance(value, str) or not wanted.fullmatch(value):
            raise InvalidRequest(f"{where} of the recipe is {describe(value)}, which it cannot be", hint=_HINT)
        return
    kind = next(kind for kind in _CALLED if wanted is kind or isinstance(wanted, kind))
    found: type = type(value)
    if found is not kind:
        raise InvalidRequest(f"{where} of the recipe is {describe(value)}, not {_CALLED[kind]}", hint=_HINT)
    if isinstance(wanted, list):
        for number, element in enumerate(value):
            if element is None:
                raise InvalidRequest(f"{where}[{number}] of the recipe is empty", hint=_HINT)
            _check(element, wanted[0], f"{where}[{number}]")
    elif isinstance(wanted, dict):
        for key, member in value.items():
            _check(member, wanted.get(key, wanted.get("*")), f"{where}.{key}" if where else str(key))
