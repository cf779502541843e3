"""Publishing when everything goes wrong: what is there stays whole, and the next run finishes.

Runs that are killed are processes of their own, killed as soon as a registry got so many requests or a folder so many
files: a moment that is the same on any machine, and another one in each round.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from clusterbook.artifacts.open import open_index
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.transport import (
    AccessDenied,
    Patience,
    RateLimited,
    Refused,
    TimedOut,
    Unreachable,
    WrongContent,
)
from clusterbook.oci.credentials import Credential
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import digest_of, parse_manifest
from clusterbook.oci.open import Base
from clusterbook.oci.registry import Registry
from clusterbook.publish.publish import JOBS, Destination, publish
from clusterbook.publish.release import Publication, PublishRequest, prepare
from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import TrustOptions
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.verify import key_policy
from tests.support import checkouts
from tests.support.checkouts import JULY, MARCH
from tests.support.servers.certificates import private_pem
from tests.support.servers.registry import PASSWORD, USER, FakeRegistry, Fault, running

QUICK = Patience(tries=4, first_wait_s=0.01, longest_wait_s=2, read_s=0.5, connect_s=2)
ROUNDS = (1, 12, 40, 90, 150, 230)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a checkout with releases, and a key."""
    folder = checkouts.released(tmp_path_factory.mktemp("checkout"))
    pem = private_pem(ed25519.Ed25519PrivateKey.generate())
    (folder / "k.pem").write_bytes(pem)
    (folder / "k.pub").write_text(private_key(pem, "k").public().pem())
    return folder


@pytest.fixture(scope="module")
def release(checkout: Path) -> Publication:
    return prepare(PublishRequest(JULY, checkout / "recipes", checkout / "registry"))


@pytest.fixture(scope="module")
def whole(checkout: Path, release: Publication) -> FakeRegistry:
    """Give what a registry holds to which the release was published without a fault."""
    with running(FakeRegistry()) as server:
        publish(release, where(server, checkout))
    return server


def where(server: FakeRegistry, checkout: Path, *, login: bool = False) -> Destination:
    found = Credential(USER, PASSWORD) if login else None
    store = Registry(server.host, patience=QUICK, credentials=lambda _: found)
    signer = KeySigner.from_file(checkout / "k.pem", {})
    return Destination(
        Base(store, "acme"), signer, TrustOptions(key_policy([checkout / "k.pub"])), jobs=1 if login else JOBS
    )


def same(server: FakeRegistry, whole: FakeRegistry) -> bool:
    return (server.manifests, server.tags, server.blobs) == (whole.manifests, whole.tags, whole.blobs)


def check_registry(server: FakeRegistry, checkout: Path) -> None:
    """Make sure that whatever can be found in a registry is whole, and that an index is there with all it names."""
    for (repository, digest), (_, raw) in server.manifests.items():
        found = parse_manifest(raw, reference=digest)
        assert all((repository, blob.digest) in server.blobs for blob in found.blobs)
        assert all((repository, each.digest) in server.manifests for each in found.manifests)
    assert all((repository, digest) in server.manifests for (repository, _), digest in server.tags.items())
    if ("acme/index", "latest") in server.tags:
        opened = open_index(where(server, checkout).base, where(server, checkout).trust, now=None, previous=None)
        assert opened.recipe("eks").current == "1.1.0"


# --- answers that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        [Fault("*", "/v2/", times=3, status=429, headers={"Retry-After": "0"})],
        [Fault(method, "flux|recipes|index", times=3, status=status) for method, status in
         (("HEAD", 500), ("POST", 502), ("PUT", 503), ("GET", 504))],
        [Fault("GET", "/manifests/", times=2, cut=10), Fault("GET", "/blobs/", times=2, cut=3)],
        [Fault("PUT", "/blobs/", times=2, reset=True), Fault("PUT", "/manifests/", times=2, reset=True)],
        [Fault("POST", "/uploads/", silent_s=0.8), Fault("PUT", "/manifests/", silent_s=0.8)],
        [Fault("PUT", "/blobs/uploads", times=3, status=404)],
    ],
    ids=["too many requests", "errors of the server", "cut", "broken off", "silent", "uploads given up"],
)  # fmt: skip
def test_a_fault_that_passes_is_waited_out(
    faults: list[Fault], checkout: Path, release: Publication, whole: FakeRegistry
) -> None:
    with running(FakeRegistry()) as server:
        server.faults = faults
        publish(release, where(server, checkout))
        assert server.faults == [] or faults[0].cut >= 0
        assert same(server, whole)


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        (Fault("POST", "/uploads/", times=999, status=429, headers={"Retry-After": "3600"}), RateLimited, 7),
        (Fault("PUT", "/manifests/", times=999, silent_s=0.8), TimedOut, 5),
        (Fault("PUT", "/manifests/", times=999, status=403), AccessDenied, 4),
        (Fault("PUT", "/blobs/", times=999, status=507), Unreachable, 6),
    ],
)
def test_a_fault_that_stays_is_named_and_nothing_is_shown_as_published(
    fault: Fault, error: type[ClusterbookError], status: int, checkout: Path, release: Publication, whole: FakeRegistry
) -> None:
    with running(FakeRegistry()) as server:
        server.faults = [fault]
        start = time.monotonic()
        with pytest.raises(error) as caught:
            publish(release, where(server, checkout))
        assert time.monotonic() - start < 30
        assert caught.value.exit_status == status
        assert caught.value.hint
        assert ("acme/index", "latest") not in server.tags
        check_registry(server, checkout)
        server.faults = []
        publish(release, where(server, checkout))
        assert same(server, whole)


