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

from clusterbook.artifacts import index as release_index
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
from clusterbook.files.archive import entries_below, pack_file
from clusterbook.mirror import archive
from clusterbook.mirror.archive import IMAGE, ArchiveContents, ArchivePart, MissingPart
from clusterbook.mirror.images import bundle_list
from clusterbook.mirror.list import ComponentChart, MirrorList, join_lists
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


class SaveRequest(NamedTuple):
    """What shall be carried: recipes (`SLUG[@VERSION]`; none: all of the release), whose bundles, and what else."""

    slugs: Sequence[str]
    deployers: Sequence[str] = ()
    charts: bool = True
    images: bool = True
    withdrawn: bool = False


class SaveResult(NamedTuple):
    """What an archive holds, and what it takes on disk."""

    contents: ArchiveContents
    lists: MirrorList
    size_bytes: int


def save(index: OpenIndex, request: SaveRequest, target: Path, access: Access, report: Report) -> SaveResult:
    """Write the archive `target`.

    Args:
        index: the index of what is published, verified.
        request: what shall be carried.
        target: the archive to be; beside it, until it is done, lies the folder it is made in.
        access: how registries are spoken to.
        report: hears what is being done.

    Raises:
        ClusterbookError: something of the release cannot be had or is not true; charts and images that cannot be had
            are no error: they are listed as missing.
    """
    recipes = _choose_recipes(index, request)
    work = target.with_name(f".{target.name}.parts")
    try:
        with lock_folder(work):
            return _save(index, recipes, request, target, work, _Puller(Layout(work, create=True), access, report))
    except OSError as error:
        raise Unwritable(f"{target} cannot be written: {error.strerror}", hint="name a file you may write") from error


def _save(
    index: OpenIndex,
    recipes: Sequence[tuple[str, str, PublishedRecipe]],
    request: SaveRequest,
    target: Path,
    work: Path,
    pulling: _Puller,
) -> SaveResult:
    """Write the archive by way of the folder `work`, which nobody else has meanwhile."""
    layout, report = pulling.layout, pulling.report
    lists = []
    for number, (slug, version, recipe) in enumerate(recipes):
        report("recipes", f"{slug}@{version}", number, len(recipes))
        lists.append(_save_recipe(index, slug, recipe, request, layout))
    _copy(
        index, release_index.REPOSITORY, index.manifest.digest, layout, [index.envelope.release, release_index.LATEST]
    )
    pulled = join_lists(lists) if request.images else join_lists(lists)._replace(gaps=())
    for tag in (f"root-{version}" for version in root_versions(index.base)):
        _copy(index, release_index.REPOSITORY, tag, layout, [tag])
    parts, missing = pulling.pull(pulled, charts=request.charts, images=request.images)
    names = tuple(f"{slug}@{version}" for slug, version, _ in recipes)
    deployers = tuple(request.deployers or MEDIA)
    unknown = (MissingPart(IMAGE, gap.missing or f"images of {gap.component}", gap.why) for gap in pulled.gaps)
    contents = ArchiveContents(index.envelope.release, names, tuple(parts), tuple(missing), tuple(unknown), deployers)
    list_manifest, blobs = archive.manifest(contents)
    for blob, data in blobs:
        layout.put_blob(archive.REPOSITORY, blob, from_bytes(data))
    layout.put_manifest(archive.REPOSITORY, list_manifest, tag=archive.TAG)
    report("archive", str(target), 0, 1)
    pack_file(entries_below(work, skip=lambda name: name == LOCK or Layout.is_partial(name)), target, compress=False)
    remove_folder(work)
    return SaveResult(contents, pulled, target.stat().st_size)


def _choose_recipes(index: OpenIndex, request: SaveRequest) -> list[tuple[str, str, PublishedRecipe]]:
    """Return slug, version and that one version of each recipe."""
    unknown = [each for each in request.deployers if each not in MEDIA]
    if unknown:
        raise InvalidRequest(f"unknown deployer {unknown[0]}", hint=f"it is one of {', '.join(MEDIA)}")
    served = release_index.releases_in(index.shard(release_index.RELEASES)).get(index.envelope.release, {})
    recipes = []
    for name in request.slugs or sorted(served):
        slug, _, version = name.partition("@")
        recipe = index.recipe(slug)
        version, entry = choose(slug, recipe, index.version(slug, recipe, version))
        if not request.withdrawn:
            refuse_withdrawn(index.envelope, slug, version)
        recipes.append((slug, version, PublishedRecipe(version, {version: entry})))
    return recipes


