"""Bundle folders: a bundle on disk, and how one is read from an archive.

A bundle is read without trusting it, and written without losing what is not ours. Part of every `bundle`, so it
imports next to nothing, not even pathlib.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

from clusterbook.bundle.checksums import CHECKSUMS, FILES, digest_of_all, read_checksums, sha256, without_root
from clusterbook.bundle.render import OPTIONS
from clusterbook.diagnostics.console import CONSOLE
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
    """The output folder holds files that do not belong to a bundle, or that were edited since.

    Name another folder with `-o`. With `--force` edited files are replaced, and files of other names stay.
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
    if is_archive(where):
        found = read_archive(where, most_bytes=most_bytes)
        return {path: data for path, data in found.items() if not path.startswith(ATTESTATION)}
    if not os.path.exists(where):
        raise NotFound(f"{where} does not exist", hint=_BUNDLE)
    if not os.path.isdir(where):
        raise InvalidRequest(f"{where} is neither a folder nor a .tar.gz file", hint=_BUNDLE)
    found = {}
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


def is_archive(where: Folder) -> bool:
    """Return whether `where` is called as an archive is, and is no folder."""
    return os.fspath(where).endswith(ARCHIVES) and not os.path.isdir(where)


def read_archive(where: Folder, *, most_bytes: int = MOST_BYTES) -> dict[str, bytes]:
    """Return all files of an archive by their path below its one folder. Raises as `read_bundle`."""
    from clusterbook.files.tar_reader import Limits, members

    limits = Limits(files=MOST_FILES, total_bytes=most_bytes)
    try:
        with open(where, "rb") as file:
            found = members(file, os.fspath(where), limits=limits, folders=True)
            return without_root({each.name: each.stream.read() for each in found})
    except OSError as error:
        raise unreadable(where, error, hint=_BUNDLE) from error


def _read(file: str) -> bytes:
    with open(file, "rb", buffering=0) as opened:
        return opened.readall()


def _walk(where: Folder, below: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, file) of every file in a folder, sorted, then of those below; slashes whatever the system.

    Raises:
        InvalidRequest: something is neither a file nor a folder.
        OSError: a folder cannot be read.
    """
    with os.scandir(os.path.join(where, below)) as entries:
        found = sorted(entries, key=lambda entry: (not entry.is_dir(), entry.name))
    for entry in found:
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            what = f"{below}{entry.name}, which is a link or a device"
            raise InvalidRequest(f"{where} holds {what}", hint="bundles hold regular files only")
        if not entry.is_dir():
            yield f"{below}{entry.name}", entry.path
    for entry in found:
        if entry.is_dir():
            yield from _walk(where, f"{below}{entry.name}/")


def write_bundle(where: Folder, files: Mapping[str, bytes], *, force: bool) -> list[str]:
    """Write a bundle into the folder `where`; return the stale files of an older bundle that went, sorted.

    A file that is there already stays; each other one appears by rename, checksums.txt last: a run that is interrupted
    or killed leaves a folder that `verify` refuses and that the next run completes.

    Raises:
        ForeignFiles: the folder holds something that would be lost or mixed up.
        Unwritable: the folder cannot be read or written.
    """
    try:
        present = _present_digests(where)
        digests = {path: sha256(data) for path, data in files.items()} if present else {}
        stale, _ = _leftovers(where, present, digests, force=force)
        for folder in {os.path.dirname(path) for path in files}:
            os.makedirs(os.path.join(where, folder), exist_ok=True)
        for path in sorted(files, key=lambda path: (path == CHECKSUMS, path)):
            if path not in present or present[path] != digests[path]:
                _write(where, path, files[path])
            elif os.stat(os.path.join(where, path)).st_mode & 0o777 != _mode(path):
                os.chmod(os.path.join(where, path), _mode(path))
        for path in stale:
            _remove(where, path)
    except OSError as error:
        raise Unwritable(f"{where} cannot be written: {error.strerror}", hint="name another folder with -o") from error
    CONSOLE.step(f"wrote {where}, {len(files)} files", folder=str(where), files=len(files))
    return stale


def _write(where: Folder, path: str, data: bytes) -> None:
    """Write one file of a bundle by rename; scripts can be run. A run that is killed leaves its part to the next."""
    part = os.path.join(where, _part(path))
    try:
        with open(part, "wb", buffering=0) as file:
            file.write(data)
        os.chmod(part, _mode(path))
        os.replace(part, os.path.join(where, path))
    except OSError:
        with suppress(OSError):
            os.unlink(part)
        raise


def _mode(path: str) -> int:
    """Return the permissions of a file."""
    return 0o755 if path.endswith(".sh") else 0o644


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
    new = {path: sha256(data) for path, data in files.items()}
    return [path for path in _leftovers(where, _present_digests(where), new, force=force)[1] if path not in files]


def _present_digests(where: Folder) -> dict[str, str]:
    """Return the digests of the files in `where` by path, none where there is no such folder. Raises as above."""
    if not os.path.exists(where):
        return {}
    if not os.path.isdir(where):
        raise ForeignFiles(f"{where} is not a folder", hint="name another with -o")
    return {path: sha256(_read(file)) for path, file in _walk(where)}


def _leftovers(
    where: Folder, present: Mapping[str, str], new: Mapping[str, str], *, force: bool
) -> tuple[list[str], list[str]]:
    """Return the files in `where` that an older bundle left, and those of nobody's, by digests. Raises as above."""
    if not present:
        return [], []
    old = _recorded_digests(where, present)
    unfinished = {_part(path) for path in (*old, *new)} & present.keys()
    foreign = [path for path in present if path not in (*old, CHECKSUMS) and not path.startswith(ATTESTATION)]
    foreign = [path for path in foreign if new.get(path) != present[path] and path not in unfinished]
    edited = [path for path, digest in old.items() if path in present and present[path] not in (digest, new.get(path))]
    if (foreign or edited) and not force:
        what = f"{foreign[0]}, which does not belong to a bundle" if foreign else f"{edited[0]}, which was edited since"
        more = len(foreign) + len(edited) - 1
        raise ForeignFiles(
            f"{where} holds {what}{f', and {more} more' if more else ''}",
            hint="name another folder with -o, or overwrite with --force",
        )
    gone = {path for path in present if path in old and path not in new}
    if gone or any(present.get(path) != digest for path, digest in new.items()):
        gone |= {path for path in present if path.startswith(ATTESTATION)} - new.keys()  # it vouches for the old files
    return sorted(unfinished | gone), foreign


def _recorded_digests(where: Folder, present: Mapping[str, str]) -> dict[str, str]:
    """Return the digests of the files of the bundle in `where`, as it records them; none where it is no bundle.

    A published chart records nothing of its own; one that was fetched is recorded by the manifest it came with.
    """
    if OPTIONS in present and CHECKSUMS in present:
        return read_checksums(_read(os.path.join(where, CHECKSUMS)).decode(errors="replace"))
    own = {path: digest for path, digest in present.items() if not path.startswith(ATTESTATION)}
    with suppress(OSError, ValueError, TypeError, KeyError):
        if json.loads(_read(os.path.join(where, ATTESTATION, MANIFEST)))["annotations"][FILES] == digest_of_all(own):
            return own
    return {}
