"""Tar: a layout in an uncompressed archive, read where it lies, without unpacking.

No name and no size is believed: only the files of a layout are asked for, and what is read is held against its digest.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from clusterbook.diagnostics.errors import unreadable
from clusterbook.diagnostics.transport import NoArtifact, UnsafeArchive
from clusterbook.files.tar_reader import Head
from clusterbook.oci.layout.index import LARGEST_BYTES, Listing, is_part_of
from clusterbook.oci.layout.reader import INDEX_FILE, MARKER, SHORT_FILE, ReadOnlyLayout, blob_name
from clusterbook.oci.manifest import Descriptor
from clusterbook.oci.store import CHUNK_BYTES

_MOST_FILES = 1_000_000


class TarLayout(ReadOnlyLayout):
    """The layout in the archive `path`."""

    def __init__(self, path: Path) -> None:
        """Find the files of the layout in an archive; none of them is read yet.

        Raises:
            NotFound: there is no such archive.
            UnsafeArchive: it is none, is compressed, or holds what no archive of ours does.
            NoArtifact: it holds no layout.
        """
        super().__init__(str(path))
        self._path = path
        self._files = _find_files(path)
        self._listing: Listing | None = None
        self._latest: Listing | None = None
        self.check_version()

    def read_file(self, name: str, limit_bytes: int) -> bytes:
        """Return the bytes of a file, one more than `limit_bytes` at most."""
        data = bytearray()
        for chunk in self._chunks(name, 0):
            data += chunk
            if len(data) > limit_bytes:
                break
        return bytes(data[: limit_bytes + 1])

    def stream(self, repository: str, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a blob from `start` on."""
        del repository
        return self._chunks(blob_name(blob.digest), start)

    def exists(self, repository: str, descriptor: Descriptor) -> bool:
        """Return whether there is a blob or a manifest of that digest and size."""
        del repository
        return self._files.get(blob_name(descriptor.digest), (0, -1))[1] == descriptor.size

    def listing(self) -> Listing:
        """Return what index.json says."""
        if self._listing is None:
            raw = self.read_file(INDEX_FILE, LARGEST_BYTES)
            self._listing = Listing(raw, f"{self.where}/{INDEX_FILE}")
            if SHORT_FILE in self._files:
                short = Listing(self.read_file(SHORT_FILE, LARGEST_BYTES), f"{self.where}/{SHORT_FILE}")
                self._latest = short if is_part_of(short, raw) else None
        return self._listing

    def latest(self) -> Listing | None:
        """Return the short listing, None where there is none or it is of another index.json."""
        self.listing()
        return self._latest

    def _chunks(self, name: str, start: int) -> Iterator[bytes]:
        if name not in self._files:
            raise NoArtifact(f"{self.where} has no {name}")
        offset, size = self._files[name]
        try:
            with self._path.open("rb") as file:
                file.seek(offset + start)
                left = size - start
                while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
                    left -= len(chunk)
                    yield chunk
        except OSError as error:
            raise unreadable(self.where, error) from error


def _find_files(path: Path) -> dict[str, tuple[int, int]]:
    """Return where in an archive the files of a layout stand, and how long they are."""
    files: dict[str, tuple[int, int]] = {}
    try:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                raise UnsafeArchive(f"{path} is compressed, so it cannot be read in place", hint=f"gunzip {path}")
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:", tarinfo=Head) as tar:
                for number, member in enumerate(tar):
                    name = member.name.removeprefix("./")
                    if not member.isreg() or member.sparse is not None:
                        continue
                    if number > _MOST_FILES or name in files:
                        raise UnsafeArchive(f"{path} holds {name[:80]!a} twice, or too many files", hint=_AGAIN)
                    files[name] = member.offset_data, member.size
    except OSError as error:
        raise unreadable(path, error, hint=_NAMED) from error
    except (tarfile.TarError, EOFError, UnicodeError) as error:
        raise UnsafeArchive(f"{path} is not an archive: {error}", hint=_AGAIN) from error
    if MARKER not in files:
        raise NoArtifact(f"{path} holds no OCI layout: it has no file {MARKER}", hint="name an archive of a layout")
    return files


_NAMED = "name the archive that `clusterbook mirror save` wrote"
_AGAIN = f"{_NAMED}, or copy it again"
