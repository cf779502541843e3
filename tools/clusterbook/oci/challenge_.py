"""Challenges: what a registry wants to see before it answers.

Knows the WWW-Authenticate header and to whom credentials may go. Does not know credentials. Source: RFC 9110, section
11.6.1; Docker registry v2, "Token authentication".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from clusterbook.oci.reference import is_loopback

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9-]*)(?=\s+[A-Za-z]|\s*$|\s*,)\s*")
_PARAMETER = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))")
_LONGEST = 8192


class Challenge(NamedTuple):
    """One way to be let in: `basic` or `bearer`, and what goes with it."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges in a WWW-Authenticate header, in its order; what cannot be read is left out."""
    found: list[Challenge] = []
    position, header = 0, header[:_LONGEST]
    while position < len(header):
        parameter = _PARAMETER.match(header, position)
        if parameter is not None and found:
            name, quoted, bare = parameter.groups()
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
            found[-1] = Challenge(found[-1].scheme, {**found[-1].parameters, name.lower(): value})
            position = parameter.end()
            continue
        scheme = _SCHEME.match(header, position)
        if scheme is None:
            break
        found.append(Challenge(scheme[1].lower(), {}))
        position = scheme.end()
    return found


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address: where credentials for it may go."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


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
