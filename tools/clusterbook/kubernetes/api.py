"""API: objects of one cluster: read, paged, made, changed and deleted.

A request is repeated only while that is of use and can do no harm, and a list of twenty thousand pods is read in pages.
Source: Kubernetes API concepts, 1.36.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import Patience
from clusterbook.kubernetes.connection import ApiResponse, Connection, LostResponse, as_bytes
from clusterbook.kubernetes.errors import (
    ClusterDenied,
    ClusterUnreachable,
    NoObject,
    ObjectConflict,
    Rejected,
    Throttled,
)
from clusterbook.kubernetes.login import log_in

Object = dict[str, Any]

PAGE = 500
"""How many objects are asked for at a time. Source: reference row S11."""
OWNER = "clusterbook"
"""The name under which the API server keeps the fields that we applied."""
_TRANSIENT = (500, 502, 503, 504)
_LONGEST_MESSAGE = 400
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


PATIENCE = Patience(tries=4, connect_s=10, read_s=60, first_wait_s=0.25, longest_wait_s=15)
"""How long and how often an API server is asked; a whole answer may take `read_s`."""


class Api:
    """The objects of one cluster. Threads may share it."""

    def __init__(
        self, connection: Connection, patience: Patience = PATIENCE, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.connection = connection
        self.patience = patience
        self._sleep = sleep

    @property
    def where(self) -> str:
        """The server's address."""
        return self.connection.where

    @property
    def description(self) -> str:
        """Which cluster it is: the server, and the context that names it."""
        return self.connection.description

    @property
    def namespace(self) -> str:
        """The namespace that the kubeconfig's context names, else `default`."""
        return self.connection.namespace

    def get(self, path: str, *, accept: str = "application/json", **query: str) -> Object:
        """Return the object at `path`.

        Raises:
            NoObject: it is not there.
            ClusterbookError: see `_fault`.
        """
        return self._object("GET", path, query=query, accept=accept)

    def find(self, path: str, *, accept: str = "application/json") -> Object | None:
        """Return the object at `path`, None where there is none."""
        try:
            return self.get(path, accept=accept)
        except NoObject:
            return None

    def items(
        self, path: str, *, labels: str = "", fields: str = "", page: int = PAGE, accept: str = "application/json"
    ) -> Iterator[Object]:
        """Yield the objects of the list at `path`, never more than one page in memory.

        A list that takes longer than the server remembers goes on with what is there by then, as the API offers: each
        object comes once, but the last may be newer than the first.

        Raises:
            ClusterbookError: see `_fault`; objects may have come before.
        """
        query = {"limit": str(page), "labelSelector": labels, "fieldSelector": fields}
        following = ""
        while True:
            answer = self._answer("GET", path, query={**query, "continue": following}, accept=accept)
            if answer.status == 410 and following:
                renewed = (_document(answer).get("metadata") or {}).get("continue")
                if renewed and renewed != following:
                    following = str(renewed)
                    continue
            document = self._read("GET", path, answer)
            yield from document.get("items") or ()
            following = str((document.get("metadata") or {}).get("continue") or "")
            if not following:
                return

    def create(self, path: str, document: Mapping[str, Any]) -> Object:
        """Return the object that was made in the collection at `path`.

        Raises:
            Conflict: there is one of that name.
        """
        return self._object("POST", path, body=document)

    def replace(self, path: str, document: Mapping[str, Any]) -> Object:
        """Return the object at `path`, replaced as a whole."""
        return self._object("PUT", path, body=document)

    def apply(self, path: str, document: Mapping[str, Any], *, force: bool = False) -> Object:
        """Return the object at `path`, made or changed by server-side apply: fields that it does not name stay.

        Raises:
            Conflict: somebody else owns one of its fields with another value; with `force` it becomes ours.
        """
        query = {"fieldManager": OWNER, "force": "true" if force else ""}
        return self._object("PATCH", path, query=query, body=document, kind=APPLY)

    def merge(self, path: str, document: Mapping[str, Any]) -> Object:
        """Return the object at `path` with some fields changed."""
        return self._object("PATCH", path, body=document, kind=MERGE)

    def delete(self, path: str, *, uid: str = "") -> bool:
        """Delete the object at `path` with all it owns; return whether it was there.

        With `uid` only that very object: another of the same name stays.
        """
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._object("DELETE", path, body=options)
        except (NoObject, ObjectConflict):
            return False
        return True

    def text(self, path: str, **query: str) -> str:
        """Return what is no object, such as a log."""
        answer = self._answer("GET", path, query=query, accept="*/*")
        if answer.status >= 300:
            raise _fault(f"{self.where}: GET {path}", answer)
        return answer.body.decode(errors="replace")

    @contextmanager
    def follow(self, path: str, *, silence_s: float, **query: str) -> Iterator[Iterator[str]]:
        """Give the lines of a log as they come.

        Raises:
            ClusterbookError: there is none, or the connection broke.
        """
        try:
            with self.connection.lines(path, query=query, connect_s=self.patience.connect_s, silence_s=silence_s) as (
                status,
                lines,
            ):
                if status >= 300:
                    raise _fault(f"{self.where}: GET {path}", ApiResponse(status, {}, b"\n".join(lines)))
                yield (line.decode(errors="replace") for line in lines)
        except LostResponse as lost:
            raise lost.fault from lost

    # --- one request --------------------------------------------------------------------------------------------------

    def _object(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = {},
        body: Mapping[str, Any] | None = None,
        kind: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        return self._read(method, path, self._answer(method, path, query=query, body=body, kind=kind, accept=accept))

    def _read(self, method: str, path: str, answer: ApiResponse) -> Object:
        """Return the object of a good answer.

        Raises:
            ClusterbookError: what a bad one means.
        """
        if answer.status >= 300:
            raise _fault(f"{self.where}: {method} {path}", answer)
        document = _document(answer)
        if not document:
            raise ClusterUnreachable(
                f"{self.where}: the answer to {method} {path} is not a Kubernetes object; check the server's address"
            )
        return document

    def _answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        kind: str = "application/json",
        accept: str,
    ) -> ApiResponse:
        """Return the answer to a request, having asked again while that was of use and could do no harm.

        Making an object is the one thing that is not repeated once it may have been heard: the first answer could have
        been the one that was lost.
        """
        patience, repeatable, attempt = self.patience, method != "POST", 0
        while True:
            try:
                answer = self.connection.request(
                    method, path, query=query, body=None if body is None else as_bytes(body), kind=kind, accept=accept,
                    connect_s=patience.connect_s, answer_s=patience.read_s,
                )  # fmt: skip
            except LostResponse as lost:
                wait_s = patience.wait_s(attempt)
                if wait_s is None or (lost.sent and not repeatable):
                    raise lost.fault from lost
            else:
                passes = answer.status in _TRANSIENT and repeatable and not _is_no_fault(answer)
                wait_s = patience.wait_s(attempt, _seconds(answer.headers.get("Retry-After", "")) or None)
                if wait_s is None or not (passes or answer.status == 429):
                    return answer
            self._sleep(wait_s)
            attempt += 1


