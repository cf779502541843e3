"""Send: artifacts and what is attached to them go into a store, and it is counted what really moved.

A blob that many repositories have travels once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TypeVar

from clusterbook.artifacts.attachment import Attachment
from clusterbook.artifacts.layout import Artifact
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, Descriptor, Manifest
from clusterbook.oci.open import Base
from clusterbook.oci.store import from_bytes
from clusterbook.oci.transfer import in_parallel

Report = Callable[[str, int, int], None]
"""Hears what is being done, and how many of how many are."""
Item = TypeVar("Item")


def quiet(what: str, done: int, total: int) -> None:
    """Do not care."""


@dataclass(slots=True)
class Sender:
    """Sends below one base, from several threads at once.

    `blobs`, `size` and `manifests` count what moved; `changed` has the digests of artifacts that were sent, or that
    something new is said about.
    """

    base: Base
    jobs: int
    report: Report = quiet
    blobs: int = 0
    size: int = 0
    manifests: int = 0
    changed: set[str] = field(default_factory=set)
    _manifests: dict[str, Manifest] = field(default_factory=dict)
    _repositories: dict[str, dict[str, None]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def batch(self) -> AbstractContextManager[None]:
        """Return the block in which a layout writes its index once."""
        return self.base.store.batch() if isinstance(self.base.store, Layout) else nullcontext()

    def send(self, artifact: Artifact, *, tags: Iterable[str]) -> None:
        """Send an artifact under its tags; without any it is there by digest."""
        where = self.base.repository(artifact.repository)
        self._manifests[artifact.manifest.digest] = artifact.manifest
        present = self.base.store.exists(where, artifact.manifest.descriptor)
        if not present:
            for blob, data in artifact.blobs:
                self._put_blob(where, blob, data)
        for tag in list(tags) or [""]:
            self._put_manifest(where, artifact.manifest, tag=tag, present=None if present and tag else present)

    def tag(self, repository: str, manifest: Manifest, tag: str) -> None:
        """Call an artifact that is there by a name."""
        self._put_manifest(self.base.repository(repository), manifest, tag=tag, present=None)

    def manifest(self, repository: str, digest: str) -> Manifest:
        """Return the manifest of an artifact that is there."""
        return self._manifests.get(digest) or self.base.store.manifest(self.base.repository(repository), digest)

    def attach(self, repository: str, subject: Descriptor, attachment: Attachment) -> Manifest:
        """Say something about an artifact, unless it is said already; return the manifest that says it."""
        where, manifest = self.base.repository(repository), attachment.manifest(subject)
        present = self.base.store.exists(where, manifest.descriptor)
        if not present:
            self._put_blob(where, EMPTY_CONFIG, EMPTY_BLOB)
            self._put_blob(where, manifest.layers[0], attachment.data)
        self._put_manifest(where, manifest, tag="", present=present)  # also where it is there: it may not be listed yet
        return manifest

    def settle(self, repository: str, subject: Descriptor, attachment: Attachment) -> bool:
        """Make sure that something said about an artifact can be found; return whether it had to be listed again.

        Without the referrers API a tag lists it, and two who write the tag at once may lose an entry: so this is called
        once more when everything is published.
        """
        where, manifest = self.base.repository(repository), attachment.manifest(subject)
        if manifest.digest in self.base.store.referrer_digests(where, subject.digest):
            return False
        self._put_manifest(where, manifest, tag="", present=None)
        return True

    def has(self, repository: str, descriptor: Descriptor) -> bool:
        """Return whether an artifact is there."""
        return self.base.store.exists(self.base.repository(repository), descriptor)

    def run_all(self, what: str, items: list[Item], call: Callable[[Item], None]) -> None:
        """Call something with every item, several at a time, and report how far that has come."""
        done = 0

        def run(item: Item) -> None:
            nonlocal done
            call(item)
            with self._lock:
                done += 1
                self.report(what, done, len(items))

        in_parallel(run, items, jobs=self.jobs, stop=Event())

    def _put_blob(self, where: str, blob: Descriptor, data: bytes) -> None:
        """Send a blob; one that another repository has got is taken from there, if the store can do that."""
        with self._lock:
            repositories = self._repositories.setdefault(blob.digest, {})
            mount_from, present = next(iter(repositories), ""), where in repositories
        if present:
            return
        moved = self.base.store.put_blob(where, blob, from_bytes(data), mount_from=mount_from)
        with self._lock:
            repositories[where] = None
            self.blobs += moved
            self.size += blob.size * moved

    def _put_manifest(self, where: str, manifest: Manifest, *, tag: str, present: bool | None) -> None:
        moved = self.base.store.put_manifest(where, manifest, tag=tag, present=present)
        with self._lock:
            self.manifests += moved
            self.changed |= {(manifest.subject or manifest.descriptor).digest} if moved else set()
