"""Repositories: short names for the places that charts come from.

Deployers call a repository by a name, which tells where its charts come from.
"""

from __future__ import annotations

import re

from clusterbook.bundle.checksums import sha256
from clusterbook.bundle.folders import Plan

_LONGEST = 63
"""Length of a DNS label. Source: RFC 1123."""


def repository_names(plan: Plan) -> dict[str, str]:
    """Return a name for each repository that charts are pulled from, by URL; one DNS label each, no two alike.

    A name says where the charts come from. Only URLs that would be called the same carry a digest as well.
    """
    urls = {folder.chart.repository for folder in plan.folders if folder.chart and not folder.vendored}
    plain = {url: slug(url) for url in sorted(urls)}
    taken = list(plain.values())
    return {url: name if taken.count(name) == 1 else _distinct_name(name, url) for url, name in plain.items()}


def slug(url: str) -> str:
    """Return a URL without its scheme as a DNS label."""
    name = re.sub("[^a-z0-9]+", "-", url.split("://", 1)[-1].lower()).strip("-")
    return name if 0 < len(name) <= _LONGEST else _distinct_name(name, url)


def _distinct_name(name: str, url: str) -> str:
    return f"{name[: _LONGEST - 9].rstrip('-') or 'charts'}-{sha256(url.encode())[:8]}"
