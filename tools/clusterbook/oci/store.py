"""Store: one port for whatever keeps artifacts, be it a registry, a layout on disk or, in tests, a dict.

No byte passes unchecked: whoever reads a blob here gets the bytes of its digest or an error. Methods may be called from
several threads at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from clusterbook.diagnostics.transport import Malformed, WrongContent
from clusterbook.oci.manifest import ACCEPTED, Descriptor, Manifest
from clusterbook.oci.reference import is_version_tag

CHUNK_BYTES = 1 << 20
MOST_REFERRERS = 256
"""More than this many signatures and SBOMs on one artifact are a mistake or an attack."""

Content = Callable[[int], Iterator[bytes]]
"""The bytes of a blob from an offset on, as often as they are asked for; whoever receives them checks the digest."""


class Progress(Protocol):
    """Whoever wants to know how far a transfer has come."""

    def __call__(self, blob: Descriptor, moved_bytes: int, /) -> None:
        """Hear that so many further bytes of `blob` moved; a negative number takes back what is sent again."""


def silent(blob: Descriptor, moved_bytes: int) -> None:
    """Do not care how far a transfer has come."""


class Store(ABC):
    """Keeps manifests and blobs by repository and digest. `where` is how messages name it.

    Reading raises NoArtifact, WrongContent, Malformed and what the way to the store brings: AccessDenied, TimedOut,
    Unreachable, RateLimited. Writing raises Refused besides. What is written is there whole or not at all.
    """

    where: str

    @abstractmethod
    def manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest or index that a tag or a digest names, checked against the digest."""

    @abstractmethod
    def stream(self, repository: str, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a blob from `start` on as the store has them, not checked: use `blob` or `read`."""

    @abstractmethod
    def exists(self, repository: str, descriptor: Descriptor) -> bool:
        """Return whether the store has a blob or, by its media type, a manifest."""

    @abstractmethod
    def put_blob(self, repository: str, blob: Descriptor, content: Content, *, mount_from: str = "") -> bool:
        """Keep a blob; return whether bytes had to be moved. `mount_from` names a repository that may have it."""

    @abstractmethod
    def put_manifest(
        self, repository: str, manifest: Manifest, *, tag: str = "", root: bool = True, present: bool | None = None
    ) -> bool:
        """Keep a manifest, under `tag` as well; return whether anything changed.

        One with a subject is from then on among the subject's referrers. `root=False` says that it is only ever reached
        through an index; `present` whether it is known to be kept under that name already, None that nobody knows.
        """

    @abstractmethod
    def referrers(self, repository: str, digest: str, artifact_type: str = "") -> list[Manifest]:
        """Return what says something about `digest`, by digest: manifests whose own bytes name it as their subject."""

    @abstractmethod
    def all_tags(self, repository: str) -> list[str]:
        """Return all tags of a repository, also those that only serve to find referrers, sorted."""

    def referrer_digests(self, repository: str, digest: str) -> set[str]:
        """Return the digests of what can be found that says something about `digest`."""
        return {each.digest for each in self.referrers(repository, digest)}

    def tags(self, repository: str) -> list[str]:
        """Return the tags that name artifacts, sorted."""
        return [tag for tag in self.all_tags(repository) if is_version_tag(tag)]

    def blob(self, repository: str, blob: Descriptor) -> Iterator[bytes]:
        """Yield the bytes of a blob; the last of them only once all are known to be the right ones."""
        return check_blob(self.stream(repository, blob), blob, self.where)

    def read(self, repository: str, blob: Descriptor, *, limit_bytes: int) -> bytes:
        """Return a blob that is not larger than `limit_bytes`."""
        if blob.size > limit_bytes:
            raise Malformed(f"{self.where}: {blob.digest} has {blob.size} bytes, the limit is {limit_bytes}")
        return b"".join(self.blob(repository, blob))


_AGAIN = "run it again; if it persists, the source is damaged or was tampered with: use another one"


def check_blob(chunks: Iterable[bytes], blob: Descriptor, where: str) -> Iterator[bytes]:
    """Yield `chunks`, the last one held back until size and digest are known to be right.

    Raises:
        WrongContent: they are not.
    """
    hasher, position, pending = sha256(), 0, b""
    for chunk in chunks:
        position += len(chunk)
        if position > blob.size:
            raise WrongContent(
                f"{where}: {blob.digest} is longer than the {blob.size} bytes it should have", hint=_AGAIN
            )
        hasher.update(chunk)
        if pending:
            yield pending
        pending = chunk
    if position < blob.size:
        raise WrongContent(f"{where}: {blob.digest} ends after {position} of {blob.size} bytes", hint=_AGAIN)
    if f"sha256:{hasher.hexdigest()}" != blob.digest:
        what = f"{where}: {blob.digest} does not match its digest: {hasher.hexdigest()}"
        raise WrongContent(what, hint=_AGAIN)
    yield pending


def is_manifest(descriptor: Descriptor) -> bool:
    """Return whether a descriptor is one of a manifest or an index."""
    return descriptor.media_type in ACCEPTED


def from_bytes(data: bytes) -> Content:
    """Return bytes as the content of a blob."""

    def content(start: int) -> Iterator[bytes]:
        yield data[start:]

    return content


def from_file(path: Path) -> Content:
    """Return a file as the content of a blob."""

    def content(start: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    return content


def report_progress(chunks: Iterable[bytes], blob: Descriptor, progress: Progress) -> Iterator[bytes]:
    """Yield `chunks`, telling `progress` about each."""
    for chunk in chunks:
        yield chunk
        progress(blob, len(chunk))
