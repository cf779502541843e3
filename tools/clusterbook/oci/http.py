"""The wire: requests to one registry, on oras and requests, without their trust.

Knows HTTP: timeouts, when to try again and how long to wait, redirects, and that no credential goes to another host.
Does not know manifests. The only module that imports oras, requests and urllib3; nothing of theirs leaves it but
responses.

What oras-py 0.2.43 would do instead: no timeouts, 131 s of sleeps for a 500 and none for a 429, the old token again
after a 401, credentials to whatever host a redirect or a Basic realm names.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from json import loads
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import oras.provider
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, unreadable
from clusterbook.diagnostics.transport import AccessDenied, Malformed, RateLimited, Refused, TimedOut, Unreachable
from clusterbook.oci.challenge_ import origin
from clusterbook.oci.credentials import Credentials
from clusterbook.oci.login import Login

CHUNK_BYTES = 1 << 20
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_LONGEST_TOKEN_BYTES = 64 << 10
_CONNECTIONS = 16

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often something is tried. Waits double, without chance, up to `longest_wait_s`."""

    tries: int = 5
    connect_s: float = 10
    read_s: float = 30
    first_wait_s: float = 0.5
    longest_wait_s: float = 60
    slowest_bytes_per_s: int = 1024
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time

    def wait_s(self, attempt: int) -> float:
        """Return how long to wait after attempt number `attempt`, counted from 0."""
        return min(self.first_wait_s * 2.0**attempt, self.longest_wait_s)


class Again(Exception):
    """Something that may go better the next time; `fault` is what to say when it does not."""

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


