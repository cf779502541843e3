"""Handed in, and large: documents that programs wrote, read as quickly as they can be.

Knows when JSON or plain YAML in a file can be read without importing a YAML library; everything else goes to `inputs`.
Does not know what is in a document. Part of judgements, which have as little time as look-ups.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest, unreadable
from clusterbook.documents import yaml_fast as yamlplain
from clusterbook.documents.api_version import API_VERSIONS
from clusterbook.snapshot.model import Snapshot, read_whole

MAX_BYTES = 256 * 1024 * 1024
"""Largest file that is read; 5,000 nodes with 20,000 pods take 30 MB. The reference reads 1 MB of a URL (L26)."""


def read_document(where: str) -> dict[str, Any]:
    """Return the YAML or JSON document at `where`; see `inputs.read_document`.

    Raises:
        NotFound: nothing is there.
        InvalidRequest: it is too large, or no document.
    """
    found = _quickly(where) if where != "-" and "://" not in where else None
    if not isinstance(found, dict) or found.get("apiVersion") not in (None, "", *API_VERSIONS):
        from clusterbook.inputs import read as inputs  # says what is wrong, and reads what is left

        return inputs.read_document(where)
    return found


def read_snapshot(where: str) -> tuple[dict[str, Any], Snapshot]:
    """Return the snapshot at `where`, as a document and read.

    Raises:
        NotFound: nothing is there.
        InvalidRequest: it is no snapshot, or one that shows nothing.
    """
    document = read_document(where)
    return document, as_snapshot(document, where)


def as_snapshot(document: object, where: str) -> Snapshot:
    """Return the snapshot that a document at `where` is. Raises InvalidRequest as `read_snapshot`."""
    try:
        return read_whole(document)
    except InvalidRequest as error:
        raise InvalidRequest(error.what, place=where, hint=error.hint) from error


def _quickly(where: str) -> Any:
    """Return the document in a file, None where it takes more to read it."""
    try:
        with open(where, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise unreadable(where, error, hint="name a file, a URL, or - for standard input") from error
    if len(data) > MAX_BYTES:
        raise InvalidRequest(f"{where} is larger than {MAX_BYTES // 1024 // 1024} MB", hint="is it the right file?")
    try:
        text = data.decode("utf-8-sig")
        return _json(text) if text.lstrip()[:1] == "{" else yamlplain.read(text)
    except (ValueError, RecursionError):
        return None


def _json(text: str) -> Any:
    """Return the JSON in `text`.

    A key that stands twice in a map is looked for by counting, in a tenth of the time that reading takes: as programs
    write JSON there are as many `":` as keys, or more where a text has one in it.

    Raises:
        ValueError: it is no JSON, or a key stands twice in a map.
    """
    found = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    if text.count('":') != _keys(found) or any(blank in text for blank in (" :", "\t:", "\n:", "\r:")):
        return json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once)
    return found


def _keys(found: object) -> int:
    """Return how many keys all maps in a document have together.

    Raises:
        ValueError: it nests deeper than a document may.
    """
    count = 0
    level: list[Any] = [[found]]
    for _ in range(yamlplain.MAX_DEPTH):
        if not level:
            return count
        below: list[Any] = []
        keep = below.append
        for each in level:
            if type(each) is dict:
                count += len(each)
                each = each.values()
            for value in each:
                if type(value) is dict or type(value) is list:
                    keep(value)
        level = below
    raise ValueError("too deep")


def _finite(word: str) -> float:
    """Return a number; one that is too large for one is refused."""
    number = float(word)
    if not isfinite(number):
        raise ValueError(word)
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a map, each key of which stands once."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(word: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(word)
