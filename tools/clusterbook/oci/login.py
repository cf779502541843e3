"""Login: what stands in the Authorization header of a request to one registry.

A credential is shown to the registry itself and to whoever it names for tokens, if that is of the same site; to nobody
else. Source: RFC 9110, section 11.6.1; Docker registry v2, "Token authentication".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode, urlsplit

from clusterbook.diagnostics.transport import AccessDenied, Malformed
from clusterbook.oci.credentials import Credential, Credentials
from clusterbook.oci.reference import is_loopback

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9-]*)(?=\s+[A-Za-z]|\s*$|\s*,)\s*")
_PARAMETER = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))")
_LONGEST = 8192


_LIFETIME_S = 60.0
"""How long a token is good that does not say so. Source: Docker registry v2, "Token authentication"."""
_MARGIN_S = 5.0
_LONGEST_LIFETIME_S = 10 * 365 * 86400


class Challenge(NamedTuple):
    """One way to be let in: `basic` or `bearer`, and what goes with it."""

    scheme: str
    parameters: Mapping[str, str]


class TokenRequest(Protocol):
    """Whoever asks an address for a token and returns its status and what it says."""

    def __call__(
        self, url: str, *, authorization: str = "", form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a GET, or with `form` a POST."""


class _Token(NamedTuple):
    value: str
    good_until: float


class Login:
    """Who we are to the registry at `address` (scheme and host)."""

    def __init__(
        self,
        address: str,
        host: str,
        credentials: Credentials,
        request_token: TokenRequest,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._address, self._host = address, host
        self._credentials, self._ask, self._clock = credentials, request_token, clock
        self._known: dict[str, Credential | None] = {}
        self._basic = False
        self._tokens: dict[frozenset[str], _Token] = {}
        self._lock = Lock()

    def header(self, scopes: frozenset[str]) -> str:
        """Return the header that is known to do for `scopes`, "" when none is."""
        if self._basic:
            credential = self._credential(self._host)
            return credential.basic() if credential else ""
        token = self._tokens.get(scopes)
        return f"Bearer {token.value}" if token and token.good_until > self._clock() else ""

    def answer(self, challenge: str, scopes: frozenset[str], refused: str) -> str:
        """Return the header that answers a challenge.

        Args:
            challenge: the WWW-Authenticate header.
            scopes: what the request needs, such as `repository:a/b:pull`.
            refused: the header that was not good enough.

        Raises:
            AccessDenied: we have nothing else to show.
        """
        with self._lock:
            header = self.header(scopes)
            if header and header != refused:  # another thread has answered meanwhile
                return header
            offered = {each.scheme: each for each in parse_challenges(challenge)}
            if "bearer" in offered:
                self._tokens[scopes] = self._fetch(offered["bearer"], scopes)
                return self.header(scopes)
            if "basic" in offered:
                return self._show_basic(refused)
            raise AccessDenied(f"{self._host} denies access, and offers no login", hint=self._hint())

    def secrets(self) -> list[str]:
        """Return what must not be in any message."""
        shown = {form for each in self._known.values() if each for form in each.forms()}
        shown |= {token.value for token in self._tokens.values()}
        return sorted(filter(None, shown), key=len, reverse=True)  # what holds another one goes first

    def _show_basic(self, refused: str) -> str:
        credential = self._credential(self._host)
        if credential is None or credential.identity_token:
            raise AccessDenied(f"{self._host} requires a login", hint=self._hint())
        if refused == credential.basic():
            raise AccessDenied(f"{self._host} refuses the password of {credential.username}", hint=self._hint())
        self._basic = True
        return credential.basic()

    def _fetch(self, challenge: Challenge, scopes: frozenset[str]) -> _Token:
        """Return a token from the address that a challenge names."""
        realm = challenge.parameters.get("realm", "")
        origin(realm)  # that it can be read
        parts = urlsplit(realm)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise Malformed(f"{self._host} names no token endpoint")
        all_scopes = sorted(scopes | frozenset(filter(None, [challenge.parameters.get("scope", "")])))
        service = challenge.parameters.get("service", "")
        # A token goes to the registry, so that the credentials for another host would buy it one for that host.
        credential = self._credential(self._host) if may_issue_tokens(realm, self._address) else None
        if credential is not None and credential.identity_token:
            form = {
                "grant_type": "refresh_token",
                "service": service,
                "client_id": "clusterbook",
                "scope": " ".join(all_scopes),
                "refresh_token": credential.identity_token,
            }
            status, text = self._ask(realm, form=form)
        else:
            query = urlencode([("service", service)] * bool(service) + [("scope", scope) for scope in all_scopes])
            basic = credential.basic() if credential else ""
            status, text = self._ask(f"{realm}{'&' if parts.query else '?'}{query}", authorization=basic)
        if status != 200:
            who = f"the credentials for {self._host}" if credential else "anonymous users"
            raise AccessDenied(f"{parts.netloc} gives no token to {who} (status {status})", hint=self._hint())
        return self._token(text, parts.netloc)

    def _token(self, text: bytes, where: str) -> _Token:
        try:
            document: Any = json.loads(text)
            value = document.get("token") or document["access_token"]
            lifetime_s = float(document.get("expires_in") or _LIFETIME_S)
            if not 0 <= lifetime_s < _LONGEST_LIFETIME_S:
                lifetime_s = _LIFETIME_S
            if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
                raise TypeError("a token must be one word")
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise Malformed(f"{where} returned no token") from error
        return _Token(value, self._clock() + max(lifetime_s - _MARGIN_S, 1.0))

    def _credential(self, host: str) -> Credential | None:
        if host not in self._known:
            self._known[host] = self._credentials(host)
        return self._known[host]

    def _hint(self) -> str:
        return f"log in: docker login {self._host}"


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges in a WWW-Authenticate header, in its order; what cannot be read is left out."""
    challenges: list[Challenge] = []
    position, header = 0, header[:_LONGEST]
    while position < len(header):
        parameter = _PARAMETER.match(header, position)
        if parameter is not None and challenges:
            name, quoted, bare = parameter.groups()
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
            challenges[-1] = Challenge(challenges[-1].scheme, {**challenges[-1].parameters, name.lower(): value})
            position = parameter.end()
            continue
        scheme = _SCHEME.match(header, position)
        if scheme is None:
            break
        challenges.append(Challenge(scheme[1].lower(), {}))
        position = scheme.end()
    return challenges


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address: where credentials for it may go.

    Raises:
        Malformed: it is none; it is not repeated.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError as error:
        raise Malformed("this is not a URL", hint="check the host name") from error
    return parts.scheme, (parts.hostname or "").lower(), port


def may_issue_tokens(realm: str, registry: str) -> bool:
    """Return whether the credentials for a registry may be shown to the address that it names for tokens.

    It may be of the same site (`registry-1.docker.io` names `auth.docker.io`), and has to be as safe as the registry:
    plain http only on this machine, or where the registry is spoken to that way.
    """
    scheme, host, _ = origin(realm)
    own_scheme, own_host, _ = origin(registry)
    if scheme != "https" and not (scheme == "http" and (own_scheme == "http" or is_loopback(host))):
        return False
    return host == own_host or (_site(host) == _site(own_host) and not re.fullmatch(r"[\d.]+|.*:.*", host))


def _site(host: str) -> str:
    """Return the last two labels of a host name."""
    return ".".join(host.split(".")[-2:])
