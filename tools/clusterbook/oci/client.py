"""Client: requests to one registry or site, with what lets us in, repeated while that may help.

A request that is refused is sent once more with credentials, and only to the host that they are for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from json import loads
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import AccessDenied, Patience, RateLimited, Refused, TimedOut, Unreachable
from clusterbook.oci.credentials import Credentials
from clusterbook.oci.http import GOES_ON, REDIRECTS, Body, Clock, Http, Transient, printable_url, retry_after_s
from clusterbook.oci.login import Login, origin
from clusterbook.oci.oras import DOCKER_HUB, DOCKER_HUB_API

if TYPE_CHECKING:
    from requests import Response

_TRANSIENT = (408, 429, 500, 502, 503, 504)
_LONGEST_TOKEN_BYTES = 64 << 10


class Client(Http):
    """Requests to one registry or site."""

    def __init__(
        self,
        host: str,
        *,
        plain_http: bool,
        ca_file: str,
        credentials: Credentials,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(host, ca_file=ca_file, patience=patience or Patience(), clock=clock or Clock())
        self.address = f"{'http' if plain_http else 'https'}://{DOCKER_HUB_API if host in DOCKER_HUB else host}"
        self._login = Login(self.address, host, credentials, self._request_token, clock=self.clock.monotonic)

    def send(
        self,
        method: str,
        url: str,
        *,
        scopes: frozenset[str] = frozenset(),
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> Response:
        """Return the response to one request, its body not yet read, whatever its status below 500 but 401, 403, 429.

        Raises:
            Transient: it may go better the next time.
            AccessDenied: we are not let in.
            Unreachable: no TLS, or an address that cannot be one.
        """
        own = origin(url) == origin(self.address)
        header = self._login.header(scopes) if own else ""
        response = self.follow(method, url, headers=headers or {}, body=body, authorization=header)
        if response.status_code == 401 and own and origin(response.url or url) == origin(url):
            self.drain(response)
            header = self._login.answer(response.headers.get("WWW-Authenticate", ""), scopes, header)
            response = self.follow(method, url, headers=headers or {}, body=body, authorization=header)
        if response.status_code in _TRANSIENT:
            fault, wait_s = self.refusal(response), retry_after_s(response, self.clock.now())
            raise Transient(fault, wait_s)
        if response.status_code in (401, 403):
            raise self.refusal(response)
        return response

    def refusal(self, response: Response) -> ClusterbookError:
        """Return what a status that we cannot do anything about means."""
        status, reason = response.status_code, self._reason(response)
        request = response.request
        what = f"{request.method} {printable_url(request.url or response.url)} returned status {status}{reason}"
        if status in (401, 403):
            return AccessDenied(what, hint=f"log in: docker login {self.host}; or ask for permission")
        if status == 429:
            return RateLimited(what, hint="run it again later; logging in often raises the limit")
        if status in (408, 504):
            return TimedOut(what, hint=GOES_ON)
        if status >= 500:
            return Unreachable(what, hint="run it again later: it goes on from there")
        if status in REDIRECTS:
            return Refused(what, hint="redirects of uploads are not followed")
        return Refused(what, hint="the registry is read-only or full, or rejects this content")

    def _reason(self, response: Response) -> str:
        """Return what a registry says about an error, without what should not be on a screen."""
        try:
            errors = loads(self.drain(response))["errors"]
            words = " ".join(f"{error.get('code', '')} {error.get('message', '')}".strip() for error in errors[:3])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return ""
        for secret in self._login.secrets():
            words = words.replace(secret, "***")
        words = re.sub(r"\s+", " ", "".join(each if each.isprintable() else " " for each in words)).strip()
        return f": {words[:200]}" if words else ""

    def _request_token(
        self, url: str, *, authorization: str = "", form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Ask an address for a token. Source: the port `login.TokenRequest`."""
        body = (lambda: urlencode(form).encode()) if form else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}

        def request() -> tuple[int, bytes]:
            response = self.exchange("POST" if form else "GET", url, headers, body, authorization)
            if response.status_code in _TRANSIENT:
                raise Transient(self.refusal(response), retry_after_s(response, self.clock.now()))
            return response.status_code, self.read(response, _LONGEST_TOKEN_BYTES)

        return self.retry(request)
