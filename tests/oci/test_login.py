"""Login: a challenge is read as it is written, and whatever a registry says, nobody else sees a password."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from clusterbook.diagnostics.transport import AccessDenied, Malformed
from clusterbook.oci.credentials import Credential
from clusterbook.oci.login import Challenge, Login, may_issue_tokens, origin, parse_challenges

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
    with pytest.raises(AccessDenied, match="offers no login"):
        login(Service()).answer("Negotiate", SCOPES, "")


def test_bearer_is_preferred_to_basic() -> None:
    service = Service()
    assert login(service).answer('Basic realm="x", Bearer realm="https://r.example.com/t"', SCOPES, "") == "Bearer tok"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [Challenge("basic", {})]),
        ('Basic realm="a \\"b\\", c"', [Challenge("basic", {"realm": 'a "b", c'})]),
        (
            'Bearer realm="https://auth.example.com/token",service="x",scope="repository:a/b:pull,push"',
            [Challenge("bearer", {"realm": "https://auth.example.com/token", "service": "x",
                                  "scope": "repository:a/b:pull,push"})],
        ),
        (
            'Basic realm="x", Bearer realm="https://y/t", service=z',
            [Challenge("basic", {"realm": "x"}), Challenge("bearer", {"realm": "https://y/t", "service": "z"})],
        ),
        ('Negotiate, Basic realm="x"', [Challenge("negotiate", {}), Challenge("basic", {"realm": "x"})]),
        ('realm="x"', []),
        ('Bearer realm="unclosed', [Challenge("bearer", {})]),
        ("\x00\x01", []),
    ],
)  # fmt: skip
def test_a_challenge_is_read(header: str, expected: list[Challenge]) -> None:
    assert parse_challenges(header) == expected


@pytest.mark.parametrize("part", ['a="', "a=", ",", '"', "\\", "a "])
def test_a_header_without_end_is_read_as_far_as_anybody_needs(part: str) -> None:
    assert {each.scheme for each in parse_challenges("Bearer " + part * 100_000)[:1]} <= {"bearer"}


@pytest.mark.parametrize(
    ("realm", "registry", "expected"),
    [
        ("https://ghcr.io/token", "https://ghcr.io", True),
        ("https://auth.docker.io/token", "https://registry-1.docker.io", True),
        ("https://gitlab.com/jwt/auth", "https://registry.gitlab.com", True),
        ("https://evil.example/token", "https://ghcr.io", False),
        ("https://ghcr.io.evil.example/token", "https://ghcr.io", False),
        ("http://ghcr.io/token", "https://ghcr.io", False),
        ("http://127.0.0.1:5001/token", "http://127.0.0.1:5000", True),
        ("http://registry.test/token", "http://registry.test:5000", True),
        ("http://10.1.0.1/token", "http://10.2.0.1", False),
        ("https://10.1.0.1/token", "https://9.9.0.1", False),
        ("file:///etc/passwd", "https://ghcr.io", False),
    ],
)
def test_credentials_go_to_the_same_site_only(realm: str, registry: str, expected: bool) -> None:
    assert may_issue_tokens(realm, registry) is expected


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("https://Ghcr.io/v2/") == ("https", "ghcr.io", 443) == origin("https://ghcr.io:443")
    assert origin("http://[::1]:5000/x") == ("http", "::1", 5000)
