"""The kit: what a bundle needs besides the recipe itself.

Knows which registry facts, manifests and images belong to a component, and how a recipe that carries them looks: such a
recipe is whole, so a bundle can be rendered from it alone, by anybody, years later. Does not render.
Part of `bundle`, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest

FACTS = (
    "valueOverrideKeys",
    "nodeScheduling",
    "podScheduling",
    "storageClassPaths",
    "validations",
    "gkeCriticalPriority",
    "hasSelfRefCRDs",
    "manifestsUseChartCRDs",
    "install",
    "crdGroups",
    "needsKinds",
    "nodeTaints",
    "allocationPaths",
    "sourceRangePaths",
    "restartsWith",
)
"""Keys of a registry entry that a bundle depends on."""


class Kit(NamedTuple):
    """What bundles of one catalog need: registry facts and images by component, file texts by path.

    An image is one word, `registry/repository:tag[@digest]`.
    """

    registry: Mapping[str, Mapping[str, Any]]
    images: Mapping[str, list[str]]
    files: Mapping[str, str]


def readiness_file(component: str) -> str:
    """Return the path of the test that says when a component is ready. Source: reference row F23."""
    return f"components/{component}/readiness.yaml"


def build_file(component: str) -> str:
    """Return the path under which a recipe carries what `kustomize build` made of a component."""
    return f"components/{component}/build.yaml"


def files_of(reference: Mapping[str, Any], known: Mapping[str, str]) -> list[str]:
    """Return the paths of the files that one entry of componentRefs needs, its readiness test included if `known`."""
    paths = [*reference.get("preManifestFiles", ()), *reference.get("manifestFiles", ())]
    ready = readiness_file(reference["name"])
    return [*paths, *((ready,) if ready in known else ())]


def is_whole(document: Mapping[str, Any]) -> bool:
    """Return whether a recipe carries what a bundle needs."""
    return all("registry" in reference for reference in document["componentRefs"])


def complete(document: Mapping[str, Any], kit: Kit) -> dict[str, Any]:
    """Return the recipe with what a bundle needs: `registry` and `images` in its componentRefs, and `files`.

    What the recipe carries already stays as it is.

    Raises:
        InvalidRequest: the recipe names a file that the kit does not have.
    """
    carried: dict[str, str] = dict(document.get("files", {}))
    references = []
    for reference in document["componentRefs"]:
        name = reference["name"]
        found = dict(reference)
        found.setdefault("registry", kit.registry.get(name, {}))
        if name in kit.images:
            found.setdefault("images", kit.images[name])
        references.append(found)
        for path in files_of(reference, kit.files):
            text = carried.get(path, kit.files.get(path))
            if text is None:
                raise InvalidRequest(
                    f"component {name} names the file {path}, which the catalog does not have",
                    hint="bundle with the --data tree or the --source that the recipe was made from",
                )
            carried[path] = text
    return {**document, "componentRefs": references, **({"files": carried} if carried else {})}
