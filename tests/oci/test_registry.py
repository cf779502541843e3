"""A registry that misbehaves: what is tried again, what is noticed, what is said, and who gets to see a password."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import (
    AccessDenied,
    Malformed,
    NoArtifact,
    Patience,
    RateLimited,
    Refused,
    TimedOut,
    Unreachable,
    WrongContent,
)
from clusterbook.oci import transfer
from clusterbook.oci.credentials import Credential, anonymous
from clusterbook.oci.http import Clock
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import INDEX, Descriptor, describe, index
from clusterbook.oci.reference import referrers_tag
from clusterbook.oci.registry import Registry
from clusterbook.oci.store import from_bytes
from tests.contract.store_contract import put
from tests.support.memory import MemoryStore
from tests.support.servers.certificates import authority_and_server
from tests.support.servers.registry import PASSWORD, USER, FakeRegistry, Fault, running

BIG = bytes(range(256)) * 20_000
NOW = 1_800_000_000.0
PATIENCE = Patience(tries=4, connect_s=2, read_s=0.3)
Connect = Callable[..., Registry]


class Sleeper:
    """Time that only passes when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Sleeper:
    return Sleeper()


@pytest.fixture
def connect(clock: Sleeper) -> Connect:
    return partial(Registry, patience=PATIENCE, clock=Clock(sleep=clock.sleep, now=lambda: NOW))


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    with running(FakeRegistry()) as registry:
        yield registry


@pytest.fixture
def store(server: FakeRegistry, connect: Connect) -> Registry:
    return connect(server.host)


def ann(_: str) -> Credential:
    """Be the one user that the fake registry knows."""
    return Credential(USER, PASSWORD)


# --- what is tried again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_a_passing_fault_is_survived(
    server: FakeRegistry, store: Registry, clock: Sleeper, status: int, method: str
) -> None:
    server.faults = [Fault(method, "/v2/", times=2, status=status)]
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    found = store.manifest("a/b", "1.0.0")
    assert b"".join(store.blob("a/b", kept.layers[0])) == b"recipe"
    assert found.raw == kept.raw
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("status", "error", "exit_status"),
    [(408, TimedOut, 5), (429, RateLimited, 7), (500, Unreachable, 6), (502, Unreachable, 6), (503, Unreachable, 6),
     (504, TimedOut, 5)],
)  # fmt: skip
def test_a_lasting_fault_is_reported_after_four_attempts(
    server: FakeRegistry, store: Registry, clock: Sleeper, status: int, error: type[ClusterbookError], exit_status: int
) -> None:
    server.faults = [Fault("GET", "/v2/", times=99, status=status)]
    with pytest.raises(error) as caught:
        store.manifest("a/b", "1.0.0")
    assert caught.value.exit_status == exit_status
    assert f"returned status {status}: TEST as told" in str(caught.value)
    assert caught.value.hint
    assert clock.slept == [0.5, 1.0, 2.0]
    assert server.count("GET", "/v2/a/b/manifests") == 4


@pytest.mark.parametrize(
    ("said", "slept"),
    [("3", 3.0), (format_datetime(dt.datetime.fromtimestamp(NOW + 7, dt.UTC), usegmt=True), 7.0), ("soon", 0.5),
     (format_datetime(dt.datetime.fromtimestamp(NOW - 7, dt.UTC), usegmt=True), 0.0)],
)  # fmt: skip
def test_a_registry_is_left_alone_for_as_long_as_it_asks(
    server: FakeRegistry, store: Registry, clock: Sleeper, said: str, slept: float
) -> None:
    put(store, "a/b", b"recipe", tag="1.0.0")
    server.faults = [Fault("GET", "/manifests/", status=429, headers={"Retry_After": said})]
    store.manifest("a/b", "1.0.0")
    assert clock.slept == [slept]


def test_a_registry_that_asks_for_an_hour_is_not_waited_for(
    server: FakeRegistry, store: Registry, clock: Sleeper
) -> None:
    server.faults = [Fault("GET", "/manifests/", status=429, headers={"Retry_After": "3600"})]
    with pytest.raises(RateLimited):
        store.manifest("a/b", "1.0.0")
    assert clock.slept == []