def _save_recipe(
    index: OpenIndex, slug: str, recipe: PublishedRecipe, request: SaveRequest, layout: Layout
) -> MirrorList:
    """Copy a recipe and its bundles; return what it pulls."""
    for pinned in closure(slug, recipe):
        kind = pinned.repository.partition("/")[0]
        if kind == "recipes" or not request.deployers or kind in request.deployers:
            _copy(index, pinned.repository, pinned.pin.digest, layout, [pinned.tag])
    (pinned,) = (each for each in closure(slug, recipe) if each.repository.startswith("recipes/"))
    head = index.artifact(pinned.repository, pinned.pin).layers[0]
    raw = layout.read(pinned.repository, head, limit_bytes=_LARGEST_RECIPE_BYTES)
    document = json.loads(raw)
    return bundle_list(document, make(document, {}), {})


def _copy(index: OpenIndex, repository: str, digest: str, layout: Layout, tags: Sequence[str]) -> None:
    base = index.base
    copy(base.store, base.repository(repository), digest, layout, repository, tags=tags)


class _Puller:
    """Charts and images on their way into a layout; a registry that does not answer is not asked again."""

    def __init__(self, layout: Layout, access: Access, report: Report) -> None:
        self.layout, self._access, self.report = layout, access, report
        self._stores: dict[str, Store] = {}
        self._silent: dict[str, ClusterbookError] = {}

    def pull(self, pulls: MirrorList, *, charts: bool, images: bool) -> tuple[list[ArchivePart], list[MissingPart]]:
        """Return what was had, and what was not."""
        parts: list[ArchivePart] = []
        missing: list[MissingPart] = []

        def attempt(kind: str, name: str, call: Callable[[], ArchivePart]) -> None:
            try:
                parts.append(call())
            except Unwritable:
                raise
            except ClusterbookError as error:
                missing.append(MissingPart(kind, name, error.what))

        needs = {_chart_name(need): need for need in pulls.charts}
        for number, need in enumerate(needs.values() if charts else ()):
            self.report("charts", _chart_name(need), number, len(needs))
            attempt(archive.CHART, _chart_name(need), lambda need=need: self._chart(need))  # type: ignore[misc]
        for number, image in enumerate(pulls.images if images else ()):
            self.report("images", image, number, len(pulls.images))
            attempt(archive.IMAGE, image, lambda image=image: self._image(image))  # type: ignore[misc]
        return parts, missing

    def _image(self, image: str) -> ArchivePart:
        source = mirror_names.image(image)
        repository, tag = source.home
        copied = self._fetch(source.host, source.repository, source.wanted, repository, tag)
        return ArchivePart(archive.IMAGE, image, repository, tag, copied)

    def _chart(self, need: ComponentChart) -> ArchivePart:
        chart = need.chart
        repository, tag = mirror_names.chart_home(chart.repository, chart.name), chart.version.replace("+", "_")
        if chart.oci:
            host, _, path = chart.uri.removeprefix("oci://").partition("/")
            digest = self._fetch(host, path, tag, repository, tag)
        else:
            digest = self._pull(need, repository, tag)
        return ArchivePart(archive.CHART, _chart_name(need), repository, tag, digest)

    def _fetch(self, host: str, path: str, reference: str, repository: str, tag: str) -> str:
        if host in self._silent:
            raise self._silent[host]
        if host not in self._stores:
            self._stores[host] = open_registry(host, self._access)
        try:
            return copy(self._stores[host], path, reference, self.layout, repository, tags=[tag]).manifest.digest
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
        manifest = artifact(_CHART.artifact, [layer], config=head)
        self.layout.put_manifest(repository, manifest, tag=tag)
        return manifest.digest


def chart_metadata(archive: bytes, name: str) -> Mapping[str, Any]:
    """Return what the Chart.yaml of a packaged chart says.

    Raises:
        WrongContent: it is no chart.
    """
    from clusterbook.documents.yaml_reader import parse  # 30 ms that no other command of the client needs

    try:
        with open_tar(fileobj=BytesIO(archive)) as tar:
            member = next(each for each in tar if each.name.count("/") == 1 and each.name.endswith("/Chart.yaml"))
            file = tar.extractfile(member)
            node = parse((file.read() if file else b"").decode(), f"{name}: Chart.yaml")
    except (TarError, StopIteration, UnicodeDecodeError, OSError) as error:
        raise WrongContent(f"{name}: what helm pulled is not a chart") from error
    if node is None or not isinstance(node.value, dict):
        raise WrongContent(f"{name}: its Chart.yaml is empty")
    metadata: Mapping[str, Any] = node.data()
    return metadata


def _chart_name(need: ComponentChart) -> str:
    return f"{need.chart.uri}:{need.chart.version}"
