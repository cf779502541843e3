"""Loading a mirror: an archive's parts into a registry on the far side, and how things are found there.

Whoever reads meanwhile finds an index only once all that it names is there, and a newer index is not replaced by an
older one; every tag comes after the signature of what it names, and `latest` last. Running it again goes on where it
was broken off. No host is spoken to but the one that is loaded to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from clusterbook.artifacts import index as release_index
from clusterbook.artifacts.latest import current_latest, settle_latest
from clusterbook.artifacts.layout import Artifact
from clusterbook.artifacts.open import OpenIndex
from clusterbook.artifacts.push import push
from clusterbook.artifacts.root import check_chain, check_same, check_target, read_version, root_artifact, root_versions
from clusterbook.diagnostics.transport import Malformed, NoArtifact
from clusterbook.mirror import archive
from clusterbook.mirror.archive import ARTIFACT, CHART, IMAGE, ArchiveContents, ArchivePart
from clusterbook.mirror.check import check_contents
from clusterbook.oci.open import Base
from clusterbook.oci.transfer import copy

Report = Callable[[str, str, int, int], None]
"""Hears of each step: the phase, what it is about, its number from 0, and of how many."""

_PHASES = {ARTIFACT: "recipes and bundles", CHART: "charts", IMAGE: "images"}


class LoadResult(NamedTuple):
    """What was done; with nothing moved, all of it was there.

    `latest` says whether the index is now the newest, `without` what the archive carries none of, for reading.
    """

    contents: ArchiveContents
    artifacts: int
    moved_blobs: int
    moved_bytes: int
    latest: bool
    without: tuple[str, ...] = ()


def contents(base: Base) -> ArchiveContents:
    """Return what an archive holds.

    Raises:
        NoArtifact: it is no mirror's.
        Malformed: its list is damaged.
    """
    repository = base.repository(archive.REPOSITORY)
    try:
        manifest = base.store.manifest(repository, archive.TAG)
    except NoArtifact as error:
        hint = "name an archive that `clusterbook mirror save` wrote"
        raise NoArtifact(f"{base.store.where} is not a mirror archive", hint=hint) from error
    if manifest.artifact_type != archive.MIRROR or not manifest.layers:
        raise Malformed(f"{base.store.where}: its contents list is damaged", hint="save the archive again")
    raw = base.store.read(repository, manifest.layers[0], limit_bytes=archive.LARGEST_LIST_BYTES)
    return archive.parse(raw, base.store.where)


def load(archive: OpenIndex, target: Base, report: Report) -> LoadResult:
    """Bring everything that an archive holds into `target`.

    Args:
        archive: its index, verified; who is believed about it, is believed about what the target has already.
        target: where it goes.
        report: hears what is moved.

    Raises:
        ClusterbookError: the archive lacks what it lists, or the target cannot be written; run it again to go on.
    """
    trust = archive.trust
    current_latest(target, trust, own_digest=archive.manifest.digest)  # whether it is ours to replace, is said first
    archive_contents = contents(archive.base)
    without = check_contents(archive, archive_contents)
    roots = _roots(archive, target)
    parts = [*_release_parts(archive, archive_contents), *archive_contents.held]
    blobs = size = 0
    of, begun = Counter(part.kind for part in parts), Counter[str]()
    for part in parts:
        report(_PHASES[part.kind], part.name, begun[part.kind], of[part.kind])
        begun[part.kind] += 1
        copied = copy(
            archive.base.store,
            archive.base.repository(part.repository),
            part.digest,
            target.store,
            target.repository(part.repository),
            tags=[part.tag],
        )
        blobs, size = blobs + copied.moved_blobs, size + copied.moved_bytes
    report("index", archive.envelope.release, 0, 1)
    for root in roots:
        push(target.store, replace(root, repository=target.repository(root.repository)), [])
    tags = [archive.envelope.release]
    index = archive.base.repository(release_index.REPOSITORY), target.repository(release_index.REPOSITORY)
    copy(archive.base.store, index[0], archive.manifest.digest, target.store, index[1], tags=tags)

    def tag(newest: OpenIndex) -> None:
        target.store.put_manifest(index[1], newest.manifest, tag=release_index.LATEST)

    newest = settle_latest(target, trust, archive, tag)
    return LoadResult(archive_contents, len(parts) + 1, blobs, size, newest, without)


def _roots(archive: OpenIndex, target: Base) -> list[Artifact]:
    """Return the roots of trust that an archive carries, which have to follow one another.

    Raises:
        UntrustedRoot: they do not, one of them is not the one that is believed, or the target has others.
    """
    read = [read_version(archive.base, version) for version in root_versions(archive.base)]
    chain = check_chain([data for data in read if data is not None], archive.base.store.where)
    for believed in archive.trust.policy.roots if archive.trust.policy else ():
        check_same(chain, believed)
    check_target(chain, target)
    return [root_artifact(root.version, root.data) for root in chain]


def _release_parts(archive: OpenIndex, archive_contents: ArchiveContents) -> list[ArchivePart]:
    """Return the artifacts of the archive's recipes, by the digests that the signed index has for them.

    Raises:
        NoArtifact: the archive lacks a recipe, or a bundle that its list says was saved.
    """
    parts = []
    for name in archive_contents.recipes:
        slug, _, version = name.partition("@")
        recipe = archive.recipe(slug)
        _, entry = release_index.choose(slug, recipe, version)
        for needed in release_index.closure(slug, release_index.PublishedRecipe(version, {version: entry})):
            tags = archive.base.store.all_tags(archive.base.repository(needed.repository))
            if needed.tag in tags:
                label = f"{needed.repository}:{needed.tag}"
                parts.append(ArchivePart(ARTIFACT, label, needed.repository, needed.tag, needed.pin.digest))
                continue
            kind = needed.repository.partition("/")[0]
            if kind == "recipes" or kind in (archive_contents.deployers or ()):
                what = (
                    f"{archive.base.store.where} lacks {needed.repository}:{needed.tag}, which its contents list names"
                )
                raise NoArtifact(what, hint="do not load it: save the archive again")
    return parts
