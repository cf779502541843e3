"""Files read: within bounds, as text, and with one sentence for each way in which that fails.

What lies in a folder that we may not enter counts as not being there, where pathlib before 3.14 raises PermissionError.
Part of judgements, so it imports next to nothing, not even pathlib.
"""

from __future__ import annotations

import stat
from os import PathLike, lstat
from os import path as paths

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, UnreadableSource, unreadable

_MB = 1024 * 1024


def is_file(path: PathLike[str] | str) -> bool:
    """Return whether there is a file."""
    return paths.isfile(path)  # noqa: PTH113 (see above)


def is_folder(path: PathLike[str] | str) -> bool:
    """Return whether there is a folder."""
    return paths.isdir(path)  # noqa: PTH112 (see above)


def exists(path: PathLike[str] | str) -> bool:
    """Return whether there is anything."""
    return paths.exists(path)  # noqa: PTH110 (see above)


def read_text(
    path: PathLike[str] | str, *, limit_bytes: int, hint: str, error: type[ClusterbookError] = InvalidRequest
) -> str:
    """Return the text of a file that a user names; a mark of its byte order is no part of it.

    Args:
        path: the file; a pipe or a device is read as well.
        limit_bytes: how large it may be.
        hint: what to name instead where it cannot be read.
        error: what a file is that is too large, or not text.

    Raises:
        NotFound: there is none.
        Unreadable: it is there, but not for us.
        InvalidRequest: it is a folder; or as `error` says.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (see above)
            data = file.read(limit_bytes + 1)
    except OSError as fault:
        raise unreadable(path, fault, hint=hint) from fault
    return text_of(data, str(path), limit_bytes=limit_bytes, error=error)


def text_of(data: bytes, name: str, *, limit_bytes: int, error: type[ClusterbookError] = InvalidRequest) -> str:
    """Return bytes that were read as text; `name` is where, in messages, and one byte more than allowed is enough.

    Raises:
        ClusterbookError: of the type `error`: they are too many, or not UTF-8.
    """
    if len(data) > limit_bytes:
        raise error(f"{name} is larger than {limit_bytes // _MB} MB", hint="check that it is the right file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise error(f"{name} is not UTF-8 text", hint="save it as UTF-8") from fault


def read_source(path: PathLike[str], *, limit_bytes: int) -> bytes:
    """Return the bytes of a file in a source tree or a ledger, which reads the same on every machine.

    Raises:
        UnreadableSource: a link, no plain file, too large, or not for us; it names the place.
    """
    try:
        status = lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise UnreadableSource("a link", hint="links are not followed; copy the file", place=path)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableSource("not a plain file", hint="remove it from the tree", place=path)
        if status.st_size > limit_bytes:
            raise UnreadableSource(f"larger than {limit_bytes // _MB} MB", hint="split it", place=path)
        with open(path, "rb") as file:  # noqa: PTH123 (see above)
            return file.read()
    except OSError as error:
        raise UnreadableSource(f"cannot be read: {error.strerror}", hint="check its permissions", place=path) from error
