"""Errors: what can go wrong between us and a cluster.

Those of the transport are of the family of `diagnostics.transport`, with its exit statuses and codes of their own.
Source: reference row G4.
"""

from __future__ import annotations

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound
from clusterbook.diagnostics.transport import AccessDenied, RateLimited, Refused, TimedOut, Unreachable


class NoClient(ClusterbookError):
    """The kubeconfig names a SOCKS proxy, and PySocks is not installed; it comes with the extra `cluster`.

    Install it: `pip install 'clusterbook[cluster]'`.
    """

    code = "CB190"
    exit_status = 6


class BrokenKubeconfig(InvalidRequest):
    """A kubeconfig cannot be used: it is not YAML, or refers to entries or files that do not exist.

    Nothing was sent. `kubectl config view` shows how kubectl reads the same file.
    """

    code = "CB191"


class NoCluster(InvalidRequest):
    """No cluster is configured: there is no kubeconfig, and this does not run in a pod.

    Name one with `--kubeconfig FILE`, or set KUBECONFIG.
    """

    code = "CB192"


class ClusterDenied(AccessDenied):
    """Authentication or authorization failed; the message names the missing permission."""

    code = "CB193"


class ClusterTimedOut(TimedOut):
    """The API server accepted the connection but timed out, several times."""

    code = "CB194"


class ClusterUnreachable(Unreachable):
    """No connection, no trusted TLS, or server errors from the API server, several times."""

    code = "CB195"


class Throttled(RateLimited):
    """The API server asks to retry only after longer than we wait; run the command again a little later."""

    code = "CB196"


class NoObject(NotFound):
    """The cluster has no such object, or no such kind of object."""

    code = "CB197"


class ObjectConflict(InvalidRequest):
    """An object of that name exists already, or was changed at the same time."""

    code = "CB198"


class Rejected(Refused):
    """The API server rejects the object: it is invalid, or an admission webhook denied it."""

    code = "CB199"