@pytest.mark.parametrize("fault", [Fault("*", "/v2/", reset=True), Fault("*", "/v2/", silent_s=1)])
def test_a_connection_that_is_lost_or_silent_is_tried_again(
    server: FakeRegistry, store: Registry, clock: Sleeper, fault: Fault
) -> None:
    put(store, "a/b", b"recipe", tag="1.0.0")
    server.faults = [fault]
    assert store.manifest("a/b", "1.0.0").layers
    assert clock.slept == [0.5]


def test_a_silent_registry_is_given_up(server: FakeRegistry, store: Registry) -> None:
    server.faults = [Fault("GET", "/v2/", times=99, silent_s=1)]
    begin = time.monotonic()
    with pytest.raises(TimedOut, match=r"timed out after 0\.3 s"):
        store.manifest("a/b", "1.0.0")
    assert time.monotonic() - begin < 4


@pytest.mark.parametrize("what", ["manifest", "blob"])
def test_a_registry_that_sends_a_byte_now_and_then_is_given_up(
    server: FakeRegistry, store: Registry, connect: Connect, what: str
) -> None:
    kept = put(store, "a/b", b"x" * 400, tag="1.0.0")
    slow = connect(server.host, patience=PATIENCE._replace(tries=2))
    server.faults = [Fault("GET", f"/{what}s/", times=99, drip_s=0.02)]
    with pytest.raises(TimedOut, match=r"sent \d+ bytes in"):
        slow.manifest("a/b", "1.0.0") if what == "manifest" else b"".join(slow.blob("a/b", kept.layers[0]))


def test_nobody_listening_is_said_after_four_attempts(connect: Connect, clock: Sleeper) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match="connection refused") as caught:
            connect(host).manifest("a/b", "1.0.0")
    assert (caught.value.exit_status, clock.slept) == (6, [0.5, 1.0, 2.0])


def test_a_host_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match=r"registry\.invalid: no such host"):
        Registry("registry.invalid", patience=Patience(tries=1)).manifest("a", "1")


# --- bodies that are cut, or other than they should be ----------------------------------------------------------------


def test_a_cut_blob_is_gone_on_with_where_it_broke_off(server: FakeRegistry, store: Registry, clock: Sleeper) -> None:
    blob = describe("application/octet-stream", BIG)
    store.put_blob("a/b", blob, from_bytes(BIG))
    server.faults = [Fault("GET", "/blobs/", cut=3_000_000), Fault("GET", "/blobs/", cut=1_000_000)]
    assert b"".join(store.blob("a/b", blob)) == BIG
    ranges = [each.headers.get("Range") for each in server.requests if each.method == "GET"]
    assert ranges == [None, "bytes=3000000-", "bytes=4000000-"]
    assert len(clock.slept) == 2


def test_a_registry_that_knows_no_ranges_sends_all_again(server: FakeRegistry, store: Registry) -> None:
    blob = describe("application/octet-stream", BIG)
    store.put_blob("a/b", blob, from_bytes(BIG))
    server.faults = [Fault("GET", "/blobs/", cut=3_000_000), Fault("GET", "/blobs/", status=200, body=BIG)]
    assert b"".join(store.blob("a/b", blob)) == BIG


def test_a_blob_that_breaks_off_each_time_is_given_up(server: FakeRegistry, store: Registry) -> None:
    blob = describe("application/octet-stream", BIG)
    store.put_blob("a/b", blob, from_bytes(BIG))
    server.faults = [Fault("GET", "/blobs/", times=99, cut=10)]
    with pytest.raises(Unreachable, match="the connection was closed"):
        b"".join(store.blob("a/b", blob))
    assert server.count("GET", "/blobs/") == 4


def test_a_download_that_was_killed_is_gone_on_with(server: FakeRegistry, store: Registry, tmp_path: Path) -> None:
    blob = describe("application/octet-stream", BIG)
    store.put_blob("a/b", blob, from_bytes(BIG))
    (tmp_path / f".{blob.digest[7:]}.part").write_bytes(BIG[:4_000_000])
    moved: list[int] = []
    transfer.save(store, "a/b", blob, tmp_path / "file", progress=lambda _, size: moved.append(size))
    assert (tmp_path / "file").read_bytes() == BIG
    assert sum(moved) == len(BIG) - 4_000_000
    assert [each.headers.get("Range") for each in server.requests if each.method == "GET"] == ["bytes=4000000-"]


