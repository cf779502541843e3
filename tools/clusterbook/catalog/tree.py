"""Source trees: the files of a tree by path, and which of them is what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from clusterbook.documents.api_version import API_VERSION

RECIPES = "recipes"
"""The folder of our own sources, and what places and origins call it wherever it lies."""
REGISTRY, VALIDATORS, CRITERIA = "registry.yaml", "validators/catalog.yaml", "criteria.yaml"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One text file of a tree; `file` is its name in messages, `external` says that it comes from a private tree.

    A private tree or file that says it is in our format is read as strictly as our own: `strict`.
    """

    text: str
    file: str
    external: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True)
class SourceTree:
    """The files of a source tree by their path below its root.

    `under` holds the two files of the public tree that a private one does not replace but extends, entry by entry.
    `strict` says that the tree is our own: unknown keys and YAML tricks are errors, not warnings. `ours` is our
    registry beside a tree in the reference's format, which has no words for all that has to be known of a component.
    Source: reference rows F19-F22.
    """

    files: Mapping[str, SourceFile]
    under: Mapping[str, SourceFile]
    strict: bool = True
    ours: SourceFile | None = None


def is_ours(files: Mapping[str, SourceFile]) -> bool:
    """Return whether a tree is to be read strictly: it is, unless its registry has an apiVersion of the reference's."""
    registry = files.get(REGISTRY)
    version = _API_VERSION.search(registry.text) if registry else None
    return version is None or not version[1].startswith(_FOREIGN)


def is_in_our_format(source: SourceFile) -> bool:
    """Return whether a file says that it is in our format."""
    version = _API_VERSION.search(source.text)
    return version is not None and version[1] == API_VERSION


_FOREIGN = ("aicr.run/", "aicr.nvidia.com/")
"""How every apiVersion of the reference begins, one that is not read included."""
_API_VERSION = re.compile(r"""^apiVersion:\s*["']?([^\s"'#]+)""", re.MULTILINE)


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
