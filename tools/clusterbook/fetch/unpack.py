"""Unpack: a bundle that is fetched becomes a folder, whole or not at all; or it stays an archive.

Beside the folder lies another, `.NAME.part`, for as long as it takes; what was killed is gone on with there, and one
folder takes the place of the other in one step.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from clusterbook.bundle.disk import ATTESTATION, MOST_BYTES, check_replaceable, read_bundle
from clusterbook.diagnostics.errors import ClusterbookError, Unwritable
from clusterbook.files.archive import TarEntry, pack_file, tar_entry, unpack_file
from clusterbook.files.tar_reader import Limits, members
from clusterbook.oci.blob_file import LOCK, lock_folder, remove_folder
from clusterbook.oci.manifest import Descriptor
from clusterbook.oci.store import Store
from clusterbook.oci.transfer import save

_LIMITS = Limits(files=20_000, total_bytes=MOST_BYTES)


def unpack_bundle(
    store: Store, repository: str, archive: Descriptor, target: Path, beside: Mapping[str, bytes], *, force: bool
) -> list[str]:
    """Bring the archive of a bundle here and make it the folder `target`; return the names of its files.

    Args:
        store: where the archive is.
        repository: in which repository.
        archive: the layer that holds the files.
        target: the folder; an older bundle in it is replaced in one step.
        beside: what the bundle carries along in attestation/, by file.
        force: whether files that are not of a bundle, or were edited, may be replaced; others stay.

    Raises:
        WrongContent: the bytes are not the right ones.
        UnsafeArchive: it holds what no bundle has.
        ForeignFiles: the folder holds something that would be lost.
        Unwritable: the folder cannot be written; what was there is there.
    """
    target = target.resolve()
    work = target.parent / f".{target.name}.part"
    try:
        with lock_folder(work):
            packed = work / archive.digest.partition(":")[2]
            try:
                save(store, repository, archive, packed)
            except ClusterbookError:
                if [path.name for path in work.iterdir()] == [LOCK]:  # nothing came that could be gone on with
                    remove_folder(work)
                raise
            try:
                return _unpack(packed, work, target, beside, force=force)
            finally:
                remove_folder(work)
    except OSError as error:
        raise Unwritable(f"{target} cannot be written: {error.strerror}", hint="name another folder with -o") from error


def keep_archive(
    store: Store, repository: str, archive: Descriptor, target: Path, beside: Mapping[str, bytes]
) -> list[str]:
    """Bring the archive of a bundle here as the file `target`; return the names of the bundle's files.

    What the bundle carries along is packed with it, where a folder would have it, so that the file can be verified as
    it is. Without a signature it stays byte for byte what was published.

    Raises:
        WrongContent: the bytes are not the right ones.
        UnsafeArchive: it holds what no bundle has.
        Unwritable: the file cannot be written.
    """
    data = store.read(repository, archive, limit_bytes=MOST_BYTES)
    by_name = {each.name: each for each in _members(data, str(target))}
    if not beside:
        save(store, repository, archive, target)
        return sorted(by_name)
    tops = {name.partition("/")[0] if "/" in name else "" for name in by_name}
    top = f"{tops.pop()}/" if len(tops) == 1 and "" not in tops else ""
    entries = list(by_name.values())
    entries += [tar_entry(f"{top}{ATTESTATION}{name}", each) for name, each in beside.items()]
    with suppress(OSError):  # what is wrong with the folder, packing says
        target.parent.mkdir(parents=True, exist_ok=True)
    pack_file(entries, target, compress=True)
    return sorted(by_name)


def _members(data: bytes, name: str) -> Iterator[TarEntry]:
    for each in members(BytesIO(data), name, limits=_LIMITS):
        yield tar_entry(each.name, each.stream.read(), executable=each.executable)


def _unpack(packed: Path, work: Path, target: Path, beside: Mapping[str, bytes], *, force: bool) -> list[str]:
    fresh = work / "new"
    shutil.rmtree(fresh, ignore_errors=True)  # of a run that was killed
    unpack_file(packed, fresh, limits=_LIMITS)
    inner = list(fresh.iterdir())
    if len(inner) == 1 and inner[0].is_dir():  # a chart stands in a folder of its name
        fresh = inner[0]
    files = read_bundle(fresh)
    for name, data in beside.items():
        path = fresh / ATTESTATION / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    for own in check_replaceable(target, files, force=force):
        (fresh / own).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(target / own, fresh / own)
    put_in_place(fresh, target)
    return sorted(files)


def put_in_place(fresh: Path, target: Path) -> None:
    """Make the folder `fresh` be `target`; what was there before is in `fresh` then, or nothing is.

    Source: renameat2(2), RENAME_EXCHANGE; where there is none, the old folder is gone for a moment before the new one
    is there.
    """
    with suppress(OSError):
        fresh.replace(target)  # there was nothing, or an empty folder
        return
    if not _exchange(fresh, target):
        old = fresh.with_name("old")
        target.rename(old)
        fresh.rename(target)


def _exchange(folder: Path, target: Path) -> bool:
    """Return whether two folders could be exchanged in one step."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return int(call(here, os.fsencode(folder), here, os.fsencode(target), exchange)) == 0
