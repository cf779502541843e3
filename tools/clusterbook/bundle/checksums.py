"""Checksums: checksums.txt, which covers every file of a bundle.

The format is that of sha256sum. Source: reference rows B16, L1: the reference leaves recipe.yaml out and does not
look for files that are not listed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.records import NamedTuple

CHECKSUMS = "checksums.txt"
FILES = "dev.clusterbook.bundle.files"
"""The annotation of a published bundle that names its `files_digest`."""
_LINE = r"([0-9a-f]{64})  (\S.*)"


class Difference(NamedTuple):
    """One file that is not as listed: `kind` is changed, missing or extra."""

    kind: str
    path: str


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def checksums(files: Mapping[str, bytes]) -> bytes:
    """Return checksums.txt for `files`, sorted by path."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests(files).items())).encode()


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file by path, checksums.txt left out: it cannot hold its own."""
    return {path: sha256(data) for path, data in files.items() if path != CHECKSUMS}


def files_digest(files: Mapping[str, bytes]) -> str:
    """Return one digest for all files together, their names and checksums.txt included."""
    return digest_of_all({path: sha256(data) for path, data in files.items()})


def digest_of_all(digests: Mapping[str, str]) -> str:
    """Return one digest for files whose own are known, by path."""
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))
    return f"sha256:{sha256(lines.encode())}"


def without_root(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files by path from the folder that holds them all, such as a chart's; where there is none, as they are."""
    tops = {path.partition("/")[0] if "/" in path else "" for path in files}
    if len(tops) != 1 or tops == {""}:
        return dict(files)
    return {path.partition("/")[2]: data for path, data in files.items()}


def read_checksums(text: str) -> dict[str, str]:
    """Return the digests in checksums.txt by path.

    Raises:
        InvalidRequest: a line is malformed, or a path is given twice or leaves the bundle.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = re.fullmatch(_LINE, line)
        if match is None:
            raise InvalidRequest(
                f"{CHECKSUMS}:{number}: expected '<sha256>  <path>'",
                hint="the bundle is damaged: make or fetch it again",
            )
        digest, path = match.groups()
        if path in found or path.startswith("/") or ".." in path.split("/"):
            raise InvalidRequest(
                f"{CHECKSUMS}:{number}: the path {path} is given twice or leaves the bundle",
                hint="do not use this bundle: make or fetch it again",
            )
        found[path] = digest
    return found


def differences(recorded: Mapping[str, str], actual: Mapping[str, str]) -> list[Difference]:
    """Return what differs between the digests recorded and those of the files that are there, sorted by path."""
    return sorted(_differences(recorded, actual), key=lambda each: (each.path, each.kind))


def _differences(recorded: Mapping[str, str], actual: Mapping[str, str]) -> Iterable[Difference]:
    for path in recorded.keys() | actual.keys():
        if path not in actual:
            yield Difference("missing", path)
        elif path not in recorded:
            yield Difference("extra", path)
        elif recorded[path] != actual[path]:
            yield Difference("changed", path)
