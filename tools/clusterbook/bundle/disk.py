"""Bundle folders: a bundle on disk, and how one is read from an archive.

Knows how a bundle is read without trusting it, and written without losing what is not ours. Does not know what it says.
Part of every `bundle`, so it imports next to nothing, not even pathlib.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256

from clusterbook.bundle.checksums import CHECKSUMS, FILES, digest_of_all, listed, unrooted
from clusterbook.bundle.render import OPTIONS
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound, Unwritable, unreadable

Folder = str | os.PathLike[str]
MOST_BYTES = 512 * 1024 * 1024
"""A bundle with every chart in it takes about 10 MB; what is larger than this is no bundle."""
MOST_FILES = 20_000
ARCHIVES = (".tar.gz", ".tgz")
"""How the name of an archive ends."""
ATTESTATION = "attestation/"
"""Signatures lie beside a bundle's files: they speak of them, so they are not among them."""
MANIFEST, SIGNATURE = "manifest.json", "statement.sigstore.json"
"""What of them a fetched bundle carries along."""


_BUNDLE = "name a bundle: a folder, or a .tar.gz file"


class ForeignFiles(ClusterbookError):
    """The output folder holds files that are not of a bundle, or that somebody has edited since.

    Name another folder with `-o`. With `--force` files of other names stay, edited ones are replaced.
    """

    code = "CB111"
    exit_status = 2


def read_bundle(where: Folder, *, most_bytes: int = MOST_BYTES) -> dict[str, bytes]:
    """Return the files of the bundle in the folder or archive `where`, by path, signatures left out.

    Raises:
        NotFound: there is none.
        InvalidRequest: it holds links or other things that no bundle has, or is too large.
        UnsafeArchive: the archive is damaged, or not one that can be trusted.
    """
    if os.fspath(where).endswith(ARCHIVES) and not os.path.isdir(where):
        return _unpacked(where, most_bytes)
    if not os.path.exists(where):
        raise NotFound(f"{where} does not exist", hint=_BUNDLE)
    if not os.path.isdir(where):
        raise InvalidRequest(f"{where} is neither a folder nor a .tar.gz file", hint=_BUNDLE)
    found: dict[str, bytes] = {}
    total = 0
    try:
        for path, file in _walk(where):
            if path.startswith(ATTESTATION):
                continue
            total += os.path.getsize(file)
            if total > most_bytes:
                raise InvalidRequest(f"{where} holds more than {most_bytes:,} bytes", hint="name a bundle's folder")
            found[path] = _read(file)
    except OSError as error:
        raise unreadable(error.filename, error) from error
    return found


def _unpacked(where: Folder, most_bytes: int) -> dict[str, bytes]:
    """Return the files of an archive by their path below its one folder. Raises as `read_bundle`."""
    from clusterbook.files.tar_reader import Limits, members

    limits = Limits(files=MOST_FILES, total_bytes=most_bytes)
    try:
        with open(where, "rb") as file:
            return unrooted({each.name: each.stream.read() for each in members(file, os.fspath(where), limits=limits)})
    except OSError as error:
        raise unreadable(where, error, hint=_BUNDLE) from error


def _read(file: str) -> bytes:
    with open(file, "rb") as opened:
        return opened.read()


def _walk(where: Folder) -> Iterator[tuple[str, str]]:
    """Yield (path, file) of every file below a folder, sorted; a path has slashes whatever the system.

    Raises:
        InvalidRequest: something is neither a file nor a folder.
        OSError: a folder cannot be read.
    """

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(where, onerror=fail):
        folders.sort()
        for name in [*folders, *sorted(files)]:
            file = os.path.join(folder, name)
            path = os.path.relpath(file, where).replace(os.sep, "/")
            if os.path.islink(file) or not (os.path.isfile(file) or os.path.isdir(file)):
                raise InvalidRequest(
                    f"{where} holds {path}, which is a link or a device", hint="no bundle has such files"
                )
            if not os.path.isdir(file):
                yield path, file


