"""SBOM: what a recipe brings into a cluster: the recipe, its components as charts, and the images that these start.

The same recipe gives the same bytes: no date, no tool, and a serial number made from the recipe's digest. Source:
CycloneDX 1.6; purl specification, types `helm` and `oci`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from clusterbook.catalog.images import Image
from clusterbook.resolve.image_variants import variants
from clusterbook.resolve.recipe import RecipeResult

MEDIA_TYPE = "application/vnd.cyclonedx+json"


ChartDigests = Mapping[tuple[str, str, str], str]
"""The digests of packaged charts by component, chart and version."""
UNPINNED = {"name": "clusterbook:pinned", "value": "no: the chart was not at hand at release"}
"""Says of a chart that nobody vouches for its bytes."""


def sbom(
    recipe: Mapping[str, Any],
    images: Mapping[str, Sequence[Image]],
    *,
    version: str,
    digest: str,
    charts: ChartDigests | None = None,
) -> dict[str, Any]:
    """Return the CycloneDX document of a recipe.

    Args:
        recipe: the recipe's document.
        images: the images of each component, by its name; components that are not listed start none that is known.
        version: the recipe's version.
        digest: the recipe's digest, `sha256:…`.
        charts: the digests of charts, None where nobody looked; of a chart that is not among them it is said.
    """
    slug = str(recipe["metadata"]["slug"])
    root = f"recipe:{slug}"
    result = RecipeResult(recipe)
    deployed = set(result.order)
    components = [component.document for component in result.components if component.name in deployed]
    bom_components = {_reference(each): _with_chart_digest(_component(each), each, charts) for each in components}
    depends = {root: list(bom_components)}
    for each in components:
        own = [named for image in images.get(each["name"], ()) for named in _on_nodes(image, recipe)]
        bom_components |= {purl(image): _container(image) for image in own}
        before = [f"component:{name}" for name in each.get("dependencyRefs") or [] if name in deployed]
        depends[_reference(each)] = [*before, *map(purl, own)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": _serial(digest),
        "version": 1,
        "metadata": {
            "component": {
                "type": "platform",
                "bom-ref": root,
                "name": slug,
                "version": version,
                "hashes": [{"alg": "SHA-256", "content": digest.partition(":")[2]}],
            }
        },
        "components": [bom_components[reference] for reference in sorted(bom_components)],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(set(depends.get(reference, ())))}
            for reference in sorted([root, *bom_components])
        ],
    }


def _on_nodes(image: Image, recipe: Mapping[str, Any]) -> list[Image]:
    """Return an image as nodes pull it: once for each tag that an operator may make of it, where these are known."""
    named = variants(image.tag, image.suffix, recipe) if image.suffix else ()
    return [image._replace(tag=tag, suffix=()) for tag in named] or [image]


def _reference(component: Mapping[str, Any]) -> str:
    return f"component:{component['name']}"


def _component(component: Mapping[str, Any]) -> dict[str, Any]:
    """Return a component: a chart, a folder in a Git repository, or, without a source, manifests of ours."""
    source, version = str(component.get("source") or ""), str(component.get("version") or component.get("tag") or "")
    name = str(component.get("chart") or component["name"])
    document: dict[str, Any] = {"type": "application", "bom-ref": _reference(component), "name": name}
    if version:
        document["version"] = version
    if source:
        kustomize = str(component.get("type", "")).lower() == "kustomize"
        qualifiers = {"vcs_url": source} if kustomize else {"repository_url": source}
        document["purl"] = _purl("generic" if kustomize else "helm", name, version, qualifiers)
        document["externalReferences"] = [{"type": "vcs" if kustomize else "distribution", "url": source}]
    properties = {"component": component["name"], "namespace": component.get("namespace")}
    document["properties"] = [
        {"name": f"clusterbook:{key}", "value": str(value)} for key, value in properties.items() if value
    ]
    return document


def _with_chart_digest(
    document: dict[str, Any], component: Mapping[str, Any], charts: ChartDigests | None
) -> dict[str, Any]:
    """Return a component with the digest of its chart, or with the remark that there is none."""
    if charts is None or not document.get("purl", "").startswith("pkg:helm/"):
        return document
    digest = charts.get((component["name"], document["name"], document.get("version", "")), "")
    if not digest:
        return {**document, "properties": [*document["properties"], UNPINNED]}
    return {**document, "hashes": [{"alg": "SHA-256", "content": digest.partition(":")[2]}]}


def _container(image: Image) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": "container",
        "bom-ref": purl(image),
        "name": f"{image.registry}/{image.repository}",
        **({"version": image.tag} if image.tag else {}),
        "purl": purl(image),
    }
    facts = {"source": image.source, "tagSuffix": ",".join(image.suffix)}
    properties = [{"name": f"clusterbook:{key}", "value": word} for key, word in facts.items() if word]
    if properties:
        document["properties"] = properties
    if image.digest:
        document["hashes"] = [{"alg": "SHA-256", "content": image.digest.partition(":")[2]}]
    return document


def purl(image: Image) -> str:
    """Return the package URL of an image; its version is the digest, where that is known."""
    where = {"repository_url": f"{image.registry}/{image.repository}", "tag": image.tag}
    return _purl("oci", image.repository.rpartition("/")[2].lower(), image.digest, where)


def _purl(kind: str, name: str, version: str, qualifiers: Mapping[str, str]) -> str:
    """Return a package URL. Source: purl specification, "Rules for each purl component"."""
    at = f"@{quote(version, safe=_BARE)}" if version else ""
    more = "&".join(f"{key}={quote(value, safe=f'{_BARE}/')}" for key, value in sorted(qualifiers.items()) if value)
    return f"pkg:{kind}/{quote(name, safe=_BARE)}{at}{'?' if more else ''}{more}"


_BARE = "-._~:"
"""What a package URL leaves as it is."""


def _serial(digest: str) -> str:
    """Return the serial number made from a digest. Source: RFC 9562, section 5.8 (version 8)."""
    digits = list(digest.partition(":")[2][:32])
    digits[12], digits[16] = "8", "89ab"[int(digits[16], 16) % 4]
    return "urn:uuid:" + "-".join("".join(digits[start:end]) for start, end in _FIELDS)


_FIELDS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))


def images_needed(recipe: Mapping[str, Any], images: Mapping[str, Iterable[Image]]) -> list[Image]:
    """Return the images that a recipe's components may start, each once, sorted."""
    return sorted({image for name in RecipeResult(recipe).order for image in images.get(name, ())})
