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
    """A kubeconfig cannot be used: it is no YAML, names what it does not have, or files that are not there.

    Nothing was sent anywhere. `kubectl config view` shows what kubectl makes of the same file.
    """

    code = "CB191"


class NoCluster(InvalidRequest):
    """Nothing says which cluster is meant: no kubeconfig, and this is no pod.

    Name one with `--kubeconfig FILE`, or set KUBECONFIG.
    """

    code = "CB192"


class ClusterDenied(AccessDenied):
    """The cluster does not know us, or knows us and does not let us; the message names the right that is missing."""

    code = "CB193"


class ClusterTimedOut(TimedOut):
    """The API server took the connection and then said nothing, or too little, for too long, several times over."""

    code = "CB194"


class ClusterUnreachable(Unreachable):
    """No connection, no trusted TLS, or an API server that answers with its own errors, several times over."""

    code = "CB195"


class Throttled(RateLimited):
    """The API server asks to retry only after longer than we wait; run the command again a little later."""

    code = "CB196"


class NoObject(NotFound):
    """The cluster has no such object, or no such kind of object."""

    code = "CB197"


class ObjectConflict(InvalidRequest):
    """An object of that name exists already, or somebody else changed it at the same time."""

    code = "CB198"


class Rejected(Refused):
    """The API server does not take the object: it is not valid, or an admission webhook refused it."""

    code = "CB199"
