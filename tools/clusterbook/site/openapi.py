"""The description of the static API, as OpenAPI 3.1: every address, and the shape of what `api` puts there."""

from __future__ import annotations

from typing import Any

from clusterbook.validate.result import VERDICTS

_PATHS = {
    "/v1/index.json": ("index", "Every recipe, and the answer to every combination of criteria.", "Index"),
    "/v1/recipes/{slug}.json": (
        "recipe",
        "One recipe as resolved from the sources, with the origin of each value.",
        "Recipe",
    ),
    "/v1/recipes/{slug}/{version}.json": ("version", "One published version of a recipe.", "Recipe"),
    "/v1/recipes/{slug}/{old}..{new}.json": ("diff", "Differences between two consecutive versions.", "Diff"),
    "/v1/components/{component}.json": ("component", "One component: versions, users, images.", "Component"),
    "/v1/releases/{release}.json": ("release", "One release and what it changed.", "Release"),
    "/v1/evidence.json": (
        "evidence",
        "All evidence: which version was validated on which cluster, and the verdict.",
        "AllEvidence",
    ),
    "/v1/evidence/{slug}/{name}.json": ("proof", "One piece of evidence, phase by phase.", "Evidence"),
    "/v1/evidence/{slug}/{name}/{file}.json": (
        "proofFile",
        "One of its files; together they are the evidence.",
        "File",
    ),
    "/v1/recognition.json": (
        "recognition",
        "How GPUs, services and operating systems are recognised in snapshots.",
        "Tables",
    ),
    "/v1/values.json": ("values", "Every value path, with its values over all recipes.", "Values"),
    "/v1/upgrades/index.json": (
        "upgrades",
        "Which release brought a version, and which versions can be planned from or to.",
        "Upgrades",
    ),
    "/v1/upgrades/{release}.json": (
        "upgradesTo",
        "Every upgrade to a version that a release brought, planned as `clusterbook upgrade plan` does.",
        "UpgradesTo",
    ),
    "/v1/changes.json": ("changes", "Every release, the newest first.", "Changes"),
    "/v1/catalog.json": ("catalog", "The digest of every file of the API.", "Catalog"),
    "/v1/schemas/{name}.schema.json": ("schema", "JSON Schema of a source document or one of the ledger.", "Schema"),
}
_ASKED = (
    "The values that each criterion may have. An alias spells one of them, or any. Unless `open` is true, any other "
    "word is no question: refuse it, as the command does, and do not look for it on the axes."
)
_AXES = (
    "By criterion, in the order service, accelerator, intent, os, platform: any, the values that are told apart, and "
    "last *, which stands for all other values in `dimensions`."
)
_MAP = (
    "What each combination leads to, row-major over the axes, as runs [entry, how many, entry, how many, ...]: an "
    "entry of 0 or more is a place in `recipes`, -1-n says that none of them is the answer because of `reasons`[n]. A "
    "recipe that lacks a criterion that was asked for is served only to those who accept that."
)
_REASONS = (
    "Why none of `recipes` is the answer: there is none, since one of the systems in `os` must be named or because of "
    "`text`; or it is the recipe `slug` with its `criteria`, which only a named OS that changes nothing leads to."
)
_PLANS = (
    "By the target and then the start, SLUG@VERSION each: the numbers of the entries in `lists` that the spec of the "
    "UpgradePlan (schemas/upgrade-plan) consists of: its releases, its needsYou and its requirements."
)
_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": sorted(properties), "properties": properties}


