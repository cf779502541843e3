"""From a catalog to what its bundles need: where registry facts, manifests and images stand in the sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.catalog.components import RegistryEntry
from clusterbook.catalog.images import listed_image
from clusterbook.catalog.load import Catalog
from clusterbook.catalog.tree import SourceTree, images_of
from clusterbook.documents.yaml_reader import parse
from clusterbook.resolve.bundle_inputs import FACTS, BundleInputs, readiness_file

_VARIANT = ("source", "suffix", "switch")
"""What is kept of an image whose tag depends on nodes."""
_OWNS = "ownsCRDs"
"""The one fact of which `false` says something that silence does not."""


def gather_inputs(catalog: Catalog) -> BundleInputs:
    """Return what bundles of `catalog` need besides a recipe.

    In a tree of the reference whose registry says which charts own their kinds, the others own none.
    """
    texts = {path: catalog.tree.files[path].text for path in sorted(_paths(catalog)) if path in catalog.tree.files}
    unsaid = _undeclared_facts(catalog.tree)
    if not catalog.tree.strict and any(entry.node.get(_OWNS) for entry in catalog.components.values()):
        unsaid = {name: {_OWNS: False, **unsaid.get(name, {})} for name in catalog.components}
    registry = {name: facts(entry, unsaid.get(name, {})) for name, entry in sorted(catalog.components.items())}
    return BundleInputs(registry, images(catalog), _image_gaps(catalog), texts)


def facts(entry: RegistryEntry, undeclared: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the registry says of a component that a bundle depends on, over what it leaves unsaid."""
    node = entry.node.data()
    said = {key: node[key] for key in FACTS if node.get(key)}
    refused = {_OWNS: False} if node.get(_OWNS) is False else {}
    return {**undeclared, **said, **refused}


def _undeclared_facts(tree: SourceTree) -> dict[str, dict[str, Any]]:
    """Return by component what a tree in the reference's format leaves unsaid and our registry says, {} for our own.

    The reference's program knows it by the component's name. Source: reference rows B15, B18, B19, B23, B30.
    """
    node = parse(tree.ours.text, tree.ours.file) if tree.ours else None
    if node is None:
        return {}
    registry = node.data()
    entries = {entry["name"]: entry for entry in registry["components"]}
    named = registry.get("alsoForReference") or {}
    return {name: {key: entries[name][key] for key in keys} for name, keys in named.items()}


def images(catalog: Catalog) -> dict[str, list[str]]:
    """Return the container images of each component that has a list of them, sorted."""
    found = {}
    for path, node in sorted(catalog.documents.items()):
        listed = node.get("spec", "images") if images_of(path) else None
        if listed is not None:
            whole = (image.data() for image in listed.elements() if image.get("suffix") is None)
            found[images_of(path)] = sorted({image_reference(image) for image in whole})
    return found


def _image_gaps(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """Return what of their images the lists cannot say in one word, by component."""
    found = {}
    for path, node in sorted(catalog.documents.items()):
        spec = node.get("spec") if images_of(path) else None
        if spec is not None:
            listed = spec.data()
            variants = [
                {"image": image_reference(image), **{key: image[key] for key in _VARIANT if image.get(key)}}
                for image in listed.get("images") or ()
                if image.get("suffix")
            ]
            said = {"chart": listed.get("chart"), "variants": variants, "gaps": listed.get("incomplete")}
            found[images_of(path)] = {key: value for key, value in said.items() if value}
    return found


def image_reference(image: Mapping[str, Any]) -> str:
    """Return an entry of an image list as one word, `registry/repository[:tag][@digest]`."""
    return listed_image(image).word()


def _paths(catalog: Catalog) -> Iterator[str]:
    """Yield the path of every file that some layer names as a manifest, and of every readiness test."""
    for layer in (*catalog.layers, *catalog.mixins.values()):
        for component in layer.components:
            for field in ("manifestFiles", "preManifestFiles"):
                yield from (str(origin.value) for origin in component.lists.get(field, ()))
    for entry in catalog.components.values():
        yield from (str(origin.value) for origin in entry.manifests)
    yield from map(readiness_file, catalog.components)