def test_a_registry_that_is_only_read_is_named_and_needs_nothing_when_all_is_there(
    checkout: Path, release: Publication
) -> None:
    read_only = [Fault(method, "/v2/", times=999, status=405) for method in ("POST", "PUT", "PATCH", "DELETE")]
    with running(FakeRegistry()) as server:
        server.faults = list(read_only)
        with pytest.raises(Refused, match="405") as caught:
            publish(release, where(server, checkout))
        assert "read-only" in caught.value.hint
        assert server.blobs == server.manifests == {}
        server.faults = []
        publish(release, where(server, checkout))
        server.faults = list(read_only)
        done = publish(release, where(server, checkout))
        assert (done.sent_blobs, done.sent_manifests) == (0, 0)


def test_tokens_that_run_out_on_the_way_are_asked_for_again(
    checkout: Path, release: Publication, whole: FakeRegistry
) -> None:
    with running(FakeRegistry(auth="bearer")) as server:
        publish(release, where(server, checkout, login=True), lambda *_: server.expire_tokens())
        assert same(server, whole)
        assert server.count("GET", "^/token") + server.count("POST", "^/token") > 60
        with pytest.raises(AccessDenied):
            publish(prepare(release.request._replace(name=MARCH)), where(server, checkout))


def test_what_comes_back_as_something_else_is_found_out(
    checkout: Path, release: Publication, whole: FakeRegistry
) -> None:
    with running(FakeRegistry()) as server:
        server.faults = [Fault("GET", "/recipes/eks/manifests/sha256:", times=9, wrong=True)]
        with pytest.raises(WrongContent):
            publish(release, where(server, checkout))
        server.faults = []
        publish(release, where(server, checkout))
        assert same(server, whole)


# --- killed -----------------------------------------------------------------------------------------------------------


def start(checkout: Path, to: str, **more: object) -> subprocess.Popen[str]:
    words = ["publish", "--to", to, "--key", "k.pem", "--jobs", "4", "--format", "json"]
    environment = {**os.environ, "HOME": str(checkout), "PYTHONDONTWRITEBYTECODE": ""}  # or each run compiles it all
    return subprocess.Popen(
        [sys.executable, "-m", "clusterbook.cli.build_main", *words], cwd=checkout, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # type: ignore[call-overload,no-any-return]  # fmt: skip


def kill_when(process: subprocess.Popen[str], reached: Callable[[], bool]) -> bool:
    """Kill a process as soon as something is reached; return whether it was still at work."""
    while process.poll() is None and not reached():
        time.sleep(0.002)
    working = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return working


def test_publishing_to_a_registry_that_is_killed_leaves_it_whole_and_is_finished(
    checkout: Path, whole: FakeRegistry
) -> None:
    with running(FakeRegistry()) as server:
        killed = 0
        for count in ROUNDS:
            before = len(server.requests)
            process = start(checkout, f"oci://{server.host}/acme")
            killed += kill_when(process, lambda at=before + count: len(server.requests) >= at)  # type: ignore[misc]
            check_registry(server, checkout)
        assert killed >= 4
        out, error = start(checkout, f"oci://{server.host}/acme").communicate()
        assert json.loads(out)["artifacts"] == 29, error
        assert (server.manifests, server.tags) == (whole.manifests, whole.tags)


def test_publishing_to_a_layout_that_is_killed_leaves_it_whole_and_is_finished(checkout: Path, tmp_path: Path) -> None:
    good = start(checkout, f"oci-layout:{tmp_path / 'good'}")
    assert good.wait() == 0
    good.communicate()
    target = tmp_path / "target"
    blobs = target / "blobs/sha256"
    killed = 0
    for count in (1, 20, 60, 110, 128):
        process = start(checkout, f"oci-layout:{target}")
        killed += kill_when(process, lambda at=count: blobs.exists() and len(list(blobs.iterdir())) >= at)  # type: ignore[misc]
        if (target / "oci-layout").exists():
            check_layout(target)
    assert killed >= 3
    done = start(checkout, f"oci-layout:{target}")
    assert done.wait() == 0, done.stderr.read() if done.stderr else ""
    done.communicate()
    check_layout(target)
    assert {name for name, _ in Layout(target).roots() if name} == {
        name for name, _ in Layout(tmp_path / "good").roots() if name
    }
    assert {each.name for each in blobs.iterdir()} == {each.name for each in (tmp_path / "good/blobs/sha256").iterdir()}


def check_layout(folder: Path) -> None:
    """Make sure that every file of a layout is what its name says, and everything that is listed is there whole."""
    for path in (folder / "blobs/sha256").iterdir():
        assert digest_of(path.read_bytes()) == f"sha256:{path.name}"
    layout = Layout(folder)
    for _, entry in layout.roots():
        found = layout.manifest("", entry.digest)
        assert all(layout.exists("", each) for each in (*found.blobs, *found.manifests))


def test_a_disk_that_is_full_is_named_and_the_next_run_finishes(checkout: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    process = start(checkout, f"oci-layout:{tmp_path}/layout", preexec_fn=limit)
    _, error = process.communicate()
    assert process.returncode == 8, error
    assert "cannot be written" in error
    assert "Traceback" not in error
    check_layout(tmp_path / "layout")
    again = start(checkout, f"oci-layout:{tmp_path}/layout")
    again.communicate()
    assert again.returncode == 0
    check_layout(tmp_path / "layout")
