"""Blob file: bytes that come in pieces and become a file only once they are the right ones.

A transfer that was killed is gone on with where it stopped, and two processes keep out of each other's way.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO

from clusterbook.diagnostics.transport import WrongContent
from clusterbook.files.write import work_folder
from clusterbook.oci.manifest import Descriptor
from clusterbook.oci.store import Content


def write_blob(
    blob: Descriptor, content: Content, target: Path, part: Path, where: str, *, is_present: Callable[[], bool]
) -> bool:
    """Bring a blob into the file `target` by way of `part`, which keeps what has come when we are killed.

    Returns whether it was brought; False when it is `is_present` once nobody else is about to bring it.

    Raises:
        WrongContent: the bytes are not the right ones; nothing of them is left.
        OSError: a file cannot be written.
    """
    with lock_file(part) as file:
        if is_present():
            part.unlink()
            return False
        try:
            _receive(blob, content, file, where)
        except WrongContent:
            part.unlink()
            raise
        part.replace(target)
        return True


def _receive(blob: Descriptor, content: Content, file: IO[bytes], where: str) -> None:
    """Write the bytes of a blob to `file`, going on from what is in it; from the start if that turns out wrong."""
    file.seek(0)
    resumed = file_digest(file, sha256)  # type: ignore[arg-type]  # typeshed wants readinto, which every file has
    start = file.tell()
    position = 0
    for hasher in (resumed, sha256()) if 0 < start <= blob.size else (sha256(),):
        if hasher is not resumed:
            start = 0
            file.truncate(0)
        position = start
        for chunk in content(start) if start < blob.size else ():
            position += len(chunk)
            if position > blob.size:
                break
            hasher.update(chunk)
            file.write(chunk)
        if position == blob.size and f"sha256:{hasher.hexdigest()}" == blob.digest:
            file.flush()
            return
    what = "does not match its digest" if position >= blob.size else f"ends after {position} bytes"
    raise WrongContent(f"{where}: {blob.digest} {what}; none of it was kept", hint="try again, or use another source")


LOCK = "lock"


@contextmanager
def lock_folder(path: Path) -> Iterator[None]:
    """Have the folder `path` to work in, and nobody else, waiting for whoever has it. In it lies the file LOCK.

    Raises:
        Unwritable: somebody else made it, or it leads elsewhere.
        OSError: it cannot be made.
    """
    with lock_file(path / LOCK, make=lambda: work_folder(path)):
        yield


def remove_folder(path: Path) -> None:
    """Remove a folder that we have locked with all that is in it; the lock last, for those who wait for it."""
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != LOCK:
            entry.unlink(missing_ok=True)
    (path / LOCK).unlink(missing_ok=True)
    with suppress(OSError):  # somebody who waited is at work in it already
        path.rmdir()


@contextmanager
def lock_file(path: Path, *, make: Callable[[], object] | None = None) -> Iterator[IO[bytes]]:
    """Open a file for reading and writing that no other thread or process has open this way, waiting for them.

    Args:
        path: the file.
        make: makes its folder; whoever had the file before may have removed it.
    """
    while True:
        if make is not None:
            make()
        else:
            path.parent.mkdir(exist_ok=True)
        try:
            opened = path.open("a+b")
        except FileNotFoundError:
            if path.parent.exists() or make is not None:
                continue
            raise
        with opened as file:
            if sys.platform == "win32":
                yield file
                return
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                same = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except FileNotFoundError:
                same = False
            if same:  # else whoever had it first finished, and moved it away
                yield file
                return
