"""Check: whether an archive holds what its recipes pull, and that with the bytes that the release vouches for.

Nobody signs the list of an archive. Its recipes are signed, and so are their SBOMs: what they pull is worked out anew
from the recipes, and charts and images whose digests an SBOM has are held against them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import clusterbook
from clusterbook.artifacts import index
from clusterbook.artifacts.open import OpenIndex
from clusterbook.artifacts.pins import recipe_pins
from clusterbook.bundle.render import render
from clusterbook.mirror.archive import CHART, IMAGE, ArchiveContents
from clusterbook.mirror.images import bundle_list
from clusterbook.mirror.list import MirrorList
from clusterbook.trust.policy import Tampered

_LARGEST_BYTES = 64 << 20
_HINT = "do not load it: save the archive again, with this version of the program"
_PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
"""What Helm pushes beside a chart: its publisher's signature, which is none of ours."""


def check_contents(archive: OpenIndex, contents: ArchiveContents) -> tuple[str, ...]:
    """Make sure that an archive holds what its recipes pull, nothing else, and nothing exchanged.

    Args:
        archive: the index of the archive, verified.
        contents: the list that the archive carries.

    Returns what it carries none of and need not, for reading.

    Raises:
        Tampered: a chart or an image is not one of the recipes', is missing without a word, or has other bytes.
        Untrusted: an SBOM is missing, or not signed as it has to be.
    """
    right: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name in contents.recipes:
        slug, _, version = name.partition("@")
        pins, pulls = recipe_pins(archive, slug, version), _pulls(archive, slug, version)
        for need in pulls.charts:
            right[CHART, f"{need.chart.uri}:{need.chart.version}"] |= pins.charts.get(need.component, frozenset())
        for image in pulls.images:
            right[IMAGE, image] |= pins.images.get(image.partition("@")[0], frozenset())
    expected = {kind: {name for of, name in right if of == kind} for kind in (CHART, IMAGE)}
    without = []
    for kind, names in expected.items():
        held = {each.name for each in contents.held if each.kind == kind}
        listed = held | {each.name for each in (*contents.missing, *contents.unknown) if each.kind == kind}
        if extra := sorted(held - names):
            what = f"{_where(archive)} holds the {kind} {extra[0]}, which none of its recipes uses"
            raise Tampered(what, hint=_HINT)
        if listed and (lost := sorted(names - listed)):
            what = f"{_where(archive)} lacks the {kind} {lost[0]}, and its contents list does not say so"
            raise Tampered(what, hint=_HINT)
        if names and not listed:
            without.append(f"none of the {len(names)} {kind}s that its recipes use")
    _check_pins(archive, contents, right)
    return tuple(without)


def _where(archive: OpenIndex) -> str:
    return archive.base.store.where


def _pulls(archive: OpenIndex, slug: str, version: str) -> MirrorList:
    """Return what a recipe of an archive pulls."""
    _, entry = index.choose(slug, archive.recipe(slug), version)
    repository = index.repository(index.RECIPE_KIND, slug)
    manifest = archive.artifact(repository, entry.artifacts[index.RECIPE_KIND])
    store, home = archive.base.store, archive.base.repository(repository)
    document: Any = json.loads(store.read(home, manifest.layers[0], limit_bytes=_LARGEST_BYTES))
    return bundle_list(document, render(document, {}, clusterbook.__version__), {})


def _check_pins(archive: OpenIndex, contents: ArchiveContents, right: Mapping[tuple[str, str], set[str]]) -> None:
    """Hold what an archive has against the digests that are right."""
    for each in contents.held:
        pins, digests = right[each.kind, each.name], {each.digest}
        if each.kind == CHART:
            manifest = archive.base.store.manifest(archive.base.repository(each.repository), each.digest)
            digests = {layer.digest for layer in manifest.layers if layer.media_type != _PROVENANCE}
        if pins and (not digests or digests - pins):
            what = f"{_where(archive)}: the {each.kind} {each.name} differs from the release"
            raise Tampered(f"{what}: it is {min(digests - pins, default='empty')}", hint=_HINT)
