"""The static API: the facts of the pages as JSON, at addresses that stay.

The layout of api/v1, which `openapi` describes. Within v1 things are added, never changed or taken away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from clusterbook.diff import recipe_report
from clusterbook.diff.export import Exporter
from clusterbook.site import openapi, upgrades
from clusterbook.site.evidence import status
from clusterbook.site.json_schemas import schemas
from clusterbook.site.model import EvidenceView, RecipeSummary, RecipeView, SiteData, VersionView
from clusterbook.site.recipe_yaml import RecipeWriter
from clusterbook.snapshot import recognition

ROOT = "api/v1"


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
    yield f"{ROOT}/recognition.json", encode(recognition.tables())
    yield f"{ROOT}/recognition.js", twin("recognition", recognition.tables())
    for component in data.components:
        yield f"{ROOT}/components/{component.name}.json", encode(_component(component))
    for release in data.releases:
        document = {field: getattr(release, field) for field in release.__slots__ if field not in ("moves", "common")}
        moves = [dict(zip(("slug", "title", "kind", "old", "new"), move, strict=True)) for move in release.moves]
        common = [{"change": change, "recipes": count} for change, count in release.common]
        yield f"{ROOT}/releases/{release.name}.json", encode({**document, "moves": moves, "common": common})
    yield f"{ROOT}/changes.json", encode([{"release": release.name, "date": release.date} for release in data.releases])
    yield f"{ROOT}/evidence.json", encode([evidence_document(proof) for proof in data.evidence])
    for proof in data.evidence:
        lead = f"{ROOT}/evidence/{proof.slug}/{proof.name}"
        yield f"{lead}.json", encode(evidence_document(proof))
        for name, content in proof.files.items():
            yield f"{lead}/{name}", content
    for name, document in upgrades.files(data):
        yield f"{ROOT}/{name}.json", encode(document)
        yield f"{ROOT}/{name}.js", twin(name, document)
    yield f"{ROOT}/values.json", encode([_value(value) for value in data.values])
    for name, text in schemas().items():
        yield f"{ROOT}/schemas/{name}", text.encode()
    yield "api/openapi.json", encode(openapi.document())


def recipe_files(
    data: SiteData, summary: RecipeSummary, writer: RecipeWriter, exporter: Exporter
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield path and maker of every document about one recipe, written by `writer`, its facts by `exporter`."""
    slug, lead = summary.slug, f"{ROOT}/recipes/{summary.slug}"
    newest = None if summary.unreleased else summary.newest
    yield f"{lead}.json", lambda: encode(recipe(summary, data.recipe(slug), newest))
    yield f"{lead}.js", lambda: twin(slug, exporter.export(data.side(slug, "")))
    yield f"{lead}.yaml", lambda: writer.text(data.recipe(slug)).encode()
    for version in summary.versions:
        yield from _version_files(data, summary, version, exporter)


def _version_files(
    data: SiteData, summary: RecipeSummary, version: VersionView, exporter: Exporter
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    slug, number, before = summary.slug, version.number, version.before
    lead = f"{ROOT}/recipes/{slug}/{number}"
    yield f"{lead}.json", lambda: encode(recipe(summary, data.version(slug, number), version))
    yield f"{lead}.js", lambda: twin(f"{slug}@{number}", exporter.export(data.side(slug, number)))
    if before:
        lead = f"{ROOT}/recipes/{slug}/{before}..{number}"
        yield f"{lead}.json", lambda: encode(recipe_report.document(data.diff(slug, before, number)))
        yield f"{lead}.md", lambda: recipe_report.markdown(data.diff(slug, before, number)).encode()


def listing(data: SiteData) -> dict[str, Any]:
    """Return what every combination of criteria leads to, and a line about each recipe."""
    names = sorted({name for summary in data.recipes for name, _ in summary.components})
    return {
        "release": data.release,
        "catalog": data.catalog_digest,
        "dimensions": {name: list(values) for name, values in data.dimensions.items()},
        "aliases": data.aliases,
        "open": data.is_open,
        **data.answers,
        "components": names,
        "recipes": [
            {
                "slug": summary.slug,
                "title": summary.title,
                "criteria": summary.criteria,
                "state": summary.state,
                "version": summary.newest.number if summary.newest else "",
                "versions": [version.number for version in summary.versions],
                "checks": summary.checks,
                "tested": _evidence_status(summary),
                "components": [names.index(name) for name, _ in summary.components],
                "constraints": summary.constraints,
            }
            for summary in data.recipes
        ],
    }


def recipe(summary: RecipeSummary, view: RecipeView, version: VersionView | None) -> dict[str, Any]:
    """Return one recipe: its content, where it stands, and who set each value."""
    proofs = (proof for proof in summary.evidence if version is None or proof.version == version.number)
    published = {"version": version.number, "digest": version.digest, "release": version.release} if version else None
    return {
        "slug": summary.slug,
        "title": summary.title,
        "published": published,
        "versions": [each.number for each in summary.versions],
        "evidence": [evidence_document(proof) for proof in proofs],
        "levels": view.levels,
        "images": view.images,
        "imageGaps": view.image_gaps,
        "recipe": view.document,
        "origins": {
            part.name: {
                row.path: [f"{origin.layer} {origin.file}:{origin.line}" for origin in row.origins] for row in part.rows
            }
            for part in (*view.parts, *view.switched_off)
        },
    }


def evidence_document(proof: EvidenceView) -> dict[str, Any]:
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
    phases = {phase.name: {"verdict": phase.verdict, **phase.counts} for phase in proof.phases}
    files = {name: f"sha256:{sha256(content).hexdigest()}" for name, content in proof.files.items()}
    return {**{field: getattr(proof, field) for field in fields}, "phases": phases, "files": files}


def _evidence_status(summary: RecipeSummary) -> dict[str, Any] | None:
    """Return what evidence says about a recipe as it was last released, None where there is none."""
    newest = summary.newest.number if summary.newest else ""
    state = status(summary.evidence, newest)
    if state is None:
        return None
    return {"version": state.version, "stale": state.version != newest, "verdict": state.verdict, "says": str(state)}


def _component(component: Any) -> dict[str, Any]:
    fields = ("name", "title", "facts", "file", "used", "needs", "needed_by", "images", "files")
    proven = component.chart_facts
    return {
        **{field: getattr(component, field) for field in fields},
        "imageGaps": component.image_gaps,
        "chartFacts": {**proven._asdict(), "facts": [each._asdict() for each in proven.facts]},
        "upgrades": [each.document() for each in component.transitions],
    }


def _value(value: Any) -> dict[str, Any]:
    variants = [
        {
            "value": text,
            "recipes": slugs,
            "layers": layers,
            "switchedOff": value.off.get(text, ()),
            "effects": value.effects.get(text, {}),
        }
        for text, slugs, layers in value.variants
    ]
    return {"component": value.component, "path": value.path, "found": variants, "defaults": value.defaults}


def inventory(data: SiteData, digests: Mapping[str, str]) -> bytes:
    """Return the document that has the digest of every file of the API, by its path below api/."""
    return encode({"catalog": data.catalog_digest, "release": data.release, "files": digests})