def open_api(kubeconfig: str = "", *, context: str = "", patience: Patience = PATIENCE) -> Api:
    """Return the API of the cluster that is meant; see `log_in` for how that is found out, and what it raises."""
    return Api(Connection(log_in(kubeconfig, context=context)), patience)


def _document(answer: ApiResponse) -> Object:
    """Return the object that an answer holds, {} where it holds none."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_no_fault(answer: ApiResponse) -> bool:
    """Return whether a 500 is about what was sent: for apply the server says so of fields that it does not know."""
    return b"failed to create typed patch object" in answer.body


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0


def _fault(what: str, answer: ApiResponse) -> ClusterbookError:
    """Return what an answer other than a good one means, in the server's own words."""
    message = str(_document(answer).get("message") or answer.body.decode(errors="replace").strip())
    message = " ".join(message.split())[:_LONGEST_MESSAGE]
    status = answer.status
    text = f"{what}: {message}" if message else f"{what}: status {status}"
    if status == 401:
        return ClusterDenied(f"{what}: authentication failed: {message}", hint="log in again")
    if status == 403:
        return ClusterDenied(text, hint="ask for that permission, or use a kubeconfig that has it")
    if status in (404, 410):
        return NoObject(text)
    if status == 409:
        return ObjectConflict(text)
    if status == 429:
        return Throttled(text)
    if status >= 500 and not _is_no_fault(answer):
        return ClusterUnreachable(f"{text} ({status})")
    if status < 400:
        hint = "check the server's address in the kubeconfig"
        return ClusterUnreachable(f"{what}: the server redirects ({status}), which is not followed", hint=hint)
    return Rejected(text)
