"""Content: all that makes a recipe what it is, in one document, whose digest is the recipe's.

What counts is the recipe as it is handed out, and for each component the manifests, the health check and the readiness
test by digest, the images, and what the component registry tells a bundle about it. It is made from a whole recipe
(`bundle_inputs.complete`), so whoever holds a bundle can make it, too. Same content, same bundle for the same options:
no tool version and no date is part of it.
Source: design, section 9; site/docs/decisions/0004-what-a-digest-covers.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.catalog.load import Catalog
from clusterbook.documents.digest import text_digest
from clusterbook.resolve.bundle_inputs import complete, readiness_file
from clusterbook.resolve.component import Component, Conflict
from clusterbook.resolve.document import health_checks, recipe_document
from clusterbook.resolve.gather_inputs import gather_inputs
from clusterbook.resolve.recipe import ComponentRef, RecipeResult
from clusterbook.resolve.resolver import Recipe
from clusterbook.resolve.views import with_health_checks

Document = dict[str, Any]

MANIFESTS = ("preManifestFiles", "manifestFiles")
_PUBLISHED = frozenset({"version", "digest"})
"""What publishing adds to a recipe's metadata: a digest cannot cover itself."""
_BY_DIGEST = frozenset({"healthCheckAsserts", "registry"})


def content(whole: Mapping[str, Any]) -> Document:
    """Return the content of a whole recipe."""
    recipe = RecipeResult(whole)
    files = whole.get("files", {})
    document = recipe.with_components(_component(component, files) for component in recipe.components)
    document.pop("files", None)
    document["metadata"] = {key: value for key, value in whole["metadata"].items() if key not in _PUBLISHED}
    return document


def _component(component: ComponentRef, files: Mapping[str, str]) -> Document:
    """Return what counts of one component; what there is none of is absent."""
    counted = {key: value for key, value in component.document.items() if key not in _BY_DIGEST}
    manifests = [*component.manifests_before, *component.manifests_after]
    if manifests:
        counted["manifests"] = {path: text_digest(files[path]) for path in manifests}
    if "healthCheckAsserts" in component.document:
        counted["healthCheck"] = text_digest(component.document["healthCheckAsserts"])
    test = files.get(readiness_file(component.name))
    if test is not None:
        counted["readiness"] = text_digest(test)
    if component.facts:
        counted["registry"] = component.facts
    return counted


class Gatherer:
    """Makes the contents of the recipes of one catalog; components that recipes share are gathered once."""

    def __init__(self, catalog: Catalog) -> None:
        """Prepare for any number of recipes of `catalog`."""
        self.catalog = catalog
        self.inputs = gather_inputs(catalog)
        self._known: dict[int, tuple[Component, Document]] = {}

    def content(self, recipe: Recipe, *, state: str) -> Document:
        """Return the content of `recipe`.

        Raises:
            Conflict: a manifest that it names does not exist.
        """
        result = RecipeResult(recipe_document(recipe, state=state))
        parts = zip(recipe.components, result.components, strict=True)
        return result.with_components(self._component(component, ref) for component, ref in parts)

    def whole(self, recipe: Recipe, *, state: str) -> Document:
        """Return `recipe` with all that a bundle needs. Raises as `content`."""
        for component in recipe.components:
            self._refuse_missing(component)
        return complete(with_health_checks(recipe_document(recipe, state=state), health_checks(recipe)), self.inputs)

    def _component(self, component: Component, ref: ComponentRef) -> Document:
        known = self._known.get(id(component))
        if known is None:  # the component is kept as well, so that its id stays its own
            self._refuse_missing(component)
            check = component.word("healthCheckAsserts")
            document = {**ref.document, "healthCheckAsserts": check} if check else ref.document
            alone = RecipeResult(complete(RecipeResult({}).with_components([document]), self.inputs))
            known = self._known[id(component)] = (component, _component(alone.components[0], alone.files))
        return known[1]

    def _refuse_missing(self, component: Component) -> None:
        """Raise Conflict when a component names a manifest that does not exist."""
        for named in (origin for field in MANIFESTS for origin in component.lists.get(field, ())):
            if str(named.value) not in self.inputs.files:
                what = f"manifest '{named.value}' of component '{component.name}' does not exist"
                raise Conflict(what, place=named.place, hint="add it below the tree's root, or remove the line")
