"""Where an index lies: a folder, a single file, or inside the package.

Part of every look-up, so it imports next to nothing, not even pathlib.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import BrokenIndex, InvalidRequest, NotFound, unreadable
from clusterbook.lookup.format import (
    HEAD,
    LISTING,
    SOURCES,
    Index,
    Record,
    decode,
    decode_head,
    decode_record,
    recipe_part,
)
from clusterbook.records import Any

EMBEDDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "index")
"""The index that is built into the package."""
_REMOTE = ("oci://", "oci-layout:", "https://", "http://", "cm://")


class IndexFiles:
    """The parts of one index, read on demand; `remarks` are what a user should hear of where they come from."""

    remarks: tuple[str, ...] = ()

    def __init__(self, where: str = "") -> None:
        """Open the index at `where`: a folder, a single file (.zip), or "" for the one built into the package.

        A folder may also be a source tree; `is_tree` says so, and it is resolved instead of read.

        Raises:
            InvalidRequest: `where` is of a kind that is not read.
            NotFound: nothing is there.
            BrokenIndex: this installation has no index built in.
        """
        if where.startswith(_REMOTE):
            raise InvalidRequest(f"{where} is not supported here", hint="name a folder or a .zip file with an index")
        self.where = where or EMBEDDED
        CONSOLE.step(f"answers come from {where or 'the index built in'}", source=self.where)
        tree = f"{where}/registry.yaml"
        self.is_tree = bool(where) and os.path.isfile(tree) and not os.path.exists(f"{where}/{HEAD}")
        self._archive = None if os.path.isdir(self.where) else _archive(self.where, embedded=not where)

    def read(self, part: str) -> bytes | None:
        """Return the bytes of a part, None when the index does not have it."""
        try:
            if self._archive is not None:
                return self._archive.read(part) if part in self._archive.namelist() else None
            with open(f"{self.where}/{part}", "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(f"{self.where}/{part}", error, hint=_MEND) from error
        except (RuntimeError, ValueError) as error:
            raise BrokenIndex(f"{self.where}/{part} cannot be read: {error}", hint=_MEND) from error
        except Exception as error:
            if type(error).__module__ not in ("zipfile", "zlib"):  # imported only when the index is a zip
                raise
            raise BrokenIndex(f"{self.where}/{part} is damaged: {error}", hint=_MEND) from error

    def need(self, part: str) -> bytes:
        """Return the bytes of a part.

        Raises:
            NotFound: this is no index.
            BrokenIndex: the index does not have it.
        """
        data = self.read(part)
        if data is None and part == HEAD:
            raise NotFound(f"{self.where} has no {part}, so it is not an index", hint=_MEND)
        if data is None:
            raise BrokenIndex(f"{self.where} is incomplete: it has no {part}", hint=_MEND)
        return data

    def head(self) -> Index:
        """Return the head of the index."""
        return decode_head(self.need(HEAD), f"{self.where}/{HEAD}")

    def __str__(self) -> str:
        """Return what it is called by whoever names it."""
        return self.where

    def record(self, slug: str) -> Record | None:
        """Return one recipe, None when the index does not have it."""
        part = recipe_part(slug)
        data = None if os.sep in slug or slug.startswith(".") else self.read(part)
        return None if data is None else decode_record(data, f"{self.where}/{part}")

    def withdrawn(self) -> dict[str, str]:
        """Return why recipes are no longer to be used, by name; of what is only on this disk, nobody says."""
        return {}

    def document(self, part: str) -> object:
        """Return the document in a part that every index has."""
        return decode(self.need(part), f"{self.where}/{part}")

    def lines(self) -> list[dict[str, Any]]:
        """Return at least name, slug and state of every recipe."""
        found = self.document(LISTING)
        needed = {"name", "slug", "state"}
        if not isinstance(found, list) or not all(isinstance(line, dict) and needed <= line.keys() for line in found):
            raise BrokenIndex(f"{self.where}/{LISTING} is damaged", hint=_MEND)
        return found

    def texts(self) -> dict[str, str]:
        """Return the source files that the index was built from, by path.

        Raises:
            BrokenIndex: the index carries none.
        """
        found = self.document(SOURCES)
        if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
            raise BrokenIndex(f"{self.where}/{SOURCES} is damaged", hint=_MEND)
        return found


def refuse_withdrawn(withdrawn: Mapping[str, str], slug: str) -> None:
    """Raise InvalidRequest where a recipe is among those that are no longer to be used."""
    if slug in withdrawn:
        raise InvalidRequest(withdrawn[slug], hint=f"type clusterbook fetch recipe {slug} --allow-withdrawn")


def index_files(source: str | IndexFiles) -> IndexFiles:
    """Return the index at a place, "" for the one built in; one that is open already stays as it is."""
    return source if isinstance(source, IndexFiles) else IndexFiles(source)


def embedded_texts() -> dict[str, str]:
    """Return the source files in the index built into the package, by path; {} when the package has no index."""
    try:
        return IndexFiles().texts()
    except BrokenIndex:
        return {}


_MEND = "build one with `clusterbook-build build`, or name another with --source"


def _archive(where: str, *, embedded: bool):  # type: ignore[no-untyped-def]  # naming ZipFile would import zipfile
    """Return the single-file index at `where`, opened.

    Raises:
        NotFound: no such file.
        InvalidRequest: it is no zip.
    """
    if embedded:
        raise BrokenIndex("this installation has no index built in", hint=_MEND)
    from zipfile import BadZipFile, ZipFile  # 8 ms that a folder does not cost

    try:
        return ZipFile(where)
    except OSError as error:
        raise unreadable(where, error, hint=_MEND) from error
    except BadZipFile as error:
        raise InvalidRequest(f"{where} is neither a folder nor a zip file with an index", hint=_MEND) from error
