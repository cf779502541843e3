"""Reference: the name of an artifact in a registry, `oci://HOST/REPOSITORY:TAG@DIGEST`.

What is refused here is refused before anybody is asked. Source: OCI distribution 1.1, "Pulling manifests".
"""

from __future__ import annotations

import re

from clusterbook.diagnostics.transport import BadReference, Malformed
from clusterbook.records import NamedTuple

SCHEME = "oci://"
_HOST = re.compile(r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ABOUT_A_DIGEST = re.compile(r"sha256-[0-9a-f]{64}(\..*)?")
_LONGEST = 255
_SHAPE = "write oci://HOST/REPOSITORY:TAG, such as oci://ghcr.io/acme/recipes/eks:1.0.0"


class Reference(NamedTuple):
    """One artifact, or with neither tag nor digest one repository."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def tag_or_digest(self) -> str:
        """The digest where there is one, else the tag: a digest says more."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{SCHEME}{self.host}/{self.repository}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Return what `oci://HOST/REPOSITORY[:TAG][@DIGEST]` names.

    Raises:
        BadReference: saying which part is wrong; a password in it is not repeated.
    """
    host, slash, rest = text.removeprefix(SCHEME).partition("/")
    if "@" in host:
        hint = f"log in with `docker login {host.rpartition('@')[2]}` and leave the name out"
        raise BadReference("a reference must not contain a user or a password", hint=hint)
    if not text.startswith(SCHEME):
        raise BadReference(f"{text!a} does not start with {SCHEME}", hint=_SHAPE)
    if not _HOST.fullmatch(host) or ".." in host:
        raise BadReference(f"{host!a} is not a host name", hint=_SHAPE)
    if not slash or not rest:
        raise BadReference(f"{text} names a host and no repository", hint=_SHAPE)
    rest, at, digest = rest.partition("@")
    repository, colon, tag = rest.partition(":")
    if at and not _DIGEST.fullmatch(digest):
        raise BadReference(f"{digest!a} is not a digest", hint="write @sha256: and 64 digits of 0-9, a-f")
    if colon and not _TAG.fullmatch(tag):
        raise BadReference(f"{tag!a} is not a tag", hint="use letters, digits, '.', '_', '-'; at most 128")
    check_repository(repository, host=host)
    return Reference(host, repository, tag, digest)


def check_repository(name: str, *, host: str = "") -> str:
    """Return `name`, having made sure that it names a repository on `host`.

    Raises:
        BadReference: saying what to write instead.
    """
    if not _REPOSITORY.fullmatch(name):
        lower = name.lower()
        better = f"write {lower}" if _REPOSITORY.fullmatch(lower) else "use a-z, 0-9, '.', '_', '-' between '/'"
        raise BadReference(f"{name!a} is not a repository name", hint=better)
    if len(host) + 1 + len(name) > _LONGEST:
        raise BadReference(
            f"{name[:40]}… is too long", hint=f"host and repository are limited to {_LONGEST} characters"
        )
    return name


def is_digest(word: str) -> bool:
    """Return whether `word` is a digest rather than a tag."""
    return _DIGEST.fullmatch(word) is not None


def check_digest(word: object) -> str:
    """Return `word`, having made sure that it is a digest: it becomes part of paths and addresses.

    Raises:
        Malformed: it is something else, or of a kind that is not read.
    """
    if not isinstance(word, str) or not _DIGEST.fullmatch(word):
        raise Malformed(f"{str(word)[:80]!a} is not a sha256 digest")
    return word


def check_tag_or_digest(word: str) -> str:
    """Return `word`, having made sure that it is a tag or a digest.

    Raises:
        BadReference: it is neither.
    """
    if not _DIGEST.fullmatch(word) and not _TAG.fullmatch(word):
        raise BadReference(f"{word[:80]!a} is neither a tag nor a digest", hint="use letters, digits, '.', '_', '-'")
    return word


def referrers_tag(digest: str) -> str:
    """Return the tag that lists what refers to `digest` where a registry lacks the referrers API. Source: OCI 1.1."""
    return digest.replace(":", "-")


def is_version_tag(tag: str) -> bool:
    """Return whether a tag names an artifact, rather than listing what belongs to one (signatures, SBOMs)."""
    return _ABOUT_A_DIGEST.fullmatch(tag) is None


def is_loopback(host: str) -> bool:
    """Return whether `host`, with or without a port, is this machine."""
    name = host.rpartition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower() in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", name) is not None
