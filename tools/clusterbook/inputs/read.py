"""Inputs: the documents that a user hands in, from a file, standard input, a URL or a ConfigMap.

Which kinds of document may stand for criteria or a recipe is decided here. Source: reference rows G10, R11, R43.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.catalog.criteria import Criteria
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean, unreadable
from clusterbook.diagnostics.findings import Place, SourceErrors
from clusterbook.documents.api_version import API_VERSION, LENIENT, versions_of
from clusterbook.documents.scalars import BOOLEANS, boolean_remark
from clusterbook.documents.selector import describe, spell
from clusterbook.documents.yaml_reader import MAX_BYTES, Node, parse
from clusterbook.files import read as files
from clusterbook.resolve.recipe import COMPONENTS, KIND, ORDER, RecipeResult
from clusterbook.resolve.recipe_schema import read_recipe, refuse_unknown_keys

VALUES = ("values", "overrides")
"""Where a component of a recipe says values of its chart."""
_OF_CRITERIA = ("apiVersion", "kind", "metadata", "spec")
_WHERE = "name a file, a URL, or - for standard input"


def display_name(where: str) -> str:
    """Return a place as it may be shown: the query of a URL may be what lets us in."""
    return where.partition("?")[0] if where.startswith(("http://", "https://")) else where


def read_document(where: str, *, kubeconfig: str = "") -> dict[str, Any]:
    """Return the YAML or JSON document at `where` as plain data; see `read_node`.

    Raises:
        InvalidRequest: it is a recipe whose values hold what Helm reads otherwise, too.
    """
    node = read_node(where, kubeconfig=kubeconfig)
    kind = node.get("kind")
    if kind is not None and kind.string() == KIND:
        components = node.get(COMPONENTS)
        for component in components.elements() if components else ():
            for key in VALUES:
                refuse_words(component.get(key), display_name(where))
    document: dict[str, Any] = node.data()
    return document


def refuse_words(node: Node | None, where: str) -> None:
    """Raise InvalidRequest for an unquoted word among values that is a boolean to Helm, such as `off`."""
    for leaf in node.scalars() if node else ():
        if leaf.plain and leaf.text in BOOLEANS:
            what, hint = boolean_remark(leaf.text)
            raise InvalidRequest(what, place=Place(where, leaf.line, leaf.column), hint=hint)


def read_value(where: str) -> Any:
    """Return the YAML or JSON value at `where`, of whatever kind. Raises as `read_node`.

    Raises:
        InvalidRequest: it holds what Helm reads otherwise, too.
    """
    node = _parse(where)
    refuse_words(node, display_name(where))
    return None if node is None else node.data()


def read_node(where: str, *, kubeconfig: str = "") -> Node:
    """Return the YAML or JSON document at `where`: a path, `-` for standard input, an http(s) URL, or cm://.

    `kubeconfig` says whose cluster has the ConfigMap; "" for the one that kubectl would ask.

    Raises:
        NotFound: nothing is there.
        Unreadable: it is there, but not for us.
        InvalidRequest: it is too large, no document, or of a kind of place that is not read.
        ClusterbookError: a URL cannot be fetched; see `download`.
    """
    node = _parse(where, kubeconfig)
    if node is None or not isinstance(node.value, dict):
        content = "nothing" if node is None or node.value is None else f"{describe(node.data())}, not a document"
        raise InvalidRequest(
            f"{display_name(where)} holds {content}", hint="a document starts with kind: and apiVersion:"
        )
    version, kind = node.get("apiVersion"), node.get("kind")
    for name, said in {"apiVersion": version, "kind": kind}.items():
        if said is not None and isinstance(said.value, dict | list):
            place = Place(display_name(where), said.line, said.column)
            raise InvalidRequest(f"{name} is {describe(said.data())}, not text", place=place, hint="write one word")
    known = versions_of(kind.string() if kind else "")
    if version is not None and version.string() not in ("", *known):
        raise InvalidRequest(
            f"{display_name(where)} has the apiVersion '{version.string()}', which is not supported",
            hint=f"expected {' or '.join(known)}",
        )
    return node


def _parse(where: str, kubeconfig: str = "") -> Node | None:
    """Return what is at `where`, parsed. Raises as `read_node`."""
    try:
        return parse(read_text(where, kubeconfig=kubeconfig), display_name(where))
    except SourceErrors as error:
        first = error.findings[0]
        raise InvalidRequest(first.what, place=first.place, hint=first.hint) from error


def read_text(where: str, *, kubeconfig: str = "") -> str:
    """Return the text at `where`. Raises as `read_node`."""
    if where.startswith("cm://"):
        # a quarter of a second, and an extra that few need
        from clusterbook.kubernetes import api, configmaps

        place = configmaps.parse_where(where)
        cluster = api.open_api(kubeconfig)
        CONSOLE.note(f"asked: {cluster.description}")
        return configmaps.read(cluster, place, kinds=("snapshot", "recipe"))[0]
    try:
        if where == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        elif where.startswith(("http://", "https://")):
            from clusterbook.inputs.download import read_address  # 0.1 s that a file does not cost

            data = read_address(where, MAX_BYTES + 1)
        else:
            return files.read_text(where, limit_bytes=MAX_BYTES, hint=_WHERE)
    except OSError as error:
        raise unreadable(where, error, hint=_WHERE) from error
    return files.text_of(data, display_name(where), limit_bytes=MAX_BYTES)


def criteria_in(document: dict[str, Any]) -> dict[str, str | int]:
    """Return the criteria in a RecipeCriteria or an overlay; a recipe is an answer already.

    Raises:
        InvalidRequest: another kind of document, or one without criteria. Source: reference rows R11, R43.
    """
    kind = document.get("kind") or "RecipeCriteria"
    spec = document.get("spec") or {}
    if kind == "RecipeCriteria":
        criteria = spec
    elif kind == "RecipeMetadata":
        criteria = spec.get("criteria") if isinstance(spec, dict) else None
    elif kind == KIND:
        what = "this is a recipe file, not a recipe of the catalog, so its layers are not known"
        raise InvalidRequest(what, hint="name a recipe of the catalog, or pass criteria (kind: RecipeCriteria)")
    else:
        raise InvalidRequest(
            f"--recipe does not accept a {kind}", hint="name a RecipeCriteria, RecipeMetadata or RecipeResult"
        )
    if not isinstance(criteria, dict) or not criteria:
        raise InvalidRequest(
            f"the {kind} has no criteria", hint="write 'kind: RecipeCriteria', then 'spec: {service: eks, …}'"
        )
    unknown = set(criteria) - set(Criteria._fields)
    if unknown:
        word = sorted(map(str, unknown))[0]
        raise InvalidRequest(
            f"the {kind} has the unknown criterion '{word}'", hint=did_you_mean(word, Criteria._fields)
        )
    for name, value in criteria.items():
        if isinstance(value, bool | dict | list):
            what = f"{name} of the {kind} is {describe(value)}, not {'a number' if name == 'nodes' else 'a word'}"
            raise InvalidRequest(what, hint=f"write {name}: {'8' if name == 'nodes' else 'NAME'}, or leave it out")
    return {str(name): value if isinstance(value, int) else str(value or "") for name, value in criteria.items()}


def unread_keys(document: Mapping[str, Any]) -> list[str]:
    """Return the keys of a RecipeCriteria of which nothing comes; those of an overlay are another matter.

    Raises:
        InvalidRequest: there is one, and the document is not of an apiVersion that was read leniently.
    """
    if document.get("kind") not in (None, "", "RecipeCriteria"):
        return []
    found = [str(key) for key in document if key not in _OF_CRITERIA]
    if found and document.get("apiVersion") not in LENIENT:
        what = f"{found[0]} is not a key of a RecipeCriteria, so it would be ignored"
        raise InvalidRequest(what, hint=did_you_mean(found[0], _OF_CRITERIA))
    return found


def recipe_in(document: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe that a document is; some of its components may leave their values out, see `lacks_values`.

    Raises:
        InvalidRequest: it does not have the shape of a recipe, or has criteria alone, or a key that our format lacks.
    """
    if document.get(COMPONENTS) is None and document.get("criteria") is not None:
        what = f"the recipe has criteria but no {COMPONENTS}"
        raise InvalidRequest(
            what, hint="criteria go into a file of their own: 'kind: RecipeCriteria', then 'spec: {…}'"
        )
    for key in ("metadata", "criteria"):
        if document.get(key) is None:
            raise InvalidRequest(
                f"the recipe has no {key}", hint="print one with `clusterbook recipe`, and change that"
            )
    recipe = {"apiVersion": API_VERSION, ORDER: [], **read_recipe(document).document}
    refuse_unknown_keys(recipe)
    _refuse_two_answers(RecipeResult(recipe))
    return recipe


