"""Replaying origins: what they say, put together again without the core."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

LIST_ELEMENT = re.compile(
    r"/constraints/\d+|/validation/[^/]+/(constraints|checks)/\d+"
    r"|/components/[^/]+/(dependencyRefs|manifestFiles|preManifestFiles)/\d+"
)
"""The pointers that add an element to a list; everywhere else a number is a key."""


def replay(origins: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the document that the last origin of every pointer builds, applied in order."""
    document: dict[str, Any] = {}
    for pointer, said in origins.items():
        *path, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        winner = said[-1]
        if LIST_ELEMENT.fullmatch(pointer):
            elements = descend(document, path[:-1]).setdefault(path[-1], [])
            assert int(last) == len(elements), f"{pointer} is not the next element"
            elements.append(copy.deepcopy(winner["value"]))
        elif winner.get("removed"):
            descend(document, path).pop(last, None)
        else:
            descend(document, path)[last] = copy.deepcopy(winner["value"])
    return document


def descend(document: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return the map at `path`, with the maps on the way to it."""
    for step in path:
        document = document.setdefault(step, {})
    return document
