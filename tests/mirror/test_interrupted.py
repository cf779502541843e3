"""A mirror that is loaded or saved while everything goes wrong: nothing has a name before somebody vouches for it.

Attack: finding 1 of the review of trust, and its kind; concurrent saves.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.artifacts.open import OpenIndex, open_index
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import Patience, Unreachable
from clusterbook.mirror.load import load
from clusterbook.mirror.save import SaveRequest, save
from clusterbook.oci.open import Access, Base, open_source
from clusterbook.oci.registry import Registry
from clusterbook.trust.policy import TrustOptions, Untrusted
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.verify import key_policy
from tests.support import publications
from tests.support.publications import JULY, MARCH, Publisher
from tests.support.servers.certificates import private_pem
from tests.support.servers.registry import FakeRegistry, Fault, running
from tests.support.visible import Interrupted, check_visible, everything, fails_from, latest

REPOSITORIES = ("recipes/eks", "helm/eks", "index")
ONCE = Patience(tries=1, first_wait_s=0, longest_wait_s=0, read_s=5, connect_s=5)


def silent(*_: object) -> None:
    """Do not care how far it has come."""


def archive(publisher: Publisher, folder: Path, release: str) -> OpenIndex:
    """Return the index in an archive with one recipe of a release and its bundle for helm."""
    layout = publications.layout(folder / f"{release}.layout")
    publisher.publish(layout, release)
    opened = open_index(layout, TrustOptions(publisher.policy), now=None, previous=None)
    target = folder / f"{release}.tar"
    save(opened, SaveRequest(("eks",), ("helm",), charts=False, images=False), target, Access(), silent)
    return open_index(open_source(str(target), Access()), TrustOptions(publisher.policy), now=None, previous=None)


@pytest.fixture(scope="module")
def archives(publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> dict[str, OpenIndex]:
    """Give the archives of March and July."""
    folder = tmp_path_factory.mktemp("archives")
    return {release: archive(publisher, folder, release) for release in (MARCH, JULY)}


@pytest.mark.parametrize("there", ["", MARCH], ids=["nothing there", "an older one there"])
def test_loading_resumes_after_an_outage_at_any_operation_and_shows_nothing_unsigned(
    archives: dict[str, OpenIndex], publisher: Publisher, there: str
) -> None:
    whole = Interrupted()
    for release in filter(None, (there, JULY)):
        begun = whole.operations
        load(archives[release], Base(whole, ""), silent)
    count = whole.operations - begun
    assert count > 30
    for number in range(count):
        store = Interrupted()
        base = Base(store, "")
        if there:
            load(archives[there], base, silent)
        store.operations, store.before = 0, fails_from(number)
        with pytest.raises(Unreachable):
            load(archives[JULY], base, silent)
        store.before = lambda _: None
        check_visible(base, REPOSITORIES, publisher.policy)
        assert latest(base, publisher.policy) in (there, JULY)
        assert load(archives[JULY], base, silent).latest
        assert everything(store) == everything(whole)


class Outage(FakeRegistry):
    """A registry that answers 503 to a request, and to each later one while it is `out`."""

    def __init__(self, number: int, *, referrers: bool) -> None:
        super().__init__(referrers=referrers)
        self.number, self.out = number, True

    def fault_for(self, method: str, path: str) -> Fault | None:
        if self.out and len(self.requests) > self.number:
            return Fault(method, path, status=503)
        return super().fault_for(method, path)


@pytest.mark.parametrize("referrers", [True, False], ids=["referrers", "fallback"])
def test_loading_into_a_registry_resumes_after_a_503_at_any_request_that_writes(
    archives: dict[str, OpenIndex], publisher: Publisher, referrers: bool
) -> None:
    with running(FakeRegistry(referrers=referrers)) as whole:
        load(archives[JULY], Base(Registry(whole.host, patience=ONCE), "far"), silent)
    writing = [number for number, each in enumerate(whole.requests) if each.method not in ("GET", "HEAD")]
    assert len(writing) > 15
    for number in writing:
        with running(Outage(number, referrers=referrers)) as server:
            base = Base(Registry(server.host, patience=ONCE), "far")
            with pytest.raises(Unreachable):
                load(archives[JULY], base, silent)
            server.out = False
            base = Base(Registry(server.host, patience=ONCE), "far")
            check_visible(base, REPOSITORIES, publisher.policy)
            load(archives[JULY], base, silent)
            assert (server.manifests, server.tags, server.blobs) == (whole.manifests, whole.tags, whole.blobs)


def test_a_latest_that_an_earlier_program_left_without_its_signature_is_finished(
    archives: dict[str, OpenIndex], publisher: Publisher
) -> None:
    store = Interrupted()
    base, opened = Base(store, ""), archives[JULY]
    for blob in opened.manifest.blobs:
        data = opened.base.store.read("index", blob, limit_bytes=1 << 20)
        store.put_blob("index", blob, lambda start, data=data: iter([data[start:]]))  # type: ignore[misc]
    store.put_manifest("index", opened.manifest, tag="latest")
    with pytest.raises(Untrusted):
        latest(base, publisher.policy)
    assert load(opened, base, silent).latest
    assert latest(base, publisher.policy) == JULY


def test_an_older_archive_does_not_replace_a_newer_index(archives: dict[str, OpenIndex], publisher: Publisher) -> None:
    base = Base(Interrupted(), "")
    assert load(archives[JULY], base, silent).latest
    assert not load(archives[MARCH], base, silent).latest
    assert latest(base, publisher.policy) == JULY
    assert base.store.tags("index") == [MARCH, JULY, "latest"]


def test_two_archives_that_are_loaded_at_once_leave_the_newer_index(
    archives: dict[str, OpenIndex], publisher: Publisher
) -> None:
    for first, second in ((MARCH, JULY), (JULY, MARCH)):
        counting = Interrupted()
        load(archives[first], Base(counting, ""), silent)
        for number in range(counting.operations):
            store = Interrupted()
            base = Base(store, "")

            def other(operation: int, at: int = number, base: Base = base, second: str = second) -> None:
                if operation == at:
                    load(archives[second], base, silent)

            store.before = other
            load(archives[first], base, silent)
            store.before = lambda _: None
            assert latest(base, publisher.policy) == JULY, (first, number)


def test_a_target_that_another_key_signed_is_refused_before_anything_moves(
    archives: dict[str, OpenIndex], publisher: Publisher, tmp_path: Path
) -> None:
    (tmp_path / "other.key").write_bytes(private_pem(ed25519.Ed25519PrivateKey.generate()))
    signer = KeySigner.from_file(tmp_path / "other.key", {})
    (tmp_path / "other.pub").write_text(signer.public_pem())
    store = Interrupted()
    publisher.publish(Base(store, ""), MARCH, signer=signer, policy=key_policy([tmp_path / "other.pub"]))
    before = [dict(each) for each in everything(store)]
    with pytest.raises(Untrusted):
        load(archives[JULY], Base(store, ""), silent)
    assert [dict(each) for each in everything(store)] == before


def at_once(calls: list[threading.Thread]) -> None:
    for each in calls:
        each.start()
    for each in calls:
        each.join()


def test_four_saves_to_one_file_all_end_right(july: Path, publisher: Publisher, tmp_path: Path) -> None:
    trusting, target = TrustOptions(publisher.policy), tmp_path / "m.tar"
    wanted = SaveRequest(("eks",), ("helm",), charts=False, images=False)
    wrong: list[BaseException] = []
    sizes: list[int] = []

    def one() -> None:
        try:
            opened = open_index(open_source(str(july), Access()), trusting, now=None, previous=None)
            sizes.append(save(opened, wanted, target, Access(), silent).size_bytes)
        except (ClusterbookError, OSError) as error:
            wrong.append(error)

    at_once([threading.Thread(target=one) for _ in range(4)])
    assert wrong == []
    assert set(sizes) == {target.stat().st_size}
    assert [path.name for path in tmp_path.iterdir()] == ["m.tar"]
