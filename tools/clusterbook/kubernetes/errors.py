"""Faults: what can go wrong between us and a cluster, each with the exit status a script tells it by.

Knows the words and the statuses. Does not know how a cluster is spoken to. Source: reference row G4.
"""

from __future__ import annotations

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound


class NoClient(ClusterbookError):
    """The Python client for Kubernetes is not installed; it comes with the extra `cluster`, which most never need.

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


class Denied(ClusterbookError):
    """The cluster does not know us, or knows us and does not let us; the message names the right that is missing."""

    code = "CB193"
    exit_status = 4


class TimedOut(ClusterbookError):
    """The API server took the connection and then said nothing, or too little, for too long, several times over."""

    code = "CB194"
    exit_status = 5


class Unreachable(ClusterbookError):
    """No connection, no trusted TLS, or an API server that answers with its own errors, several times over."""

    code = "CB195"
    exit_status = 6


class Throttled(ClusterbookError):
    """The API server asks to be left alone for longer than we wait; run the command again a little later."""

    code = "CB196"
    exit_status = 7


class Missing(NotFound):
    """The cluster has no such object, or no such kind of object."""

    code = "CB197"


class Conflict(InvalidRequest):
    """An object of that name exists already, or somebody else changed it at the same time."""

    code = "CB198"


class Rejected(InvalidRequest):
    """The API server does not take the object: it is not valid, or an admission webhook refused it."""

    code = "CB199"
