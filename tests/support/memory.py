"""A store in memory: what registries and layouts do, in the fewest words. Passes the same contract (tests/contract)."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

from clusterbook.diagnostics.transport import NoArtifact
from clusterbook.oci.manifest import Descriptor, Manifest, parse_manifest
from clusterbook.oci.reference import is_digest
from clusterbook.oci.store import Content, Store, check_blob, is_manifest


class MemoryStore(Store):
    """Keeps everything in dicts by repository. `moved` lists the digests of blobs that were sent, `asked` all reads."""

    def __init__(self, where: str = "memory") -> None:
        self.where = where
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.moved: list[str] = []
        self._lock = Lock()

    def manifest(self, repository: str, reference: str) -> Manifest:
        digest = reference if is_digest(reference) else self.names.get((repository, reference), "")
        raw = self.manifests.get((repository, digest))
        if raw is None:
            raise NoArtifact(f"{self.where} has no {repository} {reference}")
        return parse_manifest(raw, reference=digest, name=reference)

    def stream(self, repository: str, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        data = self.blobs.get((repository, blob.digest))
        if data is None:
            raise NoArtifact(f"{self.where} has no {repository} {blob.digest}")
        for offset in range(start, len(data), 1000):
            yield data[offset : offset + 1000]

    def exists(self, repository: str, descriptor: Descriptor) -> bool:
        return (repository, descriptor.digest) in (self.manifests if is_manifest(descriptor) else self.blobs)

    def put_blob(self, repository: str, blob: Descriptor, content: Content, *, mount_from: str = "") -> bool:
        if self.exists(repository, blob):
            return False
        if (mount_from, blob.digest) in self.blobs:
            self.blobs[repository, blob.digest] = self.blobs[mount_from, blob.digest]
            return False
        data = b"".join(check_blob(content(0), blob, self.where))
        with self._lock:
            self.moved.append(blob.digest)
            self.blobs[repository, blob.digest] = data
        return True

    def put_manifest(
        self, repository: str, manifest: Manifest, *, tag: str = "", root: bool = True, present: bool | None = None
    ) -> bool:
        del root, present
        before = (self.manifests.get((repository, manifest.digest)), self.names.get((repository, tag)))
        self.manifests[repository, manifest.digest] = manifest.raw
        if tag:
            self.names[repository, tag] = manifest.digest
        return before != (manifest.raw, manifest.digest if tag else None)

    def referrers(self, repository: str, digest: str, artifact_type: str = "") -> list[Manifest]:
        there = [self.manifest(name, each) for name, each in sorted(self.manifests) if name == repository]
        return [
            each
            for each in there
            if each.subject is not None and each.subject.digest == digest and artifact_type in ("", each.artifact_type)
        ]

    def all_tags(self, repository: str) -> list[str]:
        return sorted(tag for name, tag in self.names if name == repository)
