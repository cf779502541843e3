"""What a bundle needs besides the recipe: registry facts, manifests and images of its components.

A recipe that carries them is whole: a bundle can be rendered from it alone, by anybody, years later.
Part of `bundle`, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import Any, NamedTuple
from clusterbook.resolve.image_words import unlisted_words
from clusterbook.resolve.recipe import ComponentRef, RecipeResult

FACTS = (
    "valueOverrideKeys",
    "nodeScheduling",
    "podScheduling",
    "storageClassPaths",
    "sharedStorageClassPaths",
    "validations",
    "gkeCriticalPriority",
    "hasSelfRefCRDs",
    "ownsCRDs",
    "manifestsUseChartCRDs",
    "install",
    "crdGroups",
    "needsKinds",
    "nodeTaints",
    "allocationPaths",
    "sourceRangePaths",
    "restartsWith",
    "ownedSecrets",
    "podSecurity",
    "renamedFrom",
    "takesOver",
    "nodeEffects",
)
"""Keys of a registry entry that a bundle depends on."""


class BundleInputs(NamedTuple):
    """What bundles of one catalog need: registry facts and images by component, file texts by path.

    An image is one word, `registry/repository:tag[@digest]`. `unlisted` is what a list of them cannot say in one word,
    by component: `variants`, whose tags depend on nodes, `gaps`, which are not known, and the version of the `chart`
    that the list was written for.
    """

    registry: Mapping[str, Mapping[str, Any]]
    images: Mapping[str, list[str]]
    unlisted: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]


def readiness_file(component: str) -> str:
    """Return the path of the test that says when a component is ready. Source: reference row F23."""
    return f"components/{component}/readiness.yaml"


def build_file(component: str) -> str:
    """Return the path under which a recipe carries what `kustomize build` made of a component."""
    return f"components/{component}/build.yaml"


def files_of(component: ComponentRef, texts: Mapping[str, str]) -> list[str]:
    """Return the paths of the files that a component needs, its readiness test included if it is in `texts`."""
    ready = readiness_file(component.name)
    return [*component.manifests_before, *component.manifests_after, *((ready,) if ready in texts else ())]


def complete(document: Mapping[str, Any], inputs: BundleInputs) -> dict[str, Any]:
    """Return the recipe with what a bundle needs: `registry` and `images` of its components, and `files`.

    What the recipe carries already stays as it is.

    Raises:
        InvalidRequest: the recipe names a file that the inputs do not have.
    """
    recipe = RecipeResult(document)
    files = dict(recipe.files)
    components = []
    for component in recipe.components:
        name = component.name
        whole = dict(component.document)
        whole.setdefault("registry", inputs.registry.get(name, {}))
        if name in inputs.images and "images" not in whole:
            whole |= {
                "images": inputs.images[name],
                **_image_gaps(component, inputs.images[name], inputs.unlisted.get(name, {})),
            }
        components.append(whole)
        for path in files_of(component, inputs.files):
            text = files.get(path, inputs.files.get(path))
            if text is None:
                raise InvalidRequest(
                    f"component {name} names the file {path}, which the catalog does not have",
                    hint="bundle with the --data tree or the --source that the recipe was made from",
                )
            files[path] = text
    return {**recipe.with_components(components), **({"files": files} if files else {})}


def _image_gaps(component: ComponentRef, images: Sequence[str], listed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a component's images is not among its `images`; nothing where they are all there is."""
    gaps, chart = list(listed.get("gaps") or ()), listed.get("chart")
    if chart and component.version and chart != component.version:
        missing = f"images of its chart {component.version}"
        gaps.append({"missing": missing, "reason": f"the list was written for {chart}", "helmKnows": True})
    variants = listed.get("variants")
    known = [*images, *(each["image"] for each in variants or ())]
    for path, word in unlisted_words(component.values, known) if known else ():
        # these words are part of what was published: digests of recipes cover them
        gaps.append({"missing": f"the image of {path}", "reason": f"the list has none of {word}", "helmKnows": True})
    return {**({"imageVariants": variants} if variants else {}), **({"imageGaps": gaps} if gaps else {})}
