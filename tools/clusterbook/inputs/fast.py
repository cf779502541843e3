"""Large inputs, quickly: JSON and plain YAML that programs wrote, read without importing a YAML library.

Whatever takes more to read goes to `inputs.read`, which also says what is wrong; where this reader gives an answer, it
is the same. Part of judgements, which have as little time as look-ups.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents import yaml_fast
from clusterbook.documents.api_version import API_VERSIONS
from clusterbook.files.read import read_text
from clusterbook.snapshot.model import Snapshot, read_whole

MAX_BYTES = 256 * 1024 * 1024
"""Largest file that is read; 5,000 nodes with 20,000 pods take 30 MB. The reference reads 1 MB of a URL (L26)."""


def read_document(where: str) -> dict[str, Any]:
    """Return the YAML or JSON document at `where`; see `inputs.read.read_document`.

    Raises:
        NotFound: nothing is there.
        InvalidRequest: it is too large, or no document.
    """
    document = _read(where) if where != "-" and "://" not in where else None
    if not isinstance(document, dict) or document.get("apiVersion") not in (None, "", *API_VERSIONS):
        from clusterbook.inputs import read  # says what is wrong, and reads what is left

        return read.read_document(where)
    return document


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


def _read(where: str) -> Any:
    """Return the document in a file, None where it takes more to read it."""
    text = read_text(where, limit_bytes=MAX_BYTES, hint="name a file, a URL, or - for standard input")
    try:
        return _json(text) if text.lstrip()[:1] == "{" else yaml_fast.read(text)
    except (ValueError, RecursionError):
        return None


def _json(text: str) -> Any:
    """Return the JSON in `text`.

    Raises:
        ValueError: it is no JSON, a key stands twice in a map, or it nests deeper than a document may.
    """
    document = json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_map)
    level = [document]
    for _ in range(yaml_fast.MAX_DEPTH):
        below: list[Any] = []
        for collection in level:
            members = collection.values() if type(collection) is dict else collection
            below += [member for member in members if type(member) is dict or type(member) is list]
        if not below:
            return document
        level = below
    raise ValueError("too deep")


def _finite(word: str) -> float:
    """Return a number; one that is too large for one is refused."""
    number = float(word)
    if not isfinite(number):
        raise ValueError(word)
    return number


def _map(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a map, each key of which stands once."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def _no_number(word: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(word)
