"""Transfer: an artifact with all that belongs to it from one store to another, or a single blob into a file.

To an artifact belong its blobs, what an index lists, and what refers to it. What is there already is not moved again,
so that running a transfer once more is how it is resumed. An artifact gets its tags last, when everything that speaks
for it is there: whoever reads meanwhile finds it with its signature, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

from clusterbook.diagnostics.errors import Unwritable
from clusterbook.diagnostics.transport import Malformed
from clusterbook.oci.blob_file import write_blob
from clusterbook.oci.manifest import Descriptor, Manifest
from clusterbook.oci.store import Content, Progress, Store, is_manifest, report_progress, silent

_DEEPEST = 6
_MOST_MANIFESTS = 4096

Item = TypeVar("Item")
Result = TypeVar("Result")


class ManifestNode(NamedTuple):
    """A manifest on the way from one store to another. `root` is False for what is only part of an index."""

    manifest: Manifest
    root: bool

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """What has to be there before it: config and layers, and what an index lists that is no manifest."""
        return self.manifest.blobs + tuple(each for each in self.manifest.manifests if not is_manifest(each))


class CopyResult(NamedTuple):
    """What a transfer did; with nothing moved, all of it was there."""

    manifest: Manifest
    moved_blobs: int
    moved_bytes: int
    moved_manifests: int


class CopyStopped(Exception):
    """A transfer beside this one failed, so that this one need not go on."""


def graph(store: Store, repository: str, first: Manifest, *, referrers: bool = True) -> list[ManifestNode]:
    """Return an artifact and all that belongs to it, each after what it needs: parts first, referrers last.

    Raises:
        Malformed: it never ends.
    """
    nodes: dict[str, ManifestNode] = {}

    def visit(manifest: Manifest, depth: int, *, root: bool) -> None:
        if manifest.digest in nodes:
            return
        if depth > _DEEPEST or len(nodes) >= _MOST_MANIFESTS:
            raise Malformed(f"{store.where}: {first.digest} consists of too many manifests")
        for part in filter(is_manifest, manifest.manifests):
            visit(store.manifest(repository, part.digest), depth + 1, root=False)
        nodes[manifest.digest] = ManifestNode(manifest, root)
        for other in store.referrers(repository, manifest.digest) if referrers else ():
            visit(other, depth + 1, root=True)

    visit(first, 0, root=True)
    return list(nodes.values())


def copy(
    source: Store,
    source_repository: str,
    reference: str,
    target: Store,
    target_repository: str,
    *,
    tags: Sequence[str] = (),
    referrers: bool = True,
    mount_from: str = "",
    jobs: int = 4,
    progress: Progress = silent,
) -> CopyResult:
    """Copy an artifact, by tag or digest, with what it is made of and what refers to it.

    Args:
        source: where it is.
        source_repository: in which repository there.
        reference: its tag or digest.
        target: where it shall be.
        target_repository: in which repository there.
        tags: what it shall be called there; without, it is there by digest.
        referrers: whether signatures and SBOMs come along.
        mount_from: a repository of the target that may have the same blobs.
        jobs: how many blobs move at once.
        progress: hears how far it has come.
    """
    first = source.manifest(source_repository, reference)
    nodes = graph(source, source_repository, first, referrers=referrers)
    missing = [node for node in nodes if not target.exists(target_repository, node.manifest.descriptor)]
    blobs = {blob.digest: blob for node in missing for blob in node.blobs}
    stop = Event()

    def copy_blob(blob: Descriptor) -> bool:
        content = _stoppable(_content(source, source_repository, blob, progress), stop)
        return target.put_blob(target_repository, blob, content, mount_from=mount_from)

    moved = in_parallel(copy_blob, list(blobs.values()), jobs=jobs, stop=stop)
    absent = {node.manifest.digest for node in missing}
    manifests = 0
    for node in nodes:
        present = node.manifest.digest not in absent
        put = target.put_manifest(target_repository, node.manifest, root=node.root, present=present)
        manifests += put and not (tags and node.manifest.digest == first.digest)
    for tag in tags:
        manifests += target.put_manifest(target_repository, first, tag=tag)
    size = sum(blob.size for blob, new in zip(blobs.values(), moved, strict=True) if new)
    return CopyResult(first, sum(moved), size, manifests)


def save(store: Store, repository: str, blob: Descriptor, target: Path, *, progress: Progress = silent) -> bool:
    """Bring a blob into the file `target`, going on from where a killed attempt stopped; return whether it was moved.

    Raises:
        WrongContent: the bytes are not the right ones; `target` is as it was before.
        Unwritable: the file cannot be written.
    """
    part = target.with_name(f".{blob.digest.partition(':')[2]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        content = _content(store, repository, blob, progress)
        return write_blob(blob, content, target, part, store.where, is_present=lambda: _has(target, blob))
    except OSError as error:
        raise Unwritable(f"{target} cannot be written: {error.strerror}", hint="name a file you may write") from error


def in_parallel(call: Callable[[Item], Result], items: Iterable[Item], *, jobs: int, stop: Event) -> list[Result]:
    """Return what `call` says to each item, `jobs` at a time; after the first error, no further one is started.

    Args:
        call: called from several threads.
        items: what it is called with.
        jobs: how many threads.
        stop: set when the others need not go on.
    """
    from concurrent.futures import ThreadPoolExecutor  # 10 ms that a single file does not cost

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        futures = [pool.submit(call, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException as error:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(error, CopyStopped):  # then another one failed first
                raise next(e for future in futures if not future.cancelled() and (e := future.exception())
                           and not isinstance(e, CopyStopped)) from None  # fmt: skip
            raise


def _has(target: Path, blob: Descriptor) -> bool:
    """Return whether a file has the bytes of a blob."""
    try:
        if target.stat().st_size != blob.size:
            return False
        with target.open("rb") as file:
            return f"sha256:{file_digest(file, sha256).hexdigest()}" == blob.digest
    except FileNotFoundError:
        return False


def _content(store: Store, repository: str, blob: Descriptor, progress: Progress) -> Content:
    """Return a blob of a store as content; what is sent again is taken back from `progress` first."""
    reached = 0

    def content(start: int) -> Iterator[bytes]:
        nonlocal reached
        if start < reached:
            progress(blob, start - reached)
        reached = start
        for chunk in report_progress(store.stream(repository, blob, start), blob, progress):
            reached += len(chunk)
            yield chunk

    return content


def _stoppable(content: Content, stop: Event) -> Content:
    def stoppable(start: int) -> Iterator[bytes]:
        for chunk in content(start):
            if stop.is_set():
                raise CopyStopped
            yield chunk

    return stoppable
