"""Check: whether an archive holds what its recipes pull, and that with the bytes that the release vouches for.

Nobody signs the list of an archive. Its recipes are signed, and so are their SBOMs: what they pull is worked out anew
from the recipes, and charts and images whose digests an SBOM has are held against them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import clusterbook
from clusterbook.artifacts import index
from clusterbook.artifacts.open import OpenIndex
from clusterbook.artifacts.sbom import MEDIA_TYPE as SBOM
from clusterbook.bundle.render import render
from clusterbook.mirror.archive import CHART, IMAGE, ArchiveContents
from clusterbook.mirror.images import bundle_list
from clusterbook.mirror.list import MirrorList, join_lists
from clusterbook.trust.policy import Policy, Tampered
from clusterbook.trust.verify import bundles_of, verify_any

_LARGEST_BYTES = 64 << 20
_HINT = "do not load it: save the archive again, with this version of the program"
Pins = Mapping[str, set[str]]
"""The digests that are right, by the name of a chart (`CHART:VERSION`) or an image (`REGISTRY/REPOSITORY:TAG`)."""


def check_contents(archive: OpenIndex, contents: ArchiveContents, policy: Policy | None) -> None:
    """Make sure that an archive holds what its recipes pull, nothing else, and nothing exchanged.

    Args:
        archive: the index of the archive, verified.
        contents: the list that the archive carries.
        policy: who is believed about SBOMs; None where nobody signs.

    Raises:
        Tampered: a chart or an image is not one of the recipes', is missing without a word, or has other bytes.
        Untrusted: an SBOM is not signed as it has to be.
    """
    recipes = [_recipe(archive, name, policy) for name in contents.recipes]
    pulls = join_lists(_pulls(document) for document, _ in recipes)
    expected = {
        CHART: {f"{need.chart.uri}:{need.chart.version}" for need in pulls.charts},
        IMAGE: set(pulls.images),
    }
    for kind, names in expected.items():
        held = {each.name for each in contents.held if each.kind == kind}
        listed = held | {each.name for each in (*contents.missing, *contents.unknown) if each.kind == kind}
        if extra := sorted(held - names):
            raise Tampered(
                f"{_where(archive)} holds the {kind} {extra[0]}, which none of its recipes pulls", hint=_HINT
            )
        if listed and (lost := sorted(names - listed)):
            what = f"{_where(archive)} lacks the {kind} {lost[0]}, and its list does not say so"
            raise Tampered(what, hint=_HINT)
    pins: dict[str, set[str]] = defaultdict(set)
    for _, bills in recipes:
        for bill in bills:
            _collect_pins(json.loads(bill), pins)
    _check_pins(archive, contents, pins)


def _where(archive: OpenIndex) -> str:
    return archive.base.store.where


def _pulls(document: Mapping[str, Any]) -> MirrorList:
    return bundle_list(document, render(document, {}, clusterbook.__version__), {})


def _recipe(archive: OpenIndex, name: str, policy: Policy | None) -> tuple[Mapping[str, Any], list[bytes]]:
    """Return a recipe of an archive, and its signed SBOMs."""
    slug, _, version = name.partition("@")
    _, entry = index.choose(slug, archive.recipe(slug), version)
    repository = index.repository(index.RECIPE_KIND, slug)
    manifest = archive.artifact(repository, entry.artifacts[index.RECIPE_KIND])
    store, home = archive.base.store, archive.base.repository(repository)
    document = json.loads(store.read(home, manifest.layers[0], limit_bytes=_LARGEST_BYTES))
    return document, list(_sboms(archive, home, manifest.digest, policy))


def _sboms(archive: OpenIndex, home: str, digest: str, policy: Policy | None) -> Iterator[bytes]:
    """Yield the SBOMs of a recipe, each of them signed where the index is."""
    store = archive.base.store
    for bill in store.referrers(home, digest, SBOM):
        if archive.verified is not None and policy is not None:
            verify_any(bundles_of(store, home, bill.digest), bill.digest, policy)
            yield store.read(home, bill.layers[0], limit_bytes=_LARGEST_BYTES)


def _collect_pins(bill: Mapping[str, Any], pins: dict[str, set[str]]) -> None:
    """Take the digests from an SBOM."""
    for each in bill.get("components", ()):
        for digest in (one["content"] for one in each.get("hashes", ()) if one.get("alg") == "SHA-256"):
            pins[f"{each['name']}:{each.get('version', '')}"].add(f"sha256:{digest}")


def _check_pins(archive: OpenIndex, contents: ArchiveContents, pins: Pins) -> None:
    """Hold what an archive has against the digests that are right."""
    for each in contents.held:
        if each.kind == CHART:
            right = pins.get(each.name.rpartition("/")[2], set())
            manifest = archive.base.store.manifest(archive.base.repository(each.repository), each.digest)
            digests: Iterable[str] = [layer.digest for layer in manifest.layers]
        else:
            right, digests = pins.get(each.name.partition("@")[0], set()), [each.digest]
        if right and not right & set(digests):
            what = f"{_where(archive)}: the {each.kind} {each.name} is not the one of the release"
            raise Tampered(f"{what}: it is {next(iter(digests), each.digest)}", hint=_HINT)