def _schemas() -> dict[str, Any]:
    anything: dict[str, Any] = {"type": "object"}
    line = _object(slug=_TEXT, title=_TEXT, criteria=anything, state=_TEXT, version=_TEXT, versions=_TEXTS)
    number = {"type": "integer"}
    partial = "partial: nothing failed, but not everything was validated"
    verdict = {"enum": list(VERDICTS), "description": partial}
    standing = _object(version=_TEXT, stale={"type": "boolean"}, verdict=verdict, says=_TEXT)
    line["properties"]["tested"] = {**standing, "type": ["object", "null"]}
    judged = _object(slug=_TEXT, name=_TEXT, version=_TEXT, stale={"type": "boolean"}, digest=_TEXT, taken=_TEXT,
                     age=_TEXT, verdict=verdict, says=_TEXT, fingerprint=anything, signer=_TEXT, issuer=_TEXT,
                     phases=anything, files={"type": "object", "additionalProperties": _TEXT})  # fmt: skip
    change = _object(section=_TEXT, kind={"enum": ["added", "removed", "changed"]})
    return {
        "Index": _object(
            release=_TEXT,
            catalog=_TEXT,
            dimensions={"type": "object", "additionalProperties": _TEXTS, "description": _ASKED},
            aliases={"type": "object", "additionalProperties": {"type": "object", "additionalProperties": _TEXT}},
            open={
                "type": "boolean",
                "description": "Whether any word is accepted, because the catalog lists no values.",
            },
            axes={"type": "array", "items": _TEXTS, "description": _AXES},
            map={"type": "array", "items": number, "description": _MAP},
            reasons={"type": "array", "items": anything, "description": _REASONS},
            recipes={"type": "array", "items": line},
        ),
        "Recipe": _object(
            slug=_TEXT,
            title=_TEXT,
            published={"type": ["object", "null"]},
            versions=_TEXTS,
            levels={"type": "array", "items": _TEXTS},
            images=_TEXTS,
            imageGaps=_TEXTS,
            evidence={"type": "array", "items": judged},
            recipe=anything,
            origins=anything,
        ),
        "Diff": _object(old=_TEXT, new=_TEXT, changes={"type": "array", "items": change}),
        "Component": _object(
            name=_TEXT,
            title=_TEXT,
            used=anything,
            needs=_TEXTS,
            needed_by=_TEXTS,
            imageGaps=_TEXTS,
            chartFacts=anything,
            upgrades={"type": "array", "items": _object(**{"from": _TEXT}, to=_TEXT, verdict=_TEXT, summary=_TEXT)},
        ),
        "Release": _object(name=_TEXT, date=_TEXT, commit=_TEXT, catalog=_TEXT, moves={"type": "array"}),
        "AllEvidence": {"type": "array", "items": judged},
        "Evidence": judged,
        "File": anything,
        "Tables": {"type": "object", "additionalProperties": {"type": ["string", "array", "object"]}},
        "Values": {
            "type": "array",
            "items": _object(component=_TEXT, path=_TEXT, found={"type": "array"}, defaults=_TEXTS),
        },
        "Upgrades": _object(versions=anything, successors=anything, refused=anything),
        "UpgradesTo": _object(
            lists=_object(releases={"type": "array"}, needsYou={"type": "array"}, requirements={"type": "array"}),
            plans={"type": "object", "description": _PLANS},
        ),
        "Changes": {"type": "array", "items": _object(release=_TEXT, date=_TEXT)},
        "Schema": {"type": "object", "required": ["$schema", "$id"]},
        "Catalog": _object(catalog=_TEXT, release=_TEXT, files={"type": "object", "additionalProperties": _TEXT}),
    }


def document() -> dict[str, Any]:
    """Return the OpenAPI document; its server is the folder it lies in."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Clusterbook catalog",
            "version": "1.0.0",
            "description": "Static files. Within v1 things are added, never changed or taken away.",
        },
        "servers": [{"url": "."}],
        "paths": {path: {"get": _operation(path, *words)} for path, words in _PATHS.items()},
        "components": {"schemas": _schemas()},
    }


def _operation(path: str, name: str, summary: str, schema: str) -> dict[str, Any]:
    words = [part.partition("}")[0] for part in path.split("{")[1:]]
    answer = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": answer}},
    }
    if words:
        operation["parameters"] = [{"name": word, "in": "path", "required": True, "schema": _TEXT} for word in words]
    return operation
