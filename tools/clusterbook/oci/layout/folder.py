"""Folder: a layout in a folder, as oras, skopeo and crane read and write it.

Several processes may write the same layout; one that is killed leaves the old state or the new one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError, Unwritable, unreadable
from clusterbook.diagnostics.transport import Malformed, NoArtifact
from clusterbook.documents.digest import canonical
from clusterbook.oci.blob_file import lock_file, write_blob
from clusterbook.oci.layout import index
from clusterbook.oci.layout.index import LARGEST_BYTES, SUBJECT, Listing
from clusterbook.oci.layout.reader import (
    BLOBS,
    INDEX_FILE,
    MARKER,
    SHORT_FILE,
    VERSION,
    ImageLayout,
    blob_name,
    name_of,
    ref_name,
)
from clusterbook.oci.manifest import INDEXES, REF_NAME, Descriptor, Manifest
from clusterbook.oci.store import CHUNK_BYTES, Content

PARTIAL = ".partial"


class _ListingCache(NamedTuple):
    """What index.json and the short listing said when they were last read, by `stamp` of the first."""

    stamp: tuple[int, int, int]
    full: Listing
    short: Listing | None


class Layout(ImageLayout):
    """A store in the folder `path`."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open a layout, or with `create` make one where there is none.

        Raises:
            NoArtifact: there is no layout.
            Malformed: there is one of another version.
            Unwritable: none can be made.
        """
        super().__init__(str(path))
        self.path = path
        self._lock = threading.RLock()
        self._batch: list[Descriptor] | None = None
        self._batch_depth = 0
        self._index_lock = ExitStack()
        self._cache: _ListingCache | None = None
        if create and not (path / MARKER).exists():
            self._make()
        self.check_version()

    def read_file(self, name: str, limit_bytes: int) -> bytes:
        """Return the bytes of a file, one more than `limit_bytes` at most."""
        try:
            with (self.path / name).open("rb") as file:
                return file.read(limit_bytes + 1)
        except FileNotFoundError as error:
            raise NoArtifact(f"{self.where} has no {_printable_name(name)}") from error
        except OSError as error:
            raise unreadable(f"{self.where}/{_printable_name(name)}", error) from error

    def stream(self, repository: str, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a blob from `start` on."""
        del repository
        try:
            with self._blob(blob.digest).open("rb") as file:
                file.seek(start)
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except FileNotFoundError as error:
            raise NoArtifact(f"{self.where} has no {blob.digest}") from error
        except OSError as error:
            raise unreadable(f"{self.where}: {blob.digest}", error) from error

    def exists(self, repository: str, descriptor: Descriptor) -> bool:
        """Return whether there is a blob or a manifest of that digest and size."""
        del repository
        try:
            return self._blob(descriptor.digest).stat().st_size == descriptor.size
        except OSError:
            return False

    def put_blob(self, repository: str, blob: Descriptor, content: Content, *, mount_from: str = "") -> bool:
        """Keep a blob; what an earlier, killed attempt brought is not fetched again."""
        del mount_from
        if self.exists(repository, blob):
            return False
        try:
            self._blob(blob.digest).parent.mkdir(parents=True, exist_ok=True)
            part = self.path / PARTIAL / blob.digest.partition(":")[2]
            is_present = partial(self.exists, repository, blob)
            return write_blob(blob, content, self._blob(blob.digest), part, self.where, is_present=is_present)
        except OSError as error:
            raise Unwritable(f"{self.where} cannot be written: {error.strerror}") from error

    def put_manifest(
        self, repository: str, manifest: Manifest, *, tag: str = "", root: bool = True, present: bool | None = None
    ) -> bool:
        """Keep a manifest and, unless it is only part of an index, list it."""
        del present  # it costs nothing to look
        changed = self.put_blob(repository, manifest.descriptor, lambda start: iter([manifest.raw[start:]]))
        if not root and not tag and manifest.subject is None:
            return changed
        entry = manifest.descriptor
        if manifest.subject is None:
            entry = entry._replace(annotations={})
        else:
            entry = entry._replace(annotations={**entry.annotations, SUBJECT: manifest.subject.digest})
        if tag:
            entry = entry._replace(annotations={**entry.annotations, REF_NAME: ref_name(repository, tag)})
        with self.batch(), self._lock:
            entries = self._entries()
            if any(each.digest == entry.digest and (not tag or name_of(each) == name_of(entry)) for each in entries):
                return changed
            name = name_of(entry)
            others = [
                each
                for each in entries
                if (name_of(each) != name if name_of(each) else each.digest != entry.digest)  # a name says more
            ]
            assert self._batch is not None
            self._batch = [*others, entry]
        return True

    def referrer_digests(self, repository: str, digest: str) -> set[str]:
        """Return the digests of what was put here that says something about `digest`."""
        del repository
        return self.listing().referrers_of(digest)

    @staticmethod
    def is_partial(name: str) -> bool:
        """Return whether a file of the folder, by relative name, is no part of the layout: what came in half."""
        return name.startswith(f"{PARTIAL}/")

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Write the index once, at the end of the block, instead of once for each manifest put inside it.

        Other threads join in, other processes wait. What was put before an error is listed: its blobs are all there.
        """
        with self._lock:
            if self._batch_depth == 0:
                self._begin()
            self._batch_depth += 1
        try:
            yield
        finally:
            with self._lock:
                self._batch_depth -= 1
                if self._batch_depth == 0:
                    self._end()

    def _begin(self) -> None:
        try:
            self._index_lock.enter_context(lock_file(self.path / PARTIAL / "index"))
        except OSError as error:
            raise Unwritable(f"{self.where} cannot be written: {error.strerror}") from error
        self._batch = list(self._entries())

    def _end(self) -> None:
        batch, self._batch = self._batch, None
        try:
            if batch is not None and batch != self._entries():
                self._write_index(batch)
        except OSError as error:
            raise Unwritable(f"{self.where} cannot be written: {error.strerror}") from error
        finally:
            self._index_lock.close()

    def listing(self) -> Listing:
        """Return what index.json says now, or what it will say when many manifests are put together."""
        with self._lock:
            if self._batch is not None:
                return Listing.of_entries(self._batch, f"{self.where}/{INDEX_FILE}")
            return self._read().full

    def latest(self) -> Listing | None:
        """Return the short listing, None where there is none or others wrote index.json since."""
        with self._lock:
            return None if self._batch is not None else self._read().short

    def _entries(self) -> list[Descriptor]:
        return self.listing().entries()

    def _read(self) -> _ListingCache:
        try:
            with (self.path / INDEX_FILE).open("rb") as file:
                status = os.fstat(file.fileno())
                stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
                if self._cache is None or self._cache.stamp != stamp:
                    raw = file.read(LARGEST_BYTES + 1)
                    self._cache = _ListingCache(
                        stamp, Listing(raw, f"{self.where}/{INDEX_FILE}"), self._read_short(raw)
                    )
        except OSError as error:
            raise unreadable(f"{self.where}/{INDEX_FILE}", error) from error
        return self._cache

    def _read_short(self, raw: bytes) -> Listing | None:
        try:
            listing = Listing(self.read_file(SHORT_FILE, LARGEST_BYTES), f"{self.where}/{SHORT_FILE}")
            return listing if index.is_part_of(listing, raw) else None
        except (NoArtifact, Malformed):
            return None

    def _write_index(self, entries: list[Descriptor]) -> None:
        entries = sorted(entries, key=_order)
        raw = index.encode_listing(entries)
        short = index.encode_short_listing(entries, raw, self._subject)
        self._write(INDEX_FILE, raw)
        if short is not None:
            self._write(SHORT_FILE, short)

    def _subject(self, entry: Descriptor) -> str:
        """Return the digest of what an entry refers to, "" where that is nothing or cannot be known."""
        try:
            return "" if entry.media_type in INDEXES else self._subject_of(entry.digest)
        except ClusterbookError:
            return ""

    def _write(self, name: str, data: bytes) -> None:
        """Write a file of the layout by atomic rename."""
        temporary = self.path / PARTIAL / f"{name}.{os.getpid()}.{threading.get_ident()}"
        try:
            temporary.write_bytes(data)
            temporary.replace(self.path / name)
        finally:
            with suppress(OSError):
                temporary.unlink()

    def _make(self) -> None:
        try:
            for folder in (BLOBS, PARTIAL):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
            with lock_file(self.path / PARTIAL / "index"):
                if not (self.path / INDEX_FILE).exists():
                    self._write_index([])
                self._write(MARKER, canonical({"imageLayoutVersion": VERSION}))
        except OSError as error:
            raise Unwritable(f"{self.where} cannot be written: {error.strerror}", hint="name another folder") from error

    def _blob(self, digest: str) -> Path:
        return self.path / blob_name(digest)


def _order(entry: Descriptor) -> tuple[bool, str, str]:
    """Return where an entry stands, whoever put it first: names in order, what has none behind them by digest."""
    name = name_of(entry)
    return not name, name, "" if name else entry.digest


def _printable_name(name: str) -> str:
    """Return how a message calls a file: a blob by its digest."""
    return f"sha256:{name.removeprefix(BLOBS + '/')}" if name.startswith(BLOBS) else name
