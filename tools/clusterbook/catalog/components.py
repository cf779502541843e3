"""The component registry: what recipes may deploy, and what it says of each unless a recipe says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook.catalog.tree import SourceFile
from clusterbook.catalog.values import Origin
from clusterbook.diagnostics.findings import Place
from clusterbook.documents.yaml_reader import Node


@dataclass(frozen=True, slots=True, eq=False)
class RegistryEntry:
    """One entry of the component registry. Source: reference rows F3-F11.

    `manifests` are its manifests where no layer names any, `safe_paths` the values that a mixin may set, and
    `upgrades_file` says what its upgrades take.
    """

    name: str
    node: Node
    file: str
    defaults: Mapping[str, Origin]
    assert_file: str
    external: bool = False
    manifests: tuple[Origin, ...] = ()
    safe_paths: frozenset[str] = frozenset()
    upgrades_file: str = ""

    def place(self) -> Place:
        """Return where the entry stands."""
        return Place(self.file, self.node.line, self.node.column)


def read_entry(entry: Node, source: SourceFile) -> RegistryEntry:
    """Return a registry entry with the defaults it gives. Source: reference row R36."""
    defaults: dict[str, Origin] = {}

    def take(field: str, value: Any, node: Node) -> None:
        if value:
            defaults[field] = Origin("registry", Place(source.file, node.line, node.column), value)

    kustomize, helm = entry.get("kustomize"), entry.get("helm")
    is_kustomize = kustomize is not None and any(child.string() for _, child in kustomize.items())
    take("type", "Kustomize" if is_kustomize else "Helm", kustomize if is_kustomize and kustomize else (helm or entry))
    fields = (
        {"source": "defaultSource", "tag": "defaultTag", "path": "defaultPath"}
        if is_kustomize
        else {
            "source": "defaultRepository",
            "version": "defaultVersion",
            "namespace": "defaultNamespace",
            "chart": "defaultChart",
        }
    )
    for field, key in fields.items():
        node = entry.get("kustomize" if is_kustomize else "helm", key)
        if node:
            take(field, node.string().rsplit("/", 1)[-1] if field == "chart" else node.string(), node)
    name, assert_file = entry.get("name"), entry.get("healthCheck", "assertFile")
    upgrades_file = entry.get("upgrades", "file")
    return RegistryEntry(
        name=name.string() if name else "",
        node=entry,
        file=source.file,
        defaults=defaults,
        assert_file=assert_file.string() if assert_file else "",
        external=source.external,
        manifests=tuple(
            Origin("registry", Place(source.file, item.line, item.column), item.string())
            for item in _elements(entry.get("manifestFiles"))
        ),
        safe_paths=frozenset(item.string() for item in _elements(entry.get("mixinSafeOverridePaths"))),
        upgrades_file=upgrades_file.string() if upgrades_file else "",
    )


def _elements(node: Node | None) -> list[Node]:
    return node.elements() if node else []
