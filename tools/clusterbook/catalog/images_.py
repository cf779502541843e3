"""Image lists: components/<name>/images.yaml, the container images that a component may start.

Knows what a list belongs to. Does not know its shape, which is in `shapes`, and asks no registry.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.yaml_reader import Node


class Image(NamedTuple):
    """One container image, as a list names it; `digest` is "" where it was not looked at."""

    registry: str
    repository: str
    tag: str
    digest: str
    source: str


def image_of(word: str) -> Image:
    """Return the image that `registry/repository:tag[@digest]` names; nobody says where that was found."""
    name, _, digest = word.partition("@")
    registry, _, rest = name.partition("/")
    repository, _, tag = rest.rpartition(":")
    return Image(registry, repository, tag, digest, "")


def image_lists(documents: Mapping[str, Node]) -> dict[str, tuple[Image, ...]]:
    """Return the images of each component, by its name, out of a catalog's documents."""
    found: dict[str, tuple[Image, ...]] = {}
    for path, node in documents.items():
        parts, listed = path.split("/"), node.get("spec", "images")
        if parts[0] == "components" and parts[2:] == ["images.yaml"] and listed is not None:
            found[parts[1]] = tuple(
                Image(**{field: each.get(field, "") for field in Image._fields}) for each in listed.written()
            )
    return found


def misplaced(node: Node, file: str, *, component: str, known: Container[str]) -> Iterator[Finding]:
    """Yield what does not fit between a list, its folder `component` and the registry's names in `known`."""
    title = node.get("metadata", "name")
    if title is None:
        return
    place = Place(file, title.line, title.column)
    if component not in known:
        yield Finding("CB023", place, f"'{component}' is not in the registry", "add it, or remove the file", "error")
    elif title.string() != component:
        what = f"the folder is '{component}', metadata.name is '{title.string()}'"
        yield Finding("CB035", place, what, f"write 'name: {component}'", "error")
