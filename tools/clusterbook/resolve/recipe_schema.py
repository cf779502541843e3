"""The shape of a RecipeResult: what may stand where in a recipe that somebody hands in.

There is one shape. Bundles, judgements and comparisons refuse by it what is no recipe, and name the part that is wrong;
schemas/v1/recipe-result.schema.json is written from it. It is a table and no pydantic model, since `bundle` and
`validate` have no time for pydantic. A key that it does not name may hold anything, since other programs add their own;
where nothing would come of one, `unknown_keys` tells.
Source: reference rows R13-R17.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.documents.api_version import (
    API_VERSION,
    FIRST_GENERATION,
    PROFILED,
    PROFILED_ALPHA,
    REFERENCE,
    STABLE,
)
from clusterbook.documents.selector import describe
from clusterbook.records import Any, NamedTuple
from clusterbook.resolve.recipe import COMPONENTS, KIND, ORDER, Document, RecipeResult


class Table(NamedTuple):
    """A map: what its keys hold, "*" all others; which may not be missing, and what to call it when they are.

    One that is `closed` has no other keys than its fields: nothing is made of any.
    """

    fields: Mapping[str, Any]
    needed: tuple[str, ...] = ()
    called: str = ""
    closed: bool = False


class Elements(NamedTuple):
    """A list: what its elements hold, and what to call it when they do not."""

    of: Any
    called: str = ""


class Scalar(NamedTuple):
    """Text, or a whole number where nothing is lost by it, and what to write instead of anything else."""

    hint: str


_PATH = re.compile(r"[^\s.]+(\.[^\s.]+)*")
_WORD = re.compile(r"[^\s]+")
_KIND = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+")
_DNS = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_PRIVILEGED = re.compile(r"privileged")
_EFFECT = re.compile(r"drains|reboots|restarts")
_LINE = re.compile(r"[^\s](.*[^\s])?")
_DURATION = re.compile(r"[1-9][0-9]{0,8}[smh]")
_TEXTS, _PATHS = Elements(str), Elements(_PATH)
_NODES = Table(dict.fromkeys(("nodeSelectorPaths", "tolerationPaths", "taintPaths", "taintStrPaths"), _PATHS))
_FACTS = Table(
    {
        "valueOverrideKeys": Elements(_WORD),
        "nodeScheduling": Table({"system": _NODES, "accelerated": _NODES, "nodeCountPaths": _PATHS}),
        "podScheduling": Table({"workload": Table({"workloadSelectorPaths": _PATHS})}),
        "storageClassPaths": _PATHS,
        "sharedStorageClassPaths": _PATHS,
        "validations": Elements(
            Table({"function": str, "severity": str, "conditions": Table({"*": list}), "message": str})
        ),
        "install": Table({"wait": bool, "timeout": _DURATION, "retries": int}),
        "crdGroups": Elements(_WORD),
        "needsKinds": Elements(Table({"kinds": Elements(_KIND), "how": _LINE})),
        "nodeTaints": Elements(_WORD),
        "allocationPaths": _PATHS,
        "sourceRangePaths": _PATHS,
        "restartsWith": Table({"component": str, "annotationPaths": _PATHS}),
        "ownedSecrets": Elements(_DNS),
        "podSecurity": _PRIVILEGED,
        **dict.fromkeys(("gkeCriticalPriority", "hasSelfRefCRDs", "manifestsUseChartCRDs", "ownsCRDs"), bool),
        "renamedFrom": Elements(_DNS),
        "takesOver": Elements(_DNS),
        "nodeEffects": Elements(
            Table({"effect": _EFFECT, "paths": _PATHS, "onChart": bool, "onManifests": bool, "how": _LINE})
        ),
    }
)
_COMPONENT = Table(
    {
        "name": str,
        "type": str,
        "namespace": str,
        "source": str,
        "chart": str,
        "version": str,
        "tag": str,
        "path": str,
        "valuesFile": str,
        "values": dict,
        "overrides": dict,
        "dependencyRefs": _TEXTS,
        "manifestFiles": _TEXTS,
        "preManifestFiles": _TEXTS,
        "expectedResources": Elements(Table({"kind": str, "name": str, "namespace": str})),
        "healthCheckAsserts": str,
        "registry": _FACTS,
        "images": _TEXTS,
        "imageVariants": Elements(
            Table({"image": str, "source": str, "suffix": _TEXTS, "switch": str}, needed=("image", "suffix"))
        ),
        "imageGaps": Elements(
            Table({"missing": str, "reason": str, "helmKnows": bool}, needed=("missing", "reason")),
        ),
        # what nothing is made of: fields of the reference, and those of a recipe as it is published
        **dict.fromkeys(("patches", "cleanup", "healthCheckSkip", "healthCheck", "readiness", "manifests")),
    },
    closed=True,
)
_CONSTRAINTS = Elements(
    Table(
        {"name": str, "value": Scalar("quote it: '1.30', say"), "remediation": str, "unit": str, "severity": None},
        needed=("name", "value"),
        called="constraint with name and value",
        closed=True,
    )
)
_PHASES = ("readiness", "deployment", "performance", "conformance")
_PHASE = Table(
    {
        "constraints": _CONSTRAINTS,
        "checks": Elements(str, called="list of names"),
        **dict.fromkeys(("timeout", "nodeSelection", "infrastructure")),
    },
    closed=True,
)
RECIPE = Table(
    {
        "apiVersion": str,
        "kind": str,
        "metadata": Table(
            {
                "slug": str,
                "version": str,
                "selectedProfile": Table(
                    {"name": str, "value": str, "advertiser": str, "ownedPaths": Table({"*": _PATHS})},
                    needed=("name", "value", "ownedPaths"),
                    called="answer with name, value and ownedPaths",
                ),
            }
        ),
        "criteria": dict,
        "configuration": dict,
        ORDER: _TEXTS,
        COMPONENTS: Elements(_COMPONENT),
        "constraints": _CONSTRAINTS,
        "validation": Table(dict.fromkeys(_PHASES, _PHASE), closed=True),
        "files": Table({"*": str}),
    },
    closed=True,
)
"""The shape: a type, a pattern, or one of the classes above; null is as good as absent."""
_DEPLOYED = ("metadata", "criteria", COMPONENTS, ORDER)
"""What a recipe has to have to be bundled."""
_CALLED: Mapping[type, str] = {str: "text", int: "a whole number", bool: "true or false", dict: "a map", list: "a list"}
_HINT = "print one with `clusterbook recipe`, and change that"


def read_recipe(document: Document) -> RecipeResult:
    """Return the recipe that a document is.

    Raises:
        InvalidRequest: it is of another kind, or part of it does not have the shape of a recipe.
    """
    if document.get("kind") != KIND:
        kind = document.get("kind") or ""
        raise InvalidRequest(f"this is not a recipe: its kind is '{kind}'", hint="print one with `clusterbook recipe`")
    _check(document, RECIPE, "")
    components = document.get(COMPONENTS)
    if components is None or not all(component.get("name") for component in components):
        raise InvalidRequest("the recipe has no componentRefs with names", hint="print one with `clusterbook recipe`")
    recipe = RecipeResult(document)
    _check_choice(recipe)
    return recipe


def _check_choice(recipe: RecipeResult) -> None:
    """Raise InvalidRequest where what was chosen and the apiVersion do not belong together, or locks are not clear.

    Source: the reference's ADR-015.
    """
    version, chosen = recipe.document.get("apiVersion"), recipe.chosen
    if version in (PROFILED, PROFILED_ALPHA) and not chosen:
        what = f"apiVersion {version} is for a recipe with a chosen profile, and this one records none"
        raise InvalidRequest(what, hint="leave the apiVersion as it was written")
    if version in (STABLE, REFERENCE, FIRST_GENERATION) and chosen:
        what = f"a recipe with the profile {next(iter(chosen))} cannot have the apiVersion {version}"
        raise InvalidRequest(what, hint=f"leave the apiVersion as it was written: {PROFILED}, say")
    for name, paths in (recipe.selected_profile.get("ownedPaths") or {}).items():
        if name not in recipe.by_name:
            raise InvalidRequest(f"ownedPaths name {name}, which the recipe does not have", hint=_HINT)
        if paths != sorted(set(paths)) or "enabled" not in paths:
            what = f"ownedPaths of {name} are not sorted, each once, with enabled among them"
            raise InvalidRequest(what, hint="leave them as they were written: they list the locked values")


def read_deployable(document: Document) -> RecipeResult:
    """Return the recipe that a document is, one that deploys something and names each component once.

    Raises:
        InvalidRequest: as `read_recipe`, or nothing could be bundled from it.
    """
    for key in _DEPLOYED:
        if document.get(key) is None:
            raise InvalidRequest(f"the recipe has no {key}", hint=_HINT)
    from clusterbook.resolve.coherence import incoherence  # whoever only writes schemas needs none

    recipe = read_recipe(document)
    if not recipe.order:
        raise InvalidRequest(f"the recipe deploys nothing: its {ORDER} is empty", hint=_HINT)
    components = [component.name for component in recipe.components]
    for key, names in ((COMPONENTS, components), (ORDER, recipe.order)):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidRequest(f"the recipe names {twice} twice in {key}", hint="keep one of them")
    for name in recipe.order:
        if name not in components:
            raise InvalidRequest(f"the recipe deploys {name}, which is not in its {COMPONENTS}", hint=_HINT)
    for component in recipe.components:
        # without a type the registry says it
        what = incoherence({**component.document, "type": component.type}) if component.type else None
        if what is not None and recipe.deploys(component):
            raise InvalidRequest(f"component {component.name} {what[0]}", hint=what[1])
    return recipe


def read_whole(document: Document) -> RecipeResult:
    """Return the recipe that a document is, one that a bundle can be made from alone: it carries the files it names.

    Raises:
        InvalidRequest: as `read_deployable`, or a file is missing.
    """
    recipe = read_deployable(document)
    for component in recipe.components:
        for path in (*component.manifests_before, *component.manifests_after):
            if path not in recipe.files:
                what = f"component {component.name} names the file {path}, which the recipe does not include"
                raise InvalidRequest(what, hint="fetch the recipe again, or make it from the catalog that has the file")
    return recipe


def _check(value: Any, shape: Any, where: str) -> None:
    """Raise InvalidRequest unless `value` has `shape`; null counts as absent, and what has no shape may be anything."""
    if value is None or shape is None:
        return
    if isinstance(shape, Table):
        _check_table(value, shape, where)
    elif isinstance(shape, Elements):
        _check_elements(value, shape, where)
    elif isinstance(shape, Scalar):
        if type(value) not in (str, int):
            raise InvalidRequest(f"{where} of the recipe is {describe(value)}, not text", hint=shape.hint)
    elif isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise InvalidRequest(f"{where} of the recipe is {describe(value)}, which is not allowed", hint=_HINT)
    elif type(value) is not shape:
        raise InvalidRequest(f"{where} of the recipe is {describe(value)}, not {_CALLED[shape]}", hint=_HINT)


def _check_table(value: Any, shape: Table, where: str) -> None:
    """Raise InvalidRequest unless `value` is a map, and what stands under its keys is as it must be."""
    if shape.called and not isinstance(value, dict):
        raise InvalidRequest(f"{where} of the recipe is not a {shape.called}", hint=_HINT)
    _check(value, dict, where)
    for key in shape.needed:
        if key not in value:
            raise InvalidRequest(f"{where} of the recipe is not a {shape.called}", hint=_HINT)
    others = shape.fields.get("*")
    for key, member in value.items():
        _check(member, shape.fields.get(key, others), f"{where}.{key}" if where else str(key))


def _check_elements(value: Any, shape: Elements, where: str) -> None:
    """Raise InvalidRequest unless `value` is a list whose elements are as they must be."""
    if shape.called and not (isinstance(value, list) and all(type(element) is shape.of for element in value)):
        raise InvalidRequest(f"{where} of the recipe is not a {shape.called}", hint=_HINT)
    _check(value, list, where)
    for number, element in enumerate(value):
        if element is None:
            raise InvalidRequest(f"{where}[{number}] of the recipe is empty", hint=_HINT)
        _check(element, shape.of, f"{where}[{number}]")


def unknown_keys(document: Document) -> Iterator[tuple[str, str]]:
    """Yield where a recipe has a key of which nothing comes, and what to do about it."""
    yield from _unknown_keys(document, RECIPE, "")


def is_ours(document: Document) -> bool:
    """Return whether a recipe is in our format, so that our own program made it, or somebody who meant it."""
    return document.get("apiVersion") in (None, "", API_VERSION)


def is_strict(document: Document) -> bool:
    """Return whether a recipe has no key that is not known: ours, and those of which the reference wants it, too."""
    return is_ours(document) or document.get("apiVersion") in (PROFILED, PROFILED_ALPHA)


def refuse_unknown_keys(document: Document) -> None:
    """Refuse a key of which nothing would come, where a recipe has none; others of the reference's may have more.

    Raises:
        InvalidRequest: naming it, and the nearest that there is.
    """
    for where, hint in unknown_keys(document) if is_strict(document) else ():
        raise InvalidRequest(f"{where} is not a key of a recipe, so it would be ignored", hint=hint)


def _unknown_keys(value: Any, shape: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(shape, Elements) and isinstance(value, list):
        for number, element in enumerate(value):
            yield from _unknown_keys(element, shape.of, f"{where}[{number}]")
    if not (isinstance(shape, Table) and isinstance(value, dict)):
        return
    others = shape.fields.get("*")
    for key, member in value.items():
        at = f"{where}.{key}" if where else str(key)
        if shape.closed and key not in shape.fields:
            yield at, did_you_mean(str(key), shape.fields)
        yield from _unknown_keys(member, shape.fields.get(key, others), at)


def json_schema() -> dict[str, Any]:
    """Return the shape as a JSON Schema. Source: JSON Schema 2020-12."""
    schema = _json_schema(RECIPE._replace(needed=("kind", *_DEPLOYED)))
    schema["properties"]["kind"] = {"const": KIND}
    return {**schema, "description": "A resolved recipe."}


def _json_schema(shape: Any) -> dict[str, Any]:
    """Return a part of the shape as a JSON Schema; null is allowed wherever a key may be absent."""
    if isinstance(shape, Table):
        schema: dict[str, Any] = {"type": "object"}
        fields = {key: _json_schema(part) for key, part in shape.fields.items()}
        optional = {key: part if key in shape.needed else _nullable(part) for key, part in fields.items()}
        others = optional.pop("*", None)
        return (
            schema
            | ({"properties": optional} if optional else {})
            | ({"additionalProperties": others} if others else {})
            | ({"required": list(shape.needed)} if shape.needed else {})
        )
    if shape is None:
        return {}
    if isinstance(shape, Elements):
        return {"type": "array", "items": _json_schema(shape.of)}
    if isinstance(shape, Scalar):
        return {"type": ["string", "integer"]}
    if isinstance(shape, re.Pattern):
        return {"type": "string", "pattern": f"^({shape.pattern})$"}
    return {"type": _JSON_TYPES[shape]}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]} if "type" in schema else schema


_JSON_TYPES = {str: "string", int: "integer", bool: "boolean", dict: "object", list: "array"}
