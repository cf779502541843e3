"""Addressed: a document behind an http(s) URL that a user names.

Knows which answer of a web server means what, and that neither a password nor a signed query is ever repeated. Does not
know documents. Asks once, with the standard library: what is published is fetched by `oci.wire`. Source: reference rows
G4, G10.
"""

from __future__ import annotations

import socket
import ssl
import time
from http.client import HTTPException, HTTPMessage, InvalidURL
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from clusterbook.diagnostics.errors import ClusterbookError, NotFound
from clusterbook.diagnostics.transport import AccessDenied, BadReference, RateLimited, TimedOut, Unreachable

TIMEOUT_S = 30
"""How long a URL may take, all in all. Source: reference row G10."""
_CHUNK_BYTES = 1 << 16
_NAMED = "is the address right?"
_LATER = "try again later, or save it to a file and name that"


def shown(where: str) -> str:
    """Return an address as it may be shown: without its query, which may be what lets us in."""
    return where.partition("?")[0]


def read_address(where: str, limit_bytes: int) -> bytes:
    """Return what is behind a URL, `limit_bytes` at most.

    Raises:
        BadReference: it is no address, or carries a password.
        NotFound: nothing is there.
        AccessDenied, TimedOut, Unreachable, RateLimited: it cannot be had.
    """
    name = shown(where)
    try:
        parts = urlsplit(where)
        if parts.username is not None or parts.password is not None:
            hint = "fetch it with what may know it, such as curl --netrc, and hand it in as a file or -"
            raise BadReference("an address does not carry a user or a password", hint=hint)
        if not parts.hostname or (parts.port is not None and not parts.port):
            raise BadReference(f"{name} is no address", hint="write https://HOST/PATH")
        return _read(where, limit_bytes)
    except HTTPError as error:
        with error:
            raise _answered(name, error.code) from error
    except TimeoutError as error:
        raise TimedOut(f"{name} takes longer than {TIMEOUT_S} s", hint=_LATER) from error
    except URLError as error:
        raise _unreached(name, parts.netloc, error.reason) from error
    except InvalidURL as error:
        raise BadReference(f"{name} is no address", hint="write https://HOST/PATH") from error
    except (HTTPException, OSError) as error:
        what = f"{name} breaks off: {str(error) or type(error).__name__}"
        raise Unreachable(what, hint=_LATER) from error
    except ValueError as error:
        raise BadReference(f"{name} is no address", hint="write https://HOST/PATH") from error


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, though never out of TLS, nor to what is not the web."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (scheme == "http" and req.type == "https"):
            raise Unreachable(f"{shown(req.full_url)} points to {shown(newurl)}, which is not safe", hint=_NAMED)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _read(where: str, limit_bytes: int) -> bytes:
    end = time.monotonic() + TIMEOUT_S
    found = bytearray()
    with build_opener(_Redirects).open(where, timeout=TIMEOUT_S) as response:
        while len(found) < limit_bytes and (chunk := response.read1(min(_CHUNK_BYTES, limit_bytes - len(found)))):
            found += chunk
            if time.monotonic() > end:
                raise TimeoutError
        said = response.headers.get("Content-Length", "")
    if said.isdigit() and len(found) < min(int(said), limit_bytes):
        raise HTTPException(f"{len(found)} of {said} bytes came")
    return bytes(found)


def _answered(name: str, status: int) -> ClusterbookError:
    """Return what the status of an answer means."""
    what = f"{name} is answered with {status}"
    if status in (401, 403):
        return AccessDenied(what, hint="fetch it with what may, such as curl, and hand it in as a file or -")
    if status in (404, 410):
        return NotFound(what, hint=_NAMED)
    if status == 429:
        return RateLimited(what, hint=_LATER)
    if status in (408, 504):
        return TimedOut(what, hint=_LATER)
    return Unreachable(what, hint=_LATER)


def _unreached(name: str, host: str, reason: object) -> ClusterbookError:
    """Return what it means that a host cannot be spoken to."""
    if isinstance(reason, TimeoutError):
        return TimedOut(f"{name} takes longer than {TIMEOUT_S} s", hint=_LATER)
    if isinstance(reason, ConnectionRefusedError):
        return Unreachable(f"{host}: nobody listens there", hint="is the name right, and the port?")
    if isinstance(reason, socket.gaierror):
        return Unreachable(
            f"{host}: nobody knows a host of that name", hint="is the name right, and is there a network?"
        )
    if isinstance(reason, ssl.SSLError):
        what = f"{host}: no TLS: {getattr(reason, 'verify_message', '') or reason.reason}"
        return Unreachable(what, hint="SSL_CERT_FILE names a file with its certificate authority")
    return Unreachable(f"{name} cannot be asked: {reason}", hint=_LATER)
