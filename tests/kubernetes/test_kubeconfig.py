"""Kubeconfigs in all their forms, against a server that records who asks."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from clusterbook.diagnostics.errors import NotFound
from clusterbook.kubernetes.api import PATIENCE, Api
from clusterbook.kubernetes.connection import Connection
from clusterbook.kubernetes.errors import BrokenKubeconfig, ClusterDenied, ClusterUnreachable, NoClient, NoCluster
from clusterbook.kubernetes.login import ClusterLogin, log_in
from clusterbook.kubernetes.plugin import Plugin
from tests.support.servers.kube import FakeApi, running

VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.3"}
ONCE = PATIENCE._replace(tries=1, connect_s=5, read_s=5)
EXEC = "client.authentication.k8s.io/v1"


AUTHORITY = trustme.CA()
"""Signed for every server here; credentials are told to nobody without TLS."""


@pytest.fixture
def server() -> Iterator[FakeApi]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    api = FakeApi()
    api.put("/version", VERSION)
    with running(api, tls=context) as listening:
        yield listening


@pytest.fixture
def plain_server() -> Iterator[FakeApi]:
    api = FakeApi()
    api.put("/version", VERSION)
    with running(api) as listening:
        yield listening


def config(url: str, user: dict[str, Any] | None = None, *, cluster: dict[str, Any] | None = None) -> dict[str, Any]:
    if url.startswith("https:") and not (cluster or {}).keys() & {
        "certificate-authority",
        "certificate-authority-data",
    }:
        cluster = {"certificate-authority-data": encoded(AUTHORITY.cert_pem.bytes()), **(cluster or {})}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": url, **(cluster or {})}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "gpu"}}],
        "users": [{"name": "u", "user": user or {}}],
    }


def written(folder: Path, document: Any, name: str = "config") -> str:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return str(path)


def version(login: ClusterLogin) -> str:
    return str(Api(Connection(login), ONCE).get("/version")["gitVersion"])


def plugin(folder: Path, text: str) -> dict[str, Any]:
    program = folder / "plugin.py"
    program.write_text(text, encoding="utf-8")
    env = [{"name": "WHO", "value": "ann"}]
    return {
        "exec": {
            "apiVersion": EXEC,
            "command": sys.executable,
            "args": [str(program)],
            "env": env,
            "interactiveMode": "Never",
        }
    }


SAYS = """
import json, os
assert json.loads(os.environ["KUBERNETES_EXEC_INFO"])["kind"] == "ExecCredential"
status = {STATUS}
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


def test_a_token_is_sent_and_the_contexts_namespace_known(tmp_path: Path, server: FakeApi) -> None:
    login = log_in(written(tmp_path, config(server.url, {"token": "s3cret"})))
    assert version(login) == "v1.36.3"
    assert login.namespace == "gpu"
    assert server.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert server.requests[0].headers["User-Agent"].startswith("clusterbook/")


def test_a_token_file_is_read_beside_the_kubeconfig_and_its_last_newline_left_out(
    tmp_path: Path, server: FakeApi
) -> None:
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    assert version(log_in(written(tmp_path, config(server.url, {"tokenFile": "token"}))))
    assert server.requests[0].headers["Authorization"] == "Bearer from-file"


def test_a_name_and_a_password_are_sent(tmp_path: Path, server: FakeApi) -> None:
    assert version(log_in(written(tmp_path, config(server.url, {"username": "ann", "password": "pw"}))))
    assert server.requests[0].headers["Authorization"] == f"Basic {encoded(b'ann:pw')}"


def test_a_plugin_is_run_and_its_token_sent(tmp_path: Path, server: FakeApi) -> None:
    user = plugin(tmp_path, SAYS.replace("{STATUS}", '{"token": "for-" + os.environ["WHO"]}'))
    assert version(log_in(written(tmp_path, config(server.url, user))))
    assert server.requests[0].headers["Authorization"] == "Bearer for-ann"


