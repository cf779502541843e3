"""Kitting: from a catalog to its kit.

Knows where a catalog keeps what bundles need. Does not know what they do with it (`bundle` does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.catalog.components import RegistryEntry
from clusterbook.catalog.load import Catalog
from clusterbook.catalog.tree import images_of
from clusterbook.resolve.bundle_inputs import FACTS, Kit, readiness_file

_UNSAID: dict[str, dict[str, Any]] = {
    "kai-scheduler": {
        "install": {"wait": False, "timeout": "20m", "retries": 1},
        "crdGroups": ["kai.scheduler", "scheduling.run.ai"],
    },
    "gpu-operator": {
        "allocationPaths": ["devicePlugin.enabled"],
        "crdGroups": ["nvidia.com", "nfd.k8s-sigs.io"],
    },
    "nvidia-dra-driver-gpu": {
        "allocationPaths": ["resources.gpus.enabled", "gpuResourcesEnabledOverride"],
        "restartsWith": {
            "component": "gpu-operator",
            "annotationPaths": ["controller.podAnnotations", "kubeletPlugin.podAnnotations"],
        },
    },
    "agentgateway": {"sourceRangePaths": ["allowedSourceRanges"]},
    "nodewright-operator": {"nodeTaints": ["skyhook.nvidia.com"]},
}
"""What the reference's program knows by component name and its registries therefore do not say.

Source: reference rows B15, B18, B19, B23, B30. Our own registry says it, in the same words.
"""


def kit(catalog: Catalog) -> Kit:
    """Return the kit of `catalog`."""
    texts = {path: catalog.tree.files[path].text for path in sorted(_paths(catalog)) if path in catalog.tree.files}
    registry = {name: facts(entry, ours=catalog.tree.strict) for name, entry in sorted(catalog.components.items())}
    return Kit(registry, images(catalog), texts)


def facts(entry: RegistryEntry, *, ours: bool) -> dict[str, Any]:
    """Return what the registry says of a component that a bundle depends on; `ours` when nothing is left unsaid."""
    node = entry.node.data()
    found = {key: node[key] for key in FACTS if node.get(key)}
    return found if ours else {**_UNSAID.get(entry.name, {}), **found}


def images(catalog: Catalog) -> dict[str, list[str]]:
    """Return the container images of each component that has a list of them, sorted."""
    found = {}
    for path, node in sorted(catalog.documents.items()):
        listed = node.get("spec", "images") if images_of(path) else None
        if listed is not None:
            found[images_of(path)] = sorted({image_reference(image.data()) for image in listed.elements()})
    return found


def image_reference(image: Mapping[str, Any]) -> str:
    """Return an entry of an image list as one word: `registry/repository:tag`, with `@digest` where it is known."""
    pinned = f"@{image['digest']}" if image.get("digest") else ""
    return f"{image['registry']}/{image['repository']}:{image['tag']}{pinned}"


def _paths(catalog: Catalog) -> Iterator[str]:
    """Yield the path of every file that some layer names as a manifest, and of every readiness test."""
    for layer in (*catalog.layers, *catalog.mixins.values()):
        for component in layer.components:
            for field in ("manifestFiles", "preManifestFiles"):
                yield from (str(origin.value) for origin in component.lists.get(field, ()))
    yield from map(readiness_file, catalog.components)
