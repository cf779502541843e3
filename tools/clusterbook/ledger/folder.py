"""The ledger on disk: its files, each read when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from clusterbook.diagnostics.errors import InvalidRequest, UnreadableSource
from clusterbook.documents.yaml_reader import MAX_BYTES
from clusterbook.files.read import read_source
from clusterbook.ledger.model import Ledger


class LedgerFolder(Mapping[str, str]):
    """The text of each file below a folder by its path there, sorted; a folder that does not exist is empty."""

    def __init__(self, root: Path) -> None:
        """List the folder at `root`.

        Raises:
            UnreadableSource: it cannot be listed.
        """
        self._root = root
        self._texts: dict[str, str] = {}
        paths = []
        for folder, folders, names in os.walk(root, onerror=_refuse) if root.exists() else ():
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = Path(folder).relative_to(root)
            paths += [(below / name).as_posix() for name in names if not name.startswith(".")]
        self._paths = dict.fromkeys(sorted(paths))

    def __getitem__(self, path: str) -> str:
        """Return the text of a file.

        Raises:
            UnreadableSource: it cannot be read, or is a link.
        """
        if path not in self._paths:
            raise KeyError(path)
        if path not in self._texts:
            self._texts[path] = _text(self._root / path)
        return self._texts[path]

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _text(path: Path) -> str:
    data = read_source(path, limit_bytes=MAX_BYTES)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UnreadableSource(f"not UTF-8 text (byte {error.start})", place=path) from error


def _refuse(error: OSError) -> None:
    raise UnreadableSource(f"{error.filename} cannot be read: {error.strerror}") from error


def open_ledger(root: Path) -> Ledger:
    """Return the ledger in the folder `root`; where there is none yet, it is empty.

    Raises:
        UnreadableSource: it cannot be listed.
    """
    if root.exists() and not root.is_dir():
        raise InvalidRequest(f"{root} is not a folder", hint="name the folder of the ledger: registry")
    return Ledger(LedgerFolder(root), root.as_posix())
