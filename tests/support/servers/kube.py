"""A Kubernetes API server on loopback that does what it is told: objects and lists by their path, or any way a real one
goes wrong. The interop tier has a real one; this one can be slow, forgetful and enormous.

Not for use outside tests: whoever asks may do everything, unless a right is taken away.
"""

from __future__ import annotations

import gzip
import http.server
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.servers.loopback import listening

Object = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with the next `times` requests that fit; `path` is searched for, with its query."""

    method: str
    path: str
    times: int = 1
    status: int = 0
    message: str = "as told"
    headers: dict[str, str] = field(default_factory=dict)
    body: Object = field(default_factory=dict)
    raw: bytes = b""
    silent_s: float = 0
    drip_s: float = 0
    reset: bool = False
    after: bool = False
    """The request is done first, and only its answer lost."""


@dataclass(frozen=True)
class Request:
    """A request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    certified: str = ""
    """Whom the client certificate names."""


class Made(Sequence[Object]):
    """A list whose objects are made when they are asked for, so that it may be longer than memory."""

    def __init__(self, count: int, make: Callable[[int], Object]) -> None:
        self.length, self.make = count, make

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, slice):
            return [self.make(number) for number in range(*which.indices(self.length))]
        return self.make(which)


class FakeApi:
    """State and behaviour of one API server. `url` is where it listens, once it is `running`."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.lists: dict[str, Sequence[Object]] = {}
        self.texts: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.lock = threading.RLock()
        self.url = ""
        self.made = 0

    def put(self, path: str, document: Object) -> None:
        """Have an object at `path`."""
        self.objects[path] = document

    def asked(self, method: str, path: str) -> list[Request]:
        """Return the requests that fit."""
        return [each for each in self.requests if each.method == method and re.search(path, each.path)]

    def fault_for(self, method: str, path: str) -> Fault | None:
        """Return what goes wrong with a request, once less from now on."""
        with self.lock:
            for position, fault in enumerate(self.faults):
                if fault.method in (method, "*") and re.search(fault.path, path):
                    rest = Fault(**{**vars(fault), "times": fault.times - 1})
                    self.faults[position : position + 1] = [rest] if rest.times else []
                    return fault
        return None

    def answer(self, request: Request) -> tuple[int, Object]:
        """Return status and object of a request that nothing goes wrong with."""
        with self.lock:
            method, path = request.method, request.path
            if method == "GET" and path in self.lists:
                return 200, self._page(self.lists[path], request.query)
            if method == "GET" and path in self.objects:
                return 200, self.objects[path]
            if method == "POST" and isinstance(request.body, dict):
                where = f"{path}/{request.body['metadata']['name']}"
                if where in self.objects:
                    return 409, status(409, f"{where} already exists")
                return 201, self._keep(where, request.body)
            if method == "PUT" and isinstance(request.body, dict):
                return 200, self._keep(path, request.body)
            if method == "PATCH" and isinstance(request.body, dict):
                return 200, self._keep(path, merged(self.objects.get(path, {}), request.body))
            if method == "DELETE" and path in self.objects:
                wanted = ((request.body or {}).get("preconditions") or {}).get("uid")
                if wanted and self.objects[path]["metadata"].get("uid") != wanted:
                    return 409, status(409, "the UID in the precondition is another")
                return 200, self.objects.pop(path)
            return 404, status(404, f"{path} not found")

    def _keep(self, path: str, document: Object) -> Object:
        self.made += 1
        metadata = {"uid": f"uid-{self.made}", **document.get("metadata", {})}
        self.objects[path] = {**document, "metadata": metadata}
        return self.objects[path]

    @staticmethod
    def _page(items: Sequence[Object], query: dict[str, str]) -> Object:
        limit, start = int(query.get("limit", "0")), int(query.get("continue", "0") or 0)
        end = min(start + limit, len(items)) if limit else len(items)
        following = str(end) if end < len(items) else ""
        return {"kind": "List", "apiVersion": "v1", "metadata": {"continue": following}, "items": items[start:end]}


def merged(old: Any, new: Any) -> Any:
    """Return `old` with what `new` says of it. Source: RFC 7396, without removal."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}


def status(code: int, message: str, **metadata: str) -> Object:
    """Return what the API server says when it has no object to show."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": metadata, "code": code, "message": message}


@contextmanager
def running(api: FakeApi, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[FakeApi]:
    """Have an API server listen on loopback, 127.0.0.1 or ::1, for the length of the block."""
    with listening(_Handler, tls=tls, host=host, api=api) as port:
        api.url = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}"
        yield api


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers requests; one of its class belongs to one server."""

    api: FakeApi
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def handle_any(self) -> None:
        split = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        query = {key: values[0] for key, values in parse_qs(split.query).items()}
        request = Request(self.command, split.path, query, dict(self.headers.items()), body, self.certified())
        self.api.requests.append(request)
        fault = self.api.fault_for(self.command, self.path)
        if fault is None:
            text = self.api.texts.get(split.path)
            if text is not None and self.command == "GET":
                return self.send(200, text.encode(), kind="text/plain")
            return self.send_object(*self.api.answer(request))
        if fault.after:
            self.api.answer(request)
        if fault.silent_s:
            time.sleep(fault.silent_s)
        if fault.reset:
            self.close_connection = True
            self.connection.close()
            return None
        if fault.drip_s:
            return self.drip(fault.drip_s)
        if fault.raw:
            return self.send(fault.status or 200, fault.raw, headers=fault.headers)
        return self.send_object(fault.status, fault.body or status(fault.status, fault.message), headers=fault.headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def certified(self) -> str:
        peer = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
        return str((peer or {}).get("subjectAltName", "")) if peer else ""

    def send_object(self, code: int, document: Object, *, headers: dict[str, str] | None = None) -> None:
        self.send(code, json.dumps(document).encode(), headers=headers or {})

    def send(
        self, code: int, data: bytes, *, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        packed = len(data) > 1 << 17 and "gzip" in self.headers.get("Accept-Encoding", "")
        data = gzip.compress(data, 1) if packed else data
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def drip(self, wait_s: float) -> None:
        """Send one byte at a time, for ever."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while True:
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(wait_s)
