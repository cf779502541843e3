"""Recipe file: a recipe that a user hands in is the recipe, whoever made it, and is never looked up by its criteria.

What it leaves out is taken from the files that it names, if they are at hand; else it is refused. The files that a
recipe of the reference names are those of the reference's tree: ours may have the same names and say something else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook.catalog.tree import is_layer
from clusterbook.catalog.values import Origin, data, trace
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.diagnostics.findings import Place
from clusterbook.documents.yaml_reader import parse
from clusterbook.inputs.read import display_name, lacks_values, recipe_in, unused_overrides
from clusterbook.lookup.index_files import IndexFiles, index_files
from clusterbook.lookup.local import LocalShelf
from clusterbook.resolve.bundle_inputs import complete
from clusterbook.resolve.component import values_of
from clusterbook.resolve.recipe import COMPONENTS, ComponentRef, RecipeResult
from clusterbook.resolve.recipe_schema import is_ours, is_strict, read_deployable, unknown_keys

if TYPE_CHECKING:
    from clusterbook.lookup.shelf import Shelf

_TREE = "name the tree it was made from with --data, or print it with the values of its components in place"


class RecipeFile(NamedTuple):
    """A recipe that was handed in, what its user should hear about it, and whether a catalog had to complete it."""

    document: dict[str, Any]
    notes: tuple[str, ...] = ()
    completed: bool = False


def read_recipe_file(document: Mapping[str, Any], where: str, *, source: str | IndexFiles, data: str) -> RecipeFile:
    """Return the recipe that was handed in at `where`, with the values that it leaves to the files it names.

    Raises:
        InvalidRequest: it is no recipe, or names a file that is not at hand.
    """
    try:
        recipe = recipe_in(dict(document))
        unknown = () if is_strict(recipe) else unknown_keys(recipe)
        notes = tuple(f"{display_name(where)}: {key} is not read; {hint}" for key, hint in unknown)
        notes += tuple(f"{display_name(where)}: {each}" for each in unused_overrides(RecipeResult(recipe)))
        names = lacks_values(recipe)
        if not names:
            return RecipeFile(recipe, notes)
        shelf = LocalShelf(index_files(source), data=data, snapshot="")
        at_hand = _own_paths(recipe, shelf)
        components = [
            {**component.document, "values": _values(component, shelf, at_hand)}
            if component.name in names
            else component.document
            for component in RecipeResult(recipe).components
        ]
    except InvalidRequest as error:
        raise InvalidRequest(error.what, place=error.place or display_name(where), hint=error.hint) from error
    files = sorted({str(each["valuesFile"]) for each in components if each["name"] in names and each.get("valuesFile")})
    note = f"the values of {', '.join(names)} are those of {', '.join(files)} in {data or source or 'this catalog'}"
    notes = (*notes, *((note,) if files else ()), *shelf.remarks)
    return RecipeFile({**recipe, COMPONENTS: components}, notes, completed=True)


def whole_recipe_file(document: Mapping[str, Any], *, source: str | IndexFiles, data: str) -> RecipeFile:
    """Return a recipe that was handed in, its values in place, with all that a bundle needs.

    Raises:
        InvalidRequest: nothing could be bundled from it, or it names a file that is not at hand.
    """
    if read_deployable(document).is_whole:
        return RecipeFile(dict(document))
    index = index_files(source)
    if is_ours(document) and not data and not index.is_tree:
        from clusterbook.lookup.index import IndexShelf

        return RecipeFile(complete(document, IndexShelf(index).bundle_inputs()), completed=True)
    shelf = LocalShelf(index, data=data, snapshot="")
    inputs = shelf.bundle_inputs()
    if not is_ours(document):  # its manifests and images are those of another tree than ours
        at_hand = _own_paths(document, shelf)
        files = {path: text for path, text in inputs.files.items() if path in at_hand}
        inputs = inputs._replace(images={}, unlisted={}, files=files)
    return RecipeFile(complete(document, inputs), tuple(shelf.remarks), completed=True)


def _own_paths(document: Mapping[str, Any], shelf: LocalShelf) -> frozenset[str]:
    """Return the paths of the files that are those which a recipe names, and not others of the same name."""
    tree = shelf.catalog.tree
    if is_ours(document) or not tree.strict:
        return frozenset(tree.files)
    return frozenset(path for path, file in tree.files.items() if file.external)


def _values(component: ComponentRef, shelf: LocalShelf, at_hand: frozenset[str]) -> dict[str, Any]:
    """Return the values of a component that names where they come from. Source: reference rows R37, R38.

    Raises:
        InvalidRequest: the file is not at hand.
    """
    name, file = component.name, str(component.document.get("valuesFile") or "")
    if file and file not in at_hand:
        what = f"component {name} has no values: they are in {file}, which is not available"
        raise InvalidRequest(what, hint=_TREE)
    known = {path: tree for path, tree in shelf.catalog.values.items() if path in at_hand}
    overrides = None
    if component.overrides:
        node = parse(json.dumps(component.overrides), name)
        overrides = trace(node, "recipe", name) if node else None
    named = (Origin("recipe", Place(name), file),) if file else ()
    values, problem = values_of(replace(shelf.catalog, values=known), name, named, overrides)
    if problem is not None:
        raise InvalidRequest(f"component {name} has no values: {problem.what}", hint=_TREE)
    found: dict[str, Any] = data(values)
    return found


def refuse_own_lines(overlay: Mapping[str, Any], where: str, shelf: Shelf) -> None:
    """Refuse an overlay that says more than its criteria, unless it is one of the catalog: nobody would read the rest.

    Raises:
        InvalidRequest: it would be ignored. Source: reference row R43, which rebuilds an overlay from its criteria.
    """
    spec = overlay.get("spec") or {}
    more = [key for key, value in spec.items() if key != "criteria" and value not in (None, "", [], {})]
    if not more or any(overlay == known for known in _overlays_named(_name(overlay), shelf)):
        return
    what = f"this overlay is not part of the catalog, so its {more[0]} would have no effect"
    hint = "add it to the catalog with --data TREE, or pass its criteria alone (kind: RecipeCriteria)"
    raise InvalidRequest(what, place=display_name(where), hint=hint)


def _name(overlay: Mapping[str, Any]) -> str:
    metadata = overlay.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def _overlays_named(name: str, shelf: Shelf) -> Iterator[Any]:
    """Yield the overlays of a catalog that have a name, as data."""
    if isinstance(shelf, LocalShelf):
        known = shelf.catalog.overlays.get(name)
        if known is not None:
            yield known.node.data()
        return
    for path, text in shelf.source.texts().items():
        if is_layer(path, mixins=False) and name in text:
            node = parse(text, path)
            if node is not None and _name(node.data()) == name:
                yield node.data()
