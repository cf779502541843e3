"""Names: whether each thing has one name, and each name one thing.

Knows where names must be unique or agree. Does not know whether what they refer to exists.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.catalog.load import BASE
from clusterbook.diagnostics.codes import finding
from clusterbook.diagnostics.findings import Finding
from clusterbook.lint.scope import Scope, below, key_place, place


def file_names(scope: Scope) -> Iterator[Finding]:
    """Yield CB035 for each overlay and mixin that is not called as its file is."""
    for path, file, document in scope.documents:
        stem = path.rpartition("/")[2].removesuffix(".yaml")
        said = document.get("metadata", "name") if path.startswith(("overlays/", "mixins/")) else None
        if said and said.string() != stem:
            hint = (
                "write 'name: base'"
                if stem == BASE
                else f"rename the file to {said.string()}.yaml, or write 'name: {stem}'"
            )
            yield finding("CB035", place(file, said), f"'{said.string()}' stands in {stem}.yaml", hint)


def override_keys(scope: Scope) -> Iterator[Finding]:
    """Yield CB036 for each key of `--set` that could mean something else. Source: reference row F3."""
    components = scope.catalog.components
    owner: dict[str, str] = {}
    for component in components.values():
        for node in below(component.node, "valueOverrideKeys"):
            key = node.string()
            what = ""
            if key == "deployer":
                what = "'deployer' speaks to the deployer"
            elif key in components and key != component.name:
                what = f"'{key}' is the name of another component"
            elif owner.setdefault(key, component.name) != component.name:
                what = f"'{key}' is already a key of '{owner[key]}'"
            if what:
                where = place(component.file, node)
                yield finding("CB036", where, what, "choose a key that nothing else is called")


def repeated_components(scope: Scope) -> Iterator[Finding]:
    """Yield CB037 for each component that stands twice in one layer."""
    seen: dict[tuple[int, str], int] = {}
    for part in scope.parts:
        key = (id(part.layer), part.said.name)
        if key in seen:
            what = f"component '{part.said.name}' stands twice"
            yield finding("CB037", part.place("name"), what, f"merge it into the entry on line {seen[key]}")
        seen.setdefault(key, part.node.line)


def two_ways(scope: Scope) -> Iterator[Finding]:
    """Yield CB038 for each registry entry that is Helm and Kustomize. Source: reference row F4."""
    for component in scope.catalog.components.values():
        helm, kustomize = component.node.get("helm"), component.node.get("kustomize")
        if helm and kustomize and helm.value is not None and kustomize.value is not None:
            later = max(helm, kustomize, key=lambda node: node.key_line)
            what = f"component '{component.name}' has both helm and kustomize"
            yield finding("CB038", key_place(component.file, later), what, "remove one of them")
