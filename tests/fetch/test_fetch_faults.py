"""Faults of a fetch, as processes: what goes wrong for a while is outlasted, what stays wrong leaves nothing behind."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.open import Base
from clusterbook.oci.registry import Registry
from clusterbook.trust.sign import KeylessSigner
from clusterbook.trust.verify import read_policy
from tests.support import indexes, publications
from tests.support.fetchers import Client
from tests.support.publications import Publisher
from tests.support.servers import registry, site
from tests.support.servers.registry import FakeRegistry, running
from tests.support.servers.sigstore import IDENTITY, ISSUER, FakeSigstore
from tests.support.servers.sigstore import running as running_sigstore
from tests.support.servers.site import Site, serving


def words(publisher: Publisher, source: object, target: Path, *more: str) -> list[str]:
    """Return the command line of a fetch."""
    return ["fetch", "bundle", "eks", "--from", str(source), "--key", str(publisher.key), "-o", str(target), *more]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "fault",
    [
        registry.Fault("GET", "manifests", status=429, headers={"Retry-After": "1"}),
        registry.Fault("GET", "blobs", status=503, times=2),
        registry.Fault("GET", "blobs", cut=100),
        registry.Fault("GET", "manifests", reset=True),
    ],
    ids=["429", "503", "cut", "reset"],
)
def test_what_a_registry_does_wrong_for_a_while_is_outlasted(
    client: Client, publisher: Publisher, tmp_path: Path, fault: registry.Fault
) -> None:
    with running(FakeRegistry()) as server:
        publisher.publish(Base(Registry(server.host), "acme"))
        server.faults.append(fault)
        client("bundle", "eks", from_=f"oci://{server.host}/acme", output=tmp_path / "b")
        assert server.faults == []
    assert client.verify(tmp_path / "b").trust.level == "verified"


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        (registry.Fault("GET", "manifests", status=429, headers={"Retry-After": "3600"}, times=9), 7, "CB145"),
        (registry.Fault("GET", "manifests", status=403, times=9), 4, "CB142"),
        (registry.Fault("GET", "blobs", wrong=True, times=99), 4, "CB146"),
    ],
    ids=["429", "403", "wrong"],
)
def test_what_a_registry_keeps_doing_wrong_has_its_status(
    publisher: Publisher, tmp_path: Path, fault: registry.Fault, status: int, says: str
) -> None:
    with running(FakeRegistry()) as server:
        publisher.publish(Base(Registry(server.host), "acme"))
        server.faults.append(fault)
        said = indexes.run(*words(publisher, f"oci://{server.host}/acme", tmp_path / "b"), HOME=str(tmp_path / "home"))
    assert (said.status, says in said.err, "hint:" in said.err) == (status, True, True), said.err
    assert list(tmp_path.iterdir()) == []


def test_no_registry_has_its_status(publisher: Publisher, tmp_path: Path) -> None:
    said = indexes.run(*words(publisher, "oci://127.0.0.1:9/acme", tmp_path / "b"), HOME=str(tmp_path / "home"))
    assert (said.status, "connection refused" in said.err) == (6, True)


def test_a_registry_asks_for_a_password_and_gets_it_nowhere_else(publisher: Publisher, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".docker").mkdir(parents=True)
    with running(FakeRegistry(auth="basic")) as server:
        source = f"oci://{server.host}/acme"
        said = indexes.run(*words(publisher, source, tmp_path / "b"), HOME=str(home))
        assert (said.status, "docker login" in said.err) == (4, True)
        secret = base64.b64encode(f"{registry.USER}:{registry.PASSWORD}".encode()).decode()
        (home / ".docker/config.json").write_text(json.dumps({"auths": {server.host: {"auth": secret}}}))
        said = indexes.run(*words(publisher, source, tmp_path / "b"), HOME=str(home))
        assert (said.status, "CB141 " in said.err) == (3, True), said.err
        assert registry.PASSWORD not in said.err + said.out
        assert secret not in said.err + said.out


def test_a_site_asks_for_a_password_and_where_it_points_to_does_not_get_it(
    july: Path, publisher: Publisher, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / ".docker").mkdir(parents=True)
    ask = site.Fault("oci-layout", status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    with serving(Site(july)) as far, serving(Site(july, [ask])) as near:
        away = site.Fault("latest.json", status=302, headers={"Location": f"{far.address}/latest.json"})
        near.faults.append(away)
        host = near.address.split("/")[2]
        secret = base64.b64encode(b"ann:secret").decode()
        (home / ".docker/config.json").write_text(json.dumps({"auths": {host: {"auth": secret}}}))
        said = indexes.run(*words(publisher, near.address, tmp_path / "b"), HOME=str(home))
        assert said.status == 0, said.err
        assert {each.get("Authorization") for each in near.headers} == {None, f"Basic {secret}"}
        assert {each.get("Authorization") for each in far.headers} == {None}


def test_a_full_disk_leaves_what_was_there(july: Path, publisher: Publisher, client: Client, tmp_path: Path) -> None:
    client("bundle", "eks@1.0.0", from_=july, output=tmp_path / "b")
    before = files(tmp_path / "b")
    command = [sys.executable, "-m", "clusterbook.cli.main", *words(publisher, july, tmp_path / "b")]
    env = {"PATH": "", "PYTHONPATH": ":".join(sys.path), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path / "home")}
    small = ["/bin/sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *command]  # a file that may not grow is a full disk
    full = subprocess.run(small, env=env, capture_output=True, text=True, check=False)
    assert (full.returncode, "CB107" in full.stderr) == (8, True), full.stderr
    assert files(tmp_path / "b") == before
    assert subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0
    assert files(tmp_path / "b") != before


def test_a_fetch_that_is_killed_leaves_the_old_bundle_or_the_new_one(
    july: Path, publisher: Publisher, client: Client, tmp_path: Path
) -> None:
    client("bundle", "eks@1.0.0", from_=july, output=tmp_path / "b")
    old = files(tmp_path / "b")
    client("bundle", "eks", from_=july, output=tmp_path / "new")
    new = files(tmp_path / "new")
    env = {"PATH": "", "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path / "home")}
    moments = random.Random(7)  # noqa: S311
    states = []
    for _ in range(12):
        client("bundle", "eks@1.0.0", from_=july, output=tmp_path / "b")
        command = [sys.executable, "-m", "clusterbook.cli.main", *words(publisher, july, tmp_path / "b")]
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            time.sleep(moments.uniform(0.05, 0.5))
            os.kill(child.pid, signal.SIGKILL)
        found = files(tmp_path / "b")
        assert found in (old, new)
        states.append(found == new)
    client("bundle", "eks", from_=july, output=tmp_path / "b")
    assert files(tmp_path / "b") == new
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".b")) == []


def test_what_a_killed_fetch_brought_is_not_fetched_again(july: Path, client: Client, tmp_path: Path) -> None:
    layer = Layout(july).manifest("helm/eks", "1.1.0").layers[0]
    work = tmp_path / ".b.part"
    work.mkdir()
    shutil.copy(july / "blobs/sha256" / layer.digest[7:], work / layer.digest[7:])
    (work / "new").mkdir()
    (work / "new" / "half").write_text("x")
    with serving(Site(july)) as source:
        client("bundle", "eks", from_=source.address, output=tmp_path / "b")
        assert f"blobs/sha256/{layer.digest[7:]}" not in source.asked
    assert client.verify(tmp_path / "b").trust.level == "verified"
    assert not work.exists()


# --- no network -------------------------------------------------------------------------------------------------------


def alone(command: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a network namespace without interfaces; skips the test where that is not permitted."""
    unshare = shutil.which("unshare")
    flags = [] if os.geteuid() == 0 else ["--map-root-user"]
    if unshare is None or subprocess.run([unshare, *flags, "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("network namespaces are not permitted here")
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "HOME": str(home)}
    program = [sys.executable, "-m", "clusterbook.cli.main", *command]
    return subprocess.run([unshare, *flags, "-n", *program], env=env, capture_output=True, text=True, check=False)


def test_fetching_and_verifying_with_a_key_need_no_network(july: Path, publisher: Publisher, tmp_path: Path) -> None:
    done = alone(words(publisher, july, tmp_path / "b"), tmp_path)
    assert done.returncode == 0, done.stderr
    for where in (tmp_path / "b", july):
        done = alone(["verify", str(where), "--key", str(publisher.key), "--min-trust-level", "verified"], tmp_path)
        assert done.returncode == 0, done.stderr


def test_fetching_and_verifying_a_login_need_no_network(publisher: Publisher, tmp_path: Path) -> None:
    with running_sigstore(FakeSigstore()) as instance:
        (tmp_path / "root.json").write_text(json.dumps(instance.trusted_root()))
        (tmp_path / "config.json").write_text(json.dumps(instance.trust_config(rekor=2)))
        signer = KeylessSigner(trust_config=str(tmp_path / "config.json"), token=instance.token())
        policy = tmp_path / "trust.yaml"
        policy.write_text(
            "apiVersion: clusterbook.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: ours}\nspec:\n  signers:\n"
            f"    - keyless: {{identity: {IDENTITY}, issuer: {ISSUER}, root: root.json}}\n"
        )
        publisher.publish(publications.layout(tmp_path / "layout"), signer=signer, policy=read_policy(policy))
    believe = ["--policy", str(policy)]
    source = ["--from", str(tmp_path / "layout"), *believe]
    done = alone(["fetch", "bundle", "eks", *source, "-o", str(tmp_path / "b")], tmp_path)
    assert done.returncode == 0, done.stderr
    done = alone(["verify", str(tmp_path / "b"), *believe, "--require-creator", IDENTITY], tmp_path)
    assert (done.returncode, IDENTITY in done.stdout) == (0, True), done.stderr
    flags = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    done = alone(["verify", str(tmp_path / "b"), *flags], tmp_path)
    assert (done.returncode, "CB164" in done.stderr) == (4, True), done.stderr
    done = alone(["verify", str(tmp_path / "b"), *flags, "--trust-root", str(tmp_path / "root.json")], tmp_path)
    assert done.returncode == 0, done.stderr
    done = alone(["verify", str(tmp_path / "b")], tmp_path)
    assert (done.returncode, "CB16" in done.stderr) == (4, True), done.stderr


def test_four_fetches_into_one_folder_all_end_right(july: Path, client: Client, tmp_path: Path) -> None:
    wrong: list[BaseException] = []

    def one() -> None:
        try:
            client("bundle", "eks", from_=july, output=tmp_path / "b")
        except (ClusterbookError, OSError) as error:
            wrong.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert client.verify(tmp_path / "b").trust.level == "verified"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "home"]
