"""What holds for every test: fixed seeds, and no network beyond loopback."""

from __future__ import annotations

import sys

from hypothesis import settings

settings.register_profile("house", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("house")

LOOPBACK = ("127.", "::1", "localhost")


def refuse_other_machines(event: str, arguments: tuple[object, ...]) -> None:
    """Stop a connection to anything but this machine before its first packet."""
    address: object = None
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
    elif event == "socket.getaddrinfo":
        address = arguments[:1]
    if isinstance(address, tuple) and not str(address[0] or "localhost").startswith(LOOPBACK):
        raise RuntimeError(f"a test reaches out to {address[0]!r}; only loopback is allowed")


# Unlike a patched socket module, an audit hook also sees what C code and other libraries do.
sys.addaudithook(refuse_other_machines)