def test_a_plugin_whose_token_ran_out_is_run_again(tmp_path: Path, server: FakeApi) -> None:
    text = f"""
from pathlib import Path
count = Path({str(tmp_path / "count")!r})
count.write_text((count.read_text() if count.exists() else "") + "x")
{SAYS.replace("{STATUS}", '{"token": count.read_text(), "expirationTimestamp": "2020-01-01T00:00:00Z"}')}"""
    login = log_in(written(tmp_path, config(server.url, plugin(tmp_path, text))))
    assert version(login)
    assert server.requests[0].headers["Authorization"] == "Bearer xx"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import sys; sys.exit('the session has expired')", "the session has expired"),
        ("print('no JSON')", "decode"),
        ('print(\'{"apiVersion": "x", "kind": "ExecCredential", "status": {}}\')', "version"),
    ],
)
def test_a_plugin_that_brings_nothing_says_so_and_nobody_is_asked_without_it(
    text: str, says: str, tmp_path: Path, server: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ClusterDenied, match=says) as caught:
        log_in(written(tmp_path, config(server.url, plugin(tmp_path, text))))
    assert caught.value.exit_status == 4
    assert sys.executable in caught.value.hint
    assert server.requests == []
    assert caplog.records == []


@pytest.mark.parametrize("child", ["", "import subprocess; subprocess.Popen(['sleep', '60'])\n"])
def test_a_plugin_that_does_not_end_is_waited_for_no_longer_than_said(tmp_path: Path, child: str) -> None:
    """A child of it that keeps its output open is not waited for, either."""
    entry = plugin(tmp_path, f"{child}import time\ntime.sleep(60)\n")["exec"]
    before = time.monotonic()
    with pytest.raises(ClusterDenied, match=r"did not finish within 0\.5 s") as caught:
        Plugin(entry, {}, "user ann", limit_s=0.5).credential()
    assert "login" in caught.value.hint
    assert time.monotonic() - before < 30


def test_a_plugin_that_is_not_there_is_named(tmp_path: Path, server: FakeApi) -> None:
    user = {"exec": {"apiVersion": EXEC, "command": "no-such-plugin", "interactiveMode": "Never"}}
    with pytest.raises(ClusterDenied, match="no-such-plugin"):
        log_in(written(tmp_path, config(server.url, user)))


def test_somebody_else_is_asked_for_when_the_kubeconfig_says_so(tmp_path: Path, server: FakeApi) -> None:
    user = {"token": "t", "as": "bob", "as-uid": "7", "as-groups": ["ops"], "as-user-extra": {"reason": ["test"]}}
    assert version(log_in(written(tmp_path, config(server.url, user))))
    sent = server.requests[0].headers
    assert (sent["Impersonate-User"], sent["Impersonate-Uid"], sent["Impersonate-Group"]) == ("bob", "7", "ops")
    assert sent["Impersonate-Extra-reason"] == "test"


def test_a_proxy_is_asked_in_place_of_the_server(tmp_path: Path, plain_server: FakeApi) -> None:
    elsewhere = "http://127.0.0.1:9"
    assert version(
        log_in(written(tmp_path, config(elsewhere, {"token": "t"}, cluster={"proxy-url": plain_server.url})))
    )
    assert [each.path for each in plain_server.requests] == ["/version"]


