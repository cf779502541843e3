"""Image lists: components/<name>/images.yaml, the container images that a component may start.

Knows what a list belongs to. Does not know its shape, which is in `shapes`, and asks no registry.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from clusterbook.core.findings import Finding, Place
from clusterbook.core.yamlin import Node


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
