"""Proxy: through which one a server is asked when the kubeconfig names none, by the rules of kubectl.

Source: golang.org/x/net/http/httpproxy, which kubectl's transport asks: capital names first, no ALL_PROXY, and what
runs on this machine is never asked through a proxy of the environment. Addresses are compared as Go's net.IP are, for
which an address of IPv4 is the same within IPv6; brackets belong to an address with a port and to no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"http": "80", "https": "443"}
_NETWORK = re.compile(r"([0-9a-f.:]+)/(\d{1,3})", re.ASCII)
_MAPPED_BITS = 96


def proxy_of(server: str, env: Mapping[str, str]) -> str:
    """Return the URL of the proxy that the environment has for a server's address, "" for none.

    One without a scheme is http; what is no URL even then, such as an IPv6 address without brackets, is no proxy.
    """
    scheme = urlsplit(server).scheme
    named = env.get(f"{scheme.upper()}_PROXY") or env.get(f"{scheme}_proxy") or ""
    if not named or (scheme == "http" and env.get("REQUEST_METHOD")):  # a CGI script's HTTP_PROXY is a client's header
        return ""
    if not _uses_proxy(server, env.get("NO_PROXY") or env.get("no_proxy") or ""):
        return ""
    return next((url for url in (named, f"http://{named}") if _is_url(url)), "")


def _is_url(text: str) -> bool:
    """Return whether a text is a URL with a host, and a port that is one where it names any."""
    try:
        split = urlsplit(text)
        host = split.netloc.rpartition("@")[2]
        bare = ":" in host.rpartition(":")[0] and not host.startswith("[")
        return bool(split.scheme and split.hostname) and (split.port or 0) >= 0 and not bare
    except ValueError:
        return False


def _uses_proxy(server: str, exceptions: str) -> bool:
    """Return whether a server is asked through a proxy at all."""
    split = urlsplit(server)
    port = str(split.port or _PORTS.get(split.scheme, ""))
    host = (split.hostname or "").lower()
    address = _address(host.partition("%")[0])
    written = split.netloc.rpartition("@")[2].partition(":")[0]
    if written == "localhost" or (address is not None and address.is_loopback):  # Go knows no LOCALHOST
        return False
    for entry in (part.strip().lower() for part in exceptions.split(",")):
        if entry == "*" or (entry and _fits(entry, host, address, port)):
            return False
    return True


def _fits(entry: str, host: str, address: IPv4Address | IPv6Address | None, port: str) -> bool:
    """Return whether one entry of NO_PROXY is about a host, of that address if it is one, and a port."""
    if network := _NETWORK.fullmatch(entry):
        return address is not None and _contains(network[1], int(network[2]), address)
    name, entry_port = _split(entry)
    if not name or (entry_port and entry_port != port):
        return False
    if (own := _address(name)) is not None:
        return own == address
    name = name.removeprefix("*") if name.startswith("*.") else name
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _contains(first: str, bits: int, address: IPv4Address | IPv6Address) -> bool:
    """Return whether a network contains an address; one of IPv4 may be written within IPv6."""
    start = _address(first)
    if start is None:
        return False
    if ":" in first and isinstance(start, IPv4Address):
        bits -= _MAPPED_BITS
    if not 0 <= bits <= start.max_prefixlen or start.version != address.version:
        return False
    return address in ip_network(f"{start}/{bits}", strict=False)


def _split(entry: str) -> tuple[str, str]:
    """Return host and port of an entry; an IPv6 address has a port only behind its brackets."""
    if entry.startswith("["):
        host, end, port = entry[1:].partition("]:")
        return (host, port) if end else (entry, "")
    host, colon, port = entry.partition(":")
    return (entry, "") if ":" in port or not colon else (host, port)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is; one of IPv4 that is written within IPv6 is that of IPv4."""
    try:
        address = ip_address(host) if "%" not in host else None
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