def _refuse_two_answers(recipe: RecipeResult) -> None:
    """Raise InvalidRequest for a component that is switched off and stands among those that are deployed."""
    for name, switch in recipe.two_answers():
        what = f"{name} is disabled by its overrides ({switch}: false), but {ORDER} deploys it"
        raise InvalidRequest(what, hint=f"remove it from {ORDER}, or the switch from its overrides")


def unused_overrides(recipe: RecipeResult) -> list[str]:
    """Return a sentence about each override that the values of its component say otherwise: values count."""
    return [
        f"{component.name}: its values win: {path} is {have} there, and {said} in its overrides"
        for component in recipe.components
        if component.document.get("values") is not None
        for path, said, have in _contradictions(component.overrides, component.values)
    ]


def _contradictions(said: Mapping[str, Any], have: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """Yield path, override and value of each leaf of overrides that is another one among the values."""
    for key, value in said.items():
        where = (*path, str(key))
        present = have.get(key) if isinstance(have, Mapping) else None
        if isinstance(value, dict) and value:
            yield from _contradictions(value, present, where)
        elif value != present and value != {}:
            yield spell(where), json.dumps(value), json.dumps(present)


def lacks_values(recipe: dict[str, Any]) -> list[str]:
    """Return the components whose values a recipe leaves to the files that it names.

    One that carries what the registry says of its components carries all that it needs.
    """
    result = RecipeResult(recipe)
    if result.is_whole:
        return []
    return [
        component.name
        for component in result.components
        if component.document.get("values") is None and (component.document.get("valuesFile") or component.overrides)
    ]
