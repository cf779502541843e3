"""HTTP: requests to one host, over a session of requests, without its trust.

Every request has a time limit, credentials stay with the host they are for, a redirect never leads out of TLS, and what
may go better the next time is told apart from what will not. The only module that imports requests and urllib3; nothing
of theirs leaves it but responses. oras-py's client was tried: no timeouts, 131 s of sleeps for a 500 and none for a
429, the old token again after a 401, credentials to whatever host a redirect or a Basic realm names.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, unreadable
from clusterbook.diagnostics.transport import Malformed, Patience, TimedOut, Unreachable
from clusterbook.oci.login import origin

CHUNK_BYTES = 1 << 20
GOES_ON = "run it again to resume"
_MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
_CONNECTIONS = 16
_SLOWEST_BYTES_PER_S = 1024
_CA_HINT = "name its CA certificate with --ca-file; for a registry without TLS, use --plain-http"
_SYSTEM_CA_HINT = "set SSL_CERT_FILE to a file with its CA certificate"

Result = TypeVar("Result")


class Clock(NamedTuple):
    """The clocks of this machine: how to wait, seconds that only go forward, and the time of day."""

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


class Transient(Exception):
    """A fault that may be gone the next time.

    `wait_s` is how long the server asks to be left alone, None when it does not say.
    """

    def __init__(self, fault: ClusterbookError, wait_s: float | None = None) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.wait_s = wait_s


class Upload:
    """The body of one request: `size` bytes out of `chunks`."""

    def __init__(self, chunks: Iterator[bytes], size: int) -> None:
        self._chunks, self._size, self._left = chunks, size, b""

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(CHUNK_BYTES):
            yield data

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        while not self._left:
            try:
                self._left = next(self._chunks)
            except StopIteration:
                return b""
        end = size if size >= 0 else len(self._left)
        data, self._left = self._left[:end], self._left[end:]
        return data


Body = Callable[[], "Upload | bytes"]
"""The body of a request, afresh for each time it is sent."""


class Http:
    """Requests to one host."""

    def __init__(
        self, host: str, *, ca_file: str = "", system_roots: bool = False, patience: Patience, clock: Clock
    ) -> None:
        """Open a session; nothing is sent yet.

        Args:
            host: how messages name it.
            ca_file: certificate authorities to trust instead of those that requests brings along.
            system_roots: whether to trust this machine's, and SSL_CERT_FILE, instead.
            patience: how long and how often something is tried.
            clock: how time is told and spent.
        """
        if ca_file:
            check_authorities(ca_file)
        self.host, self.patience, self.clock = host, patience, clock
        self._authorities: str | bool = ca_file or True
        self._tls_hint = _SYSTEM_CA_HINT if system_roots else _CA_HINT
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # Harbor takes one for a browser's
        self._session.auth = _as_it_is  # or requests would look for a password in ~/.netrc, and put it over ours
        adapter = (_SystemRoots if system_roots else HTTPAdapter)(pool_maxsize=_CONNECTIONS)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def retry(self, call: Callable[[], Result]) -> Result:
        """Return what `call` returns, having called it again while it raised Transient.

        Raises:
            ClusterbookError: the last fault.
        """
        attempt = 0
        while True:
            try:
                return call()
            except Transient as transient:
                self.wait(transient, attempt)
                attempt += 1

    def wait(self, transient: Transient, attempt: int) -> None:
        """Wait until something may be tried again after attempt number `attempt`, counted from 0.

        Raises:
            ClusterbookError: the fault, where it is not worth it.
        """
        wait_s = self.patience.wait_s(attempt, transient.wait_s)
        if wait_s is None:
            raise transient.fault from transient.__cause__
        self.clock.sleep(wait_s)

    def follow(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        body: Body | None = None,
        authorization: str = "",
    ) -> requests.Response:
        """Return the response to one request, its body not yet read, whatever its status.

        Redirects of what only reads are followed; credentials stay with their host.

        Raises:
            Transient: no response, though there may be one the next time.
            Unreachable: no TLS, too many redirects, or an address that cannot be one.
            Malformed: a redirect leads out of TLS, or to what is not the web.
        """
        start = origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            response = self.exchange(method, url, headers, body, authorization if origin(url) == start else "")
            location = response.headers.get("Location", "")
            if response.status_code not in REDIRECTS or method not in ("GET", "HEAD") or not location:
                return response
            self.drain(response)
            url = self.resolve_location(url, location)
        raise Unreachable(f"{printable_url(url)} was reached after more than {_MOST_REDIRECTS} redirects")

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None, authorization: str
    ) -> requests.Response:
        """Return the response to one request, which may be a redirect. Raises as `follow`."""
        sent = {"Accept-Encoding": "identity", "User-Agent": "clusterbook", **headers}
        if authorization:
            sent["Authorization"] = authorization
        try:
            response = self._session.request(
                method,
                url,
                data=body() if body else None,
                headers=sent,
                stream=True,
                allow_redirects=False,
                verify=self._authorities,
                timeout=(self.patience.connect_s, self.patience.read_s),
            )
            _tell(method, url, response)
            return response
        except requests.exceptions.SSLError as error:
            raise Unreachable(f"{printable_url(url)}: TLS failed: {_reason(error)}", hint=self._tls_hint) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Transient(self._fault(error, url)) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, ValueError) as error:
            raise Unreachable(f"{printable_url(url)} cannot be reached: {_reason(error)}") from error

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Yield the body of a response as it comes.

        Raises:
            Transient: it was cut, or comes too slowly.
        """
        clock, window_s = self.clock.monotonic, self.patience.read_s
        mark, came = clock(), 0
        try:
            while True:
                try:
                    data = response.raw.read1(CHUNK_BYTES, decode_content=False)
                except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                    raise Transient(self._fault(error, response.url)) from error
                if not data:
                    return
                yield data
                came += len(data)
                if clock() - mark > window_s:
                    if came < window_s * _SLOWEST_BYTES_PER_S:
                        raise Transient(TimedOut(f"{printable_url(response.url)} sent {came} bytes in {window_s:g} s"))
                    mark, came = clock(), 0
        finally:
            response.close()

    def read(self, response: requests.Response, limit_bytes: int) -> bytes:
        """Return the body of a response.

        Raises:
            Transient: it was cut.
            Malformed: it is larger than `limit_bytes`.
        """
        content_length = response.headers.get("Content-Length", "")
        data = bytearray()
        for chunk in self.chunks(response):
            data += chunk
            if len(data) > limit_bytes:
                raise Malformed(f"{printable_url(response.url)} sent more than {limit_bytes} bytes")
        if content_length.isascii() and content_length.isdigit() and len(data) < int(content_length):
            raise Transient(
                Unreachable(f"{printable_url(response.url)} is truncated: {len(data)} of {content_length} bytes")
            )
        return bytes(data)

    def drain(self, response: requests.Response, limit_bytes: int = 8192) -> bytes:
        """Return the beginning of a body nobody waits for; read to its end, its connection can be used again."""
        data = b""
        try:
            for chunk in self.chunks(response):
                data += chunk
                if len(data) > limit_bytes:
                    break
        except Transient:
            pass
        return data[:limit_bytes]

    def resolve_location(self, url: str, location: str) -> str:
        """Return where a response to `url` points to.

        Raises:
            Malformed: it is not an address, or one without TLS.
        """
        try:
            address = urljoin(url, location)
        except ValueError as error:
            raise Malformed(f"{self.host} points from {printable_url(url)} to an invalid URL") from error
        scheme, _, _ = origin(address)
        if scheme not in ("http", "https") or (scheme == "http" and urlsplit(url).scheme == "https"):
            raise Malformed(
                f"{self.host} points from {printable_url(url)} to {printable_url(address)}, which is not safe"
            )
        return address

    def _fault(self, error: Exception, url: str) -> ClusterbookError:
        """Return what an error of the connection means."""
        hint = GOES_ON
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
            return TimedOut(f"{printable_url(url)} timed out after {self.patience.read_s:g} s", hint=hint)
        if isinstance(error, requests.ConnectionError) and "refused" in str(error):
            return Unreachable(f"{urlsplit(url).netloc}: connection refused", hint="check the host name and the port")
        if isinstance(error, requests.ConnectionError) and "NameResolutionError" in str(error):
            what = f"{urlsplit(url).netloc}: no such host"
            return Unreachable(what, hint="check the host name and the network")
        if isinstance(error, urllib3.exceptions.ProtocolError):
            return Unreachable(f"{printable_url(url)}: the connection was closed", hint=hint)
        return Unreachable(f"{printable_url(url)}: {_reason(error)}", hint=hint)


