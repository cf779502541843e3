"""Running checks: of what a recipe asks, those that reading leaves open, and their outcome in the snapshot.

None is run where the cluster is not ready for them. Source: reference rows V5, V11.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.diagnostics.console import CONSOLE
from clusterbook.kubernetes.api import open_api
from clusterbook.kubernetes.placement import GPU, Placement
from clusterbook.snapshot.model import read_snapshot
from clusterbook.validate.checks import read_checks
from clusterbook.validate.job_manifests import CheckRun
from clusterbook.validate.judge import judge
from clusterbook.validate.output.record import record_trials, with_requested_settings
from clusterbook.validate.result import CHECK, ERROR, FAILED, READINESS, SKIPPED
from clusterbook.validate.run_jobs import run_all

Document = Mapping[str, Any]
Entries = Mapping[str, Mapping[str, Any]]

NAMESPACE = "clusterbook-validation"
_MOST_BYTES = 700 * 1024
"""Most of a snapshot that a check is handed in a ConfigMap."""


def run_checks(
    recipe: Document,
    document: Document,
    entries: Entries,
    phases: Sequence[str],
    *,
    kubeconfig: str,
    context: str,
    namespace: str,
    placement: Placement,
    keep: bool,
) -> Document:
    """Return a snapshot with what came of the checks that had to run.

    Args:
        recipe: what the snapshot will be held against.
        document: the snapshot.
        entries: the catalog's checks by name.
        phases: those that will be judged; only their checks are run.
        kubeconfig: the file that says which cluster, "" as kubectl does.
        context: the context in it, "" for its own choice.
        namespace: where checks run, "" for one of their own.
        placement: on which nodes.
        keep: whether what was put into the cluster stays there.

    Raises:
        ClusterbookError: the cluster cannot be asked.
    """
    wanted = open_checks(recipe, document, entries, phases)
    if not wanted:
        return document
    asked = CheckRun(
        namespace=namespace or NAMESPACE,
        run=secrets.token_hex(3),
        placement=placement,
        snapshot=readings_for_checks(document),
        validation=json.dumps({key: recipe.get(key) for key in ("metadata", "criteria", "constraints", "validation")}),
    )
    api = open_api(kubeconfig, context=context)
    _say(f"checks run at {api.description}")
    found = run_all(api, wanted, asked, gpu_node_names(document), say=_say, keep=keep)
    checks = read_checks(entries)
    return record_trials(document, with_requested_settings(found, recipe, checks), checks)


def open_checks(
    recipe: Document, document: Document, entries: Entries, phases: Sequence[str]
) -> list[Mapping[str, Any]]:
    """Return the entries of the checks that reading leaves open, [] where the cluster is not ready for them."""
    checks = read_checks(entries)
    report = judge(recipe, read_snapshot(document), checks=checks, phases=phases, known_checks=tuple(entries))
    if any(each.phase == READINESS and each.state in (FAILED, ERROR) for each in report.results):
        return []
    left = {each.name: each.phase for each in report.results if each.kind == CHECK and each.state == SKIPPED}
    return [{**entries[name], "name": name, "phase": phase} for name, phase in left.items() if name in entries]


def readings_for_checks(document: Document) -> str:
    """Return what of a snapshot a check is handed: its readings, and of those no more than an object may have."""
    kept = {key: document[key] for key in ("apiVersion", "kind", "metadata", "fingerprint") if key in document}
    measurements = list(document.get("measurements") or ())
    for left_out in ("", "NodeTopology", "OS"):
        measurements = [each for each in measurements if each["type"] != left_out]
        text = json.dumps({**kept, "measurements": measurements})
        if len(text.encode()) <= _MOST_BYTES:
            return text
    return json.dumps(kept)


def gpu_node_names(document: Document) -> tuple[str, ...]:
    """Return the names of the nodes that have a GPU to give."""
    blocks = (block for block in document.get("objects") or () if block["kind"] == "Node")
    return tuple(
        str(node["metadata"]["name"])
        for block in blocks
        for node in block["items"]
        if str(((node.get("status") or {}).get("allocatable") or {}).get(GPU, "0")) != "0"
    )


def _say(line: str) -> None:
    CONSOLE.note(line)
