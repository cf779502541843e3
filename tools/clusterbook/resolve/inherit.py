"""Inheritance: a recipe of today that keeps where components are deployed, so that an upgrade moves none of them.

A new catalog may put a component into another namespace, or take its chart from elsewhere: for a cluster that runs it
that is another installation. Versions and values are the new recipe's. Source: the reference's upgrading page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.catalog.criteria import ANY
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.resolve.recipe import ComponentRef, RecipeResult

Document = dict[str, Any]
ObjectNames = Mapping[str, Mapping[tuple[str, ...], str]]
"""What charts call their objects, by component and by the path of the value that says so."""

KEPT = ("namespace", "chart", "source", "path", "manifestFiles", "preManifestFiles")
"""What of a component is kept. Of one that is deployed in another way, the namespace alone."""
_SAME = ("service", "accelerator", "intent", "os")
_NAMES = ("fullnameOverride", "nameOverride")


def inherit(recipe: Document, old: Mapping[str, Any], names: ObjectNames) -> tuple[Document, tuple[str, ...]]:
    """Return a recipe whose components stay where an older one put them, and what each keeps.

    Args:
        recipe: the new recipe.
        old: the older one.
        names: what the objects of the older one are called; {} where nobody knows.

    Raises:
        InvalidRequest: the older one is for another cluster.
    """
    new, before = RecipeResult(recipe), RecipeResult(old)
    for dimension in _SAME:
        one, other = (str(each.criteria.get(dimension) or ANY) for each in (before, new))
        if one != other:
            what = f"the older recipe is for {dimension} {one}, and this one for {other}"
            raise InvalidRequest(what, hint="inherit from what is deployed on this cluster")
    known, notes, components = before.by_name, [], []
    for component in new.components:
        document, kept = dict(component.document), []
        if component.name in known:
            kept = list(_keep(document, component, known[component.name]))
        if component.name in names:
            kept += _keep_names(document, component, names[component.name])
        components.append(document)
        notes += [f"{component.name} keeps {', '.join(kept)}"] if kept else []
    if not notes:
        return recipe, ()
    used = {path for each in components for field in KEPT[-2:] for path in each.get(field) or ()}
    carried = {path: text for path, text in before.files.items() if path in used and path not in new.files}
    whole = new.with_components(components)
    whole["metadata"] = {key: value for key, value in recipe["metadata"].items() if key not in ("version", "digest")}
    return {**whole, **({"files": {**new.files, **carried}} if carried else {})}, tuple(notes)


def _keep(document: Document, new: ComponentRef, old: ComponentRef) -> Iterator[str]:
    """Put what is kept of a component into its document; yield what each is."""
    moved = bool(new.type and old.type and new.type != old.type)
    for field in KEPT[:1] if moved else KEPT:
        said = old.document.get(field)
        if not said or said == document.get(field):
            continue
        if field == "namespace":
            document["expectedResources"] = [
                {**each, "namespace": said} if each.get("namespace") == new.namespace else each
                for each in new.expected_resources
            ]
            if not document["expectedResources"]:
                del document["expectedResources"]
        document[field] = said
        yield f"{field} {', '.join(said) if isinstance(said, list) else said}"


def _keep_names(document: Document, new: ComponentRef, names: Mapping[tuple[str, ...], str]) -> list[str]:
    """Put what the objects of a component are called into its values; return what that is."""
    wanted: dict[tuple[str, ...], Any] = dict.fromkeys(object_names(new.values))
    changed = {path: name for path, name in {**wanted, **names}.items() if _get(new.values, path) != name}
    for key in ("values", "overrides"):
        tree: Any = document.get(key) or {}
        for path, name in changed.items():
            tree = _put(tree, path, name)
        if changed:
            document[key] = tree
    return [f"{'.'.join(path)} {'unset' if name is None else name}" for path, name in changed.items()]


def object_names(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Return what values call the objects of a chart and of those in it, by path."""
    found: dict[tuple[str, ...], str] = {}
    for key, value in values.items():
        if key in _NAMES and isinstance(value, str) and value:
            found[(*path, key)] = value
        elif isinstance(value, Mapping):
            found |= object_names(value, (*path, key))
    return found


def _get(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _put(tree: Any, path: tuple[str, ...], value: Any) -> Document:
    """Return a tree with one value more."""
    below = dict(tree) if isinstance(tree, Mapping) else {}
    below[path[0]] = _put(below.get(path[0]), path[1:], value) if path[1:] else value
    return below
