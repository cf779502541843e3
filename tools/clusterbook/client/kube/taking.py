"""Taking: a snapshot of a cluster, from outside or out of one of its pods.

Knows which collectors look at what from where, and says of the rest that nobody looked. Does not know flags.
Source: reference rows S3, S31.
"""

from __future__ import annotations

from clusterbook.client.collect.gather import Collector, gather
from clusterbook.client.kube.api import Api, Patience, open_api
from clusterbook.client.kube.surveying import Wishes, collectors
from clusterbook.core.errors import ClusterbookError
from clusterbook.core.inventory import FAILED, RELEASES, SKIPPED, Gap
from clusterbook.core.seen import Seen, measurement_part, together

SURVEY_PATIENCE = Patience(tries=3, answer_s=30)
"""A list has its own end; one page of it should not use up all its time."""
_CLUSTER_PARTS = (measurement_part("K8s"), measurement_part("NodeTopology"), RELEASES)
_NODE_PARTS = (measurement_part("GPU"), measurement_part("SystemD"), *(
    measurement_part("OS", name) for name in ("grub", "kmod", "sysctl")
))  # fmt: skip


def cluster(kubeconfig: str, context: str) -> Api:
    """Return the API of the cluster that is meant, patient as a survey should be."""
    return open_api(kubeconfig, context=context, patience=SURVEY_PATIENCE)


def from_outside(api: Api, wishes: Wishes) -> Seen:
    """Return what a cluster's API shows.

    Raises:
        ClusterbookError: it cannot be asked at all.
    """
    unasked = [Gap(part, SKIPPED, "taken from outside: nobody looked into a node") for part in _NODE_PARTS]
    return together((gather(collectors(api, wishes)), Seen(gaps=unasked)))


def nobody_looked_at_a_cluster(reason: str) -> Seen:
    """Return the gaps that a snapshot of one machine has."""
    return Seen(gaps=[Gap(part, SKIPPED, reason) for part in _CLUSTER_PARTS])


def in_pod(node: tuple[Collector, ...], api: Api, wishes: Wishes) -> Seen:
    """Return what a pod sees of its node, and what its service account may see of the cluster."""
    try:
        around = collectors(api, wishes)
    except ClusterbookError as error:
        gaps = [Gap(part, FAILED, error.what) for part in _CLUSTER_PARTS]
        return together((gather(node), Seen(gaps=gaps)))
    return gather((*node, *around))
