"""Images of rendered objects, and the values that name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.catalog.images import full_name
from clusterbook.prove.values import leaves, pointer


def setting(image: str, values: Mapping[str, Any]) -> str:
    """Return the pointer of the value that names an image's repository, "" when the chart spells it out itself."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    best: tuple[int, str] = (0, "")
    for path, value in leaves(values):
        if not isinstance(value, str) or len(value) < 2:
            continue
        whole = value in (image, name) or full_name(value) in (image, name)
        if whole or repository == full_name(value) or repository == value or repository.endswith(f"/{value}"):
            best = max(best, (len(value), pointer(path)), key=lambda it: it[0])
    return best[1]
