"""Homes: where charts and images are in a mirror.

    charts/<repository>/<name>     charts, as Helm pulls them from a registry
    images/<registry>/<path>       images, byte for byte

Part of `bundle`, so it imports next to nothing.
"""

from __future__ import annotations

import re

from clusterbook.records import NamedTuple

_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
"""One part of a repository's name. Source: OCI distribution specification 1.1, "Pulling manifests"."""


CHARTS, IMAGES = "charts/", "images/"


class ImageReference(NamedTuple):
    """Where an image is: the host, the repository there, its tag and digest ("" where the name has none)."""

    host: str
    repository: str
    tag: str
    digest: str

    @property
    def wanted(self) -> str:
        """What to ask for: the digest, where there is one."""
        return self.digest or self.tag

    @property
    def home(self) -> tuple[str, str]:
        """Its repository and tag in a mirror."""
        tag = self.tag or f"pinned-{self.digest.partition(':')[2][:12]}"
        return f"{IMAGES}{repository_name(self.host)}/{self.repository}", tag


def image(full_name: str) -> ImageReference:
    """Return where an image with a full name (`imagewords.full_name`) is."""
    name, _, digest = full_name.partition("@")
    host, _, path = name.partition("/")
    repository, colon, tag = path.rpartition(":")
    return ImageReference(host, repository if colon else path, tag if colon else "" if digest else "latest", digest)


def chart_home(repository: str, name: str) -> str:
    """Return the repository in a mirror of a chart; `repository` is the URL of where it comes from."""
    return f"{CHARTS}{repository_name(repository.partition('://')[2])}/{repository_name(name)}"


def repository_name(text: str) -> str:
    """Return text as the name of a repository: a host with a port, say."""
    parts = text.lower().strip("/").split("/")
    return "/".join(
        part if re.fullmatch(_PART, part) else re.sub(r"[^a-z0-9]+", "-", part).strip("-") for part in parts
    )
