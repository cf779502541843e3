"""Downloads: the bytes of one blob, however often they are cut.

Knows ranges, and for how long it is worth going on. Does not check the bytes: whoever receives them does.
"""

from __future__ import annotations

from collections.abc import Iterator

from clusterbook.diagnostics.transport import Malformed, NoArtifact, Unreachable
from clusterbook.oci.http import Again, Wire
from clusterbook.oci.manifest import Descriptor

_PROGRESS_BYTES = 1 << 20


def download(
    wire: Wire, url: str, blob: Descriptor, start: int, *, scopes: frozenset[str] = frozenset(), where: str
) -> Iterator[bytes]:
    """Yield the bytes of a blob from `start` on; what is cut is gone on with while it makes progress.

    Args:
        wire: how it is asked for.
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
            for chunk in _part(wire, url, blob, position, scopes, where):
                yield chunk
                position += len(chunk)
            if position >= blob.size:
                return
            raise Again(Unreachable(f"{where}: {blob.digest} breaks off after {position} bytes"))
        except Again as again:
            attempt = attempt + 1 if position < goal + _PROGRESS_BYTES else 1
            goal = max(goal, position)
            wait_s = wire.patience.wait_s(attempt - 1) if again.wait_s is None else again.wait_s
            if attempt >= wire.patience.tries or wait_s > wire.patience.longest_wait_s:
                raise again.fault from again.__cause__
            wire.patience.sleep(wait_s)


def _part(wire: Wire, url: str, blob: Descriptor, position: int, scopes: frozenset[str], where: str) -> Iterator[bytes]:
    """Yield the bytes of a blob from `position` on, as far as one request brings them."""
    headers = {"Range": f"bytes={position}-"} if position else {}
    response = wire.once("GET", url, scopes=scopes, headers=headers)
    if response.status_code == 404:
        wire.drain(response)
        raise NoArtifact(f"{where} has no {blob.digest}")
    if response.status_code not in (200, 206):
        raise wire.refusal(response)
    skip = position
    if response.status_code == 206:
        said = response.headers.get("Content-Range", "")
        if not said.startswith(f"bytes {position}-"):
            response.close()
            raise Malformed(f"{where}: asked for byte {position} on, got {said[:40]!a}")
        skip = 0
    for chunk in wire.chunks(response):
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        yield chunk[skip:]
        skip = 0
