"""Jobs: something of ours runs in a cluster, is waited for, and leaves nothing behind, whatever happens in between.

The other objects belong to the Job, so even when this program is killed the cluster removes them with it.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.kubernetes.api import Api
from clusterbook.kubernetes.errors import NoObject, ObjectConflict
from clusterbook.kubernetes.placement import LABEL

Object = Mapping[str, Any]

_PLURALS = {
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ConfigMap": "configmaps",
    "Job": "jobs",
    "Pod": "pods",
    "Service": "services",
    "Namespace": "namespaces",
}
_HOPELESS = ("ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "ImagePullBackOff", "ErrImagePull")
"""Why a container waits that will not start by waiting; pulling is given `patience_s`."""
_LONGEST_LOG = 1 << 20


class JobFailed(ClusterbookError):
    """A Job in the cluster failed; the message ends with its last output. --no-cleanup keeps it for inspection."""

    code = "CB230"
    exit_status = 8

    def __init__(self, what: str, *, hint: str = "", status: int = -1, message: str = "", log: str = "") -> None:
        super().__init__(what, hint=hint)
        self.status = status
        self.message = message
        self.log = log


class NotFinished(ClusterbookError):
    """A Job in the cluster did not finish in time, or did not start; the message says what it was waiting for."""

    code = "CB231"
    exit_status = 5


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a Job is looked at, and how long one may wait for its image."""

    poll_s: float = 1.0
    patience_s: float = 120.0
    sleep: Callable[[float], None] = time.sleep


def path_of(manifest: Object, *, collection: bool = False) -> str:
    """Return where the API has an object, or with `collection` where it is made."""
    api_version, metadata = str(manifest["apiVersion"]), manifest["metadata"]
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    middle = f"/namespaces/{metadata['namespace']}" if metadata.get("namespace") else ""
    path = f"{root}{middle}/{_PLURALS[str(manifest['kind'])]}"
    return path if collection else f"{path}/{metadata['name']}"


@contextmanager
def in_cluster(api: Api, manifests: Sequence[Object], *, keep: bool = False) -> Iterator[Object]:
    """Put objects into a cluster, the Job last of them, and take them out again; give the Job, which then runs.

    The Job comes first and stands still until the others, which belong to it, are there. On an interrupt, too, all of
    it is taken away; with `keep` it stays until its time to live has passed.

    Raises:
        Conflict: there is a Job of that name.
    """
    *others, job = manifests
    created: list[tuple[str, str]] = []
    with interruptible():
        try:
            suspended = {**job, "spec": {**job["spec"], "suspend": True}}
            try:
                created_job = api.create(path_of(job, collection=True), suspended)
            except ObjectConflict as error:
                hint = "a Job of that name is running or was left behind: choose another with --job-name, or delete it"
                raise ObjectConflict(error.what, hint=hint) from error
            created.append((path_of(job), str(created_job["metadata"]["uid"])))
            owner = {"apiVersion": job["apiVersion"], "kind": job["kind"], "name": job["metadata"]["name"],
                     "uid": created_job["metadata"]["uid"]}  # fmt: skip
            for each in others:
                created += _create(api, each, owner, job["metadata"]["namespace"])
            yield api.merge(path_of(job), {"spec": {"suspend": False}})
        finally:
            if not keep:
                _delete_all(api, created)


def _create(api: Api, manifest: Object, owner: Object, namespace: str) -> list[tuple[str, str]]:
    """Make an object; return its path and uid if it is ours to take away again.

    Another's service account is used as it is; what an earlier Job of that name left is replaced.

    Raises:
        Conflict: there is another's of that name.
    """
    beside = manifest["metadata"].get("namespace") == namespace  # an owner is of one's own namespace, or nobody's
    owners = {"ownerReferences": [dict(owner)]} if beside else {}
    mine = {**manifest, "metadata": {**manifest["metadata"], **owners}}
    path = path_of(manifest)
    try:
        created = api.create(path_of(manifest, collection=True), mine)
    except ObjectConflict:
        existing = api.get(path)
        label = (existing["metadata"].get("labels") or {}).get(LABEL)
        if label != manifest["metadata"]["labels"][LABEL]:
            if manifest["kind"] == "ServiceAccount":
                return []
            raise
        api.delete(path)
        created = api.create(path_of(manifest, collection=True), mine)
    except NoObject:
        if beside or not manifest["metadata"].get("namespace"):
            raise
        return []  # a right in a namespace that is not there is none
    return [(path, str(created["metadata"]["uid"]))]


def _delete_all(api: Api, created: Sequence[tuple[str, str]]) -> None:
    """Delete what was made, the Job last; one that cannot be deleted does not keep the others."""
    for path, uid in reversed(created):
        with suppress(ClusterbookError):
            api.delete(path, uid=uid)


