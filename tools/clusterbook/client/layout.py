"""Layouts: a store in a folder, as oras, skopeo and crane read and write it.

Knows the OCI image layout: `oci-layout`, `index.json`, `blobs/sha256/`. A layout is one pool: whatever it holds is
there for every repository, and a tag `1.0.0` of `recipes/eks` stands in the index as `recipes/eks:1.0.0`. Does not know
registries. Several processes may write the same layout; one that is killed leaves the old state or the new one.

Source: OCI image specification 1.1, "image-layout"; referrers are entries without a name, as oras writes them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from clusterbook.client.landing import alone, land
from clusterbook.client.store import CHUNK_BYTES, MOST_REFERRERS, Content, Store
from clusterbook.core.digest import canonical
from clusterbook.core.errors import Unwritable
from clusterbook.core.faults import Malformed, NoArtifact
from clusterbook.core.manifest import (
    INDEX,
    INDEXES,
    LARGEST_MANIFEST_BYTES,
    REF_NAME,
    Descriptor,
    Manifest,
    parse_descriptor,
    parse_manifest,
)
from clusterbook.core.reference import check_digest, is_digest, referrers_tag

MARKER, INDEX_FILE, BLOBS, PARTIAL = "oci-layout", "index.json", "blobs/sha256", ".partial"
VERSION = "1.0.0"
_LARGEST_INDEX_BYTES = 64 << 20


class _Known(NamedTuple):
    """What index.json said when it was last read, by `stamp`."""

    stamp: tuple[int, int, int]
    entries: list[Descriptor]


class Layout(Store):
    """A store in the folder `path`."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open a layout, or with `create` make one where there is none.

        Raises:
            NoArtifact: there is no layout.
            Malformed: there is one of another version.
            Unwritable: none can be made.
        """
        self.path = path
        self.where = str(path)
        self._lock = threading.RLock()
        self._batch: list[Descriptor] | None = None
        self._joined = 0
        self._held = ExitStack()
        self._known: _Known | None = None
        self._subjects: dict[str, str] = {}
        if create and not (path / MARKER).exists():
            self._make()
        self._check_version()

    def manifest(self, repository: str, wanted: str) -> Manifest:
        """Return the manifest or index that a tag or a digest names."""
        digest = wanted
        if not is_digest(wanted):
            name = _ref_name(repository, wanted)
            named = [entry for entry in self._entries() if entry.annotations.get(REF_NAME) == name]
            if not named:
                raise NoArtifact(f"{self.where} has no {name}", hint=self._names_hint())
            digest = named[-1].digest
        return self._manifest(digest)

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
            raise Malformed(f"{self.where}: {blob.digest} cannot be read: {error.strerror}") from error

    def exists(self, repository: str, wanted: Descriptor) -> bool:
        """Return whether there is a blob or a manifest of that digest and size."""
        del repository
        try:
            return self._blob(wanted.digest).stat().st_size == wanted.size
        except OSError:
            return False

    def put_blob(self, repository: str, blob: Descriptor, content: Content, *, near: str = "") -> bool:
        """Keep a blob; what an earlier, killed attempt brought is not fetched again."""
        del near
        if self.exists(repository, blob):
            return False
        try:
            self._blob(blob.digest).parent.mkdir(parents=True, exist_ok=True)
            part = self.path / PARTIAL / blob.digest.partition(":")[2]
            there = partial(self.exists, repository, blob)
            return land(blob, content, self._blob(blob.digest), part, self.where, there=there)
        except OSError as error:
            raise Unwritable(f"{self.where} cannot be written: {error.strerror}") from error

    def put_manifest(self, repository: str, manifest: Manifest, *, tag: str = "", root: bool = True) -> bool:
        """Keep a manifest and, unless it is only part of an index, list it."""
        changed = self.put_blob(repository, manifest.descriptor, lambda start: iter([manifest.raw[start:]]))
        if not root and not tag and manifest.subject is None:
            return changed
        entry = manifest.descriptor
        if manifest.subject is None:
            entry = entry._replace(annotations={})
        if tag:
            entry = entry._replace(annotations={**entry.annotations, REF_NAME: _ref_name(repository, tag)})
        with self.together(), self._lock:
            entries = self._entries()
            if any(each.digest == entry.digest and (not tag or _name(each) == _name(entry)) for each in entries):
                return changed
            name = _name(entry)
            kept = [each for each in entries if (not name or _name(each) != name) and (_name(each) or each != entry)]
            assert self._batch is not None
            self._batch = [*kept, entry]
        return True

    def referrers(self, repository: str, digest: str, artifact_type: str = "") -> list[Manifest]:
        """Return what says something about `digest`; listed one by one, or in an index as registries have it."""
        found = set(self._by_subject().get(check_digest(digest), ()))
        tag = referrers_tag(digest)
        for entry in self._entries():
            if entry.media_type in INDEXES and _name(entry) in (tag, _ref_name(repository, tag)):
                found |= {each.digest for each in self._manifest(entry.digest).manifests}
        if len(found) > MOST_REFERRERS:
            raise Malformed(f"{self.where}: more than {MOST_REFERRERS} artifacts refer to {digest}")
        there = [self._manifest(each) for each in sorted(found) if self._blob(each).exists()]
        return [
            each
            for each in there
            if each.subject is not None and each.subject.digest == digest and artifact_type in ("", each.artifact_type)
        ]

    def all_tags(self, repository: str) -> list[str]:
        """Return all tags of a repository, sorted; with repository "", all names as they stand."""
        prefix = f"{repository}:" if repository else ""
        names = {name for entry in self._entries() if (name := _name(entry)).startswith(prefix)}
        return sorted(name[len(prefix) :] for name in names if name)

    @staticmethod
    def skipped(name: str) -> bool:
        """Return whether a file of the folder, by relative name, is no part of the layout: what came in half."""
        return name.startswith(f"{PARTIAL}/")

    def roots(self) -> list[tuple[str, Descriptor]]:
        """Return (name, descriptor) of all entries but referrers; names are `REPOSITORY:TAG`, or "" for none."""
        referring = {digest for found in self._by_subject().values() for digest in found}
        return [(_name(entry), entry) for entry in self._entries() if _name(entry) or entry.digest not in referring]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the index once, at the end of the block, instead of once for each manifest put inside it.

        Other threads join in, other processes wait. What was put before an error is listed: its blobs are all there.
        """
        with self._lock:
            if self._joined == 0:
                self._begin()
            self._joined += 1
        try:
            yield
        finally:
            with self._lock:
                self._joined -= 1
                if self._joined == 0:
                    self._end()

    def _begin(self) -> None:
        try:
            self._held.enter_context(alone(self.path / PARTIAL / "index"))
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
            self._held.close()

    def _manifest(self, digest: str) -> Manifest:
        path, name = self._blob(digest), f"{self.where}: {digest}"
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST_MANIFEST_BYTES + 1)
        except FileNotFoundError as error:
            raise NoArtifact(f"{self.where} has no {digest}") from error
        except OSError as error:
            raise Malformed(f"{name} cannot be read: {error.strerror}") from error
        return parse_manifest(raw, wanted=digest, name=name)

    def _by_subject(self) -> Mapping[str, list[str]]:
        """Return the digests of the referrers in the index by what they refer to."""
        with self._lock:
            entries = self._entries()
            found: dict[str, list[str]] = {}
            for entry in entries:
                if entry.media_type in INDEXES:
                    continue
                if entry.digest not in self._subjects:
                    subject = self._manifest(entry.digest).subject
                    self._subjects[entry.digest] = subject.digest if subject else ""
                if self._subjects[entry.digest]:
                    found.setdefault(self._subjects[entry.digest], []).append(entry.digest)
            return found

    def _entries(self) -> list[Descriptor]:
        """Return the entries of the index as they are now."""
        with self._lock:
            if self._batch is not None:
                return self._batch
            try:
                with (self.path / INDEX_FILE).open("rb") as file:
                    status = os.fstat(file.fileno())
                    stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
                    if self._known is None or self._known.stamp != stamp:
                        self._known = _Known(stamp, _parse_index(file.read(_LARGEST_INDEX_BYTES + 1), self.where))
            except OSError as error:
                raise Malformed(f"{self.where}/{INDEX_FILE} cannot be read: {error.strerror}") from error
            return self._known.entries

    def _write_index(self, entries: list[Descriptor]) -> None:
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry.document() for entry in entries]}
        self._write(INDEX_FILE, canonical(document))

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
            with alone(self.path / PARTIAL / "index"):
                if not (self.path / INDEX_FILE).exists():
                    self._write_index([])
                self._write(MARKER, canonical({"imageLayoutVersion": VERSION}))
        except OSError as error:
            raise Unwritable(f"{self.where} cannot be written: {error.strerror}", hint="name another folder") from error

    def _check_version(self) -> None:
        try:
            with (self.path / MARKER).open("rb") as file:
                document = json.loads(file.read(4096))
            version = document.get("imageLayoutVersion")
        except OSError as error:
            raise NoArtifact(f"{self.where} is no OCI layout: it has no file {MARKER}") from error
        except (ValueError, AttributeError) as error:
            raise Malformed(f"{self.where}/{MARKER} is damaged") from error
        if version != VERSION:
            raise Malformed(f"{self.where} is a layout of version {str(version)!a}, {VERSION} is read")

    def _names_hint(self) -> str:
        names = sorted(name for entry in self._entries() if (name := _name(entry)))
        return f"it has {', '.join(names[:8])}{' and more' if len(names) > 8 else ''}" if names else "it is empty"

    def _blob(self, digest: str) -> Path:
        return self.path / BLOBS / check_digest(digest).partition(":")[2]


def _ref_name(repository: str, tag: str) -> str:
    return f"{repository}:{tag}" if repository else tag


def _name(entry: Descriptor) -> str:
    return entry.annotations.get(REF_NAME, "")


def _parse_index(raw: bytes, where: str) -> list[Descriptor]:
    """Return the entries of an index.json, which unlike other indexes may be large.

    Raises:
        Malformed: it is not one.
    """
    name = f"{where}/{INDEX_FILE}"
    if len(raw) > _LARGEST_INDEX_BYTES:
        raise Malformed(f"{name} is larger than {_LARGEST_INDEX_BYTES >> 20} MiB")
    try:
        document = json.loads(raw)
        if document["schemaVersion"] != 2 or "layers" in document or "config" in document:
            raise ValueError("not an index of schema version 2")
        return [parse_descriptor(each) for each in document["manifests"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed(f"{name} is damaged: {error}") from error
