"""Large inputs, quickly: JSON and plain YAML that programs wrote, read without importing a YAML library.

Whatever takes more to read goes to `inputs.read`, which also says what is wrong; where this reader gives an answer, it
is the same. Part of judgements, which have as little time as look-ups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from math import isfinite

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents import yaml_fast
from clusterbook.documents.api_version import versions_of
from clusterbook.documents.scalars import BOOLEANS
from clusterbook.files.read import read_text
from clusterbook.records import Any
from clusterbook.resolve.recipe import COMPONENTS, KIND
from clusterbook.snapshot.model import Snapshot, read_measured_snapshot

MAX_BYTES = 256 * 1024 * 1024
"""Largest file that is read; 5,000 nodes with 20,000 pods take 30 MB. The reference reads 1 MB of a URL (L26)."""


def read_document(where: str, *, kubeconfig: str = "") -> dict[str, Any]:
    """Return the YAML or JSON document at `where`; see `inputs.read.read_document`.

    Raises:
        NotFound: nothing is there.
        InvalidRequest: it is too large, or no document.
    """
    document = _read(where) if where != "-" and "://" not in where else None
    if (
        not isinstance(document, dict)
        or document.get("apiVersion")
        not in (
            None,
            "",
            *versions_of(document.get("kind")),
        )
        or _may_hold_words(document)
    ):
        from clusterbook.inputs import read  # says what is wrong, and reads what is left

        return read.read_document(where, kubeconfig=kubeconfig)
    return document


def _may_hold_words(document: Mapping[str, Any]) -> bool:
    """Return whether a recipe has words among its values that are booleans to Helm if they stand there unquoted."""
    components = document.get(COMPONENTS) if document.get("kind") == KIND else None
    waiting = [
        component.get(key)
        for component in (components if isinstance(components, list) else ())
        if isinstance(component, dict)
        for key in ("values", "overrides")
    ]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and value in BOOLEANS:
            return True
    return False


def read_snapshot(where: str, *, kubeconfig: str = "") -> tuple[dict[str, Any], Snapshot]:
    """Return the snapshot at `where`, as a document and read.

    Raises:
        NotFound: nothing is there.
        InvalidRequest: it is no snapshot, or one that shows nothing.
    """
    document = read_document(where, kubeconfig=kubeconfig)
    return document, as_snapshot(document, where)


def as_snapshot(document: object, where: str) -> Snapshot:
    """Return the snapshot that a document at `where` is. Raises InvalidRequest as `read_snapshot`."""
    try:
        return read_measured_snapshot(document)
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
        ValueError: it is no JSON, a key is given twice in a map, or it nests deeper than a document may.
    """
    document = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    if _members(document) != _keys(text):
        json.loads(text, object_pairs_hook=_map)
    return document


def _members(document: Any) -> int:
    """Return how many members all maps of a document have together.

    Raises:
        ValueError: it nests deeper than a document may.
    """
    count = 0
    maps: list[dict[str, Any]] = [document] if type(document) is dict else []
    lists: list[list[Any]] = [document] if type(document) is list else []
    for _ in range(yaml_fast.MAX_DEPTH):
        if not (maps or lists):
            return count
        count += sum(map(len, maps))
        below = chain(chain.from_iterable(map(dict.values, maps)), chain.from_iterable(lists))
        maps, lists = [], []
        for member in below:
            if type(member) is dict:
                maps.append(member)
            elif type(member) is list:
                lists.append(member)
    if maps or lists:
        raise ValueError("too deep")
    return count


def _keys(text: str) -> int:
    """Return how many keys a JSON text has, those that stand twice included; -1 where counting does not tell.

    Before the colon behind a key stands its quote, and nothing else where no colon follows white space; in a string a
    quote follows a backslash, and it is escaped by it where no two backslashes stand before a quote. Telling the parser
    to hand out each map takes as long as reading it.
    """
    if '\\\\"' in text or any(f"{space}:" in text for space in " \t\n\r"):
        return -1
    return text.count('":') - text.count('\\":')


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
        raise ValueError("a key is given twice")
    return members


def _no_number(word: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(word)