def test_a_proxy_of_the_environment_is_asked(tmp_path: Path, plain_server: FakeApi) -> None:
    where = written(tmp_path, config("http://api.example.org"))
    assert version(log_in(where, env={"HTTP_PROXY": plain_server.url}))
    assert log_in(where, env={"HTTP_PROXY": plain_server.url, "NO_PROXY": "example.org"}).proxy == ""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return AUTHORITY


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[FakeApi]:
    """Give a server that asks for a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "api.example.org").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    api = FakeApi()
    api.put("/version", VERSION)
    with running(api, tls=context) as listening:
        yield listening


def certificate(authority: trustme.CA) -> tuple[bytes, bytes]:
    leaf = authority.issue_cert("ann@example.org")
    return leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def trusting(authority: trustme.CA, **more: Any) -> dict[str, Any]:
    return {"certificate-authority-data": encoded(authority.cert_pem.bytes()), **more}


def test_a_client_certificate_in_the_kubeconfig_opens_the_connection(
    tmp_path: Path, tls_server: FakeApi, authority: trustme.CA
) -> None:
    own, key = certificate(authority)
    user = {"client-certificate-data": encoded(own), "client-key-data": encoded(key)}
    where = written(tmp_path, config(tls_server.url, user, cluster=trusting(authority)))
    assert version(log_in(where)) == "v1.36.3"


def test_a_judgement_leaves_no_private_key_behind(tmp_path: Path, tls_server: FakeApi, authority: trustme.CA) -> None:
    own, key = certificate(authority)
    user = {"client-certificate-data": encoded(own), "client-key-data": encoded(key)}
    where = written(tmp_path, config(tls_server.url, user, cluster=trusting(authority)))
    (tmp_path / "recipe.yaml").write_text("kind: RecipeResult\nmetadata: {slug: mine}\ncomponentRefs: []\n")
    (tmp_path / "tmp").mkdir()
    words = ["validate", "-r", "recipe.yaml", "--kubeconfig", where]
    done = subprocess.run(
        [sys.executable, "-m", "clusterbook.cli.main", *words],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "CB197 " in done.stderr  # the server let it in, and has nothing to say
    assert list((tmp_path / "tmp").iterdir()) == []


def test_client_certificates_and_authority_may_be_files_beside_the_kubeconfig(
    tmp_path: Path, tls_server: FakeApi, authority: trustme.CA
) -> None:
    own, key = certificate(authority)
    for name, data in (("own.pem", own), ("key.pem", key), ("ca.pem", authority.cert_pem.bytes())):
        (tmp_path / name).write_bytes(data)
    user = {"client-certificate": "own.pem", "client-key": "key.pem"}
    where = written(tmp_path, config(tls_server.url, user, cluster={"certificate-authority": "ca.pem"}))
    assert version(log_in(where)) == "v1.36.3"


def test_a_plugin_may_bring_a_certificate(tmp_path: Path, tls_server: FakeApi, authority: trustme.CA) -> None:
    own, key = certificate(authority)
    status = {"clientCertificateData": own.decode(), "clientKeyData": key.decode()}
    user = plugin(tmp_path, SAYS.replace("{STATUS}", repr(status)))
    where = written(tmp_path, config(tls_server.url, user, cluster=trusting(authority)))
    assert version(log_in(where)) == "v1.36.3"


def test_a_server_is_known_by_the_name_that_the_kubeconfig_says(
    tmp_path: Path, tls_server: FakeApi, authority: trustme.CA
) -> None:
    own, key = certificate(authority)
    user = {"client-certificate-data": encoded(own), "client-key-data": encoded(key)}
    named = trusting(authority, **{"tls-server-name": "api.example.org"})
    assert version(log_in(written(tmp_path, config(tls_server.url, user, cluster=named))))
    other = trusting(authority, **{"tls-server-name": "other.example.org"})
    with pytest.raises(ClusterUnreachable, match="TLS"):
        version(log_in(written(tmp_path, config(tls_server.url, user, cluster=other))))


def test_a_server_of_another_authority_is_not_trusted(tmp_path: Path, tls_server: FakeApi) -> None:
    with pytest.raises(ClusterUnreachable, match="no trusted TLS") as caught:
        version(log_in(written(tmp_path, config(tls_server.url, {"token": "t"}, cluster=trusting(trustme.CA())))))
    assert "certificate-authority" in caught.value.hint


NOWHERE = "http://127.0.0.1:9"
SECURE = "https://127.0.0.1:9"
TOKEN = {"token": "t"}
BROKEN = {
    "a user without credentials": config("https://127.0.0.1:9"),
    "a word for true": config("https://127.0.0.1:9", cluster={"insecure-skip-tls-verify": "false"}),
    "a token that is a number": config("https://127.0.0.1:9", {"token": 7}),
    "no YAML": "{",
    "empty": "",
    "a list": "[1]",
    "a word": "kubeconfig",
    "no clusters": {"current-context": "here", "contexts": [{"name": "here", "context": {"cluster": "c"}}]},
    "no context": {**config(NOWHERE), "current-context": ""},
    "another context": {**config(NOWHERE), "current-context": "there"},
    "clusters is text": {**config(NOWHERE), "clusters": "c"},
    "a cluster without a server": {**config(NOWHERE), "clusters": [{"name": "c", "cluster": {}}]},
    "no user of that name": {**config(NOWHERE), "users": [{"name": "other", "user": {}}]},
    "a server that is no URL": config("ftp://api.example.org"),
    "a certificate that is none": config("https://127.0.0.1:9", {"client-certificate-data": encoded(b"x")}),
    "an authority that is none": config(
        "https://127.0.0.1:9", {"token": "t"}, cluster={"certificate-authority-data": encoded(b"x")}
    ),
    "an authority that is no base64": config(
        "https://127.0.0.1:9", {"token": "t"}, cluster={"certificate-authority-data": "%"}
    ),
    "a file that is not there": config(
        "https://127.0.0.1:9", {"token": "t"}, cluster={"certificate-authority": "gone.pem"}
    ),
}


@pytest.mark.parametrize("document", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_kubeconfig_is_named(document: Any, tmp_path: Path) -> None:
    where = written(tmp_path, document)
    with pytest.raises(BrokenKubeconfig) as caught:
        log_in(where)
    assert caught.value.exit_status == 2
    assert where in caught.value.what


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="gone"):
        log_in(str(tmp_path / "gone"))


def test_who_is_asked_is_told_with_the_context_that_names_it(tmp_path: Path) -> None:
    found = Connection(log_in(written(tmp_path, config(SECURE, TOKEN)))).description
    assert found == "https://127.0.0.1:9 (context here)"
    open_to_all = config(SECURE, TOKEN, cluster={"insecure-skip-tls-verify": True, "certificate-authority-data": ""})
    assert "not verified" in Connection(log_in(written(tmp_path, open_to_all))).description


def test_of_two_current_contexts_the_first_counts(tmp_path: Path, server: FakeApi) -> None:
    second = config(SECURE, TOKEN)
    second["current-context"] = second["contexts"][0]["name"] = "there"
    env = {"KUBECONFIG": ":".join((written(tmp_path, config(server.url, TOKEN), "a"), written(tmp_path, second, "b")))}
    assert log_in(env=env).context == "here"
    assert log_in(env=env, context="there").context == "there"


def test_an_unverified_server_is_asked_without_a_warning_of_the_library(tmp_path: Path, server: FakeApi) -> None:
    unverified = {"insecure-skip-tls-verify": True, "certificate-authority-data": ""}
    assert version(log_in(written(tmp_path, config(server.url, TOKEN, cluster=unverified)))) == "v1.36.3"


def test_several_files_are_merged_and_a_context_chosen(tmp_path: Path, server: FakeApi) -> None:
    first, second = config(NOWHERE), config(server.url, {"token": "second"})
    second["clusters"][0]["name"] = second["contexts"][0]["context"]["cluster"] = "d"
    second["contexts"][0]["name"] = "there"
    second["users"][0]["name"] = second["contexts"][0]["context"]["user"] = "v"
    files = ":".join((written(tmp_path, first, "a"), written(tmp_path, second, "b")))
    assert version(log_in(context="there", env={"KUBECONFIG": files})) == "v1.36.3"
    assert server.requests[0].headers["Authorization"] == "Bearer second"


def test_without_a_kubeconfig_and_outside_a_pod_there_is_no_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NoCluster) as caught:
        log_in(env={})
    assert caught.value.exit_status == 2


def test_a_pod_without_its_token_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "9"}
    with pytest.raises(BrokenKubeconfig, match="serviceaccount"):
        log_in(env=env)


def test_without_pysocks_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.delitem(sys.modules, "urllib3.contrib.socks", raising=False)
    with pytest.raises(NoClient) as caught:
        Connection(log_in(written(tmp_path, config(NOWHERE, cluster={"proxy-url": "socks5://127.0.0.1:1080"}))))
    assert caught.value.exit_status == 6
    assert "clusterbook[cluster]" in caught.value.hint


def test_a_pod_is_told_the_port_too_or_it_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for port in ({}, {"KUBERNETES_SERVICE_PORT": ""}):
        with pytest.raises(NoCluster):
            log_in(env={"KUBERNETES_SERVICE_HOST": "fd00::1", **port}, account=tmp_path)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_pod_uses_its_own_account(tmp_path: Path, authority: trustme.CA, address: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(address).configure_cert(context)
    (tmp_path / "token").write_text("of-the-pod\n", encoding="utf-8")
    (tmp_path / "ca.crt").write_bytes(authority.cert_pem.bytes())
    api = FakeApi()
    api.put("/version", VERSION)
    with running(api, tls=context, host=address) as server:
        port = server.url.rpartition(":")[2]
        env = {"KUBERNETES_SERVICE_HOST": address, "KUBERNETES_SERVICE_PORT": port, "HTTPS_PROXY": NOWHERE}
        login = log_in(env=env, account=tmp_path)
        assert version(login) == "v1.36.3"
        assert login.where == server.url
    assert login.namespace == "default"
    assert api.requests[0].headers["Authorization"] == "Bearer of-the-pod"
