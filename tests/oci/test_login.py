"""Logging in: whatever a registry or a token service says, nobody else sees a password."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from clusterbook.diagnostics.transport import AccessDenied, Malformed
from clusterbook.oci.credentials import Credential
from clusterbook.oci.login import Login

SCOPES = frozenset({"repository:a/b:pull"})


class Service:
    """Gives tokens, and remembers who asked how."""

    def __init__(self, answer: object = None, status: int = 200) -> None:
        self.answer = {"token": "tok"} if answer is None else answer
        self.status = status
        self.asked: list[tuple[str, str]] = []

    def __call__(
        self, url: str, *, authorization: str = "", form: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        self.asked.append((url, authorization or str(form or "")))
        return self.status, json.dumps(self.answer).encode()


def login(service: Service, *, address: str = "https://r.example.com") -> Login:
    """Return a login of a user whom two hosts know."""
    known = {"r.example.com": Credential("ann", "pw"), "auth.other.org": Credential("bob", "pw2")}
    return Login(address, "r.example.com", known.get, service, clock=lambda: 0.0)


@pytest.mark.parametrize("realm", ["https://auth.example.com/t", "https://r.example.com/t?x=1"])
def test_a_token_service_of_the_same_site_sees_the_password(realm: str) -> None:
    service = Service()
    header = login(service).answer(f'Bearer realm="{realm}",service="s",scope="repository:a/b:pull"', SCOPES, "")
    assert header == "Bearer tok"
    ((url, shown),) = service.asked
    assert url.startswith(f"{realm}{'&' if '?' in realm else '?'}service=s&scope=repository%3Aa%2Fb%3Apull")
    assert shown == Credential("ann", "pw").basic()


@pytest.mark.parametrize(
    "realm", ["https://evil.org/t", "http://auth.example.com/t", "https://auth.other.org/t", "https://auth.other.org"]
)
def test_another_one_sees_nothing_even_where_it_knows_us(realm: str) -> None:
    # or the registry would get a token that bob's password bought, for whatever it asked for at auth.other.org
    service = Service()
    login(service).answer(f'Bearer realm="{realm}",scope="repository:bob/private:pull,push"', SCOPES, "")
    assert [each for _, each in service.asked] == [""]


@pytest.mark.parametrize("realm", ["", "file:///etc/passwd", "/token", "https://ann:x@r.example.com/t", "gopher://x"])
def test_a_realm_that_is_no_address_is_not_asked(realm: str) -> None:
    service = Service()
    with pytest.raises(Malformed):
        login(service).answer(f'Bearer realm="{realm}"', SCOPES, "")
    assert service.asked == []


@pytest.mark.parametrize(
    "answer", [[], {}, {"token": 1}, {"token": "a\r\nX: y"}, {"token": "a b"}, {"token": "t", "expires_in": "soon"}]
)
def test_an_answer_without_a_token_is_refused(answer: object) -> None:
    with pytest.raises(Malformed):
        login(Service(answer)).answer('Bearer realm="https://r.example.com/t"', SCOPES, "")


def test_a_refused_password_is_not_shown_again() -> None:
    mine = login(Service())
    header = mine.answer('Basic realm="x"', SCOPES, "")
    assert header == mine.header(SCOPES) == Credential("ann", "pw").basic()
    with pytest.raises(AccessDenied, match="refuses the password of ann"):
        mine.answer('Basic realm="x"', SCOPES, header)


def test_a_service_that_gives_no_token_is_named() -> None:
    with pytest.raises(AccessDenied, match=r"r\.example\.com gives no token .*status 401"):
        login(Service(status=401)).answer('Bearer realm="https://r.example.com/t"', SCOPES, "")


def test_a_registry_that_does_not_say_how_is_named() -> None:
    with pytest.raises(AccessDenied, match="does not say how"):
        login(Service()).answer("Negotiate", SCOPES, "")


def test_bearer_is_preferred_to_basic() -> None:
    service = Service()
    assert login(service).answer('Basic realm="x", Bearer realm="https://r.example.com/t"', SCOPES, "") == "Bearer tok"
