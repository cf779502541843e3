"""Download: the bytes of one blob, however often they are cut, for as long as they make progress.

The bytes are not checked here: whoever receives them does.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.diagnostics.transport import Malformed, NoArtifact, Unreachable
from clusterbook.oci.client import Client
from clusterbook.oci.http import Transient
from clusterbook.oci.manifest import Descriptor

_PROGRESS_BYTES = 1 << 20


def download(
    client: Client, url: str, blob: Descriptor, start: int, *, scopes: frozenset[str] = frozenset(), where: str
) -> Iterator[bytes]:
    """Yield the bytes of a blob from `start` on; what is cut is gone on with while it makes progress.

    Args:
        client: how it is asked for.
        url: its address.
        blob: its digest, for messages, and its size.
        start: how many bytes are there already.
        scopes: the rights that it takes.
        where: how messages name the place it is in.

    Raises:
        NoArtifact: it is not there.
        ClusterbookError: it does not come; the last fault says why.
    """
    position = goal = start
    attempt = 0
    while True:
        try:
            for chunk in _part(client, url, blob, position, scopes, where):
                yield chunk
                position += len(chunk)
            if position >= blob.size:
                return
            raise Transient(Unreachable(f"{where}: {blob.digest} is truncated after {position} bytes"))
        except Transient as transient:
            attempt = attempt + 1 if position < goal + _PROGRESS_BYTES else 1
            goal = max(goal, position)
            client.wait(transient, attempt - 1)


def _part(
    client: Client, url: str, blob: Descriptor, position: int, scopes: frozenset[str], where: str
) -> Iterator[bytes]:
    """Yield the bytes of a blob from `position` on, as far as one request brings them."""
    headers = {"Range": f"bytes={position}-"} if position else {}
    response = client.send("GET", url, scopes=scopes, headers=headers)
    if response.status_code == 404:
        client.drain(response)
        raise NoArtifact(f"{where} has no {blob.digest}")
    if response.status_code not in (200, 206):
        raise client.refusal(response)
    skip = position
    if response.status_code == 206:
        content_range = response.headers.get("Content-Range", "")
        if not content_range.startswith(f"bytes {position}-"):
            response.close()
            raise Malformed(f"{where}: asked for bytes from {position} on, got {content_range[:40]!a}")
        skip = 0
    for chunk in client.chunks(response):
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        yield chunk[skip:]
        skip = 0
