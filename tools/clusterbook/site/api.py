"""The static API: the facts of the pages as JSON, at addresses that stay.

Knows the layout of api/v1 and describes it (OpenAPI). Within v1 things are added, never changed or taken away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from clusterbook.diff import recipe_report as diffreport
from clusterbook.site import evidence as tested
from clusterbook.site import openapi_ as openapi
from clusterbook.site.json_schemas import schemas
from clusterbook.site.model import Edition, Evidence, RecipeView, SiteData, Summary
from clusterbook.site.parts import Part, shown
from clusterbook.site.written_ import Writer

ROOT = "api/v1"
_COMPARED_ELSEWHERE = ("name", "version", "tag", "values")


def encode(document: Any) -> bytes:
    """Return a document as the bytes of a file; same document, same bytes."""
    return (json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n").encode()


def twin(name: str, document: Any) -> bytes:
    """Return a document as a script, for pages opened from a disk, where no page may read a file."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return f"clusterbook.take({json.dumps(name)},{text})\n".encode()


def files(data: SiteData) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of every document but those about single recipes."""
    index = listing(data)
    yield f"{ROOT}/index.json", encode(index)
    yield f"{ROOT}/index.js", twin("index", index)
    for component in data.components:
        yield f"{ROOT}/components/{component.name}.json", encode(_component(component))
    for release in data.releases:
        document = {field: getattr(release, field) for field in release.__slots__ if field not in ("moves", "common")}
        moves = [dict(zip(("slug", "title", "kind", "old", "new"), move, strict=True)) for move in release.moves]
        common = [{"change": change, "recipes": count} for change, count in release.common]
        yield f"{ROOT}/releases/{release.name}.json", encode({**document, "moves": moves, "common": common})
    yield f"{ROOT}/changes.json", encode([{"release": each.name, "date": each.date} for each in data.releases])
    yield f"{ROOT}/evidence.json", encode([proven(each) for each in data.evidence])
    for each in data.evidence:
        lead = f"{ROOT}/evidence/{each.slug}/{each.name}"
        yield f"{lead}.json", encode(proven(each))
        for name, content in each.files.items():
            yield f"{lead}/{name}", content
    yield f"{ROOT}/values.json", encode([_value(value) for value in data.values])
    for name, text in schemas().items():
        yield f"{ROOT}/schemas/{name}", text.encode()
    yield "api/openapi.json", encode(openapi.document())


def recipe_files(data: SiteData, summary: Summary, writer: Writer) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield path and maker of every document about one recipe, written by `writer`."""
    slug, lead = summary.slug, f"{ROOT}/recipes/{summary.slug}"
    newest = None if summary.unreleased else summary.newest
    yield f"{lead}.json", lambda: encode(recipe(summary, data.recipe(slug), newest))
    yield f"{lead}.js", lambda: twin(slug, compared(data.recipe(slug)))
    yield f"{lead}.yaml", lambda: writer.text(data.recipe(slug)).encode()
    for edition in summary.editions:
        yield from _edition_files(data, summary, edition)


def _edition_files(data: SiteData, summary: Summary, edition: Edition) -> Iterator[tuple[str, Callable[[], bytes]]]:
    slug, version, before = summary.slug, edition.version, edition.before
    lead = f"{ROOT}/recipes/{slug}/{version}"
    yield f"{lead}.json", lambda: encode(recipe(summary, data.edition(slug, version), edition))
    yield f"{lead}.js", lambda: twin(f"{slug}@{version}", compared(data.edition(slug, version)))
    if before:
        lead = f"{ROOT}/recipes/{slug}/{before}..{version}"
        yield f"{lead}.json", lambda: encode(diffreport.document(data.difference(slug, before, version)))
        yield f"{lead}.md", lambda: diffreport.markdown(data.difference(slug, before, version)).encode()


