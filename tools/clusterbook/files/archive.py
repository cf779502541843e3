"""Archives: a folder or a list of files as one tar, the same bytes on every machine, and safely back again.

An archive of ours holds regular files with plain relative names, sorted, without times and owners. The bytes of an
uncompressed archive are promised to be the same everywhere, those of a compressed one wherever zlib is (zlib-ng
compresses otherwise).

Unpacking trusts nothing: a member that is not a regular file, whose name leads elsewhere or is given twice (also where
the case of letters does not count), or that is more than agreed ends it, and nothing is left behind.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, cast

from clusterbook.diagnostics.errors import Unwritable, unreadable
from clusterbook.diagnostics.transport import UnsafeArchive
from clusterbook.files.tar_reader import Limits, Member, Names, members

_CHUNK_BYTES = 1 << 20
_LEVEL = 6  # other levels have changed between versions of Python


@dataclass(frozen=True, slots=True)
class TarEntry:
    """A file to be packed. `name` is relative, with `/`; `open` gives its bytes, `size` many."""

    name: str
    size: int
    open: Callable[[], BinaryIO]
    executable: bool = False


def tar_entry(name: str, data: bytes, *, executable: bool = False) -> TarEntry:
    """Return a file to be packed whose bytes are at hand."""
    return TarEntry(name, len(data), lambda: BytesIO(data), executable)


def entries_below(folder: Path, *, skip: Callable[[str], bool] = lambda _: False) -> Iterator[TarEntry]:
    """Yield the files below `folder`, except those whose relative name `skip` picks.

    Raises:
        UnsafeArchive: one of them is a link, a pipe or the like, which no archive of ours holds.
    """
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if skip(name) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            raise UnsafeArchive(f"{path} is not a regular file", hint="remove it, or replace it by a copy")
        status = path.stat()
        yield TarEntry(name, status.st_size, _opener(path), bool(status.st_mode & 0o111))


def pack(entries: Iterable[TarEntry], target: BinaryIO, *, compress: bool) -> None:
    """Write an archive of `entries`, sorted by name, to `target`; with `compress`, as `.tar.gz`.

    Raises:
        UnsafeArchive: a name leads out of the archive or is given twice, or a file changed while it was being packed.
    """
    ordered = sorted(entries, key=lambda entry: entry.name.encode())
    names = Names()
    for entry in ordered:
        names.check(entry.name)
    with (
        _gzip_stream(target) if compress else _plain_stream(target) as stream,
        # PAX says nothing about a short ASCII name and a small file: the bytes are then those of plain USTAR.
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, bufsize=_CHUNK_BYTES) as tar,
    ):
        for entry in ordered:
            head = tarfile.TarInfo(entry.name)
            head.size = entry.size
            head.mode = 0o755 if entry.executable else 0o644
            with entry.open() as file:
                try:
                    tar.addfile(head, file)
                    changed = file.read(1) != b""
                except OSError as error:
                    if error.errno is not None:
                        raise
                    changed = True  # tarfile's own: "unexpected end of data"
            if changed:
                raise UnsafeArchive(f"{entry.name} changed while it was being packed", hint="run it again")


def pack_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return files by name as `.tar.gz`; scripts can be run."""
    target = BytesIO()
    pack(
        (tar_entry(name, data, executable=name.endswith(".sh")) for name, data in files.items()), target, compress=True
    )
    return target.getvalue()


def pack_file(entries: Iterable[TarEntry], target: Path, *, compress: bool) -> None:
    """Write an archive to the file `target`, by atomic rename.

    Raises:
        Unwritable: it cannot be written; what stood there still stands.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            try:
                pack(entries, cast(BinaryIO, file), compress=compress)
                file.close()
                Path(file.name).chmod(0o644)
                Path(file.name).replace(target)
            finally:
                Path(file.name).unlink(missing_ok=True)
    except OSError as error:
        raise Unwritable(f"{target} cannot be written: {error.strerror}", hint="name a file you may write") from error


def unpack(source: BinaryIO, name: str, target: Path, *, limits: Limits) -> list[str]:
    """Unpack an archive as the folder `target`, which must not hold anything; return the names of the files.

    Raises:
        UnsafeArchive: as soon as something in it is not as it has to be; nothing is left of it.
        Unwritable: the folder cannot be written, or holds something.
    """
    work, names = None, []
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise Unwritable(f"{target} exists already", hint="name a folder that does not exist")
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        fresh = work / "new"
        fresh.mkdir()
        for member in members(source, name, limits=limits):
            _write(member, fresh / member.name)
            names.append(member.name)
        with suppress(FileNotFoundError):
            target.rmdir()
        fresh.replace(target)
    except OSError as error:
        raise Unwritable(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
    return names


def unpack_file(source: Path, target: Path, *, limits: Limits) -> list[str]:
    """Unpack the archive in the file `source`; see `unpack`.

    Raises:
        NotFound: there is no such file.
    """
    try:
        file = source.open("rb")
    except OSError as error:
        raise unreadable(source, error, hint="name an archive") from error
    with file:
        return unpack(file, str(source), target, limits=limits)


def _write(member: Member, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        while chunk := member.stream.read(_CHUNK_BYTES):
            file.write(chunk)
    path.chmod(0o755 if member.executable else 0o644)


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


@contextmanager
def _plain_stream(stream: BinaryIO) -> Iterator[IO[bytes]]:
    yield stream


@contextmanager
def _gzip_stream(stream: BinaryIO) -> Iterator[IO[bytes]]:
    with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0, compresslevel=_LEVEL) as file:
        yield cast(IO[bytes], file)
