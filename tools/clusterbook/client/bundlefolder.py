"""Bundle folders: a bundle on disk.

Knows how a bundle is read without trusting it, and written without losing what is not ours. Does not know what it says.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from clusterbook.core.bundle import OPTIONS
from clusterbook.core.bundle.checksums import CHECKSUMS, listed
from clusterbook.core.errors import ClusterbookError, InvalidRequest, NotFound, Unwritable

MOST_BYTES = 512 * 1024 * 1024
"""A bundle with every chart in it takes about 10 MB; what is larger than this is no bundle."""
ATTESTATION = "attestation/"
"""Signatures lie beside a bundle's files: they speak of them, so they are not among them."""


class ForeignFiles(ClusterbookError):
    """The output folder holds files that are not of a bundle, or that somebody has edited since.

    Name another folder with `-o`. With `--force` files of other names stay, edited ones are replaced.
    """

    code = "CB111"
    exit_status = 2


def read_bundle(where: Path, *, most_bytes: int = MOST_BYTES) -> dict[str, bytes]:
    """Return the files of the bundle in the folder `where`, by path, signatures left out.

    Raises:
        NotFound: no such folder.
        InvalidRequest: it holds links or other things that no bundle has, or is too large.
    """
    if not where.is_dir():
        raise NotFound(f"{where} is not a folder", hint="name the folder of a bundle")
    found: dict[str, bytes] = {}
    total = 0
    for path, file in _walk(where):
        if path.startswith(ATTESTATION):
            continue
        try:
            total += file.stat().st_size
            if total > most_bytes:
                raise InvalidRequest(f"{where} holds more than {most_bytes:,} bytes", hint="name a bundle's folder")
            found[path] = file.read_bytes()
        except OSError as error:
            raise NotFound(f"{file} cannot be read: {error.strerror}") from error
    return found


def _walk(where: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path, file) of every file below a folder, sorted.

    Raises:
        InvalidRequest: something is neither a file nor a folder.
    """
    for folder, folders, files in os.walk(where):
        folders.sort()
        for name in [*folders, *files]:
            file = Path(folder, name)
            if file.is_symlink() or not (file.is_file() or file.is_dir()):
                path = file.relative_to(where).as_posix()
                raise InvalidRequest(
                    f"{where} holds {path}, which is a link or a device", hint="no bundle has such files"
                )
        for name in sorted(files):
            file = Path(folder, name)
            yield file.relative_to(where).as_posix(), file


def write_bundle(where: Path, files: Mapping[str, bytes], *, force: bool) -> list[str]:
    """Write a bundle into the folder `where`; return the stale files of an older bundle that went, sorted.

    Each file appears by rename, checksums.txt last: an interrupted run leaves a folder that `verify` refuses and that
    the next run completes.

    Raises:
        ForeignFiles: the folder holds something that would be lost or mixed up.
        Unwritable: the folder cannot be written.
    """
    stale = _stale(where, files, force=force)
    try:
        where.mkdir(parents=True, exist_ok=True)
        for path in sorted(files, key=lambda path: (path == CHECKSUMS, path)):
            _write(where / path, files[path])
        for path in stale:
            (where / path).unlink(missing_ok=True)
            for folder in (where / path).parents:
                if folder == where:
                    break
                with suppress(OSError):  # what is not empty stays
                    folder.rmdir()
    except OSError as error:
        raise Unwritable(f"{where} cannot be written: {error.strerror}", hint="name another folder with -o") from error
    return stale


def _write(target: Path, data: bytes) -> None:
    """Write one file by rename; scripts can be run."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o755 if target.suffix == ".sh" else 0o644)
        Path(temporary).replace(target)
    except OSError:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _stale(where: Path, files: Mapping[str, bytes], *, force: bool) -> list[str]:
    """Return the files in `where` that an older bundle left and the new one does not have.

    Raises:
        ForeignFiles: there are others, or edited ones, and `force` is not given.
        InvalidRequest: its checksums.txt is malformed.
    """
    if where.exists() and not where.is_dir():
        raise ForeignFiles(f"{where} is not a folder", hint="name another with -o")
    if not where.exists():
        return []
    present = {path: sha256(file.read_bytes()).hexdigest() for path, file in _walk(where)}
    if not present:
        return []
    ours = (where / OPTIONS).exists() and (where / CHECKSUMS).exists()
    old = listed((where / CHECKSUMS).read_text(errors="replace")) if ours else {}
    new = {path: sha256(data).hexdigest() for path, data in files.items()}
    foreign = [path for path in present if path not in (*old, CHECKSUMS) and not path.startswith(ATTESTATION)]
    foreign = [path for path in foreign if new.get(path) != present[path]]  # left by an interrupted run
    edited = [path for path, digest in old.items() if path in present and present[path] not in (digest, new.get(path))]
    if (foreign or edited) and not force:
        what = f"{foreign[0]}, which is not of a bundle" if foreign else f"{edited[0]}, which was edited since"
        more = len(foreign) + len(edited) - 1
        raise ForeignFiles(
            f"{where} holds {what}{f', and {more} more' if more else ''}",
            hint="name another folder with -o, or write all the same with --force",
        )
    return sorted(path for path in present if path in old and path not in files)
