"""Output files and folders: they appear whole or not at all.

What is written is made beside its target and renamed, so whoever looks sees the old state or the new one. A folder in
which something is made and checked before it takes its place is nobody else's: in one such as /tmp anybody could make
it first, and swap what was checked.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import InvalidRequest, Unwritable


def write_text(where: str, text: str) -> None:
    """Write `text` to the file `where`, by atomic rename.

    Raises:
        InvalidRequest: `where` is of a kind that is not written.
        Unwritable: the file cannot be written; what stood there still stands.
    """
    if where.startswith(("cm://", "oci://")):
        raise InvalidRequest(f"{where} cannot be written by this command", hint="name a file")
    write_bytes(Path(where), text.encode())


def write_bytes(target: Path, data: bytes) -> None:
    """Write `data` to the file `target`, by atomic rename; links are followed, pipes and devices written into.

    Raises:
        Unwritable: the file cannot be written; what stood there still stands.
    """
    temporary = ""
    try:
        if target.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        target = target.resolve()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
        CONSOLE.step(f"wrote {target}, {len(data):,} bytes", file=str(target), bytes=len(data))
    except (OSError, ValueError) as error:
        with suppress(OSError):
            Path(temporary or os.devnull + "/none").unlink()
        raise Unwritable(
            f"{str(target)!a} cannot be written: {getattr(error, 'strerror', error)}",
            hint="name a file in a folder you may write",
        ) from error


def write_folder(target: Path, files: Iterable[tuple[str, bytes]], *, marker: str = "") -> list[Path]:
    """Write `files` (name, bytes) as the folder `target`, replacing it as a whole; return their paths, sorted.

    `marker` is the file by which a folder is known to be one of ours, which may be replaced; without one, only an empty
    folder is.

    Raises:
        Unwritable: the folder cannot be written; what stood there still stands.
    """
    try:
        if target.is_dir() and any(target.iterdir()) and not (marker and (target / marker).exists()):
            raise Unwritable(f"{target} exists already and holds something else", hint="name another folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise Unwritable(f"{target} cannot be written: {error.strerror}") from error
    try:
        fresh, old = work / "new", work / "old"
        names = []
        for name, data in files:
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            names.append(name)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    except OSError as error:
        if (work / "old").exists() and not target.exists():
            (work / "old").rename(target)
        raise Unwritable(f"{target} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    CONSOLE.step(f"wrote {target}, {len(names):,} files", folder=str(target), files=len(names))
    return sorted(target / name for name in names)


def write_tree(where: str, texts: Mapping[str, str], *, marker: str) -> list[Path]:
    """Write `texts` by path as the folder `where`; see `write_folder`. Raises as it does."""
    return write_folder(Path(where), ((path, text.encode()) for path, text in texts.items()), marker=marker)


def work_folder(path: Path) -> Path:
    """Return the folder `path`, made if it is not there: it is ours, and nobody else may look into it.

    Raises:
        Unwritable: somebody else made it, or it leads elsewhere.
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
        what = f"{path}, where the result is prepared, was created by another user"
        raise Unwritable(what, hint="do not trust it: remove it, or choose an output in a folder of your own")
    return path
