"""SBOMs: valid by CycloneDX's own schema, complete, and the same bytes for the same recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from clusterbook.artifacts.sbom import images_needed, purl, sbom
from clusterbook.catalog.images import Image, image_lists
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import read_tree
from clusterbook.resolve import matrix
from clusterbook.resolve.document import recipe_document

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
SEEN = Image("quay.io", "a/Web", "1.10", DIGEST, "chart")
UNSEEN = Image("docker.io", "library/redis", "7", "", "operator")
RECIPE = {
    "metadata": {"slug": "eks-training"},
    "deploymentOrder": ["a", "b", "c"],
    "componentRefs": [
        {"name": "b", "type": "Helm", "source": "oci://ghcr.io/x/charts", "chart": "web", "version": "v1.2.0",
         "namespace": "web", "dependencyRefs": ["a", "off"]},
        {"name": "a", "type": "Helm", "source": "", "namespace": "a"},
        {"name": "c", "type": "Kustomize", "source": "https://github.com/x/y", "tag": "v2", "path": "deploy"},
        {"name": "off", "type": "Helm", "source": "https://x.test", "chart": "off", "version": "1"},
    ],
}  # fmt: skip
IMAGES = {"b": (SEEN, UNSEEN), "a": (UNSEEN,), "off": (SEEN,)}


def built(**changes: Any) -> dict[str, Any]:
    """Return the SBOM of the recipe above, with some of its keys changed."""
    return sbom({**RECIPE, **changes}, IMAGES, version="1.0.0", digest=DIGEST)


def problems(document: dict[str, Any]) -> object:
    """Return what CycloneDX's validator finds."""
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))


def test_it_is_valid() -> None:
    assert problems(built()) is None
    assert problems({**built(), "serialNumber": "x"}) is not None


def test_it_names_the_recipe_its_components_and_their_images() -> None:
    document = built()
    root = document["metadata"]["component"]
    assert (root["name"], root["version"], root["hashes"][0]["content"]) == ("eks-training", "1.0.0", DIGEST[7:])
    assert {each["bom-ref"]: each.get("purl") for each in document["components"]} == {
        "component:a": None,
        "component:b": "pkg:helm/web@v1.2.0?repository_url=oci://ghcr.io/x/charts",
        "component:c": "pkg:generic/c@v2?vcs_url=https://github.com/x/y",
        purl(SEEN): purl(SEEN),
        purl(UNSEEN): purl(UNSEEN),
    }
    depends = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    assert depends["recipe:eks-training"] == ["component:a", "component:b", "component:c"]
    assert depends["component:b"] == ["component:a", purl(UNSEEN), purl(SEEN)]
    assert depends["component:a"] == [purl(UNSEEN)]
    assert depends[purl(SEEN)] == []


def test_what_is_switched_off_is_not_in_it() -> None:
    assert "off" not in json.dumps(built())
    assert "component:c" not in json.dumps(built(deploymentOrder=["a", "b"]))
    assert images_needed({**RECIPE, "deploymentOrder": ["a"]}, IMAGES) == [UNSEEN]
    assert images_needed(RECIPE, IMAGES) == [UNSEEN, SEEN]


def test_the_same_recipe_has_the_same_sbom_and_another_one_another_number() -> None:
    turned = {**RECIPE, "componentRefs": RECIPE["componentRefs"][::-1]}
    assert json.dumps(built()) == json.dumps(sbom(turned, IMAGES, version="1.0.0", digest=DIGEST))
    other = sbom(RECIPE, IMAGES, version="1.0.0", digest=f"sha256:{'f' * 64}")
    assert built()["serialNumber"] == "urn:uuid:01234567-89ab-8def-8123-456789abcdef"
    assert other["serialNumber"] == "urn:uuid:ffffffff-ffff-8fff-bfff-ffffffffffff"
    assert "timestamp" not in json.dumps(built())


@pytest.mark.parametrize("image", [SEEN, UNSEEN, Image("localhost:5000", "a/b", "v1+x", "", "chart")])
def test_a_package_url_is_written_as_others_write_it(image: Image) -> None:
    parsed = PackageURL.from_string(purl(image))
    where = f"{image.registry}/{image.repository}"
    assert parsed.to_string() == purl(image)
    assert (parsed.type, parsed.version or "") == ("oci", image.digest)
    assert parsed.qualifiers == {"repository_url": where, "tag": image.tag}


def test_every_recipe_of_ours_has_a_valid_one() -> None:
    loaded = load_catalog(read_tree(RECIPES, strict=True))
    lists, found = image_lists(loaded.documents), matrix.build(loaded)
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert len(lists) > 20
    for slug in sorted(found.recipes)[::9]:
        document = sbom(recipe_document(found.recipes[slug], state="curated"), lists, version="1.0.0", digest=DIGEST)
        assert validator.validate_str(json.dumps(document)) is None, slug
        for each in document["components"]:
            assert "purl" not in each or PackageURL.from_string(each["purl"]).to_string() == each["purl"]


def test_a_chart_has_the_digest_of_its_archive_or_the_remark_that_it_was_not_at_hand() -> None:
    component = next(each for each in RECIPE["componentRefs"] if each.get("source"))
    chart = component.get("chart") or component["name"]
    name = f"component:{component['name']}"

    def found(charts: dict[tuple[str, str, str], str]) -> dict[str, object]:
        document = sbom(RECIPE, IMAGES, version="1.0.0", digest=DIGEST, charts=charts)
        return next(each for each in document["components"] if each["bom-ref"] == name)

    known = found({(component["name"], chart, component["version"]): DIGEST})
    assert known["hashes"] == [{"alg": "SHA-256", "content": DIGEST[7:]}]
    for other in ({}, {(component["name"], chart, "0"): DIGEST}, {("x", chart, component["version"]): DIGEST}):
        unknown = found(other)
        assert "hashes" not in unknown
        assert "not at hand" in str(unknown["properties"])
