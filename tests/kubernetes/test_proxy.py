"""Proxies of the environment, by the rules of Go, which kubectl follows."""

from __future__ import annotations

import pytest

from clusterbook.kubernetes.proxy import proxy_of

PROXY = "http://proxy.example.org:3128"


@pytest.mark.parametrize(
    "server",
    [
        "https://127.0.0.1:6443",
        "https://127.8.9.1:6443",
        "https://localhost:6443",
        "https://[::1]:1",
        "https://[0:0:0:0:0:0:0:1]",
        "https://[::ffff:127.0.0.1]:6443",
        "https://ann@localhost:1",
    ],
)
def test_this_machine_is_never_asked_through_a_proxy_of_the_environment(server: str) -> None:
    assert proxy_of(server, {"HTTPS_PROXY": PROXY}) == ""


@pytest.mark.parametrize(
    ("env", "asked"),
    [
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY, "https_proxy": "http://other"}, PROXY),
        ({"HTTP_PROXY": PROXY}, ""),
        ({"ALL_PROXY": PROXY, "all_proxy": PROXY}, ""),
        ({"HTTPS_PROXY": "proxy.example.org:3128"}, PROXY),
        ({"HTTPS_PROXY": "socks5://proxy.example.org:1080"}, "socks5://proxy.example.org:1080"),
    ],
)
def test_the_variable_of_the_servers_scheme_counts(env: dict[str, str], asked: str) -> None:
    assert proxy_of("https://api.example.org:6443", env) == asked


def test_a_scripts_own_http_proxy_is_no_proxy() -> None:
    assert proxy_of("http://api.example.org", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}) == ""


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("*", False),
        ("example.org", False),
        (".example.org", False),
        ("*.example.org", False),
        ("api.example.org", False),
        ("API.Example.org", False),
        ("api.example.org:6443", False),
        ("api.example.org:443", True),
        ("ample.org", True),
        (".api.example.org", True),
        ("x, ,example.org", False),
        ("10.0.0.0/8", True),
        ("", True),
    ],
)
def test_names_are_excepted_by_their_end(entry: str, asked: bool) -> None:
    found = proxy_of("https://api.example.org:6443", {"HTTPS_PROXY": PROXY, "NO_PROXY": entry})
    assert found == (PROXY if asked else "")


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("10.0.0.0/8", False),
        ("10.1.2.3", False),
        ("10.1.2.3:6443", False),
        ("10.1.2.3:443", True),
        ("10.1.2.4", True),
        ("192.168.0.0/16", True),
        ("10.0.0.0/99", True),
        ("2.3", False),
        ("*2.3", True),
    ],
)
def test_addresses_are_excepted_by_their_network(entry: str, asked: bool) -> None:
    found = proxy_of("https://10.1.2.3:6443", {"HTTPS_PROXY": PROXY, "no_proxy": entry})
    assert found == (PROXY if asked else "")


def test_go_knows_localhost_in_small_letters_only() -> None:
    assert proxy_of("https://LOCALHOST:6443", {"HTTPS_PROXY": PROXY}) == PROXY


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("fd00::1", False),
        ("FD00:0:0::1", False),
        ("[fd00::1]:6443", False),
        ("fd00::/16", False),
        ("::/0", False),
        ("10.0.0.0/8, fd00::/08", False),
        ("[fd00::1]", True),
        ("[fd00::1]:443", True),
        ("[fd00::]/16", True),
        ("fd00::1%eth0", True),
        ("fd00::/129", True),
        ("fd01::/16", True),
        ("0.0.0.0/0", True),
        ("00::1", True),
        ("*::1", True),
    ],
)
def test_an_ipv6_address_is_excepted_as_one(entry: str, asked: bool) -> None:
    found = proxy_of("https://[fd00::1]:6443", {"HTTPS_PROXY": PROXY, "NO_PROXY": entry})
    assert found == (PROXY if asked else "")


@pytest.mark.parametrize(
    ("server", "entry", "asked"),
    [
        ("https://[::ffff:10.1.2.3]", "10.0.0.0/8", False),
        ("https://[::ffff:10.1.2.3]", "10.1.2.3", False),
        ("https://10.1.2.3", "::ffff:10.1.2.3", False),
        ("https://10.1.2.3", "::ffff:10.0.0.0/104", False),
        ("https://10.1.2.3", "::ffff:10.0.0.0/8", True),
        ("https://10.1.2.3", "::ffff:11.0.0.0/104", True),
        ("https://10.1.2.3", "10.0.0.0/255.0.0.0", True),
        ("https://[fe80::1%25eth0]", "fe80::/10", False),
    ],
)
def test_an_address_of_ipv4_is_the_same_within_ipv6(server: str, entry: str, asked: bool) -> None:
    found = proxy_of(server, {"HTTPS_PROXY": PROXY, "NO_PROXY": entry})
    assert found == (PROXY if asked else "")


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("http://[fd00::9]:3128", "http://[fd00::9]:3128"),
        ("[fd00::9]:3128", "http://[fd00::9]:3128"),
        ("socks5://ann:x@[fd00::9]:1080", "socks5://ann:x@[fd00::9]:1080"),
        ("fd00::9:3128", ""),
    ],
)
def test_a_proxy_may_be_an_address_of_ipv6_in_brackets(named: str, asked: str) -> None:
    assert proxy_of("https://api.example.org", {"HTTPS_PROXY": named}) == asked


@pytest.mark.parametrize("named", ["http://fd00::9:3128", "http://[fd00::9", "http://proxy:port", "http://"])
def test_a_server_is_not_asked_directly_because_its_proxy_is_no_url(named: str) -> None:
    """Go takes the scheme for a host, which is nobody."""
    assert proxy_of("https://api.example.org", {"HTTPS_PROXY": named}) == f"http://{named}"
