"""Saving a mirror: recipes, bundles, charts and images into one archive, whatever can be had of them.

    index, verified → recipes and bundles by digest → what they pull → a layout beside the archive → the archive

A run which is broken off leaves the layout for the next one to go on from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from tarfile import TarError
from tarfile import open as open_tar
from typing import Any, NamedTuple

from clusterbook.artifacts import index as published
from clusterbook.artifacts.index import PublishedRecipe, choose, closure
from clusterbook.artifacts.open import OpenIndex, refuse_withdrawn
from clusterbook.artifacts.root import root_versions
from clusterbook.bundle import mirror_names
from clusterbook.bundle.make import make
from clusterbook.bundle.media_types import MEDIA
from clusterbook.bundle.pull import pull_charts
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, Unwritable
from clusterbook.diagnostics.transport import Unreachable, WrongContent
from clusterbook.documents.digest import canonical
from clusterbook.documents.yaml_reader import parse
from clusterbook.files.archive import entries_below, pack_file
from clusterbook.mirror import archive as mirrored
from clusterbook.mirror.archive import IMAGE, Held, Mirrored, Missing
from clusterbook.mirror.images import bundle_list
from clusterbook.mirror.list import ComponentChart, MirrorList, joined
from clusterbook.oci.blob_file import LOCK, lock_folder, remove_folder
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import artifact, describe, describe_file
from clusterbook.oci.open import Access, open_registry
from clusterbook.oci.store import Store, from_bytes
from clusterbook.oci.transfer import copy
from clusterbook.resolve.recipe import RecipeResult

_LARGEST_RECIPE_BYTES = 64 << 20
_CHART = MEDIA["argocd-helm"]

Report = Callable[[str, str, int, int], None]
"""Hears of each step: the phase, what it is about, its number from 0, and of how many."""


class Wanted(NamedTuple):
    """What shall be carried: recipes (`SLUG[@VERSION]`; none: all of the release), whose bundles, and what else."""

    slugs: Sequence[str]
    deployers: Sequence[str] = ()
    charts: bool = True
    images: bool = True
    withdrawn: bool = False


class Saved(NamedTuple):
    """What an archive holds, and what it takes on disk."""

    contents: Mirrored
    lists: MirrorList
    size_bytes: int


def save(opened: OpenIndex, wanted: Wanted, target: Path, access: Access, report: Report) -> Saved:
    """Write the archive `target`.

    Args:
        opened: the index of what is published, verified.
        wanted: what shall be carried.
        target: the archive to be; beside it, until it is done, lies the folder it is made in.
        access: how registries are spoken to.
        report: hears what is being done.

    Raises:
        ClusterbookError: something of the release cannot be had or is not true; charts and images that cannot be had
            are no error: they are listed as missing.
    """
    recipes = _chosen(opened, wanted)
    work = target.with_name(f".{target.name}.parts")
    try:
        with lock_folder(work):
            return _save(opened, recipes, wanted, target, work, _Pulling(Layout(work, create=True), access, report))
    except OSError as error:
        raise Unwritable(f"{target} cannot be written: {error.strerror}", hint="name a file you may write") from error


def _save(
    opened: OpenIndex,
    recipes: Sequence[tuple[str, str, PublishedRecipe]],
    wanted: Wanted,
    target: Path,
    work: Path,
    pulling: _Pulling,
) -> Saved:
    """Write the archive by way of the folder `work`, which nobody else has meanwhile."""
    layout, report = pulling.layout, pulling.report
    lists = []
    for number, (slug, version, recipe) in enumerate(recipes):
        report("recipes", f"{slug}@{version}", number, len(recipes))
        lists.append(_save_recipe(opened, slug, recipe, wanted, layout))
    _copy(opened, published.REPOSITORY, opened.manifest.digest, layout, [opened.envelope.release, published.LATEST])
    pulled = joined(lists) if wanted.images else joined(lists)._replace(gaps=())
    for tag in (f"root-{version}" for version in root_versions(opened.base)):
        _copy(opened, published.REPOSITORY, tag, layout, [tag])
    held, missing = pulling.all(pulled, charts=wanted.charts, images=wanted.images)
    names = tuple(f"{slug}@{version}" for slug, version, _ in recipes)
    saved = tuple(wanted.deployers or MEDIA)
    unknown = (Missing(IMAGE, gap.missing or f"images of {gap.component}", gap.why) for gap in pulled.gaps)
    contents = Mirrored(opened.envelope.release, names, tuple(held), tuple(missing), tuple(unknown), saved)
    made, blobs = mirrored.manifest(contents)
    for blob, data in blobs:
        layout.put_blob(mirrored.REPOSITORY, blob, from_bytes(data))
    layout.put_manifest(mirrored.REPOSITORY, made, tag=mirrored.TAG)
    report("archive", str(target), 0, 1)
    pack_file(entries_below(work, skip=lambda name: name == LOCK or Layout.skipped(name)), target, compress=False)
    remove_folder(work)
    return Saved(contents, pulled, target.stat().st_size)


def _chosen(opened: OpenIndex, wanted: Wanted) -> list[tuple[str, str, PublishedRecipe]]:
    """Return slug, version and that one version of each recipe."""
    unknown = [each for each in wanted.deployers if each not in MEDIA]
    if unknown:
        raise InvalidRequest(f"there is no deployer {unknown[0]}", hint=f"it is one of {', '.join(MEDIA)}")
    served = published.releases_in(opened.shard(published.RELEASES)).get(opened.envelope.release, {})
    found = []
    for name in wanted.slugs or sorted(served):
        slug, _, version = name.partition("@")
        recipe = opened.recipe(slug)
        version, entry = choose(slug, recipe, opened.version(slug, recipe, version))
        if not wanted.withdrawn:
            refuse_withdrawn(opened.envelope, slug, version)
        found.append((slug, version, PublishedRecipe(version, {version: entry})))
    return found


def _save_recipe(opened: OpenIndex, slug: str, recipe: PublishedRecipe, wanted: Wanted, layout: Layout) -> MirrorList:
    """Copy a recipe and its bundles; return what it pulls."""
    for needed in closure(slug, recipe):
        kind = needed.repository.partition("/")[0]
        if kind == "recipes" or not wanted.deployers or kind in wanted.deployers:
            _copy(opened, needed.repository, needed.pin.digest, layout, [needed.tag])
    (needed,) = (each for each in closure(slug, recipe) if each.repository.startswith("recipes/"))
    head = opened.artifact(needed.repository, needed.pin).layers[0]
    raw = layout.read(needed.repository, head, limit_bytes=_LARGEST_RECIPE_BYTES)
    document = json.loads(raw)
    return bundle_list(document, make(document, {}), {})


def _copy(opened: OpenIndex, repository: str, digest: str, layout: Layout, tags: Sequence[str]) -> None:
    base = opened.base
    copy(base.store, base.repository(repository), digest, layout, repository, tags=tags)


class _Pulling:
    """Charts and images on their way into a layout; a registry that does not answer is not asked again."""

    def __init__(self, layout: Layout, access: Access, report: Report) -> None:
        self.layout, self._access, self.report = layout, access, report
        self._stores: dict[str, Store] = {}
        self._silent: dict[str, ClusterbookError] = {}

    def all(self, found: MirrorList, *, charts: bool, images: bool) -> tuple[list[Held], list[Missing]]:
        """Return what was had, and what was not."""
        held: list[Held] = []
        missing: list[Missing] = []

        def attempt(kind: str, name: str, call: Callable[[], Held]) -> None:
            try:
                held.append(call())
            except Unwritable:
                raise
            except ClusterbookError as error:
                missing.append(Missing(kind, name, error.what))

        needs = {_chart_name(need): need for need in found.charts}
        for number, need in enumerate(needs.values() if charts else ()):
            self.report("charts", _chart_name(need), number, len(needs))
            attempt(mirrored.CHART, _chart_name(need), lambda need=need: self._chart(need))  # type: ignore[misc]
        for number, image in enumerate(found.images if images else ()):
            self.report("images", image, number, len(found.images))
            attempt(mirrored.IMAGE, image, lambda image=image: self._image(image))  # type: ignore[misc]
        return held, missing

    def _image(self, image: str) -> Held:
        source = mirror_names.image(image)
        repository, tag = source.home
        copied = self._fetch(source.host, source.repository, source.wanted, repository, tag)
        return Held(mirrored.IMAGE, image, repository, tag, copied)

    def _chart(self, need: ComponentChart) -> Held:
        chart = need.chart
        repository, tag = mirror_names.chart_home(chart.repository, chart.name), chart.version.replace("+", "_")
        if chart.oci:
            host, _, path = chart.uri.removeprefix("oci://").partition("/")
            digest = self._fetch(host, path, tag, repository, tag)
        else:
            digest = self._pull(need, repository, tag)
        return Held(mirrored.CHART, _chart_name(need), repository, tag, digest)

    def _fetch(self, host: str, path: str, wanted: str, repository: str, tag: str) -> str:
        if host in self._silent:
            raise self._silent[host]
        if host not in self._stores:
            self._stores[host] = open_registry(host, self._access)
        try:
            return copy(self._stores[host], path, wanted, self.layout, repository, tags=[tag]).manifest.digest
        except Unreachable as error:
            self._silent[host] = error
            raise

    def _pull(self, need: ComponentChart, repository: str, tag: str) -> str:
        """Bring a chart of a chart repository into the layout, in the form in which Helm pushes it."""
        chart = need.chart
        reference = {"name": need.component, "chart": chart.name, "source": chart.repository, "version": chart.version}
        data = pull_charts(RecipeResult({}).with_components([reference]), [need.component])[need.component].data
        about = canonical(chart_metadata(data, _chart_name(need)))
        head, layer = describe(_CHART.config, about), describe_file(_CHART.layer, data, f"{need.chart.name}-{tag}.tgz")
        for blob, content in ((head, about), (layer, data)):
            self.layout.put_blob(repository, blob, from_bytes(content))
        made = artifact(_CHART.artifact, [layer], config=head)
        self.layout.put_manifest(repository, made, tag=tag)
        return made.digest


def chart_metadata(archive: bytes, name: str) -> Mapping[str, Any]:
    """Return what the Chart.yaml of a packaged chart says.

    Raises:
        WrongContent: it is no chart.
    """
    try:
        with open_tar(fileobj=BytesIO(archive)) as tar:
            member = next(each for each in tar if each.name.count("/") == 1 and each.name.endswith("/Chart.yaml"))
            file = tar.extractfile(member)
            node = parse((file.read() if file else b"").decode(), f"{name}: Chart.yaml")
    except (TarError, StopIteration, UnicodeDecodeError, OSError) as error:
        raise WrongContent(f"{name}: what helm pulled is no chart") from error
    if node is None or not isinstance(node.value, dict):
        raise WrongContent(f"{name}: its Chart.yaml says nothing")
    found: Mapping[str, Any] = node.data()
    return found


def _chart_name(need: ComponentChart) -> str:
    return f"{need.chart.uri}:{need.chart.version}"
