"""HTTP servers on loopback, each in a thread for the length of a block. Only for tests."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def listening(
    handler: type[http.server.BaseHTTPRequestHandler],
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    **bound: object,
) -> Iterator[int]:
    """Have a server listen on a free port of loopback; give the port.

    Args:
        handler: answers the requests.
        tls: what the server shows, None for plain HTTP.
        host: 127.0.0.1 or ::1.
        bound: attributes of the handler's class: what belongs to this one server.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": family})
    server = kind((host, 0), type("Bound", (handler,), bound))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that goes away is no news
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
