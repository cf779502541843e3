"""Index: what the index of a registry says is there.

    index:<release>, index:latest    artifactType INDEX, config empty, layers by title:
      index.json           INDEX     release, number, dates, withdrawals; digest and size of each shard (`freshness`)
      criteria.json        SHARD     what tells the recipe for given criteria (`index.encode_head`)
      releases.json        SHARD     {release: {slug: [version, recipe digest]}}
      list.json, …         SHARD     the catalog as a whole, as an index on disk has it (`lookup.format`): lines about
                                     recipes, checks, facts of components, upgrade records, sources
      recipes-<hex>.json   SHARD     {slug: {current, versions: {version: {digest, release, artifacts: {kind: {digest,
                                     size}}}}}}; kinds are "recipe" and the deployers; the digits are the first of
                                     sha256(slug), as many as keep a shard to about 64 recipes

Whoever wants one recipe reads the index and one shard, however many recipes there are. Whether it is the newest says
`freshness`.
Source: design, section 9.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

from clusterbook.artifacts.freshness import Envelope, IndexWithdrawal, Shard
from clusterbook.diagnostics.errors import BrokenIndex, NotFound, did_you_mean
from clusterbook.diagnostics.transport import Malformed
from clusterbook.oci.reference import check_digest

INDEX = "application/vnd.clusterbook.index.v1+json"
SHARD = "application/vnd.clusterbook.index.shard.v1+json"
REPOSITORY, LATEST = "index", "latest"
RECIPE = "application/vnd.clusterbook.recipe.v1+json"
RECIPE_KIND = "recipe"
"""What a recipe is among the kinds of artifacts; the others are called as their deployer is."""
CRITERIA, RELEASES, RECIPES = "criteria", "releases", "recipes-"
LIFETIME = timedelta(days=400)
"""How long an index is good for after its date: a release a half-year, and some time to make it in."""
MINIMUM_CLIENT = "0.1.0"
_FULL = 64
"""About this many recipes stand in one shard."""


class Pin(NamedTuple):
    """One artifact: the digest and the size of its manifest."""

    digest: str
    size: int


class PublishedVersion(NamedTuple):
    """One version of a recipe. `artifacts` are by kind: recipe, or a deployer."""

    digest: str
    release: str
    artifacts: Mapping[str, Pin]


class PinnedArtifact(NamedTuple):
    """One artifact that is needed for a slug: where it is below the base, under which tag, and its digest."""

    repository: str
    tag: str
    pin: Pin


class PublishedRecipe(NamedTuple):
    """The versions of one recipe; `current` is the one that the release serves, "" when it does not any more."""

    current: str
    versions: Mapping[str, PublishedVersion]


def shards(
    recipes: Mapping[str, PublishedRecipe],
    releases: Mapping[str, Mapping[str, tuple[str, str]]],
    head: bytes,
    parts: Mapping[str, bytes] = MappingProxyType({}),
) -> dict[str, bytes]:
    """Return the bytes of each shard by its name.

    Args:
        recipes: what there is, by slug.
        releases: (version, recipe digest) by slug by release.
        head: what tells the recipe for given criteria (`index.encode_head`).
        parts: what is said of the catalog as a whole, by name.
    """
    digits = _digits(len(recipes))
    recipes_by_shard: dict[str, dict[str, Any]] = {f"{RECIPES}{number:0{digits}x}": {} for number in range(16**digits)}
    for slug, recipe in recipes.items():
        versions = {
            version: {
                "digest": entry.digest,
                "release": entry.release,
                "artifacts": {kind: pin._asdict() for kind, pin in entry.artifacts.items()},
            }
            for version, entry in recipe.versions.items()
        }
        recipes_by_shard[_shard(slug, digits)][slug] = {"current": recipe.current, "versions": versions}
    by_release = {release: {slug: list(each) for slug, each in served.items()} for release, served in releases.items()}
    return {
        **parts,
        CRITERIA: head,
        RELEASES: _encode(by_release),
        **{name: _encode(data) for name, data in recipes_by_shard.items()},
    }


def envelope(
    release: str,
    sequence: int,
    issued: datetime,
    shards: Mapping[str, bytes],
    withdrawn: tuple[IndexWithdrawal, ...],
    *,
    lifetime: timedelta = LIFETIME,
) -> Envelope:
    """Return what an index with these shards says about itself."""
    described = {name: Shard(f"sha256:{sha256(data).hexdigest()}", len(data)) for name, data in shards.items()}
    return Envelope(release, sequence, issued, issued + lifetime, MINIMUM_CLIENT, described, withdrawn)


def shard_of(slug: str, index: Envelope) -> str:
    """Return the name of the shard that a recipe is in.

    Raises:
        BrokenIndex: the index names no shards of recipes.
    """
    digits = next((len(name) - len(RECIPES) for name in index.shards if name.startswith(RECIPES)), 0)
    if digits == 0:
        raise BrokenIndex(f"the index of {index.release} has no recipes", hint="it has to be published again")
    return _shard(slug, digits)


def recipe_in(shard: bytes, slug: str) -> PublishedRecipe:
    """Return a recipe of a shard.

    Raises:
        NotFound: the shard does not have it.
        BrokenIndex: it is damaged.
    """
    recipes = _decode(shard)
    if slug not in recipes:
        raise NotFound(f"there is no recipe {slug}", hint=did_you_mean(slug, recipes))
    return _recipe(recipes[slug])


def recipes_in(shard: bytes) -> dict[str, PublishedRecipe]:
    """Return the recipes of a shard by slug. Raises BrokenIndex."""
    return {slug: _recipe(said) for slug, said in _decode(shard).items()}


def releases_in(shard: bytes) -> dict[str, dict[str, tuple[str, str]]]:
    """Return (version, recipe digest) by slug by release. Raises BrokenIndex."""
    try:
        return {
            release: {slug: (str(version), check_digest(digest)) for slug, (version, digest) in served.items()}
            for release, served in _decode(shard).items()
        }
    except (ValueError, TypeError, AttributeError, Malformed) as error:
        raise _damage(error) from error


def choose(slug: str, recipe: PublishedRecipe, selector: str) -> tuple[str, PublishedVersion]:
    """Return the version of a recipe that is wanted: a version, a digest (of the recipe or of an artifact), or any.

    Args:
        slug: the recipe's.
        recipe: what there is of it.
        selector: what follows the `@`; "" for the version that the release serves.

    Raises:
        NotFound: there is no such version.
    """
    versions = recipe.versions
    choices = f"versions: {', '.join(sorted(versions)) or 'none'}"
    if selector.startswith("sha256:"):
        for version, entry in versions.items():
            if selector in (entry.digest, *(pin.digest for pin in entry.artifacts.values())):
                return version, entry
        raise NotFound(f"{slug} has no version with the digest {selector}", hint=choices)
    if not selector and not recipe.current:
        raise NotFound(f"the release no longer serves {slug}", hint=f"name a version; {choices}")
    version = selector or recipe.current
    if version not in versions:
        raise NotFound(f"there is no {slug}@{version}", hint=choices)
    return version, versions[version]


def pin_of(slug: str, version: str, entry: PublishedVersion, kind: str) -> Pin:
    """Return the artifact of one kind.

    Raises:
        NotFound: it was not published.
    """
    if kind not in entry.artifacts:
        raise NotFound(f"{slug}@{version} is not published as {kind}", hint=did_you_mean(kind, entry.artifacts))
    return entry.artifacts[kind]


def closure(slug: str, recipe: PublishedRecipe) -> list[PinnedArtifact]:
    """Return every artifact of a recipe, all versions of it; signatures and SBOMs refer to these."""
    return list(_closure(slug, recipe.versions))


def _closure(slug: str, versions: Mapping[str, PublishedVersion]) -> Iterator[PinnedArtifact]:
    for version, entry in sorted(versions.items()):
        for kind, pin in sorted(entry.artifacts.items()):
            yield PinnedArtifact(repository(kind, slug), version, pin)


def repository(kind: str, slug: str) -> str:
    """Return the repository below the base of a recipe (RECIPE_KIND) or of a deployer's bundle."""
    return f"{'recipes' if kind == RECIPE_KIND else kind}/{slug}"


def _digits(recipes: int) -> int:
    """Return how many digits the name of a shard has: one more whenever shards would be too full."""
    digits = 1
    while recipes > _FULL * 16**digits:
        digits += 1
    return digits


def _shard(slug: str, digits: int) -> str:
    return RECIPES + sha256(slug.encode()).hexdigest()[:digits]


def _recipe(document: Any) -> PublishedRecipe:
    try:
        return PublishedRecipe(
            str(document["current"]), {version: _entry(each) for version, each in document["versions"].items()}
        )
    except (KeyError, TypeError, ValueError, AttributeError, Malformed) as error:
        raise _damage(error) from error


def _entry(document: Any) -> PublishedVersion:
    pins = {kind: Pin(check_digest(pin["digest"]), int(pin["size"])) for kind, pin in document["artifacts"].items()}
    return PublishedVersion(check_digest(document["digest"]), str(document["release"]), pins)


def _encode(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _decode(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damage(error) from error
    if not isinstance(document, dict):
        raise _damage(TypeError("not a map"))
    return document


def _damage(error: Exception) -> BrokenIndex:
    return BrokenIndex(f"a shard of the index is damaged: {str(error)[:80]}", hint="it has to be published again")
