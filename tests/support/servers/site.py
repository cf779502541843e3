"""A web site on loopback that hands out the files of a folder, or goes wrong as it is told. Only for tests."""

from __future__ import annotations

import http.server
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.servers.loopback import listening


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with the next `times` requests whose path contains `path`.

    A status, other bytes (`body`), a body that ends early (`cut`), or an answer that does not come (`silent_s`).
    """

    path: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int = -1
    silent_s: float = 0
    times: int = 1


class Site:
    """The folder that is served, what goes wrong, and what was asked for; `address` is known once it is `serving`."""

    def __init__(self, folder: Path, faults: Sequence[Fault] = ()) -> None:
        self.folder = folder
        self.faults = [fault for fault in faults for _ in range(fault.times)]
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.address = ""

    def fault_for(self, path: str) -> Fault:
        """Return what goes wrong with a request, once less from now on."""
        for fault in self.faults:
            if fault.path in path:
                self.faults.remove(fault)
                return fault
        return Fault("")


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Have a site listen on loopback for the length of the block."""
    with listening(_Handler, site=site) as port:
        site.address = f"http://127.0.0.1:{port}/catalog"
        yield site


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self._answer(head=False)

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, *, head: bool) -> None:
        site, name = self.site, self.path.removeprefix("/catalog/")
        site.asked.append(name)
        site.headers.append(dict(self.headers))
        fault = site.fault_for(name)
        time.sleep(fault.silent_s)
        file = site.folder / name
        there = file.is_file() and ".." not in name
        status = fault.status or (200 if there else 404)
        data = fault.body if fault.body is not None else file.read_bytes() if there and status == 200 else b"no"
        headers = dict(fault.headers)
        start = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        if status == 200 and start.isdigit():
            status, whole = 206, len(data)
            data = data[int(start) :]
            headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if not head:
            self.wfile.write(data[: fault.cut] if fault.cut >= 0 else data)
        if fault.cut >= 0:
            self.close_connection = True
