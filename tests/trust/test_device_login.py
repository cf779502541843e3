"""Logging in on another device: the flow of RFC 8628 against an issuer on loopback, and how it ends otherwise."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs

import pytest

from clusterbook.diagnostics.transport import AccessDenied
from clusterbook.trust.deadline import within
from clusterbook.trust.device_login import log_in
from tests.support.servers.loopback import listening

PENDING = {"error": "authorization_pending"}


class Issuer:
    """An issuer that gives these answers to whoever asks for a token, the last one for ever."""

    def __init__(self, *answers: Any, **asked: Any) -> None:
        self.answers, self.url = list(answers), ""
        self.asked = {"device_code": "d", "user_code": "AB-CD", "verification_uri": "https://x", "interval": 5, **asked}
        self.forms: list[dict[str, str]] = []
        self.known = {"device_authorization_endpoint": "/device", "token_endpoint": "/token"}

    def answer(self, path: str, body: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {name: self.url + path for name, path in self.known.items()}
        self.forms.append({name: values[0] for name, values in parse_qs(body).items()})
        if path == "/device":
            return self.asked
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def running(issuer: Issuer) -> Iterator[Issuer]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            data = json.dumps(issuer.answer(self.path, body)).encode()
            self.send_response(400 if b'"error"' in data else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with listening(Handler) as port:
        issuer.url = f"http://127.0.0.1:{port}"
        yield issuer


def test_who_logs_in_on_another_device_gets_a_token() -> None:
    said, waits = [], []
    with running(Issuer(PENDING, {"error": "slow_down"}, {"id_token": "a.b.c"})) as issuer:
        token = log_in(issuer.url, prompt=lambda *words: said.append(words), wait=waits.append)
    assert (token, said, waits) == ("a.b.c", [("https://x", "AB-CD")], [5, 5, 10])
    asked, *questions = issuer.forms
    assert asked["scope"] == "openid email"
    verifier = questions[0]["code_verifier"]
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (hashed, "S256")
    assert {each["device_code"] for each in questions} == {"d"}


@pytest.mark.parametrize(
    ("issuer", "says"),
    [
        (Issuer({"error": "access_denied"}), "access_denied"),
        (Issuer({"error": "expired_token\x1b[2J"}), r"expired_token\\x1b"),
        (Issuer(PENDING, expires_in=20), "the login timed out"),
        (Issuer(PENDING, expires_in=10**400), "returned no login URL"),
        (Issuer(PENDING, device_code=None, interval="soon"), "returned no login URL"),
        (Issuer([1]), "invalid answer"),
    ],
)
def test_a_login_that_does_not_come_about_is_said(issuer: Issuer, says: str) -> None:
    with running(issuer), pytest.raises(AccessDenied, match=says):
        log_in(issuer.url, prompt=lambda *_: None, wait=lambda _: None)


@pytest.mark.parametrize("known", [{}, {"token_endpoint": "/token"}, {"device_authorization_endpoint": "/device"}])
def test_an_issuer_without_such_a_login_is_named(known: dict[str, str]) -> None:
    issuer = Issuer(PENDING)
    issuer.known = known
    with running(issuer), pytest.raises(AccessDenied, match="does not support the device flow"):
        log_in(issuer.url)


@pytest.mark.parametrize("address", ["http://issuer.example", "ftp://x", "x", "http://127.0.0.1:1"])
def test_nobody_logs_in_without_tls_or_an_answer(address: str) -> None:
    with pytest.raises(AccessDenied):
        log_in(address)


def test_an_issuer_that_answers_byte_by_byte_is_not_read_for_ever() -> None:
    """A read never waits long, so no time limit of it ends this; the deadline of the login does."""

    class Drip(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while not ended.wait(0.05):
                    self.wfile.write(b" ")
                    self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    ended = threading.Event()
    with listening(Drip) as port:
        try:
            with pytest.raises(AccessDenied, match="nobody"):
                within(0.5, lambda: log_in(f"http://127.0.0.1:{port}"), AccessDenied("nobody"))
        finally:
            ended.set()
