"""Deployed: what an older recipe or bundle says of components that run, for a recipe that is to leave them there.

Only imported where somebody inherits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.disk import is_archive, read_bundle
from clusterbook.bundle.rederive import document, render_again
from clusterbook.bundle.render import OPTIONS, RECIPE
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.files.read import is_folder
from clusterbook.inputs.read import read_document, recipe_in
from clusterbook.resolve.inherit import ObjectNames, object_names
from clusterbook.resolve.recipe import KIND

_VALUES = re.compile(r"(?:\d{3}-)?(?P<component>[^/]+)/(?:cluster-)?values\.yaml")


class Deployed(NamedTuple):
    """An older recipe, and what the objects of its components are called, as far as a bundle says."""

    recipe: Mapping[str, Any]
    names: ObjectNames


def read_deployed(where: str, *, kubeconfig: str = "") -> Deployed:
    """Return what is deployed by a recipe, or by a bundle in a folder or archive.

    Raises:
        NotFound: there is none.
        InvalidRequest: it is neither.
    """
    if not is_folder(where) and not is_archive(where):
        recipe = read_document(where, kubeconfig=kubeconfig)
        if recipe.get("kind") != KIND:
            raise InvalidRequest(f"{where} is not a recipe", hint="name a recipe, or the folder of a bundle")
        return Deployed(_shaped(recipe, where), {})
    files = read_bundle(where)
    if RECIPE not in files:
        raise InvalidRequest(f"{where} has no {RECIPE}, so it is not a bundle", hint="name the folder of a bundle")
    recipe = _shaped(document(files, RECIPE), f"{where}/{RECIPE}")
    return Deployed(recipe, dict(_names_of(files)))


def _shaped(recipe: dict[str, Any], where: str) -> dict[str, Any]:
    """Return a recipe that has the shape of one. Raises InvalidRequest where it has not."""
    try:
        return recipe_in(recipe)
    except InvalidRequest as error:
        raise InvalidRequest(error.what, place=error.place or where, hint=error.hint) from error


def _names_of(files: Mapping[str, bytes]) -> Iterator[tuple[str, Mapping[tuple[str, ...], str]]]:
    """Yield what the objects of each component of a bundle are called; of one of ours, as its options make it."""
    if OPTIONS in files:
        for folder in render_again(files).plan.folders:
            if folder.phase == "main":
                yield folder.component, object_names(folder.values)
        return
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for path in sorted(files, reverse=True):  # cluster-values.yaml after values.yaml, over which it counts
        match = _VALUES.fullmatch(path)
        if match:
            found.setdefault(match["component"], {}).update(object_names(document(files, path)))
    yield from found.items()
