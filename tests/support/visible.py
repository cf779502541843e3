"""What can be found by name in a store, and whether somebody vouches for it: what a reader sees at a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from clusterbook.artifacts.open import open_index
from clusterbook.diagnostics.transport import NoArtifact, Unreachable
from clusterbook.oci.manifest import Descriptor, Manifest
from clusterbook.oci.open import Base
from clusterbook.oci.store import Content, Store
from clusterbook.trust.policy import Policy, TrustOptions
from clusterbook.trust.verify import bundles_of, verify_any
from tests.support.memory import MemoryStore


def check_visible(base: Base, repositories: Iterable[str], policy: Policy) -> int:
    """Make sure that whatever has a name in some repositories is signed and whole; return how many names there are.

    Raises:
        ClusterbookError: something is not.
    """
    count = 0
    for name in repositories:
        repository = base.repository(name)
        for tag in base.store.tags(repository):
            manifest = base.store.manifest(repository, tag)
            verify_any(bundles_of(base.store, repository, manifest.digest), manifest.digest, policy)
            assert all(base.store.exists(repository, blob) for blob in manifest.blobs)
            count += 1
    return count


def latest(base: Base, policy: Policy) -> str:
    """Return the release of the index that a reader sees, "" where there is none."""
    try:
        return open_index(base, TrustOptions(policy), now=None, previous=None).envelope.release
    except NoArtifact:
        return ""


class Interrupted(MemoryStore):
    """A store in memory whose every operation `before` hears of first, by its number from 0; it may raise."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        super().__init__()
        self.before, self.operations = before, 0

    def _step(self) -> None:
        with self._lock:
            number = self.operations
            self.operations += 1
        self.before(number)

    def manifest(self, repository: str, reference: str) -> Manifest:
        self._step()
        return super().manifest(repository, reference)

    def exists(self, repository: str, descriptor: Descriptor) -> bool:
        self._step()
        return super().exists(repository, descriptor)

    def put_blob(self, repository: str, blob: Descriptor, content: Content, *, mount_from: str = "") -> bool:
        self._step()
        return super().put_blob(repository, blob, content, mount_from=mount_from)

    def put_manifest(self, repository: str, manifest: Manifest, **more: Any) -> bool:
        self._step()
        return super().put_manifest(repository, manifest, **more)

    def referrers(self, repository: str, digest: str, artifact_type: str = "") -> list[Manifest]:
        self._step()
        return super().referrers(repository, digest, artifact_type)


def fails_from(number: int) -> Callable[[int], None]:
    """Return what raises at an operation and at each later one, as a registry that is gone does."""

    def before(operation: int) -> None:
        if operation >= number:
            raise Unreachable("503 Service Unavailable", hint="run it again later: it goes on from there")

    return before


def everything(store: Store) -> tuple[Any, ...]:
    """Return all that a store in memory holds."""
    assert isinstance(store, MemoryStore)
    return store.blobs, store.manifests, store.names
