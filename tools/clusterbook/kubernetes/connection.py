"""Connection: bytes of one API server, within a time and a size.

The only module here that imports urllib3; nothing of it leaves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlencode, urlsplit

from clusterbook import __version__
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.kubernetes.errors import BrokenKubeconfig, ClusterTimedOut, ClusterUnreachable, NoClient
from clusterbook.kubernetes.login import ClusterLogin

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, HTTPHeaderDict, PoolManager

MAX_BYTES = 128 * 1024 * 1024
"""Most that one answer may have; a page of five hundred pods has five."""
_CHUNK_BYTES = 1 << 16
_THREADS = 16
"""How many connections are kept; as many threads may ask at a time without opening new ones."""


class ApiResponse(NamedTuple):
    """What the API server said to one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class LostResponse(Exception):
    """No answer, or half of one, where asking again may help; `sent` is False when the request never left."""

    def __init__(self, fault: ClusterTimedOut | ClusterUnreachable, *, sent: bool) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.sent = sent


class Connection:
    """One API server, and who we are to it. Threads may share it."""

    def __init__(self, login: ClusterLogin) -> None:
        self.where = login.where
        self.namespace = login.namespace
        self._login = login
        self._pool = _pool(login)

    @property
    def description(self) -> str:
        """Which cluster it is, for whoever asked for it."""
        context = self._login.context
        who = f"context {context}" if context else "the pod's service account"
        return f"{self.where} ({who}{'' if self._login.verified else '; its certificate is not verified'})"

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = {},
        body: bytes | None = None,
        kind: str = "application/json",
        accept: str = "application/json",
        connect_s: float,
        answer_s: float,
    ) -> ApiResponse:
        """Return the whole answer to one request.

        Args:
            method: GET, say.
            path: from the server's root, with a leading slash.
            query: without empty values, which are left out.
            body: what is sent, None for nothing.
            kind: what the body is.
            accept: what the answer should be.
            connect_s: how long a connection may take.
            answer_s: how long the answer may take, down to its last byte.

        Raises:
            LostResponse: no answer that can be used; it may be better the next time.
            ClusterUnreachable: there is no trusting this server, or its answer has no end.
        """
        until = time.monotonic() + answer_s
        with self._open_response(method, path, query, body, kind, accept, connect_s, answer_s) as response:
            parts, size = [], 0
            while part := response.read1(_CHUNK_BYTES):  # what is there; read() would wait for all of it
                parts.append(part)
                size += len(part)
                if size > MAX_BYTES:
                    raise ClusterUnreachable(
                        f"{self.where}: the answer to {method} {path} has more than {MAX_BYTES} bytes"
                    )
                if time.monotonic() > until:
                    raise LostResponse(
                        ClusterTimedOut(f"{self.where}: {method} {path} took more than {answer_s:g} s"), sent=True
                    )
            return ApiResponse(response.status, response.headers, b"".join(parts))

    @contextmanager
    def lines(
        self, path: str, *, query: Mapping[str, str] = {}, connect_s: float, silence_s: float
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Give the status, and lines as they come, of an answer that need not end: a log, or events.

        Raises:
            LostResponse: the connection broke, or nothing came for `silence_s`.
        """
        with self._open_response("GET", path, query, None, "", "*/*", connect_s, silence_s) as response:
            yield response.status, _lines(iter(lambda: response.read1(_CHUNK_BYTES), b""))

    @contextmanager
    def _open_response(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        kind: str,
        accept: str,
        connect_s: float,
        read_s: float,
    ) -> Iterator[BaseHTTPResponse]:
        """Give the answer to one request, its body unread; what goes wrong in reading it is told apart here, too."""
        import urllib3
        from urllib3 import exceptions

        what = f"{self.where}: {method} {path}"
        headers = self._headers(accept)
        if body is not None:
            headers["Content-Type"] = kind
        parameters = {key: value for key, value in query.items() if value}
        url = f"{self.where}{path}{'?' if parameters else ''}{urlencode(parameters)}"
        response: BaseHTTPResponse | None = None
        try:
            response = self._pool.request(
                method, url, body=body, headers=headers, timeout=urllib3.Timeout(connect=connect_s, read=read_s),
                preload_content=False, redirect=False, retries=False,
            )  # fmt: skip
            CONSOLE.step(f"{what}: {response.status}", method=method, url=f"{self.where}{path}", status=response.status)
            yield response
        except (exceptions.NewConnectionError, exceptions.ProxyError) as error:
            raise LostResponse(
                ClusterUnreachable(f"{self.where}: no connection: {_plain(error)}"), sent=False
            ) from error
        except exceptions.ConnectTimeoutError as error:
            raise LostResponse(
                ClusterTimedOut(f"{self.where}: no connection within {connect_s:g} s"), sent=False
            ) from error
        except exceptions.ReadTimeoutError as error:
            raise LostResponse(ClusterTimedOut(f"{what}: no answer within {read_s:g} s"), sent=True) from error
        except exceptions.SSLError as error:
            hint = "the kubeconfig's certificate-authority must be the one that signed the server's certificate"
            raise ClusterUnreachable(f"{self.where}: no trusted TLS: {_plain(error)}", hint=hint) from error
        except (exceptions.HTTPError, OSError) as error:
            raise LostResponse(
                ClusterUnreachable(f"{what}: the connection broke: {_plain(error)}"), sent=True
            ) from error
        except (ValueError, UnicodeError) as error:  # a header or a host that http.client cannot write
            raise BrokenKubeconfig(f"{self.where} cannot be reached: {_plain(error)}") from error
        finally:
            if response is not None:
                response.close()  # a connection whose answer was read to its end has gone back to the pool before

    def _headers(self, accept: str) -> HTTPHeaderDict:
        """Return the headers of every request: who we are, and who we are to be taken for."""
        from urllib3 import HTTPHeaderDict

        headers = HTTPHeaderDict({"Accept": accept, "User-Agent": f"clusterbook/{__version__}"})
        headers["Accept-Encoding"] = "gzip"
        if token := self._login.token():
            headers["Authorization"] = token
        for name, value in self._login.others:
            headers.add(name, value)
        return headers


def _pool(login: ClusterLogin) -> PoolManager:
    """Return what keeps connections to a server.

    Raises:
        NoClient: it takes a SOCKS proxy, and what speaks that is not installed.
    """
    import urllib3

    options: dict[str, Any] = {
        "maxsize": _THREADS,
        "ssl_context": login.tls,
        "cert_reqs": "CERT_REQUIRED" if login.verified else "CERT_NONE",
    }
    if not login.verified:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # we say it, once, in `asked`
        options["assert_hostname"] = False
    if login.server_name:
        options["server_hostname"] = login.server_name
    if not login.proxy:
        return urllib3.PoolManager(**options)
    split = urlsplit(login.proxy)
    if split.scheme.startswith("socks5"):
        try:
            import socks  # noqa: F401 (urllib3 would warn, and not say of what)
            from urllib3.contrib.socks import SOCKSProxyManager
        except ImportError as error:
            hint = "pip install 'clusterbook[cluster]'"
            raise NoClient(f"{login.where}: the SOCKS proxy support (PySocks) is not installed", hint=hint) from error
        return SOCKSProxyManager(
            f"socks5h{login.proxy[len(split.scheme) :]}", **options
        )  # which looks names up, as in Go
    user = f"{unquote(split.username or '')}:{unquote(split.password or '')}" if split.username else ""
    headers = urllib3.make_headers(proxy_basic_auth=user) if user else None
    return urllib3.ProxyManager(login.proxy, proxy_headers=headers, proxy_ssl_context=login.tls, **options)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _plain(error: BaseException) -> str:
    """Return what an error says, without the object it names first and the pool around it."""
    text = str(error.args[-1] if len(error.args) > 1 else error)
    return text.partition(": ")[2] if "object at 0x" in text.partition(": ")[0] else text


def as_bytes(document: Mapping[str, Any]) -> bytes:
    """Return an object as it is sent; JSON is YAML, so it also does where YAML is asked for."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