def listing(data: SiteData) -> dict[str, Any]:
    """Return what every combination of criteria leads to, and a line about each recipe."""
    names = sorted({name for summary in data.recipes for name, _ in summary.components})
    return {
        "release": data.release,
        "catalog": data.catalog_digest,
        "dimensions": {name: list(values) for name, values in data.dimensions.items()},
        **data.answers,
        "components": names,
        "recipes": [
            {
                "slug": summary.slug,
                "title": summary.title,
                "criteria": summary.criteria,
                "state": summary.state,
                "version": summary.newest.version if summary.newest else "",
                "versions": [edition.version for edition in summary.editions],
                "checks": summary.checks,
                "tested": _standing(summary),
                "components": [names.index(name) for name, _ in summary.components],
                "constraints": summary.constraints,
            }
            for summary in data.recipes
        ],
    }


def recipe(summary: Summary, found: RecipeView, edition: Edition | None) -> dict[str, Any]:
    """Return one recipe: its content, where it stands, and who set each value."""
    published = {"version": edition.version, "digest": edition.digest, "release": edition.release} if edition else None
    return {
        "slug": summary.slug,
        "title": summary.title,
        "published": published,
        "versions": [each.version for each in summary.editions],
        "evidence": [proven(each) for each in summary.evidence if edition is None or each.version == edition.version],
        "levels": found.levels,
        "images": found.images,
        "recipe": found.document,
        "origins": {
            part.name: {row.path: [f"{said.layer} {said.file}:{said.line}" for said in row.said] for row in part.rows}
            for part in (*found.parts, *found.switched_off)
        },
    }


def proven(found: Evidence) -> dict[str, Any]:
    """Return what a piece of evidence proves; its files lie in the folder of its name."""
    fields = (
        "slug",
        "name",
        "version",
        "stale",
        "digest",
        "taken",
        "age",
        "verdict",
        "says",
        "fingerprint",
        "signer",
        "issuer",
    )
    phases = {phase.name: {"verdict": phase.verdict, **phase.counts} for phase in found.phases}
    files = {name: f"sha256:{sha256(content).hexdigest()}" for name, content in found.files.items()}
    return {**{field: getattr(found, field) for field in fields}, "phases": phases, "files": files}


def _standing(summary: Summary) -> dict[str, Any] | None:
    """Return what evidence says about a recipe as it was last released, None where there is none."""
    newest = summary.newest.version if summary.newest else ""
    found = tested.standing(summary.evidence, newest)
    if found is None:
        return None
    return {"version": found.version, "stale": found.version != newest, "verdict": found.verdict, "says": str(found)}


def compared(found: RecipeView) -> dict[str, Any]:
    """Return what Compare needs of a recipe."""
    return {
        "slug": found.slug,
        "title": found.title,
        "constraints": {each.name: each.value for each in found.constraints},
        "checks": [f"{phase.name}: {name}" for phase in found.phases for name, _ in phase.checks],
        "components": {
            part.name: {
                "version": part.version,
                "values": {row.path: [row.text, row.by] for row in part.rows if not row.removed} | dict(_besides(part)),
            }
            for part in found.parts
        },
    }


def _besides(part: Part) -> Iterator[tuple[str, list[str]]]:
    """Yield what a component holds besides values, in the words of `clusterbook diff`, and who says it."""
    for key, said in part.document.items():
        if key == "registry":
            yield from ((fact, [shown(value), "registry"]) for fact, value in said.items())
        elif key == "images":
            yield from ((f"image {image}", ["listed"]) for image in said)
        elif key == "manifests":
            yield from ((f"manifest {path}", [digest]) for path, digest in said.items())
        elif key not in _COMPARED_ELSEWHERE:
            yield key, [shown(said)]


def _component(component: Any) -> dict[str, Any]:
    fields = ("name", "title", "facts", "file", "used", "needs", "needed_by", "images", "files")
    return {field: getattr(component, field) for field in fields}


def _value(value: Any) -> dict[str, Any]:
    found = [{"value": text, "recipes": slugs, "layers": layers} for text, slugs, layers in value.found]
    return {"component": value.component, "path": value.path, "found": found}


def inventory(data: SiteData, digests: Mapping[str, str]) -> bytes:
    """Return the document that has the digest of every file of the API, by its path below api/."""
    return encode({"catalog": data.catalog_digest, "release": data.release, "files": digests})