def test_a_cut_manifest_is_asked_for_again(server: FakeRegistry, store: Registry) -> None:
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    server.faults = [Fault("GET", "/manifests/", cut=20)]
    assert store.manifest("a/b", "1.0.0").raw == kept.raw


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_of_other_bytes_is_refused(server: FakeRegistry, store: Registry, by: str) -> None:
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    kind, data = server.manifests["a/b", kept.digest]
    server.manifests["a/b", kept.digest] = (kind, data.replace(b"a test", b"a lie!"))
    with pytest.raises(WrongContent) as caught:
        store.manifest("a/b", kept.digest if by == "digest" else "1.0.0")
    assert caught.value.exit_status == 4


def test_a_blob_of_other_bytes_is_refused_and_leaves_no_file(
    server: FakeRegistry, store: Registry, tmp_path: Path
) -> None:
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    server.faults = [Fault("GET", "/blobs/", times=99, wrong=True)]
    with pytest.raises(WrongContent):
        transfer.save(store, "a/b", kept.layers[0], tmp_path / "file")
    with pytest.raises(WrongContent):
        transfer.copy(store, "a/b", "1.0.0", Layout(tmp_path / "layout", create=True), "a/b", tags=["1.0.0"])
    assert not (tmp_path / "file").exists()
    assert Layout(tmp_path / "layout").tags("a/b") == []


def test_a_blob_that_never_ends_is_cut_off(server: FakeRegistry, store: Registry) -> None:
    put(store, "a/b", b"recipe")
    server.faults = [Fault("GET", "/blobs/", status=200, body=b"recipe" * 1000)]
    with pytest.raises(WrongContent, match="longer than"):
        b"".join(store.blob("a/b", describe("application/octet-stream", b"recipe")))


def test_a_manifest_that_never_ends_is_cut_off(server: FakeRegistry, store: Registry) -> None:
    server.faults = [Fault("GET", "/manifests/", status=200, body=b" " * 5_000_000)]
    with pytest.raises(Malformed, match="more than 4194304 bytes"):
        store.manifest("a/b", "1.0.0")


def test_a_range_that_was_not_asked_for_is_refused(server: FakeRegistry, store: Registry) -> None:
    blob = describe("application/octet-stream", BIG)
    store.put_blob("a/b", blob, from_bytes(BIG))
    server.faults = [Fault("GET", "/blobs/", status=206, body=BIG, headers={"Content_Range": "bytes 0-9/10"})]
    with pytest.raises(Malformed, match="asked for bytes from 5"):
        b"".join(store.stream("a/b", blob, 5))


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault("PUT", "/uploads/", reset=True), Fault("PUT", "/uploads/", status=503),
                                   Fault("PUT", "/uploads/", status=404)])  # fmt: skip
def test_an_upload_that_breaks_off_begins_anew(server: FakeRegistry, store: Registry, fault: Fault) -> None:
    blob, starts = describe("application/octet-stream", BIG), []
    server.faults = [fault]

    def content(start: int) -> Iterator[bytes]:
        starts.append(start)
        yield from (BIG[position : position + 100_000] for position in range(start, len(BIG), 100_000))

    assert store.put_blob("a/b", blob, content)
    assert server.blobs["a/b", blob.digest] == BIG
    assert starts == [0, 0]


@pytest.mark.parametrize("status", [400, 405, 413, 507])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_registry_that_takes_nothing_says_so_at_once(
    server: FakeRegistry, store: Registry, clock: Sleeper, method: str, status: int
) -> None:
    server.faults = [Fault(method, "/v2/", times=9, status=status)]
    with pytest.raises(Unreachable if status == 507 else Refused) as caught:
        put(store, "a/b", b"recipe", tag="1.0.0")
    assert "TEST as told" in str(caught.value)
    assert clock.slept == []
    assert server.manifests == {}


