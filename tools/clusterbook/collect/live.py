"""A snapshot of a cluster taken now, so that a recipe can be held against it.

A cluster is only written to where somebody asked for an agent; a live judgement is a snapshot, judged.
Source: reference rows V1, V2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from clusterbook.collect.agent_manifests import Agent
from clusterbook.collect.cluster.objects import kinds_of
from clusterbook.collect.take import SnapshotRequest, SnapshotResult, take
from clusterbook.snapshot.merge import merge


class NodeAgent(NamedTuple):
    """Somebody who looks into a node: an agent, whether it stays, and who is told what it says."""

    agent: Agent
    stays: bool
    say: Callable[[str], None]


def take_snapshot(
    recipe: Mapping[str, Any],
    own: Mapping[str, Any] | None,
    helper: NodeAgent | None,
    *,
    kubeconfig: str,
    context: str,
    timeout_s: float = 0,
    say: Callable[[str], None] | None = None,
) -> SnapshotResult:
    """Return a snapshot with all that `recipe` asks about.

    Args:
        recipe: a RecipeResult with the text of its health checks in place.
        own: an older snapshot with what a node says of itself, which the API does not know; None for none.
        helper: who looks into a node; None for nobody.
        kubeconfig: the file that says which cluster, "" as kubectl does.
        context: the context in it, "" for its own choice.
        timeout_s: how long one list of objects may take, 0 for the usual.
        say: is told who is waited for; None for nobody.

    Raises:
        ClusterbookError: the cluster cannot be asked at all; what it does not tell is a gap in the snapshot.
    """
    asked = SnapshotRequest(
        cluster=True,
        kubeconfig=kubeconfig,
        context=context,
        agent=helper.agent if helper else None,
        no_cleanup=helper.stays if helper else False,
        kinds=tuple(kinds_of(recipe)),
        timeout_s=timeout_s,
    )
    taken = take(asked, {}, helper.say if helper else say or _discard)
    return taken if own is None else taken._replace(document=merge(taken.document, own))


def _discard(_line: str) -> None:
    """Tell nobody."""
