"""Transport: what can go wrong between us and a registry, a site, an archive or a cluster, and how often it is tried.

Each error has the exit status a script tells it by; those of a cluster are subclasses with codes of their own
(`kubernetes.errors`). Source: reference rows G4, T9.
"""

from __future__ import annotations

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound
from clusterbook.records import NamedTuple


class Patience(NamedTuple):
    """How long and how often a server is asked. Waits double, without chance, up to `longest_wait_s`.

    `connect_s` is for a connection; `read_s` for an answer, or for each part of one that is a stream.
    """

    tries: int = 5
    connect_s: float = 10
    read_s: float = 30
    first_wait_s: float = 0.5
    longest_wait_s: float = 60

    def wait_s(self, attempt: int, retry_after_s: float | None = None) -> float | None:
        """Return how long to wait after attempt number `attempt`, counted from 0; None when it was the last.

        Where the server asks for a time, that is it: it may be long enough to give up at once.
        """
        wait_s = min(self.first_wait_s * 2.0**attempt, self.longest_wait_s) if retry_after_s is None else retry_after_s
        return None if attempt + 1 >= self.tries or wait_s > self.longest_wait_s else wait_s


class BadReference(InvalidRequest):
    """A reference is invalid; the form is `oci://HOST/REPOSITORY[:TAG][@sha256:DIGEST]` ."""

    code = "CB140"


class NoArtifact(NotFound):
    """The store has no such repository, tag, manifest or blob; registries also answer this without a login."""

    code = "CB141"


class AccessDenied(ClusterbookError):
    """The registry denies access: no credentials, wrong ones, or ones without permission to read or write here.

    Log in with `docker login HOST`, or ask for permission.
    """

    code = "CB142"
    exit_status = 4


class TimedOut(ClusterbookError):
    """The registry accepted the connection but timed out, several times."""

    code = "CB143"
    exit_status = 5


class Unreachable(ClusterbookError):
    """No connection, no TLS, or server errors from the registry, several times."""

    code = "CB144"
    exit_status = 6


class RateLimited(ClusterbookError):
    """The registry asks to retry only after longer than we wait. Run the command again: it goes on from there."""

    code = "CB145"
    exit_status = 7


class WrongContent(ClusterbookError):
    """Content does not match its digest: damaged, or replaced. None of it was kept."""

    code = "CB146"
    exit_status = 4


class Malformed(ClusterbookError):
    """A manifest, an index or a layout does not follow the OCI specification, so it could be read in two ways."""

    code = "CB147"
    exit_status = 8


class Refused(InvalidRequest):
    """The store refuses the content: it is read-only or full, or rejects what was sent."""

    code = "CB148"


class UnsafeArchive(ClusterbookError):
    """An archive holds what no archive of ours does: links, paths that lead out of it, names twice, more than agreed.

    It was not unpacked. Fetch it again from where it was published.
    """

    code = "CB149"
    exit_status = 4