class Wire(oras.provider.Registry):  # type: ignore[misc]  # oras has no types
    """Requests to one registry."""

    session: requests.Session

    def __init__(
        self, host: str, *, plain_http: bool, ca_file: str, credentials: Credentials, patience: Patience
    ) -> None:
        if ca_file:
            _check_authorities(ca_file)
        super().__init__(hostname=host, insecure=plain_http, tls_verify=ca_file or True)
        self.host = host
        self.patience = patience
        self.address = f"{self.prefix}://{_API_HOSTS.get(host, host)}"
        self.login_ = Login(self.address, host, credentials, self._ask, clock=patience.clock)
        adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
        self.session.mount("http://", adapter)
        self.session.mount("https://", adapter)
        self.session.auth = _as_it_is  # or requests would look for a password in ~/.netrc, and put it over ours

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: Any = None,
        headers: dict[str, str] | None = None,
        json: Any = None,
        stream: bool = False,
    ) -> requests.Response:
        """Answer whatever of oras still asks in its own way."""
        del stream
        if json is not None:
            raise NotImplementedError("a document is sent as its bytes, or its digest would be another")
        body = None if data is None else (lambda: data)
        return self.patiently(lambda: self.once(method, url, headers=headers or {}, body=body))

    def patiently(self, call: Callable[[], Result]) -> Result:
        """Return what `call` says, having tried it again while it raised Again.

        Raises:
            ClusterbookError: the last fault.
        """
        for attempt in range(self.patience.tries):
            try:
                return call()
            except Again as again:
                last = attempt + 1 == self.patience.tries
                wait_s = self.patience.wait_s(attempt) if again.wait_s is None else again.wait_s
                if last or wait_s > self.patience.longest_wait_s:
                    raise again.fault from again.__cause__
                self.patience.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def once(
        self,
        method: str,
        url: str,
        *,
        scopes: frozenset[str] = frozenset(),
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> requests.Response:
        """Return the response to one request, its body not yet read, whatever its status below 500 but 401, 403, 429.

        Raises:
            Again: it may go better the next time.
            AccessDenied: we are not let in.
            Unreachable: no TLS, or an address that cannot be one.
        """
        own = origin(url) == origin(self.address)
        header = self.login_.header(scopes) if own else ""
        response = self._send(method, url, headers or {}, body, header)
        if response.status_code == 401 and own and origin(response.url or url) == origin(url):
            self.drain(response)
            header = self.login_.answer(response.headers.get("WWW-Authenticate", ""), scopes, header)
            response = self._send(method, url, headers or {}, body, header)
        if response.status_code in _TRANSIENT:
            fault, wait_s = self.refusal(response), _retry_after_s(response, self.patience.now())
            raise Again(fault, wait_s)
        if response.status_code in (401, 403):
            raise self.refusal(response)
        return response

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Yield the body of a response as it comes.

        Raises:
            Again: it was cut, or comes too slowly.
        """
        clock, window_s = self.patience.clock, self.patience.read_s
        mark, came = clock(), 0
        try:
            while True:
                try:
                    data = response.raw.read1(CHUNK_BYTES, decode_content=False)
                except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                    raise Again(self._translated(error, response.url)) from error
                if not data:
                    return
                yield data
                came += len(data)
                if clock() - mark > window_s:
                    if came < window_s * self.patience.slowest_bytes_per_s:
                        raise Again(TimedOut(f"{_shown(response.url)} sends {came} bytes in {window_s:g} s"))
                    mark, came = clock(), 0
        finally:
            response.close()

    def text(self, response: requests.Response, limit_bytes: int) -> bytes:
        """Return the body of a response.

        Raises:
            Again: it was cut.
            Malformed: it is larger than `limit_bytes`.
        """
        said = response.headers.get("Content-Length", "")
        found = bytearray()
        for chunk in self.chunks(response):
            found += chunk
            if len(found) > limit_bytes:
                raise Malformed(f"{_shown(response.url)} answers with more than {limit_bytes} bytes")
        if said.isdigit() and len(found) < int(said):
            raise Again(Unreachable(f"{_shown(response.url)} breaks off after {len(found)} of {said} bytes"))
        return bytes(found)

    def drain(self, response: requests.Response, limit_bytes: int = 8192) -> bytes:
        """Return the beginning of a body nobody waits for; read to its end, its connection can be used again."""
        found = b""
        try:
            for chunk in self.chunks(response):
                found += chunk
                if len(found) > limit_bytes:
                    break
        except Again:
            pass
        return found[:limit_bytes]

    def refusal(self, response: requests.Response) -> ClusterbookError:
        """Return what a status that we cannot do anything about means."""
        status, said = response.status_code, self._reason(response)
        request = response.request
        what = f"{request.method} {_shown(request.url or response.url)} is answered with {status}{said}"
        if status in (401, 403):
            return AccessDenied(what, hint=f"log in: docker login {self.host}; or ask for the right to do this")
        if status == 429:
            return RateLimited(what, hint="run it again later; logging in often raises the limit")
        if status in (408, 504):
            return TimedOut(what, hint="run it again: it goes on from there")
        if status >= 500:
            return Unreachable(what, hint="run it again later: it goes on from there")
        if status in _REDIRECTS:
            return Refused(what, hint="a registry that sends elsewhere what is sent to it is not followed")
        return Refused(what, hint="the registry is read-only, full, or of another mind about what may be in it")

    def _reason(self, response: requests.Response) -> str:
        """Return what a registry says about an error, without what should not be on a screen."""
        try:
            errors = loads(self.drain(response))["errors"]
            words = " ".join(f"{error.get('code', '')} {error.get('message', '')}".strip() for error in errors[:3])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return ""
        for secret in self.login_.secrets():
            words = words.replace(secret, "***")
        words = re.sub(r"\s+", " ", "".join(each if each.isprintable() else " " for each in words)).strip()
        return f": {words[:200]}" if words else ""

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None, authorization: str
    ) -> requests.Response:
        """Send one request, and follow redirects of one that only reads; credentials stay with their host."""
        start = origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._exchange(method, url, headers, body, authorization if origin(url) == start else "")
            location = response.headers.get("Location", "")
            if response.status_code not in _REDIRECTS or method not in ("GET", "HEAD") or not location:
                return response
            self.drain(response)
            url = self.joined(url, location)
        raise Unreachable(f"{_shown(url)} is the end of more than {_MOST_REDIRECTS} redirects")

    def joined(self, url: str, location: str) -> str:
        """Return where a response to `url` points to.

        Raises:
            Malformed: it is not an address, or one without TLS.
        """
        found = urljoin(url, location)
        scheme = urlsplit(found).scheme
        if scheme not in ("http", "https") or (scheme == "http" and urlsplit(url).scheme == "https"):
            raise Malformed(f"{self.host} points from {_shown(url)} to {_shown(found)}, which is not safe")
        return found

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None, authorization: str
    ) -> requests.Response:
        sent = {"Accept-Encoding": "identity", "User-Agent": "clusterbook", **headers}
        if authorization:
            sent["Authorization"] = authorization
        try:
            return self.session.request(
                method,
                url,
                data=body() if body else None,
                headers=sent,
                stream=True,
                allow_redirects=False,
                verify=self._tls_verify,
                timeout=(self.patience.connect_s, self.patience.read_s),
            )
        except requests.exceptions.SSLError as error:
            hint = "name the file with its certificate authority, --ca-file; for a registry without TLS, --plain-http"
            raise Unreachable(f"{_shown(url)}: no TLS: {_short(error)}", hint=hint) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Again(self._translated(error, url)) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise Unreachable(f"{_shown(url)} cannot be asked: {_short(error)}") from error

    def _ask(self, url: str, *, authorization: str = "", form: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Ask an address for a token. Source: the port `login.Ask`."""
        body = (lambda: urlencode(form).encode()) if form else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}

        def ask() -> tuple[int, bytes]:
            response = self._exchange("POST" if form else "GET", url, headers, body, authorization)
            if response.status_code in _TRANSIENT:
                raise Again(self.refusal(response), _retry_after_s(response, self.patience.now()))
            return response.status_code, self.text(response, _LONGEST_TOKEN_BYTES)

        return self.patiently(ask)

    def _translated(self, error: Exception, url: str) -> ClusterbookError:
        """Return what an error of the connection means."""
        hint = "run it again: it goes on from there"
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
            return TimedOut(f"{_shown(url)} says nothing for {self.patience.read_s:g} s", hint=hint)
        if isinstance(error, requests.ConnectionError) and "refused" in str(error):
            return Unreachable(f"{urlsplit(url).netloc}: nobody listens there", hint="is the name right, and the port?")
        if isinstance(error, requests.ConnectionError) and "NameResolutionError" in str(error):
            what = f"{urlsplit(url).netloc}: nobody knows a host of that name"
            return Unreachable(what, hint="is the name right, and is there a network?")
        if isinstance(error, urllib3.exceptions.ProtocolError):
            return Unreachable(f"{_shown(url)} breaks off", hint=hint)
        return Unreachable(f"{_shown(url)}: {_short(error)}", hint=hint)


_API_HOSTS = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
"""Where a host's API really is."""


def _check_authorities(file: str) -> None:
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


def _retry_after_s(response: requests.Response, now: float) -> float | None:
    """Return how long a registry asks to be left alone, None when it does not say. Source: RFC 9110, 10.2.3."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    try:
        return max(parsedate_to_datetime(said).timestamp() - now, 0.0)
    except (ValueError, TypeError):
        return None


def _shown(url: str) -> str:
    """Return an address without what may be secret in it: a query, a user."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _short(error: Exception) -> str:
    """Return the gist of what a library says, without addresses."""
    text = re.sub(r"(HTTPS?ConnectionPool\([^)]*\): |\(Caused by |<[^>]*>:? ?|with url: \S+)", "", str(error))
    return re.sub(r"\s+", " ", text).strip("() '\"")[:160]
