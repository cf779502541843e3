"""Challenges are read as they are written, and credentials stay within one site."""

from __future__ import annotations

import pytest

from clusterbook.oci.login import Challenge, may_issue_tokens, origin, parse_challenges


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
