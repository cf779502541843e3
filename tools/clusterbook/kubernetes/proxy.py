"""Proxy: through which one a server is asked when the kubeconfig names none, by the rules of kubectl.

Source: golang.org/x/net/http/httpproxy, which kubectl's transport asks: capital names first, no ALL_PROXY, and what
runs on this machine is never asked through a proxy of the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"http": "80", "https": "443"}


def proxy_of(server: str, env: Mapping[str, str]) -> str:
    """Return the URL of the proxy that the environment has for a server's address, "" for none."""
    scheme = urlsplit(server).scheme
    named = env.get(f"{scheme.upper()}_PROXY") or env.get(f"{scheme}_proxy") or ""
    if not named or (scheme == "http" and env.get("REQUEST_METHOD")):  # a CGI script's HTTP_PROXY is a client's header
        return ""
    if not _uses_proxy(server, env.get("NO_PROXY") or env.get("no_proxy") or ""):
        return ""
    split = urlsplit(named)
    return named if split.scheme and split.netloc else f"http://{named}"


def _uses_proxy(server: str, exceptions: str) -> bool:
    """Return whether a server is asked through a proxy at all."""
    split = urlsplit(server)
    host, port = (split.hostname or "").lower(), str(split.port or _PORTS.get(split.scheme, ""))
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    for entry in (part.strip().lower() for part in exceptions.split(",")):
        if entry == "*" or (entry and _fits(entry, host, port)):
            return False
    return True


def _fits(entry: str, host: str, port: str) -> bool:
    """Return whether one entry of NO_PROXY is about a host and a port."""
    address = _address(host)
    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, entry_port = _split(entry)
    if not name or (entry_port and entry_port != port):
        return False
    if (own := _address(name)) is not None:
        return own == address
    name = name.removeprefix("*")
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _split(entry: str) -> tuple[str, str]:
    """Return host and port of an entry; an IPv6 address has a port only behind its brackets."""
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        return host, port.removeprefix(":")
    host, colon, port = entry.partition(":")
    return (entry, "") if ":" in port or not colon else (host, port)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
