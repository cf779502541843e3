"""The scope of a check: what every rule looks at, gathered once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from clusterbook.catalog.layers import ComponentLayer, Layer
from clusterbook.catalog.load import Catalog
from clusterbook.catalog.tree import SourceFile
from clusterbook.diagnostics.findings import Place
from clusterbook.documents.yaml_reader import Node
from clusterbook.resolve.component import Component
from clusterbook.resolve.resolver import Recipe

if TYPE_CHECKING:
    from clusterbook.catalog.chart import ChartKeys


class ComponentEntry(NamedTuple):
    """What one layer says about one component, with the node it was read from."""

    layer: Layer
    component: ComponentLayer
    node: Node

    def place(self, *keys: str) -> Place:
        """Return where the value below `keys` stands."""
        return place(self.layer.file, self.node.get(*keys) or self.node)


class Values(NamedTuple):
    """What one file tells the chart of one component."""

    component: str
    file: str
    node: Node


@dataclass(frozen=True)
class Scope:
    """One catalog under check.

    `broken` are the paths of files that are there but could not be read; then `recipes` is empty, since recipes would
    not be what their sources say.
    """

    catalog: Catalog
    recipes: Mapping[str, Recipe]
    charts: Mapping[str, ChartKeys]
    broken: frozenset[str]

    @cached_property
    def paths(self) -> dict[str, str]:
        """Return the path below the root of each file, by its name in messages."""
        tree = self.catalog.tree
        return {source.file: path for files in (tree.under, tree.files) for path, source in files.items()}

    @cached_property
    def sources(self) -> dict[str, SourceFile]:
        """Return each file by its name in messages."""
        tree = self.catalog.tree
        return {source.file: source for files in (tree.under, tree.files) for source in files.values()}

    @cached_property
    def lines(self) -> dict[str, list[str]]:
        """Return the lines of each file."""
        return {file: source.text.split("\n") for file, source in self.sources.items()}

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Return base, overlays and mixins."""
        return (*self.catalog.layers, *(self.catalog.mixins[name] for name in sorted(self.catalog.mixins)))

    @cached_property
    def component_refs(self) -> tuple[ComponentEntry, ...]:
        """Return everything that layers say about components."""
        return tuple(
            ComponentEntry(layer, component, node)
            for layer in self.layers
            for component, node in zip(layer.components, below(layer.node, "spec", "componentRefs"), strict=True)
        )

    @cached_property
    def values(self) -> tuple[Values, ...]:
        """Return everything that becomes values of charts: values files, then the overrides of layers."""
        chosen = {
            str(ref.component.words["valuesFile"].value): ref
            for ref in self.component_refs
            if "valuesFile" in ref.component.words
        }
        files = []
        for path, file, node in self.documents:
            folders = path.split("/")
            if path in self.catalog.values:
                own = folders[1] if folders[0] == "components" and len(folders) > 2 else ""
                files.append(Values(own or (chosen[path].component.name if path in chosen else path), file, node))
        overrides = ((ref, ref.node.get("overrides")) for ref in self.component_refs)
        return (*files, *(Values(ref.component.name, ref.layer.file, node) for ref, node in overrides if node))

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """Return the components of all recipes; those that recipes share stand once."""
        return tuple(
            {id(component): component for recipe in self.recipes.values() for component in recipe.components}.values()
        )

    @cached_property
    def documents(self) -> tuple[tuple[str, str, Node], ...]:
        """Return (path, file, document) of every file that was read, those of a private tree included."""
        files = {**self.catalog.tree.files, **self.catalog.tree.under}
        return tuple((path, files[path].file, node) for path, node in sorted(self.catalog.documents.items()))

    @cached_property
    def validators(self) -> tuple[tuple[str, Node], ...]:
        """Return (file, entry) of every validator."""
        tree = self.catalog.tree
        path = "validators/catalog.yaml"
        document = self.catalog.documents.get(path)
        first = {id(entry) for entry in below(document, "validators")}
        under = tree.under[path].file if path in tree.under else ""
        mine = tree.files[path].file if path in tree.files else ""
        return tuple(
            (under if under and id(entry) in first else mine, entry) for entry in self.catalog.validators.values()
        )

    def ours(self, file: str) -> bool:
        """Return whether a file is our own, so that the rules of the house hold in it."""
        source = self.sources.get(file)
        return self.catalog.tree.strict and source is not None and not source.external

    def strict(self, file: str) -> bool:
        """Return whether a file is in our format: our own, or of a private tree that says so."""
        source = self.sources.get(file)
        return source is not None and (source.strict if source.external else self.catalog.tree.strict)

    def baseless_files(self) -> set[str]:
        """Return the files of overlays whose chain does not reach base, so that their recipes are not what they say."""
        overlays = self.catalog.overlays
        files = set()
        for name, layer in overlays.items():
            root = self.catalog.chain(name)[0]
            if root.base and root.base != "base":
                files.add(layer.file)
        return files


def place(file: str, node: Node) -> Place:
    """Return where a value stands."""
    return Place(file, node.line, node.column)


def key_place(file: str, node: Node) -> Place:
    """Return where the key of a value stands."""
    return Place(file, node.key_line, node.key_column)


def below(node: Node | None, *keys: str) -> list[Node]:
    """Return the elements of the list below `keys`; [] where there is none."""
    child = node.get(*keys) if node else None
    return child.elements() if child else []


def scalars(node: Node, key: str = "") -> Iterator[tuple[str, Node]]:
    """Yield (key, scalar) of every scalar in a document; elements of a list bear the key of the list."""
    if isinstance(node.value, dict):
        for name, child in node.value.items():
            yield from scalars(child, name)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from scalars(child, key)
    else:
        yield key, node


def maps(node: Node) -> Iterator[Node]:
    """Yield every map in a document, outermost first."""
    if isinstance(node.value, dict):
        yield node
        for child in node.value.values():
            yield from maps(child)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from maps(child)
