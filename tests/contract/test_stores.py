"""The contract of stores: in memory, on disk, and on a loopback registry with and without the referrers API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.registry import Registry
from clusterbook.oci.store import Store
from tests.contract.store_contract import StoreContract
from tests.support.memory import MemoryStore
from tests.support.servers.registry import FakeRegistry, running


def flipped(data: bytes) -> bytes:
    """Return other bytes of the same length."""
    return bytes([data[0] ^ 1]) + data[1:]


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def damage(self, store: MemoryStore) -> Callable[[str, str], None]:
        def change(repository: str, digest: str) -> None:
            for kept in (store.blobs, store.manifests):
                if (repository, digest) in kept:
                    kept[repository, digest] = flipped(kept[repository, digest])

        return change


class TestLayout(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return Layout(tmp_path / "store", create=True)

    @pytest.fixture
    def damage(self, tmp_path: Path) -> Callable[[str, str], None]:
        def change(_: str, digest: str) -> None:
            path = tmp_path / "store" / "blobs" / "sha256" / digest.partition(":")[2]
            path.write_bytes(flipped(path.read_bytes()))

        return change


class TestRegistry(StoreContract):
    @pytest.fixture(params=["with the referrers API", "without it", "with it, page by page"])
    def server(self, request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
        registry = FakeRegistry(referrers=request.param != "without it", page=2 if "page" in request.param else 0)
        with running(registry):
            yield registry

    @pytest.fixture
    def store(self, server: FakeRegistry) -> Store:
        return Registry(server.host)

    @pytest.fixture
    def damage(self, server: FakeRegistry) -> Callable[[str, str], None]:
        def change(repository: str, digest: str) -> None:
            if (repository, digest) in server.blobs:
                server.blobs[repository, digest] = flipped(server.blobs[repository, digest])
            else:
                kind, data = server.manifests[repository, digest]
                server.manifests[repository, digest] = (kind, flipped(data))

        return change
