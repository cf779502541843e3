"""Live: a snapshot of a cluster taken now, so that a recipe can be held against it.

Knows what a recipe has to be asked about. Does not judge: a live judgement is a snapshot, judged. Nothing is written to
the cluster. Source: reference rows V1, V2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterbook.client import taking
from clusterbook.client.answers import Options
from clusterbook.client.kube.surveying import Wishes
from clusterbook.client.snapshotting import stamped
from clusterbook.core.errors import InvalidRequest
from clusterbook.core.lay import lay
from clusterbook.core.survey.kinds import asked_by

_UNITS = {"s": 1, "m": 60, "h": 3600}


def take(options: Options, recipe: Mapping[str, Any], own: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a snapshot with all that `recipe` asks about.

    Args:
        options: which cluster, and how long one list of objects may take.
        recipe: a RecipeResult with the text of its health checks in place.
        own: an older snapshot with what a node says of itself, which the API does not know; None for none.

    Raises:
        ClusterbookError: the cluster cannot be asked at all; what it does not tell is a gap in the snapshot.
    """
    wishes = Wishes(kinds=tuple(asked_by(recipe)))
    if "timeout" in options:
        wishes = wishes._replace(timeout_s=seconds(options["timeout"]))
    api = taking.cluster(options.get("kubeconfig", ""), options.get("context", ""))
    found = stamped(taking.from_outside(api, wishes), "")
    return lay(found, own) if own is not None else found


def seconds(word: str) -> float:
    """Return a duration such as 90s or 5m in seconds.

    Raises:
        InvalidRequest: it is none.
    """
    number, unit = word[:-1], word[-1:]
    if unit not in _UNITS or not number.isdecimal() or not int(number):
        raise InvalidRequest(f"--timeout {word} is no duration", hint="write 90s, 5m or 1h")
    return float(int(number) * _UNITS[unit])
