"""Artifacts: their names, their types, and the same bytes for the same recipe."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterbook.artifacts.index import RECIPE, repository
from clusterbook.artifacts.layout import (
    ORIGINS,
    NotOfTheLedger,
    ReleaseOrigin,
    ReleaseVersion,
    add_version,
    bundle_artifact,
    recipe_artifact,
)
from clusterbook.bundle.media_types import BUNDLE, EMPTY, MEDIA
from clusterbook.bundle.options import DEPLOYERS
from clusterbook.documents.digest import canonical, digest
from clusterbook.oci.manifest import digest_of
from clusterbook.resolve.content import content
from tests.support.whole_recipes import small

ORIGIN = ReleaseOrigin("2026.7.0", "c" * 40, "2026-07-01T00:00:00Z")


def version(whole: dict[str, Any]) -> ReleaseVersion:
    return ReleaseVersion("h100-eks", "1.2.0", digest(content(whole)), ORIGIN)


def test_a_recipe_is_stamped_with_what_its_digest_does_not_cover() -> None:
    whole = small()
    found = add_version(whole, version(whole))
    assert (found["metadata"]["version"], found["metadata"]["digest"]) == ("1.2.0", version(whole).digest)
    assert digest(content(found)) == digest(content(whole))
    with pytest.raises(NotOfTheLedger, match=r"sha256:0+ for h100-eks@1\.2\.0"):
        add_version(whole, version(whole)._replace(digest=f"sha256:{'0' * 64}"))


def test_the_artifact_of_a_recipe_is_its_json_and_who_said_what() -> None:
    whole = small()
    made = recipe_artifact(add_version(whole, version(whole)), {"/x": "eks.yaml:1"}, version(whole))
    document = json.loads(made.manifest.raw)
    assert (made.repository, made.tag) == ("recipes/h100-eks", "1.2.0")
    assert (document["artifactType"], document["config"]["mediaType"]) == (RECIPE, EMPTY)
    assert [(each["mediaType"], each["annotations"]) for each in document["layers"]] == [
        (RECIPE, {"org.opencontainers.image.title": "recipe.json"}),
        (ORIGINS, {"org.opencontainers.image.title": "origins.json"}),
    ]
    assert document["annotations"] == {
        "org.opencontainers.image.created": "2026-07-01T00:00:00Z",
        "org.opencontainers.image.revision": "c" * 40,
        "org.opencontainers.image.title": "Recipe h100-eks",
        "org.opencontainers.image.version": "1.2.0",
        "dev.clusterbook.recipe.digest": version(whole).digest,
    }
    assert [data for _, data in made.blobs][1:] == [
        canonical(add_version(whole, version(whole))),
        canonical({"/x": "eks.yaml:1"}),
    ]


@pytest.mark.parametrize("deployer", DEPLOYERS)
def test_a_bundle_has_the_types_that_its_deployer_pulls(deployer: str) -> None:
    whole = small()
    made = bundle_artifact(deployer, b"{}", {"x/a": b"1", "x/b": b"2"}, b"archive", version(whole))
    document, media = json.loads(made.manifest.raw), MEDIA[deployer]
    assert made.repository == repository(deployer, "h100-eks") == f"{deployer}/h100-eks"
    assert document["artifactType"] == media.artifact
    assert document["config"]["mediaType"] == media.config
    assert [each["mediaType"] for each in document["layers"]] == [media.layer]
    lines = "".join(f"{digest_of(data)[7:]}  {path}\n" for path, data in (("a", b"1"), ("b", b"2")))
    assert document["annotations"]["dev.clusterbook.bundle.files"] == digest_of(lines.encode())
    assert media.config == EMPTY or media.config == media.artifact != BUNDLE
    assert {each.digest for each, _ in made.blobs} == {each.digest for each in made.manifest.blobs}