def test_a_registry_that_rewrites_manifests_is_noticed(server: FakeRegistry, store: Registry) -> None:
    headers = {"Docker_Content_Digest": f"sha256:{'0' * 64}"}
    server.faults = [Fault("PUT", "/manifests/", status=201, headers=headers)]
    with pytest.raises(WrongContent, match="the registry stored"):
        put(store, "a/b", b"recipe", tag="1.0.0")


def test_what_is_near_is_mounted_and_not_sent(server: FakeRegistry, store: Registry) -> None:
    kept = put(store, "a/b", b"recipe")
    assert not store.put_blob("a/c", kept.layers[0], from_bytes(b"recipe"), mount_from="a/b")
    assert server.count("PUT", "/v2/a/c/") == 0
    server.mounts = False
    assert store.put_blob("a/d", kept.layers[0], from_bytes(b"recipe"), mount_from="a/b")
    assert server.blobs["a/d", kept.layers[0].digest] == b"recipe"


def test_what_is_there_is_not_sent_to_a_registry_that_mounts_nothing(connect: Connect) -> None:
    with running(FakeRegistry(mounts=False)) as server:
        store = connect(server.host)
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        assert store.put_blob("a/c", kept.layers[0], from_bytes(b"recipe"), mount_from="a/b")
        assert not store.put_blob("a/c", kept.layers[0], from_bytes(b"recipe"), mount_from="a/b")
        assert server.count("POST", "mount=") == 1
        assert not connect(server.host).put_blob("a/c", kept.layers[0], from_bytes(b"recipe"), mount_from="a/b")


def test_a_second_publication_sends_nothing(server: FakeRegistry, store: Registry) -> None:
    source = MemoryStore()
    kept = put(source, "x", BIG, tag="1")
    put(source, "x", b"signature", subject=kept.descriptor)
    assert transfer.copy(source, "x", "1", store, "a/b", tags=["1"]).moved_blobs == 3
    server.requests.clear()
    assert transfer.copy(source, "x", "1", store, "a/b", tags=["1"]).moved_bytes == 0
    assert {each.method for each in server.requests} == {"HEAD", "GET"}


def test_a_failing_blob_stops_the_others(server: FakeRegistry, connect: Connect) -> None:
    source = MemoryStore()
    kept = put(source, "x", b"1", tag="1")
    server.faults = [Fault("POST", "/uploads/", times=99, status=405)]
    with pytest.raises(Refused):
        transfer.copy(source, "x", "1", connect(server.host), "a/b", tags=["1"], jobs=2)
    assert (server.tags, kept.digest in str(server.manifests)) == ({}, False)


def test_an_upload_that_is_accepted_nowhere_is_named(server: FakeRegistry, connect: Connect) -> None:
    server.faults = [Fault("POST", "/uploads/", status=202)]
    with pytest.raises(Malformed, match="Location"):
        put(connect(server.host), "a/b", b"1", tag="1")


# --- what refers to what ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", [True, False])
def test_a_referrer_is_written_to_the_fallback_tag_whether_or_not_there_is_the_api(connect: Connect, api: bool) -> None:
    with running(FakeRegistry(referrers=api)) as server:
        store = connect(server.host)
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        note = put(store, "a/b", b"signature", subject=kept.descriptor)
        listed = store.manifest("a/b", referrers_tag(kept.digest))
        assert [(each.digest, each.artifact_type) for each in listed.manifests] == [(note.digest, note.artifact_type)]
        assert listed.manifests[0].annotations == {"example.com/of": "a test"}
        del server.tags["a/b", referrers_tag(kept.digest)]
        assert len(store.referrers("a/b", kept.digest)) == int(api)


def test_a_list_of_referrers_is_not_believed(store: Registry) -> None:
    kept, other = put(store, "a/b", b"recipe", tag="1.0.0"), put(store, "a/b", b"other")
    gone = Descriptor(kept.descriptor.media_type, f"sha256:{'0' * 64}", 3, kept.artifact_type)
    store.put_manifest("a/b", index([other.descriptor, gone]), tag=referrers_tag(kept.digest))
    assert store.referrers("a/b", kept.digest) == []