def write_bundle(where: Folder, files: Mapping[str, bytes], *, force: bool) -> list[str]:
    """Write a bundle into the folder `where`; return the stale files of an older bundle that went, sorted.

    Each file appears by rename, checksums.txt last: a run that is interrupted or killed leaves a folder that `verify`
    refuses and that the next run completes.

    Raises:
        ForeignFiles: the folder holds something that would be lost or mixed up.
        Unwritable: the folder cannot be read or written.
    """
    try:
        stale = _stale(where, files, force=force)
        for folder in {os.path.dirname(path) for path in files}:
            os.makedirs(os.path.join(where, folder), exist_ok=True)
        for path in sorted(files, key=lambda path: (path == CHECKSUMS, path)):
            _write(where, path, files[path])
        for path in stale:
            _remove(where, path)
    except OSError as error:
        raise Unwritable(f"{where} cannot be written: {error.strerror}", hint="name another folder with -o") from error
    return stale


def _write(where: Folder, path: str, data: bytes) -> None:
    """Write one file of a bundle by rename; scripts can be run. A run that is killed leaves its part to the next."""
    part = os.path.join(where, _part(path))
    try:
        with open(part, "wb") as file:
            file.write(data)
        os.chmod(part, 0o755 if path.endswith(".sh") else 0o644)
        os.replace(part, os.path.join(where, path))
    except OSError:
        with suppress(OSError):
            os.unlink(part)
        raise


def _part(path: str) -> str:
    """Return what the file at `path` is called until it is whole."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.part"


def _remove(where: Folder, path: str) -> None:
    """Remove one file, and the folders that it leaves empty."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(where, path))
    while path := os.path.dirname(path):
        with suppress(OSError):  # what is not empty stays
            os.rmdir(os.path.join(where, path))


def check_replaceable(where: Folder, files: Mapping[str, bytes], *, force: bool) -> list[str]:
    """Return the files in `where` that are not of a bundle and stay when `files` take the place of those that are.

    Raises:
        ForeignFiles: the folder holds something that would be lost, and `force` is not given.
        InvalidRequest: its checksums.txt is malformed.
        OSError: something cannot be read.
    """
    return [path for path in _compared(where, files, force=force)[1] if path not in files]


def _stale(where: Folder, files: Mapping[str, bytes], *, force: bool) -> list[str]:
    """Return the files in `where` that an older bundle left and the new one does not have. Raises as above."""
    return _compared(where, files, force=force)[0]


def _compared(where: Folder, files: Mapping[str, bytes], *, force: bool) -> tuple[list[str], list[str]]:
    """Return the files in `where` that an older bundle left, and those of nobody's. Raises as above."""
    if os.path.exists(where) and not os.path.isdir(where):
        raise ForeignFiles(f"{where} is not a folder", hint="name another with -o")
    present = {path: sha256(_read(file)).hexdigest() for path, file in _walk(where)} if os.path.exists(where) else {}
    if not present:
        return [], []
    old = _recorded(where, present)
    new = {path: sha256(data).hexdigest() for path, data in files.items()}
    unfinished = {_part(path) for path in (*old, *new)} & present.keys()
    foreign = [path for path in present if path not in (*old, CHECKSUMS) and not path.startswith(ATTESTATION)]
    foreign = [path for path in foreign if new.get(path) != present[path] and path not in unfinished]
    edited = [path for path, digest in old.items() if path in present and present[path] not in (digest, new.get(path))]
    if (foreign or edited) and not force:
        what = f"{foreign[0]}, which is not of a bundle" if foreign else f"{edited[0]}, which was edited since"
        more = len(foreign) + len(edited) - 1
        raise ForeignFiles(
            f"{where} holds {what}{f', and {more} more' if more else ''}",
            hint="name another folder with -o, or write all the same with --force",
        )
    gone = {path for path in present if path in old and path not in files}
    if gone or any(present.get(path) != digest for path, digest in new.items()):
        gone |= {
            path for path in present if path.startswith(ATTESTATION)
        } - files.keys()  # it vouches for the old files
    return sorted(unfinished | gone), foreign


def _recorded(where: Folder, present: Mapping[str, str]) -> dict[str, str]:
    """Return the digests of the files of the bundle in `where`, as it records them; none where it is no bundle.

    A published chart records nothing of its own; one that was fetched is recorded by the manifest it came with.
    """
    if OPTIONS in present and CHECKSUMS in present:
        return listed(_read(os.path.join(where, CHECKSUMS)).decode(errors="replace"))
    own = {path: digest for path, digest in present.items() if not path.startswith(ATTESTATION)}
    with suppress(OSError, ValueError, TypeError, KeyError):
        if json.loads(_read(os.path.join(where, ATTESTATION, MANIFEST)))["annotations"][FILES] == digest_of_all(own):
            return own
    return {}
