"""Paths: which file of a source tree is what, by where it lies.

Knows the layout of a tree. Does not open any file.
"""

from __future__ import annotations


def is_layer(path: str, *, mixins: bool) -> bool:
    """Return whether a file may hold an overlay (or a mixin). Source: reference row F2."""
    if not path.endswith(".yaml"):
        return False
    if mixins:
        return path.startswith("mixins/")
    apart = ("mixins/", "components/", "checks/", "validators/", "evidence/")
    return (
        not path.startswith(apart)
        and "/checks/" not in path
        and path.split("/")[-1] not in ("registry.yaml", "data-v1.yaml", "criteria.yaml")
    )


def is_values(path: str) -> bool:
    """Return whether a file is a values file: components/<name>/….yaml outside manifests/."""
    parts = path.split("/")
    return (
        len(parts) == 3
        and parts[0] == "components"
        and path.endswith((".yaml", ".yml"))
        and parts[2].startswith("values")
    )


def images_of(path: str) -> str:
    """Return the component whose image list a file is, components/<name>/images.yaml; "" for every other file."""
    folder, _, rest = path.partition("/")
    name, _, file = rest.partition("/")
    return name if folder == "components" and file == "images.yaml" else ""