def test_more_referrers_than_anybody_has_are_refused(store: Registry) -> None:
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    many = [Descriptor(INDEX, f"sha256:{each:064x}", 3) for each in range(300)]
    store.put_manifest("a/b", index(many), tag=referrers_tag(kept.digest))
    with pytest.raises(Malformed, match="more than 256"):
        store.referrers("a/b", kept.digest)


def test_something_else_under_the_address_of_the_api_is_no_api(server: FakeRegistry, store: Registry) -> None:
    kept = put(store, "a/b", b"recipe", tag="1.0.0")
    note = put(store, "a/b", b"signature", subject=kept.descriptor)
    server.faults = [Fault("GET", "/referrers/", status=200, body=b"<html>", headers={"X": "y"})]
    assert [each.digest for each in store.referrers("a/b", kept.digest)] == [note.digest]


def test_a_list_that_continues_elsewhere_is_refused(server: FakeRegistry, store: Registry) -> None:
    put(store, "a/b", b"recipe", tag="1.0.0")
    headers = {"Link": '<http://127.0.0.2/v2/>; rel="next"'}
    server.faults = [Fault("GET", "/tags/", status=200, body=b'{"tags": ["1.0.0"]}', headers=headers)]
    with pytest.raises(Malformed, match="on another host"):
        store.tags("a/b")


# --- who we are -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_user_is_let_in_and_a_stranger_is_not(connect: Connect, clock: Sleeper, auth: str) -> None:
    with running(FakeRegistry(auth=auth)) as server:
        kept = put(connect(server.host, credentials=ann), "a/b", b"recipe", tag="1.0.0")
        assert connect(server.host, credentials=ann).manifest("a/b", "1.0.0").raw == kept.raw
        for who in (anonymous, lambda _: Credential(USER, "wrong")):
            before = len(server.requests)
            with pytest.raises(AccessDenied, match="docker login") as caught:
                put(connect(server.host, credentials=who), "a/b", b"other", tag="2.0.0")
            assert caught.value.exit_status == 4
            assert "wrong" not in str(caught.value)
            assert len(server.requests) - before <= 8
    assert clock.slept == []


def test_a_stranger_may_read_what_is_public(connect: Connect) -> None:
    with running(FakeRegistry(auth="bearer")) as server:
        kept = put(connect(server.host, credentials=ann), "a/b", b"recipe", tag="1.0.0")
        assert connect(server.host).manifest("a/b", "1.0.0").raw == kept.raw


def test_a_token_that_runs_out_meanwhile_is_replaced(connect: Connect) -> None:
    with running(FakeRegistry(auth="bearer")) as server:
        store = connect(server.host, credentials=ann)
        for number in range(3):
            put(store, "a/b", b"%d" % number, tag=f"v{number}")
            server.expire_tokens()
        assert store.tags("a/b") == ["v0", "v1", "v2"]


def test_a_token_is_not_used_beyond_its_time(connect: Connect) -> None:
    with running(FakeRegistry(auth="bearer")) as server:
        now = 0.0
        server.lifetime_s = 60
        store = connect(server.host, credentials=ann, clock=Clock(monotonic=lambda: now))
        put(store, "a/b", b"recipe", tag="1.0.0")
        asked = server.count("GET", "/token")
        store.manifest("a/b", "1.0.0")
        assert server.count("GET", "/token") == asked
        now = 56.0
        store.manifest("a/b", "1.0.0")
        assert server.count("GET", "/token") == asked + 1


def test_an_identity_token_is_exchanged_and_never_shown_to_the_registry(connect: Connect) -> None:
    with running(FakeRegistry(auth="bearer")) as server:
        store = connect(server.host, credentials=lambda _: Credential("", "", "identity-token"))
        put(store, "a/b", b"recipe", tag="1.0.0")
        assert server.count("POST", "/token") > 0
        assert "identity-token" not in str([each for each in server.requests if "/token" not in each.path])