@contextmanager
def interruptible() -> Iterator[None]:
    """Have a request to end arrive as KeyboardInterrupt, so that what was made is taken away before we go."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def finish(api: Api, job: Object, *, timeout_s: float, on_line: Callable[[str], None], pace: Pace | None = None) -> str:
    """Return the log of a Job that has succeeded, having passed on each line as it came.

    Raises:
        JobFailed: it has failed, with its last words.
        NotFinished: it has not ended in time, or cannot start.
        NoObject: somebody has deleted it.
    """
    pace = pace or Pace()
    path, name = path_of(job), str(job["metadata"]["name"])
    started, log, why = time.monotonic(), _Log(api, on_line), "it has no pod yet"
    while True:
        current, pod = api.get(path), _pod(api, job)
        if pod is not None and (pod.get("status") or {}).get("phase") in ("Running", "Succeeded", "Failed"):
            log.start(pod)
        ended = _end_condition(current)
        if ended.get("type") == "Complete":
            return log.text()
        if pod is not None:  # a Job out of time takes its pod away, and the reason with it
            why = _waiting_reason(pod)
        waited_s = time.monotonic() - started
        late = waited_s > timeout_s or ended.get("reason") == "DeadlineExceeded"
        hopeless = any(word in why for word in _HOPELESS) and waited_s > min(pace.patience_s, timeout_s)
        if late or (hopeless and not ended):
            what = f"the Job {name} did not finish within {waited_s:.0f} s{f': {why}' if why else ''}"
            raise NotFinished(what, hint="allow more time with --timeout, or fix what it waits for")
        if ended:
            text, container = log.text(), _termination(pod)
            words = _failure_reason(container, text) or ended.get("message") or ended.get("reason") or "no reason given"
            raise JobFailed(
                f"the Job {name} failed: {words}", hint="inspect it with --no-cleanup", log=text,
                status=int(container.get("exitCode", -1)), message=str(container.get("message") or ""),
            )  # fmt: skip
        pace.sleep(min(pace.poll_s, max(timeout_s - waited_s, 0.05)))


def _end_condition(job: Object) -> Mapping[str, Any]:
    """Return the condition with which a Job has ended, {} while it runs."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    ends = (each for each in conditions if each.get("status") == "True" and each.get("type") in ("Complete", "Failed"))
    return next(ends, {})


def _pod(api: Api, job: Object) -> Object | None:
    """Return the pod of a Job, None where there is none yet."""
    metadata = job["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods"
    return next(api.items(path, labels=f"batch.kubernetes.io/job-name={metadata['name']}"), None)


def _waiting_reason(pod: Object) -> str:
    """Return what a pod waits for, "" where it waits for nothing that it says."""
    status = pod.get("status") or {}
    for each in status.get("containerStatuses") or ():
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason"):
            return f"{waiting['reason']}: {waiting.get('message') or each.get('image') or ''}"
    for each in status.get("conditions") or ():
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return f"{each.get('reason') or 'not scheduled'}: {each.get('message') or ''}"
    return ""


def _termination(pod: Object | None) -> Mapping[str, Any]:
    """Return how the first container that ended did, {} where none has."""
    statuses = ((pod or {}).get("status") or {}).get("containerStatuses") or ()
    states = ((each.get("state") or {}).get("terminated") or {} for each in statuses)
    return next((state for state in states if state), {})


def _failure_reason(ended: Mapping[str, Any], log: str) -> str:
    """Return what a container said when it ended: its message, its last lines, or its status."""
    lines = [line for line in log.splitlines() if line.strip()][-3:]
    status = f"exit status {ended['exitCode']}" if ended.get("exitCode") is not None else ""
    words = str(ended.get("message") or "").strip() or " | ".join(lines) or str(ended.get("reason") or "")
    return ": ".join(part for part in (status, words) if part)


class _Log:
    """What a pod says, passed on while it says it; a log that cannot be read is a pity and no failure."""

    def __init__(self, api: Api, on_line: Callable[[str], None]) -> None:
        self._api, self._say = api, on_line
        self._lines: list[str] = []
        self._size = 0
        self._thread: threading.Thread | None = None

    def start(self, pod: Object) -> None:
        """Begin to listen, once."""
        if self._thread is None:
            metadata = pod["metadata"]
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
            self._thread = threading.Thread(target=self._listen, args=(path,), name="log", daemon=True)
            self._thread.start()

    def _listen(self, path: str) -> None:
        with suppress(ClusterbookError), self._api.follow(path, silence_s=3600, follow="true") as lines:
            for line in lines:
                self._say(line)
                self._size += len(line)
                if self._size <= _LONGEST_LOG:
                    self._lines.append(line)

    def text(self) -> str:
        """Return what was said; waits a little for the last of it."""
        if self._thread is not None:
            self._thread.join(timeout=5)
        return "\n".join(self._lines)
