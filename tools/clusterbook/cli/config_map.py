"""`-o cm://NAMESPACE/NAME`: an answer is kept in a cluster, where `-r cm://NAMESPACE/NAME` finds it."""

from __future__ import annotations

from datetime import UTC, datetime

from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.kubernetes import configmaps
from clusterbook.kubernetes.api import open_api


def keep(reply: Reply, form: str, kind: str, *, kubeconfig: str) -> Reply:
    """Return what is to be said of a reply whose text is kept in the ConfigMap that its output names.

    Args:
        reply: what a command has to say.
        form: what its text is written in.
        kind: what it is; its key is `recipe.yaml`, say.
        kubeconfig: whose cluster; "" for the one that kubectl would ask.

    Raises:
        InvalidRequest: it is no ConfigMap, or not in a form that one keeps. Source: reference row G11.
        ClusterbookError: the cluster does not take it.
    """
    if form not in configmaps.FORMATS:
        raise InvalidRequest(f"a ConfigMap cannot hold {form}", hint="write it as yaml or json")
    place = configmaps.parse_where(reply.output)
    api = open_api(kubeconfig)
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    configmaps.write(api, place, reply.text, form=form, timestamp=now, kind=kind)
    return reply._replace(text="", output="", notes=(*reply.notes, f"written: {place} at {api.description}"))
