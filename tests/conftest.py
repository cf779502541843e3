"""What holds for every test: fixed seeds, no network beyond loopback; and a published catalog for whoever fetches."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import publications
from tests.support.fetchers import Client
from tests.support.publications import JULY, MARCH, Publisher

settings.register_profile("house", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("house")

LOOPBACK = ("127.", "::1", "::ffff:127.", "0:0:0:0:0:0:0:1", "localhost")


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


@pytest.fixture(scope="session")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """Give a publisher whose ledger nobody changes."""
    return publications.publisher(tmp_path_factory.mktemp("publisher"))


@pytest.fixture(scope="session")
def july(publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a layout with both releases; nobody changes it."""
    path = tmp_path_factory.mktemp("july") / "layout"
    for release in (MARCH, JULY):
        publisher.publish(publications.layout(path), release)
    return path


@pytest.fixture
def client(tmp_path: Path, publisher: Publisher) -> Client:
    """Give somebody who has fetched nothing yet."""
    return Client(tmp_path / "home", publisher)
