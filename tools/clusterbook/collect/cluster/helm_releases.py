"""Helm releases: what Helm has written down about what it installed.

Helm 3 and 4 store a release as gzip in base64, in a Secret or a ConfigMap whose labels say name and revision.
Source: Helm's storage drivers, v3 and v4.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from clusterbook.diagnostics.errors import InvalidRequest

LABELS = "owner=helm"
MAX_BYTES = 64 * 1024 * 1024
"""Most that one release unpacks to; the largest charts have ten."""
_GZIP = b"\x1f\x8b"


class ReleaseRecord(NamedTuple):
    """Where one revision of a release is kept."""

    namespace: str
    release: str
    revision: int
    stored: str


def records(metadata: Iterable[Mapping[str, Any]]) -> list[ReleaseRecord]:
    """Return the last revision of every release, by the metadata of what Helm stored; anything else is left out."""
    last: dict[tuple[str, str], ReleaseRecord] = {}
    for each in metadata:
        labels = each.get("labels") or {}
        revision, name = str(labels.get("version") or ""), str(labels.get("name") or "")
        if labels.get("owner") != "helm" or not name or not revision.isdecimal():
            continue
        found = ReleaseRecord(str(each.get("namespace") or ""), name, int(revision), str(each["name"]))
        known = last.get((found.namespace, name))
        if known is None or known.revision < found.revision:
            last[found.namespace, name] = found
    return sorted(last.values())


def release(record: ReleaseRecord, payload: bytes, *, values: bool) -> dict[str, Any]:
    """Return a release as a snapshot shows it.

    Args:
        record: where it was found.
        payload: the stored field `release`, in Helm's own base64.
        values: whether what its user gave is shown, passwords and all.

    Raises:
        InvalidRequest: Helm did not write this.
    """
    where = f"the release {record.namespace}/{record.release}"
    document = _document(payload, where)
    chart = document.get("chart") or {}
    metadata = (chart.get("metadata") if isinstance(chart, dict) else None) or {}
    info = document.get("info") or {}
    if not isinstance(metadata, dict) or not isinstance(info, dict):
        raise InvalidRequest(f"{where} is not in Helm's format")
    found: dict[str, Any] = {"name": record.release, "namespace": record.namespace}
    for key, value in (
        ("chart", metadata.get("name")),
        ("version", metadata.get("version")),
        ("appVersion", metadata.get("appVersion")),
        ("status", info.get("status")),
    ):
        if value:
            found[key] = str(value)
    found["revision"] = record.revision
    if values:
        given = document.get("config") or {}
        found["values"] = given if isinstance(given, dict) else {}
    return found


def _document(payload: bytes, where: str) -> dict[str, Any]:
    """Return the stored release, never more of it than MAX_BYTES."""
    try:
        data = base64.b64decode(payload, validate=True)
        if data.startswith(_GZIP):
            unpacker = zlib.decompressobj(31)
            data = unpacker.decompress(data, MAX_BYTES)
            if unpacker.unconsumed_tail:
                raise InvalidRequest(f"{where} unpacks to more than {MAX_BYTES // 1024 // 1024} MB")
        found = json.loads(data)
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{where} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InvalidRequest(f"{where} is not in Helm's format")
    return found
