"""Check Jobs at work: several at a time, and nothing is left behind.

An interrupt reaches the main thread alone, which then has the others stop and clean up. Source: reference row V11; in
parallel: ours (L13).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Any

from clusterbook.catalog.images import moves
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.kubernetes.api import Api
from clusterbook.kubernetes.errors import ObjectConflict
from clusterbook.kubernetes.jobs import JobFailed, NotFinished, Pace, finish, in_cluster, interruptible
from clusterbook.kubernetes.placement import GPU
from clusterbook.validate import job_manifests
from clusterbook.validate.job_manifests import CheckRun
from clusterbook.validate.output.record import READERS, read_trial
from clusterbook.validate.output.trial import Trial, of_part
from clusterbook.validate.result import ERROR, PASSED, PERFORMANCE, SKIPPED

Entry = Mapping[str, Any]

AT_ONCE = 4
"""How many checks run at one time."""
_UNKNOWN = 255
_UNPINNED = (
    "not run: the image {} is not pinned; pin a version or a digest for this check in validators/catalog.yaml "
    "of your own tree, and pass it with --data"
)
_GRACE_S = 60
"""How much longer than a Job may take one waits for it: it has to be scheduled first."""


class Interruption(Exception):
    """Somebody wants to end."""


def run_all(
    api: Api,
    entries: Sequence[Entry],
    check_run: CheckRun,
    gpu_nodes: Sequence[str],
    *,
    say: Callable[[str], None],
    keep: bool = False,
    pace: Pace | None = None,
) -> list[tuple[str, Trial]]:
    """Return what came of checks that run something, by name.

    Those that measure run alone, one after the other, since each would spoil what the others measure.

    Args:
        api: the cluster.
        entries: their entries of the catalog, with name and phase.
        check_run: how they are to run.
        gpu_nodes: the nodes with a GPU to give.
        say: is told each line of each log, the check's name in front.
        keep: leave everything in the cluster.
        pace: how often is looked.
    """
    alone = [[entry] for entry in entries if entry["phase"] == PERFORMANCE]
    side_by_side = [entry for entry in entries if entry["phase"] != PERFORMANCE]
    found: dict[str, Trial] = {}
    pace = pace or Pace()
    with _namespace(api, check_run.namespace, keep=keep, pace=pace):
        one = partial(_run, api, check_run=check_run, gpu_nodes=gpu_nodes, say=say, keep=keep)
        for some in (side_by_side, *alone):
            found |= _side_by_side(one, some, pace)
    return sorted(found.items())


@contextmanager
def _namespace(api: Api, name: str, *, keep: bool, pace: Pace) -> Iterator[None]:
    """Have a namespace, made where it is not there, and then taken away again.

    Raises:
        NotFinished: one of that name is being deleted, and does not go.
    """
    path, mine = f"/api/v1/namespaces/{name}", ""
    if _when_it_is_gone(api, path, pace) is None:
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        try:
            mine = str(api.create("/api/v1/namespaces", document)["metadata"]["uid"])
        except ObjectConflict:
            mine = ""  # somebody was quicker, and it is theirs
    try:
        yield
    finally:
        if mine and not keep:
            api.delete(path, uid=mine)


def _when_it_is_gone(api: Api, path: str, pace: Pace) -> Mapping[str, Any] | None:
    """Return the namespace at `path`, None where there is none; one that is being deleted takes nothing and is let go.

    Raises:
        NotFinished: it is still there after `patience_s`.
    """
    end = time.monotonic() + pace.patience_s
    while (found := api.find(path)) is not None and found["metadata"].get("deletionTimestamp"):
        if time.monotonic() > end:
            name = found["metadata"]["name"]
            what = f"the namespace {name} is being deleted, and was still there after {pace.patience_s:.0f} s"
            hint = f"see what blocks it: kubectl get namespace {name} -o yaml, or name another with -n"
            raise NotFinished(what, hint=hint)
        pace.sleep(pace.poll_s)
    return found


def _side_by_side(run: Callable[[Entry, Pace], Trial], entries: Sequence[Entry], pace: Pace) -> dict[str, Trial]:
    """Return what came of checks that run at one time, by name."""
    stop = Event()

    def sleep(wait_s: float) -> None:
        if stop.wait(wait_s):
            raise Interruption

    heeding = Pace(pace.poll_s, pace.patience_s, sleep)
    with interruptible(), ThreadPoolExecutor(AT_ONCE, thread_name_prefix="check") as pool:
        try:
            running = {str(entry["name"]): pool.submit(run, entry, heeding) for entry in entries}
            return {name: each.result() for name, each in running.items()}
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _run(
    api: Api,
    entry: Entry,
    pace: Pace,
    *,
    check_run: CheckRun,
    gpu_nodes: Sequence[str],
    say: Callable[[str], None],
    keep: bool,
) -> Trial:
    """Return what came of one check, on every node that it runs on, one after the other."""
    name, printed = str(entry["name"]), dict[str, str]()
    if moves(str(entry.get("image") or "")):
        return Trial(ERROR, _UNPINNED.format(entry.get("image")))
    nodes = job_manifests.nodes(entry, gpu_nodes)
    for number, node in enumerate(nodes):
        try:
            with in_cluster(api, job_manifests.manifests(entry, check_run, node, number), keep=keep) as job:
                limit_s = job_manifests.timeout_s(entry) + _GRACE_S
                printed[node] = finish(api, job, timeout_s=limit_s, on_line=partial(_log, say, name), pace=pace)
        except JobFailed as error:
            # without a status nobody knows how it ended: evicted, say, which is no failure of what it asks about
            status = error.status if error.status > 0 else _UNKNOWN
            return read_trial(name, {node: error.log}, status, of_part(node, error.message or error.what))
        except NotFinished as error:
            if node and f"Insufficient {GPU}" in error.what:
                return Trial(SKIPPED, of_part(node, "its GPUs are all in use"))
            return Trial(ERROR, error.what)
        except ClusterbookError as error:
            return Trial(ERROR, error.what)
    if not nodes:
        return Trial(SKIPPED, "no node has an allocatable GPU")
    # what says something by its output has to have said it: a log that could not be read is no pass
    heard = name not in READERS or any(text.strip() for text in printed.values())
    found = read_trial(name, printed, 0 if heard else None)
    if nodes != ("",) and found.state == PASSED and len(nodes) < len(gpu_nodes):
        return found._replace(message=f"{found.message}; {len(gpu_nodes) - len(nodes)} more were not checked")
    return found


def _log(say: Callable[[str], None], name: str, line: str) -> None:
    say(f"{name}: {line}")
