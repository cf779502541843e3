"""Download: a document behind an http(s) URL that a user names.

It is asked for once, without credentials, and comes whole or not at all; neither a password nor a signed query is ever
repeated. Source: reference rows G4, G10.
"""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

from clusterbook.diagnostics.errors import ClusterbookError, NotFound
from clusterbook.diagnostics.transport import (
    AccessDenied,
    BadReference,
    Malformed,
    Patience,
    RateLimited,
    TimedOut,
    Unreachable,
)
from clusterbook.oci.http import GOES_ON, Clock, Http, Transient

TIMEOUT_S = 30
"""How long a URL may take, all in all. Source: reference row G10."""
_NAMED = "check the address"
_LATER = "try again later, or save it to a file and name that"


def without_query(where: str) -> str:
    """Return an address as it may be shown: without its query, which may be what lets us in."""
    return where.partition("?")[0]


def read_address(where: str, limit_bytes: int) -> bytes:
    """Return what is behind a URL, `limit_bytes` at most.

    Raises:
        BadReference: it is not a URL, or carries a password.
        NotFound: nothing is there.
        AccessDenied, TimedOut, Unreachable, RateLimited: it cannot be had.
    """
    name = without_query(where)
    try:
        return _body(where, _host(where), limit_bytes)
    except Malformed as error:
        raise Unreachable(error.what, hint=_NAMED) from error
    except Transient as transient:
        fault = transient.fault
        if isinstance(fault, TimedOut):
            raise TimedOut(f"{name} timed out after {TIMEOUT_S} s", hint=_LATER) from transient
        raise Unreachable(fault.what, hint=_LATER if fault.hint in ("", GOES_ON) else fault.hint) from transient


def _host(where: str) -> str:
    """Return the host of an address, with its port. Raises BadReference."""
    try:
        parts = urlsplit(where)
        if parts.username is not None or parts.password is not None:
            hint = "download it with curl --netrc, for example, and pass the file, or - for standard input"
            raise BadReference("a URL must not contain a user or a password", hint=hint)
        if parts.hostname and parts.port != 0 and not re.search(r"[\x00-\x20\x7f]", where):
            return parts.netloc
    except ValueError:  # of brackets, or a port
        pass
    raise BadReference(f"{without_query(where)} is not a URL", hint="write https://HOST/PATH")


def _body(where: str, host: str, limit_bytes: int) -> bytes:
    """Return the body of a good answer.

    Raises:
        Transient: it does not come, or not to its end.
        ClusterbookError: what another answer means.
    """
    clock = Clock()
    end = time.monotonic() + TIMEOUT_S
    http = Http(host, system_roots=True, patience=Patience(1, TIMEOUT_S, TIMEOUT_S), clock=clock)
    response = http.follow("GET", where)
    if response.status_code != 200:
        response.close()
        raise _refusal(without_query(where), response.status_code)
    body = bytearray()
    for chunk in http.chunks(response):
        body += chunk[: limit_bytes - len(body)]
        if time.monotonic() > end:
            raise Transient(TimedOut(""))
        if len(body) >= limit_bytes:
            break
    size = response.headers.get("Content-Length", "")
    if size.isdigit() and len(body) < min(int(size), limit_bytes):
        raise Transient(Unreachable(f"{without_query(where)} is truncated: {len(body)} of {size} bytes"))
    return bytes(body)


def _refusal(name: str, status: int) -> ClusterbookError:
    """Return what the status of an answer means."""
    what = f"{name} returned status {status}"
    if status in (401, 403):
        return AccessDenied(what, hint="download it with curl, for example, and pass the file, or - for standard input")
    if status in (404, 410):
        return NotFound(what, hint=_NAMED)
    if status == 429:
        return RateLimited(what, hint=_LATER)
    if status in (408, 504):
        return TimedOut(what, hint=_LATER)
    return Unreachable(what, hint=_LATER)
