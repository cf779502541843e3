"""Placement: where a pod of ours runs and what it may use, as its user writes it on a command line.

Source: reference rows S25-S29.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean

GPU = "nvidia.com/gpu"
GPU_LABEL = "nvidia.com/gpu.present"
LABEL = "clusterbook.dev/job"
"""The label by which our objects, and those of one Job, are known."""
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class Placement(NamedTuple):
    """Where a pod runs. `tolerations` () tolerates every taint, since GPU nodes have them for others."""

    selector: Mapping[str, str] = {}
    tolerations: tuple[Mapping[str, str], ...] = ()
    runtime_class: str = ""
    requests: Mapping[str, str] = {}
    limits: Mapping[str, str] = {}
    require_gpu: bool = False

    @property
    def is_free(self) -> bool:
        """Whether nobody has said where it is to run."""
        return not (self.selector or self.runtime_class or self.require_gpu)

    def spec(self) -> dict[str, Any]:
        """Return the fields of a pod's spec."""
        document: dict[str, Any] = {
            "tolerations": [dict(each) for each in self.tolerations] or [{"operator": "Exists"}]
        }
        if self.selector:
            document["nodeSelector"] = dict(self.selector)
        if self.runtime_class:
            document["runtimeClassName"] = self.runtime_class
        return document

    def resources(self, requests: Mapping[str, str], limits: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Return a container's resources: the given defaults, what the user said over them, and the GPU it requires."""
        allowed = {**limits, **self.limits}
        if self.require_gpu:
            allowed.setdefault(GPU, "1")
        return {"requests": {**requests, **self.requests}, "limits": allowed}


def labels(job: str) -> dict[str, str]:
    """Return the labels of everything that belongs to one of our Jobs."""
    return {"app.kubernetes.io/name": "clusterbook", "app.kubernetes.io/managed-by": "clusterbook", LABEL: job}


def read_selector(words: Iterable[str]) -> dict[str, str]:
    """Return node labels from `KEY=VALUE` words.

    Raises:
        InvalidRequest: one is written otherwise.
    """
    selector: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not _LABEL.fullmatch(key):
            raise InvalidRequest(
                f"'{word}' is not a node selector", hint="write KEY=VALUE, such as nvidia.com/gpu.present=true"
            )
        selector[key] = value
    return selector


def read_tolerations(words: Iterable[str]) -> tuple[dict[str, str], ...]:
    """Return tolerations from `KEY[=VALUE][:EFFECT]` words; `*` tolerates everything.

    Raises:
        InvalidRequest: one is written otherwise.
    """
    return tuple(_toleration(word) for word in words)


def _toleration(word: str) -> dict[str, str]:
    if word == "*":
        return {"operator": "Exists"}
    taint, colon, effect = word.rpartition(":")
    taint, effect = (taint, effect) if colon else (word, "")
    key, equals, value = taint.partition("=")
    if not _LABEL.fullmatch(key):
        hint = "write KEY=VALUE:EFFECT, KEY:EFFECT, or * for every taint"
        raise InvalidRequest(f"'{word}' is not a toleration", hint=hint)
    if colon and effect not in _EFFECTS:
        raise InvalidRequest(f"'{word}' has the unknown effect '{effect}'", hint=did_you_mean(effect, _EFFECTS))
    toleration = {"key": key, "operator": "Equal", "value": value} if equals else {"key": key, "operator": "Exists"}
    return {**toleration, "effect": effect} if effect else toleration


def read_quantities(text: str) -> dict[str, str]:
    """Return resources from `NAME=QUANTITY,…`.

    Raises:
        InvalidRequest: a name is given twice, or a quantity is none, such as a negative one.
    """
    quantities: dict[str, str] = {}
    for word in (part.strip() for part in text.split(",") if part.strip()):
        name, _, quantity = word.partition("=")
        if not _LABEL.fullmatch(name) or not _QUANTITY.fullmatch(quantity):
            raise InvalidRequest(f"'{word}' is not a resource quantity", hint="write NAME=QUANTITY, such as memory=4Gi")
        if name in quantities:
            raise InvalidRequest(f"'{name}' is given twice in '{text}'", hint="give each resource once")
        quantities[name] = quantity
    return quantities
