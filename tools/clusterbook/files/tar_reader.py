"""Tar streams: the files in an archive, one after the other, as far as they can be trusted.

What tarfile and gzip let pass is refused here: links, names that lead elsewhere or mean something else on another
system, heads that fill the memory, cut archives. Nothing is written. Source: POSIX pax format; RFC 1952.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO, Protocol, Self, cast

from clusterbook.diagnostics.transport import UnsafeArchive

_CHUNK_BYTES = 1 << 20
_OVERHEAD_BYTES = 4096  # that a member may take besides its bytes: headers, padding, a long name
_LONGEST_HEADER_BYTES = 64 << 10
_END = bytes(1024)  # two empty blocks end an archive


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold, once it is unpacked."""

    files: int = 10_000
    total_bytes: int = 1 << 30


class Readable(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive. `stream` can be read until the next member is asked for."""

    name: str
    size: int
    executable: bool
    stream: Readable


def members(source: BinaryIO, name: str, *, limits: Limits, folders: bool = False) -> Iterator[Member]:
    """Yield the files of an archive, compressed or not, in its order; read as a stream, nothing is written.

    Args:
        source: the archive; it is read forwards only.
        name: how a message calls it.
        limits: what it may hold at most.
        folders: whether it may be written as `tar` packs a folder: folders have entries of their own, which are passed
            over, and names may begin with `./`.

    Raises:
        UnsafeArchive: as soon as something in it is not as it has to be.
    """
    names, total, passed = Names(), 0, 0
    most_bytes = limits.total_bytes + limits.files * _OVERHEAD_BYTES
    with (
        _translate_damage(name),
        _plain_bytes(source) as plain,
        _CountedBytes(plain, most_bytes, name) as stream,
        tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|", bufsize=_CHUNK_BYTES, tarinfo=Head) as tar,
    ):
        for head in tar:
            total += head.size
            if len(names) + passed >= limits.files or total > limits.total_bytes:
                raise UnsafeArchive(
                    f"{name} holds more than {limits.files} files or {limits.total_bytes} bytes",
                    hint="raise the limit if you know why it is so large",
                )
            if folders:
                head.name = head.name.removeprefix("./")
                if head.isdir():
                    passed += 1
                    continue
            if not head.isreg() or head.sparse is not None:
                raise UnsafeArchive(f"{name}: {head.name!a} is not a regular file")
            names.check(head.name, name)
            content = tar.extractfile(head)
            assert content is not None  # it is a regular file
            yield Member(head.name, head.size, bool(head.mode & 0o111), _MemberBytes(content, name))
        stream.finish()


@contextmanager
def _plain_bytes(stream: BinaryIO) -> Iterator[IO[bytes]]:
    """Give the plain bytes of an archive, whichever way it is stored."""
    start = stream.read(2)
    whole = cast(BinaryIO, _WholeBytes(start, stream))
    if start == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=whole, mode="rb") as file:
            yield cast(IO[bytes], file)
    else:
        yield whole


class Head(tarfile.TarInfo):
    """The head of a member. What extends one, such as a long name, tarfile reads into memory whatever its size.

    One that is damaged is the end of an archive to tarfile, unless it is the first.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Return the head in a block, unless it is damaged, or what it announces is too large."""
        try:
            head = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and any(buf):
                raise UnsafeArchive(f"the header of a member is damaged: {error}", hint="fetch it again") from error
            raise
        if head.type in _EXTENSIONS and head.size > _LONGEST_HEADER_BYTES:
            raise UnsafeArchive(f"the header of a member has {head.size} bytes", hint="fetch it again")
        return head

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """Return the head at which an archive stands; what starts with a damaged one is no archive."""
        try:
            return super().fromtarfile(tarfile)
        except UnsafeArchive as error:
            if tarfile.offset == 0 and error.__cause__ is not None:
                raise error.__cause__ from None
            raise


_EXTENSIONS = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)


@contextmanager
def _translate_damage(name: str) -> Iterator[None]:
    """Say in our words what tarfile and gzip say about a damaged archive."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError) as error:
        raise UnsafeArchive(f"{name} is damaged: {error}", hint="fetch it again") from error


class _MemberBytes:
    """The bytes of one member."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name

    def read(self, size: int = -1) -> bytes:
        with _translate_damage(self._name):
            return self._stream.read(size)


class _CountedBytes:
    """The plain bytes of an archive, counted. tarfile would take one that was cut between two members as whole."""

    def __init__(self, stream: IO[bytes], most_bytes: int, name: str) -> None:
        self._stream, self._left, self._name, self._tail = stream, most_bytes, name, b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise UnsafeArchive(f"{self._name} is larger than declared", hint="fetch it again")
        self._tail = (self._tail + data[-len(_END) :])[-len(_END) :]
        return data

    def finish(self) -> None:
        """Read what is left, so that its checksum is checked, and make sure that the archive is whole.

        Raises:
            UnsafeArchive: it was cut, or something comes after its end.
        """
        whole = self._tail == _END
        while data := self.read(_CHUNK_BYTES):
            whole = whole and not data.strip(b"\0")
        if not whole:
            raise UnsafeArchive(f"{self._name} is truncated", hint="fetch it again")


class _WholeBytes:
    """A stream of which the first bytes were already read."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int = -1) -> bytes:
        if not self._start:
            return self._rest.read(size)
        first = self._start if size < 0 else self._start[:size]
        self._start = self._start[len(first) :]
        return first + (self._rest.read(size - len(first) if size >= 0 else -1))


class Names:
    """The names in one archive, as far as they have been seen."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def check(self, name: str, archive: str = "the archive") -> None:
        """Take note of a name.

        Raises:
            UnsafeArchive: it is not a plain relative path, or in the way of one that was there before.
        """
        parts = name.split("/")
        if any(part in ("", ".", "..") or part != part.strip() for part in parts) or not _plain_text(name):
            raise UnsafeArchive(f"{archive}: the name {name[:200]!a} is not a plain relative path")
        folded = name.casefold()
        other = self._seen.get(folded) or self._folders.get(folded)
        if other is not None:
            raise UnsafeArchive(f"{archive}: {name!a} is in the way of {other!a}")
        self._seen[folded] = name
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            spelled = self._folders.setdefault(folder.casefold(), folder)
            if spelled != folder or folder.casefold() in self._seen:
                raise UnsafeArchive(f"{archive}: {name!a} is in the way of {spelled!a}")


def _plain_text(name: str) -> bool:
    """Return whether a name means the same on every system: no backslash, no colon, nothing that cannot be seen."""
    return name.isprintable() and not set(name) & set('\\:*?"<>|')