def test_many_threads_ask_for_one_token(connect: Connect) -> None:
    with running(FakeRegistry(auth="bearer")) as server:
        put(connect(server.host, credentials=ann), "a/b", b"recipe", tag="1.0.0")
        before, store = server.count("GET", "/token"), connect(server.host, credentials=ann)
        threads = [threading.Thread(target=store.manifest, args=("a/b", "1.0.0")) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.count("GET", "/token") == before + 1


@pytest.mark.parametrize("auth", ["basic", "bearer"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_redirect_to_another_host_carries_no_credentials(connect: Connect, auth: str, method: str) -> None:
    with running(FakeRegistry(auth=auth)) as server, running(FakeRegistry()) as elsewhere:
        store = connect(server.host, credentials=ann)
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        elsewhere.blobs = server.blobs
        server.faults = [Fault(method, "/blobs/", redirect=f"http://{elsewhere.host}")]
        if method == "GET":
            assert b"".join(store.blob("a/b", kept.layers[0])) == b"recipe"
        else:
            assert store.exists("a/b", kept.layers[0])
        (seen,) = elsewhere.requests
        assert "Authorization" not in seen.headers
        assert PASSWORD not in str(seen)


def test_a_host_that_is_redirected_to_gets_no_password_by_asking_for_one(connect: Connect) -> None:
    with running(FakeRegistry(auth="basic")) as server, running(FakeRegistry(auth="basic")) as elsewhere:
        store = connect(server.host, credentials=ann)
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        server.faults = [Fault("GET", "/blobs/", redirect=f"http://{elsewhere.host}")]
        with pytest.raises(AccessDenied):
            b"".join(store.blob("a/b", kept.layers[0]))
        assert [each for each in elsewhere.requests if "Authorization" in each.headers] == []


def test_an_upload_that_goes_to_another_host_carries_no_credentials(connect: Connect) -> None:
    with running(FakeRegistry(auth="basic")) as server, running(FakeRegistry()) as elsewhere:
        elsewhere.uploads["x"] = b""
        location = f"http://{elsewhere.host}/v2/a/b/blobs/uploads/x"
        server.faults = [Fault("POST", "/uploads/", status=202, headers={"Location": location})]
        blob = describe("application/octet-stream", b"recipe")
        connect(server.host, credentials=ann).put_blob("a/b", blob, from_bytes(b"recipe"))
        (seen,) = elsewhere.requests
        assert (seen.method, "Authorization" in seen.headers) == ("PUT", False)


def test_a_password_in_netrc_is_not_shown_to_a_registry(
    server: FakeRegistry, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with running(FakeRegistry()) as elsewhere:
        server.faults = [Fault("GET", "/manifests/", redirect=f"http://{elsewhere.host}")]
        with pytest.raises(NoArtifact):
            connect(server.host).manifest("a/b", "1")
        assert [each for each in server.requests + elsewhere.requests if "Authorization" in each.headers] == []


def test_a_realm_on_another_site_gets_no_password(connect: Connect) -> None:
    with running(FakeRegistry(auth="bearer")) as server, running(FakeRegistry(auth="bearer")) as elsewhere:
        server.realm = f"http://localhost:{elsewhere.host.partition(':')[2]}/token"
        with pytest.raises(AccessDenied):
            put(connect(server.host, credentials=ann), "a/b", b"recipe", tag="1.0.0")
        assert elsewhere.count("GET", "/token") > 0
        assert [each for each in elsewhere.requests if "Authorization" in each.headers] == []


def test_a_writing_request_does_not_follow_a_redirect(server: FakeRegistry, store: Registry) -> None:
    with running(FakeRegistry()) as elsewhere:
        server.faults = [Fault("POST", "/uploads/", redirect=f"http://{elsewhere.host}")]
        with pytest.raises(Refused):
            put(store, "a/b", b"recipe")
        assert elsewhere.requests == []


def test_redirects_in_a_circle_end(server: FakeRegistry, store: Registry) -> None:
    server.faults = [Fault("GET", "/manifests/", times=99, redirect=f"http://{server.host}")]
    with pytest.raises(Unreachable, match="redirects"):
        store.manifest("a/b", "1.0.0")


def test_a_redirect_to_no_address_is_refused(server: FakeRegistry, store: Registry) -> None:
    server.faults = [Fault("GET", "/manifests/", status=302, headers={"Location": "file:///etc/passwd"})]
    with pytest.raises(Malformed, match="not safe"):
        store.manifest("a/b", "1.0.0")


def test_what_a_registry_says_is_shown_without_secrets_and_without_what_cannot_be_seen(connect: Connect) -> None:
    with running(FakeRegistry(auth="basic")) as server:
        store = connect(server.host, credentials=ann)
        put(store, "a/b", b"recipe", tag="1.0.0")
        body = b'{"errors": [{"code": "X", "message": "you are %b\\u001b[31m\\nreally"}]}' % PASSWORD.encode()
        server.faults = [Fault("GET", "/manifests/", status=400, body=body)]
        with pytest.raises(Refused) as caught:
            store.manifest("a/b", "1.0.0")
        assert "X you are *** [31m really" in str(caught.value)


def test_queries_are_not_in_messages(server: FakeRegistry, store: Registry) -> None:
    signed = f"http://{server.host}/elsewhere?X-Signature=secret"
    server.faults = [Fault("GET", "/manifests/", status=307, headers={"Location": signed})]
    with pytest.raises(NoArtifact) as caught:
        store.manifest("a/b", "1.0.0")
    assert "secret" not in str(caught.value)


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    return authority_and_server(tmp_path)


@pytest.mark.parametrize("auth", ["", "basic", "bearer"])
def test_a_registry_with_a_certificate_of_its_own_is_trusted_by_name(
    tls: tuple[ssl.SSLContext, str], connect: Connect, auth: str
) -> None:
    context, ca_file = tls
    with running(FakeRegistry(auth=auth), tls=context) as server:
        store = connect(server.host, ca_file=ca_file, credentials=ann, patience=PATIENCE._replace(read_s=2))
        kept = put(store, "a/b", b"recipe", tag="1.0.0")
        assert store.manifest("a/b", "1.0.0").raw == kept.raw


def test_a_certificate_nobody_knows_is_refused_at_once(
    tls: tuple[ssl.SSLContext, str], tmp_path: Path, connect: Connect, clock: Sleeper
) -> None:
    context, _ = tls
    _, other = authority_and_server(tmp_path / "other")
    with (
        running(FakeRegistry(), tls=context) as server,
        pytest.raises(Unreachable, match=r"TLS failed: .*certificate verify failed") as caught,
    ):
        connect(server.host, ca_file=other).manifest("a/b", "1")
    assert "--ca-file" in caught.value.hint
    assert clock.slept == []


def test_a_redirect_does_not_lead_out_of_tls(tls: tuple[ssl.SSLContext, str], connect: Connect) -> None:
    context, ca_file = tls
    with running(FakeRegistry(), tls=context) as server, running(FakeRegistry()) as elsewhere:
        server.faults = [Fault("GET", "/manifests/", redirect=f"http://{elsewhere.host}")]
        with pytest.raises(Malformed, match="not safe"):
            connect(server.host, ca_file=ca_file).manifest("a/b", "1")
        assert elsewhere.requests == []


def test_another_machine_is_spoken_to_with_tls_unless_told_otherwise(connect: Connect, tmp_path: Path) -> None:
    addresses = {
        "registry.example.com": "https://registry.example.com",
        "127.0.0.1:5000": "http://127.0.0.1:5000",
        "docker.io": "https://registry-1.docker.io",
    }
    assert {host: connect(host)._client.address for host in addresses} == addresses
    assert Registry("registry.example.com", plain_http=True)._client.address == "http://registry.example.com"
    _, authority = authority_and_server(tmp_path)
    assert Registry("localhost:5000", ca_file=authority)._client.address == "https://localhost:5000"


# --- killed -----------------------------------------------------------------------------------------------------------


def test_a_fetch_that_is_killed_leaves_nothing_half_and_is_finished_by_the_next(
    server: FakeRegistry, store: Registry, tmp_path: Path
) -> None:
    kept = put(store, "a/b", BIG, tag="1.0.0")
    server.faults = [Fault("GET", "/blobs/.*" + kept.layers[0].digest[7:], drip_s=0.0005)]
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from clusterbook.oci import transfer\n"
        "from clusterbook.oci.layout.folder import Layout\n"
        "from clusterbook.oci.registry import Registry\n"
        "tell = lambda blob, size: print(size, flush=True)\n"
        "target = Layout(Path(sys.argv[3]), create=True)\n"
        "transfer.copy(Registry(sys.argv[2]), 'a/b', '1.0.0', target, 'a/b', tags=['1.0.0'], progress=tell)\n"
    )
    root, folder = str(Path(__file__).resolve().parents[2]), tmp_path / "layout"
    with subprocess.Popen(
        [sys.executable, "-c", program, root, server.host, str(folder)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for _ in range(20):
            child.stdout.readline()
        child.kill()
    layout = Layout(folder)
    assert layout.tags("a/b") == []
    assert not layout.exists("a/b", kept.layers[0])
    transfer.copy(store, "a/b", "1.0.0", layout, "a/b", tags=["1.0.0"])
    assert layout.read("a/b", kept.layers[0], limit_bytes=len(BIG)) == BIG


@pytest.mark.parametrize("number", range(len(Credential(USER, PASSWORD).forms())))
def test_no_form_of_a_password_that_a_registry_repeats_is_shown(connect: Connect, number: int) -> None:
    form = Credential(USER, PASSWORD).forms()[number]
    with running(FakeRegistry(auth="basic")) as server:
        store = connect(server.host, credentials=ann)
        put(store, "a/b", b"recipe", tag="1.0.0")
        body = b'{"errors": [{"code": "X", "message": "you sent %b"}]}' % form.encode()
        server.faults = [Fault("GET", "/manifests/", status=400, body=body)]
        with pytest.raises(Refused) as caught:
            store.manifest("a/b", "1.0.0")
        assert "you sent ***" in str(caught.value)
        assert form not in str(caught.value)


ADDRESSES = ["http://[", "https://h.test:99999/", "https://h.test:abc/x", "http://[::1", "//[", "http://127.0.0.1:1:2/"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("header", ["Location", "Link", "WWW-Authenticate"])
def test_an_address_that_is_none_in_a_header_is_an_error_of_ours(connect: Connect, header: str, address: str) -> None:
    with running(FakeRegistry()) as server:
        store = connect(server.host)
        put(store, "a/b", b"recipe", tag="1.0.0")
        status = {"Location": 307, "Link": 200, "WWW-Authenticate": 401}[header]
        said = {
            "Location": address,
            "Link": f'<{address}>; rel="next"',
            "WWW-Authenticate": f'Bearer realm="{address}"',
        }
        fault = Fault("GET", "/v2/", times=9, status=status, headers={header: said[header]}, body=b'{"tags": ["1"]}')
        server.faults = [fault]
        with pytest.raises(ClusterbookError):
            store.all_tags("a/b") if header == "Link" else store.manifest("a/b", "1.0.0")


@pytest.mark.parametrize("said", ["\xb2", "9" * 400, "-1", "Wed, 99 Foo 9999 99:99:99 GMT"])
def test_a_wait_that_is_no_number_is_waited_out_as_if_it_were_not_said(
    connect: Connect, clock: Sleeper, said: str
) -> None:
    del clock
    with running(FakeRegistry()) as server:
        store = connect(server.host)
        put(store, "a/b", b"recipe", tag="1.0.0")
        server.faults = [Fault("GET", "/manifests/", status=429, headers={"Retry-After": said})]
        try:
            assert store.manifest("a/b", "1.0.0").layers
        except ClusterbookError as error:
            assert error.exit_status == 7  # noqa: PT017


@pytest.mark.parametrize("place", ["http://[", "https://h.test:99999/"])
def test_an_upload_that_leads_nowhere_is_an_error_of_ours(connect: Connect, place: str) -> None:
    with running(FakeRegistry()) as server:
        store = connect(server.host)
        server.faults = [Fault("POST", "/uploads/", times=9, status=202, headers={"Location": place})]
        with pytest.raises(ClusterbookError):
            put(store, "a/b", b"recipe", tag="1.0.0")