class _SystemRoots(HTTPAdapter):
    """Trusts the certificate authorities of this machine, which are also told by SSL_CERT_FILE."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool of connections with what this machine trusts."""
        super().init_poolmanager(*args, **kwargs, ssl_context=ssl.create_default_context())

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the pool of connections by way of a proxy, with what this machine trusts."""
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=ssl.create_default_context())

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Return what tells connections apart, without the authorities that requests would add."""
        host, attributes = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {
            key: value for key, value in attributes.items() if key not in ("ca_certs", "ca_cert_dir", "ssl_context")
        }

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Ask for a certificate, and add no authority to those of the context."""
        del url, verify, cert
        conn.cert_reqs = "CERT_REQUIRED"


def _tell(method: str, url: str, response: requests.Response) -> None:
    """Tell of a request and its status; a query may hold what is to be signed in with, so none is shown."""
    where, status, took_ms = printable_url(url).partition("?")[0], response.status_code, _ms(response.elapsed)
    CONSOLE.step(f"{method} {where}: {status} in {took_ms} ms", method=method, url=where, status=status, ms=took_ms)


def _ms(took: timedelta) -> int:
    return round(took.total_seconds() * 1000)


def check_authorities(file: str) -> None:
    """Make sure that a file has certificates, which requests asks only once it needs them.

    Raises:
        ClusterbookError: it has none, or cannot be read.
    """
    hint = "name a PEM file with the certificate of the authority"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError as error:  # an OSError, too
        raise InvalidRequest(f"{file} holds no certificates", hint=hint) from error
    except OSError as error:
        raise unreadable(file, error, hint=hint) from error


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def retry_after_s(response: requests.Response, now: float) -> float | None:
    """Return how long a registry asks to be left alone, None when it does not say. Source: RFC 9110, 10.2.3."""
    header = response.headers.get("Retry-After", "").strip()
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - now, 0.0)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def printable_url(url: str) -> str:
    """Return an address without what may be secret in it: a query, a user."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return "an invalid URL"


def _reason(error: Exception) -> str:
    """Return the gist of what a library says, without addresses."""
    text = re.sub(r"(HTTPS?ConnectionPool\([^)]*\): |\(Caused by |<[^>]*>:? ?|with url: \S+)", "", str(error))
    return re.sub(r"\s+", " ", text).strip("() '\"")[:160]
