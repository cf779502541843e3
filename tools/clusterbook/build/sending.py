"""Sending: artifacts and what is attached to them go into a store, and it is counted what really moved.

Knows that a blob which many repositories have needs to travel once. Does not know what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TypeVar

from clusterbook.build.attach import Attachment
from clusterbook.client.layout import Layout
from clusterbook.client.store import from_bytes
from clusterbook.client.stores import Base
from clusterbook.client.transfer import in_parallel
from clusterbook.core.artifacts import Artifact
from clusterbook.core.manifest import EMPTY_BLOB, EMPTY_CONFIG, Descriptor, Manifest

Report = Callable[[str, int, int], None]
"""Hears what is being done, and how many of how many are."""
Item = TypeVar("Item")


def quiet(what: str, done: int, total: int) -> None:
    """Do not care."""


@dataclass(slots=True)
class Sender:
    """Sends below one base, from several threads at once. `blobs`, `size` and `manifests` count what moved."""

    base: Base
    jobs: int
    report: Report = quiet
    blobs: int = 0
    size: int = 0
    manifests: int = 0
    _homes: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def together(self) -> AbstractContextManager[None]:
        """Return the block in which a layout writes its index once."""
        return self.base.store.together() if isinstance(self.base.store, Layout) else nullcontext()

    def send(self, artifact: Artifact, *, tags: Iterable[str]) -> None:
        """Send an artifact under its tags; without any it is there by digest."""
        where = self.base.repository(artifact.repository)
        for blob, data in artifact.blobs:
            self._put_blob(where, blob, data)
        for tag in list(tags) or [""]:
            self._put_manifest(where, artifact.manifest, tag=tag)

    def tag(self, artifact: Artifact, tag: str) -> None:
        """Call an artifact that is there by a name."""
        self._put_manifest(self.base.repository(artifact.repository), artifact.manifest, tag=tag)

    def attach(self, repository: str, subject: Descriptor, attachment: Attachment) -> None:
        """Say something about an artifact, unless it is said already."""
        where, manifest = self.base.repository(repository), attachment.manifest(subject)
        if not self.base.store.exists(where, manifest.descriptor):
            self._put_blob(where, EMPTY_CONFIG, EMPTY_BLOB)
            self._put_blob(where, manifest.layers[0], attachment.data)
        self._put_manifest(where, manifest, tag="")  # also where it exists: it may not be listed yet

    def has(self, repository: str, descriptor: Descriptor) -> bool:
        """Return whether an artifact is there."""
        return self.base.store.exists(self.base.repository(repository), descriptor)

    def each(self, what: str, items: list[Item], call: Callable[[Item], None]) -> None:
        """Call something with every item, several at a time, and report how far that has come."""
        done = 0

        def one(item: Item) -> None:
            nonlocal done
            call(item)
            with self._lock:
                done += 1
                self.report(what, done, len(items))

        in_parallel(one, items, jobs=self.jobs, stop=Event())

    def _put_blob(self, where: str, blob: Descriptor, data: bytes) -> None:
        """Send a blob; one that another repository has got is taken from there, if the store can do that."""
        moved = self.base.store.put_blob(where, blob, from_bytes(data), near=self._homes.get(blob.digest, ""))
        with self._lock:
            self._homes.setdefault(blob.digest, where)
            self.blobs += moved
            self.size += blob.size * moved

    def _put_manifest(self, where: str, manifest: Manifest, *, tag: str) -> None:
        moved = self.base.store.put_manifest(where, manifest, tag=tag)
        with self._lock:
            self.manifests += moved
