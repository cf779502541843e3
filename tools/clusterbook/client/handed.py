"""Handed in, and large: documents that programs wrote, read as quickly as they can be.

Knows when JSON or plain YAML in a file can be read without importing a YAML library; everything else goes to `inputs`.
Does not know what is in a document. Part of judgements, which have as little time as look-ups.
"""

from __future__ import annotations

import json
from typing import Any

from clusterbook.core import yamlplain
from clusterbook.core.envelope import API_VERSIONS
from clusterbook.core.errors import InvalidRequest, NotFound

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
        from clusterbook.client import inputs  # says what is wrong, and reads what is left

        return inputs.read_document(where)
    return found


def _quickly(where: str) -> Any:
    """Return the document in a file, None where it takes more to read it."""
    try:
        with open(where, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotFound(f"{where} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise InvalidRequest(f"{where} is larger than {MAX_BYTES // 1024 // 1024} MB")
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, parse_constant=_no_number) if text.lstrip()[:1] == "{" else yamlplain.read(text)
    except (ValueError, RecursionError):
        return None


def _no_number(word: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(word)
