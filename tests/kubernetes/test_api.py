"""How the API of a cluster is asked: pages, patience, and what its refusals mean."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import pytest

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.kubernetes.api import PATIENCE, Api
from clusterbook.kubernetes.connection import Connection
from clusterbook.kubernetes.errors import (
    BrokenKubeconfig,
    ClusterDenied,
    ClusterTimedOut,
    ClusterUnreachable,
    NoObject,
    ObjectConflict,
    Rejected,
    Throttled,
)
from clusterbook.kubernetes.login import ClusterLogin
from tests.support.servers.kube import FakeApi, Fault, Made, running, status

PODS = "/api/v1/pods"


@pytest.fixture
def server() -> Iterator[FakeApi]:
    with running(FakeApi()) as listening:
        yield listening


def client(server: FakeApi, slept: list[float] | None = None, *, answer_s: float = 5, tries: int = 4) -> Api:
    sleep = (slept if slept is not None else []).append
    login = ClusterLogin(server.url, "default", lambda: "Bearer t")
    return Api(Connection(login), PATIENCE._replace(tries=tries, connect_s=5, read_s=answer_s), sleep=sleep)


def pod(number: int) -> dict[str, object]:
    return {"metadata": {"name": f"pod-{number}"}, "status": {"phase": "Running"}}


def test_a_list_is_read_in_pages(server: FakeApi) -> None:
    server.lists[PODS] = Made(1234, pod)
    names = [each["metadata"]["name"] for each in client(server).items(PODS, labels="app=x", page=500)]
    assert names == [f"pod-{number}" for number in range(1234)]
    asked = server.asked("GET", PODS)
    assert [each.query["limit"] for each in asked] == ["500"] * 3
    assert [each.query.get("continue", "") for each in asked] == ["", "500", "1000"]
    assert {each.query["labelSelector"] for each in asked} == {"app=x"}


def test_a_list_longer_than_memory_is_never_whole(server: FakeApi) -> None:
    server.lists[PODS] = Made(5000, lambda number: {**pod(number), "spec": {"filling": "x" * 4000}})
    tracemalloc.start()
    try:
        assert sum(1 for _ in client(server).items(PODS, page=100)) == 5000
        assert tracemalloc.get_traced_memory()[1] < 5e6  # all of them would be 20 MB, in the smallest form there is
    finally:
        tracemalloc.stop()


def test_a_list_that_took_too_long_goes_on_where_it_was(server: FakeApi) -> None:
    server.lists[PODS] = Made(300, pod)
    expired = {**status(410, "the continue token expired"), "metadata": {"continue": "100"}}
    server.faults = [Fault("GET", "continue=100", status=410, body=expired)]
    server.lists[PODS] = Made(300, pod)
    with pytest.raises(NoObject, match="expired"):  # the same token again is no way on
        list(client(server).items(PODS, page=100))
    server.faults = [Fault("GET", "continue=100", status=410, body={**expired, "metadata": {"continue": "0100"}})]
    names = [each["metadata"]["name"] for each in client(server).items(PODS, page=100)]
    assert len(names) == len(set(names)) == 300


REFUSALS = [
    (400, Rejected, 2),
    (401, ClusterDenied, 4),
    (403, ClusterDenied, 4),
    (404, NoObject, 3),
    (409, ObjectConflict, 2),
    (422, Rejected, 2),
    (429, Throttled, 7),
    (500, ClusterUnreachable, 6),
    (503, ClusterUnreachable, 6),
    (302, ClusterUnreachable, 6),
]


@pytest.mark.parametrize(("code", "kind", "exit_status"), REFUSALS)
def test_a_refusal_has_its_own_error_with_the_servers_words(
    code: int, kind: type[ClusterbookError], exit_status: int, server: FakeApi
) -> None:
    server.faults = [Fault("GET", PODS, times=9, status=code, message='pods is forbidden: User "ann"')]
    with pytest.raises(kind, match="GET /api/v1/pods") as caught:
        client(server).get(PODS)
    assert caught.value.exit_status == exit_status
    assert code == 302 or 'User "ann"' in caught.value.what


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_passes_is_asked_again(code: int, server: FakeApi) -> None:
    server.put("/version", {"gitVersion": "v1.36.3"})
    server.faults = [Fault("GET", "/version", times=2, status=code)]
    slept: list[float] = []
    assert client(server, slept).get("/version")
    assert slept == [0.25, 0.5]


def test_the_server_says_how_long_to_wait_and_is_believed_within_reason(server: FakeApi) -> None:
    server.put("/version", {"gitVersion": "v1.36.3"})
    server.faults = [Fault("GET", "/version", status=429, headers={"Retry-After": "7"})]
    slept: list[float] = []
    assert client(server, slept).get("/version")
    assert slept == [7.0]
    server.faults = [Fault("GET", "/version", status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(Throttled):
        client(server, slept).get("/version")
    assert slept == [7.0]


def test_a_connection_that_breaks_is_made_anew(server: FakeApi) -> None:
    server.put("/version", {"gitVersion": "v1.36.3"})
    server.faults = [Fault("GET", "/version", times=2, reset=True)]
    assert client(server).get("/version")
    server.faults = [Fault("GET", "/version", times=4, reset=True)]
    with pytest.raises(ClusterUnreachable, match="connection broke"):
        client(server).get("/version")


def test_a_server_that_says_nothing_is_given_up(server: FakeApi) -> None:
    server.faults = [Fault("GET", "/version", times=9, silent_s=3)]
    started = time.monotonic()
    with pytest.raises(ClusterTimedOut) as caught:
        client(server, answer_s=0.3, tries=2).get("/version")
    assert caught.value.exit_status == 5
    assert time.monotonic() - started < 3


def test_a_server_that_says_a_letter_at_a_time_is_given_up(server: FakeApi) -> None:
    server.faults = [Fault("GET", "/version", times=9, drip_s=0.05)]
    with pytest.raises(ClusterTimedOut, match="took more than"):
        client(server, answer_s=0.3, tries=1).get("/version")


def test_nobody_there_is_said_after_all_attempts(server: FakeApi) -> None:
    slept: list[float] = []
    api = client(server, slept)
    api.connection.where = "http://127.0.0.1:9"
    with pytest.raises(ClusterUnreachable, match="no connection"):
        api.get("/version")
    assert len(slept) == 3


@pytest.mark.parametrize("raw", [b"<html>hello</html>", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_api_server_is_seen(raw: bytes, server: FakeApi) -> None:
    server.faults = [Fault("GET", "/version", raw=raw)]
    with pytest.raises(ClusterUnreachable, match="not a Kubernetes object"):
        client(server).get("/version")


def test_an_object_is_not_made_twice_when_the_answer_is_lost(server: FakeApi) -> None:
    server.faults = [Fault("POST", PODS, reset=True, after=True)]
    with pytest.raises(ClusterUnreachable):
        client(server).create(PODS, pod(1))
    assert len(server.asked("POST", PODS)) == 1
    server.faults = [Fault("POST", PODS, status=503)]
    with pytest.raises(ClusterUnreachable):
        client(server).create(PODS, pod(2))


def test_making_is_repeated_when_the_server_had_no_time_for_it(server: FakeApi) -> None:
    server.faults = [Fault("POST", PODS, status=429)]
    assert client(server).create(PODS, pod(1))["metadata"]["name"] == "pod-1"
    with pytest.raises(ObjectConflict):
        client(server).create(PODS, pod(1))


def test_applying_and_deleting_are_repeated(server: FakeApi) -> None:
    api = client(server)
    server.faults = [Fault("PATCH", PODS, reset=True, after=True), Fault("DELETE", PODS, status=500)]
    assert api.apply(f"{PODS}/pod-1", pod(1))["metadata"]["uid"]
    sent = server.asked("PATCH", PODS)[-1]
    assert sent.headers["Content-Type"] == "application/apply-patch+yaml"
    assert sent.query == {"fieldManager": "clusterbook"}
    assert api.delete(f"{PODS}/pod-1")
    assert not api.delete(f"{PODS}/pod-1")


def test_only_the_very_object_is_deleted(server: FakeApi) -> None:
    api = client(server)
    made = api.create(PODS, pod(1))
    assert not api.delete(f"{PODS}/pod-1", uid="uid-of-another")
    assert api.delete(f"{PODS}/pod-1", uid=made["metadata"]["uid"])


def test_replacing_and_merging_change_an_object(server: FakeApi) -> None:
    api = client(server)
    api.create(PODS, pod(1))
    api.merge(f"{PODS}/pod-1", {"status": {"phase": "Failed"}})
    assert api.get(f"{PODS}/pod-1")["status"] == {"phase": "Failed"}
    api.replace(f"{PODS}/pod-1", {"metadata": {"name": "pod-1"}, "status": {}})
    assert api.get(f"{PODS}/pod-1")["status"] == {}
    assert api.find(f"{PODS}/pod-2") is None


def test_a_log_is_text(server: FakeApi) -> None:
    server.texts[f"{PODS}/pod-1/log"] = "one\ntwo\nthree"
    api = client(server)
    assert api.text(f"{PODS}/pod-1/log") == "one\ntwo\nthree"
    with api.follow(f"{PODS}/pod-1/log", silence_s=5, follow="true") as lines:
        assert list(lines) == ["one", "two", "three"]
    with pytest.raises(NoObject), api.follow(f"{PODS}/pod-2/log", silence_s=5):
        pass


def test_a_log_that_breaks_off_says_so(server: FakeApi) -> None:
    server.faults = [Fault("GET", "/log", silent_s=3)]
    with pytest.raises(ClusterTimedOut), client(server).follow(f"{PODS}/pod-1/log", silence_s=0.2) as lines:
        list(lines)


def test_a_token_that_no_header_can_carry_is_refused(server: FakeApi) -> None:
    login = ClusterLogin(server.url, "default", lambda: "Bearer one\ntwo")
    with pytest.raises(BrokenKubeconfig):
        Api(Connection(login)).get("/version")
    assert server.requests == []
