"""What an index lists is found again: in one shard, by version, by digest, whatever the size of the catalog."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.artifacts import index as release_index
from clusterbook.artifacts.freshness import Envelope, check_shard, encode, parse
from clusterbook.artifacts.index import Pin, PinnedArtifact, PublishedRecipe, PublishedVersion
from clusterbook.diagnostics.errors import BrokenIndex, NotFound
from clusterbook.oci.manifest import digest_of

A, B, C, D = (f"sha256:{each * 64}" for each in "abcd")
EKS = PublishedRecipe(
    "1.1.0",
    {
        "1.0.0": PublishedVersion(A, "2026.3.0", {"recipe": Pin(C, 10)}),
        "1.1.0": PublishedVersion(B, "2026.7.0", {"recipe": Pin(D, 20), "flux": Pin(C, 30)}),
    },
)
RELEASES = {"2026.3.0": {"eks": ("1.0.0", A)}, "2026.7.0": {"eks": ("1.1.0", B)}}


def made(recipes: dict[str, PublishedRecipe]) -> tuple[Envelope, dict[str, bytes]]:
    """Return an index as a client reads it, and its shards."""
    shards = release_index.shards(recipes, RELEASES, b"head")
    start = datetime(2026, 7, 1, tzinfo=UTC)
    return parse(encode(release_index.envelope("2026.7.0", 2, start, shards, ())), "index"), shards


@given(st.integers(0, 2100))
def test_every_recipe_is_in_the_one_shard_that_its_name_tells(count: int) -> None:
    recipes = {f"r{number}": EKS for number in range(count)}
    index, shards = made(recipes)
    for slug in list(recipes)[:: max(1, count // 50)]:
        name = release_index.shard_of(slug, index)
        assert release_index.recipe_in(check_shard(index, name, shards[name]), slug) == EKS
    sizes = [
        len(release_index.recipes_in(data)) for name, data in shards.items() if name.startswith(release_index.RECIPES)
    ]
    assert sum(sizes) == count
    assert max(sizes) < 120


def test_an_index_says_how_long_it_is_good_and_what_its_shards_are() -> None:
    index, shards = made({"eks": EKS})
    assert index.expires - index.issued == timedelta(days=400)
    assert {name: (each.digest, each.size) for name, each in index.shards.items()} == {
        name: (digest_of(data), len(data)) for name, data in shards.items()
    }
    assert shards[release_index.CRITERIA] == b"head"
    assert release_index.releases_in(shards[release_index.RELEASES]) == RELEASES


@pytest.mark.parametrize(
    ("wanted", "version"),
    [("", "1.1.0"), ("1.0.0", "1.0.0"), (A, "1.0.0"), (B, "1.1.0"), (D, "1.1.0")],
)
def test_a_version_is_chosen_by_number_by_digest_or_as_the_release_serves_it(wanted: str, version: str) -> None:
    assert release_index.choose("eks", EKS, wanted) == (version, EKS.versions[version])


@pytest.mark.parametrize("wanted", ["2.0.0", f"sha256:{'e' * 64}"])
def test_a_version_that_is_not_there_is_named_with_those_that_are(wanted: str) -> None:
    with pytest.raises(NotFound) as caught:
        release_index.choose("eks", EKS, wanted)
    assert wanted in caught.value.what
    assert "1.0.0, 1.1.0" in caught.value.hint


def test_a_recipe_that_is_served_no_more_has_to_be_asked_for_by_version() -> None:
    gone = EKS._replace(current="")
    with pytest.raises(NotFound, match="no longer serves eks"):
        release_index.choose("eks", gone, "")
    assert release_index.choose("eks", gone, "1.0.0")[0] == "1.0.0"


def test_what_was_not_published_is_said_so() -> None:
    entry = EKS.versions["1.1.0"]
    assert release_index.pin_of("eks", "1.1.0", entry, "flux") == Pin(C, 30)
    with pytest.raises(NotFound, match="not published as helm"):
        release_index.pin_of("eks", "1.1.0", entry, "helm")
    with pytest.raises(NotFound, match="no recipe ekz") as caught:
        release_index.recipe_in(release_index.shards({"eks": EKS}, {}, b"")[_only({"eks": EKS})], "ekz")
    assert "eks" in caught.value.hint


def _only(recipes: dict[str, PublishedRecipe]) -> str:
    return release_index.shard_of(next(iter(recipes)), made(recipes)[0])


def test_what_a_recipe_needs_is_all_its_artifacts() -> None:
    assert release_index.closure("eks", EKS) == [
        PinnedArtifact("recipes/eks", "1.0.0", Pin(C, 10)),
        PinnedArtifact("flux/eks", "1.1.0", Pin(C, 30)),
        PinnedArtifact("recipes/eks", "1.1.0", Pin(D, 20)),
    ]


@pytest.mark.parametrize(
    "shard",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"eks": 1}',
        b'{"eks": {"current": "1", "versions": {"1": {"digest": "sha256:../x", "release": "r", "artifacts": {}}}}}',
        b'{"eks": {"current": "1", "versions": []}}',
    ],
)
def test_a_damaged_shard_is_named(shard: bytes) -> None:
    with pytest.raises(BrokenIndex, match="is damaged"):
        release_index.recipe_in(shard, "eks")


@pytest.mark.parametrize("shard", [b"{", b'{"r": 1}', b'{"r": {"eks": ["1.0.0", "nothing"]}}'])
def test_a_damaged_list_of_releases_is_named(shard: bytes) -> None:
    with pytest.raises(BrokenIndex):
        release_index.releases_in(shard)


def test_an_index_without_recipes_is_broken() -> None:
    index, _ = made({})
    with pytest.raises(BrokenIndex, match="has no recipes"):
        release_index.shard_of("eks", index._replace(shards={}))
