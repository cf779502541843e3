"""Release folders: indexes of releases, written by `clusterbook-build build`, so that nobody who asks waits for one.

    dist/releases/releases.json    the ledger that they were made of, and what each release serves
    dist/releases/RELEASE/         the index of a release, each recipe with the version that the ledger records

Law: a folder answers for the ledger that it was made of and for no other. Part of look-ups: it imports next to nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from clusterbook.lookup.format import FORMAT
from clusterbook.lookup.index_files import IndexFiles
from clusterbook.records import Any

LISTING = "releases.json"
_RELEASES = "releases"
"""The folder below the ledger that has a file for each release."""
_NUMBERS = 3
"""How many numbers the name of a release has."""


class ReleaseFolder(IndexFiles):
    """The index of a release, read from where it was written."""

    def __init__(self, folder: str, *, label: str, remarks: tuple[str, ...]) -> None:
        """Open the index in `folder`, which messages call `label`."""
        super().__init__(folder)
        self._label, self.remarks = label, remarks

    def __str__(self) -> str:
        """Return what it is called by whoever names it."""
        return self._label


def place(registry: str) -> str:
    """Return where the release folders of a ledger lie."""
    return os.path.join(os.path.dirname(os.path.abspath(registry)), "dist", _RELEASES)


def find_folder(registry: str, selector: str, slug: str = "") -> ReleaseFolder | None:
    """Return the index of the release that is meant, None where it has to be resolved, or where there is none.

    Args:
        registry: the folder of the ledger.
        selector: a release, or with `slug` a version of that recipe, or its digest.
        slug: the recipe; "" for any.
    """
    kept = place(registry)
    listing = _read(f"{kept}/{LISTING}")
    if listing is None or listing.get("format") != FORMAT or listing.get("ledger") != ledger_digests(registry):
        return None
    releases: Mapping[str, Mapping[str, Any]] = listing["releases"]
    serves = {name: each["serves"] for name, each in releases.items()}
    found = release_of(list(listing["ledger"]), serves, selector, slug)
    if found not in releases:
        return None
    remark = f"as released in {found}, from the sources of {releases[found]['commit'][:12]}"
    return ReleaseFolder(f"{kept}/{found}", label=f"release {found} of {registry}", remarks=(remark,))


def release_of(releases: list[str], serves: Mapping[str, Mapping[str, Any]], selector: str, slug: str) -> str:
    """Return the release that serves what is meant, "" for none; of a version the last that does.

    Args:
        releases: all there are, the newest last.
        serves: what is known of them; one that is not in it may serve anything.
        selector: a release, a version or a digest.
        slug: the recipe; "" for any.
    """
    if selector in releases or not slug:
        return selector if selector in releases else ""
    for release in reversed(releases):
        if release not in serves or selector in serves[release].get(slug, ()):
            return release
    return ""


def ledger_digests(registry: str) -> dict[str, str] | None:
    """Return the digest of the file of each release, by its name, the newest last; None where there is no ledger."""
    from hashlib import sha256

    found = {}
    try:
        for file in os.listdir(f"{registry}/{_RELEASES}"):
            name = file.removesuffix(".yaml")
            numbers = tuple(int(word) for word in name.split(".") if word.isdecimal())
            if name != file and len(numbers) == _NUMBERS:
                with open(f"{registry}/{_RELEASES}/{file}", "rb") as opened:
                    found[numbers] = (name, sha256(opened.read()).hexdigest())
    except OSError:
        return None
    return {name: digest for _, (name, digest) in sorted(found.items())}


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
