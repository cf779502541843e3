"""Kubeconfigs held against kubectl, case by case: the same server is asked by the same somebody, or nobody is.

Servers on loopback write down who comes. The cases are files and an environment; neither reader is told more.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.kubernetes.api import PATIENCE, Api
from clusterbook.kubernetes.connection import Connection
from clusterbook.kubernetes.login import log_in
from tests.interop.toolchain import program
from tests.support.servers.kube import FakeApi, running

ONCE = PATIENCE._replace(tries=1, connect_s=5, read_s=5)
V1 = "client.authentication.k8s.io/v1"
_SENT = ("authorization", "impersonate-user", "impersonate-uid", "impersonate-group", "impersonate-extra-team")
Json = dict[str, Any]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class Place:
    """Where a case is laid out: a folder, three servers, and what it puts into the environment."""

    folder: Path
    urls: dict[str, str]
    authority: bytes
    own: bytes
    key: bytes
    env: dict[str, str] = field(default_factory=dict)
    context: str = ""
    """What `--context` says, "" where nothing is typed."""

    def write(self, name: str, document: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    def config(self, server: str, user: Any = None, *, name: str = "", **cluster: Any) -> Json:
        """Return a kubeconfig of one context whose cluster, context and user have the same name."""
        name, url = name or server, self.urls.get(server, server)
        if url.startswith("https:") and not cluster.keys() & {"certificate-authority", "insecure-skip-tls-verify"}:
            cluster = {"certificate-authority-data": encoded(self.authority), **cluster}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": url, **cluster}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {"token": f"of-{name}"} if user is None else user}],
        }

    def trusted(self) -> Json:
        return {"certificate-authority-data": encoded(self.authority)}

    def plugin(self, name: str, status: Json, *, code: str = "", **entry: Any) -> Json:
        """Return a user whose plug-in, a program in the folder, prints a credential."""
        text = f"#!{sys.executable}\nimport json, os, sys\nstatus = {status!r}\n{code}\n"
        text += f"print(json.dumps({{'apiVersion': {V1!r}, 'kind': 'ExecCredential', 'status': status}}))\n"
        self.write(name, text).chmod(0o755)
        return {"exec": {"apiVersion": V1, "command": str(self.folder / name), "interactiveMode": "Never", **entry}}


Case = Callable[[Place], str]
"""Writes files and returns KUBECONFIG."""


def several(*files: Path | str) -> str:
    return os.pathsep.join(map(str, files))


def two_contexts(at: Place) -> str:
    return several(at.write("first", at.config("a")), at.write("second", at.config("b")))


def empty_first(at: Place) -> str:
    return several(at.write("first", ""), at.write("second", at.config("b")))


def missing_first(at: Place) -> str:
    return several(at.folder / "gone", at.write("second", at.config("b")))


def null_sections(at: Place) -> str:
    nothing = {"apiVersion": "v1", "kind": "Config", "clusters": None, "contexts": None, "users": None}
    return several(at.write("first", nothing), at.write("second", at.config("b")))


def empty_words_between(at: Place) -> str:
    return several("", at.write("first", at.config("a")), "", at.write("second", at.config("b")))


def same_names(at: Place) -> str:
    return several(at.write("first", at.config("a", name="x")), at.write("second", at.config("b", name="x")))


def first_entry_counts_whole(at: Place) -> str:
    """The first file's user has a name only; the second's token is no part of it."""
    return several(
        at.write("first", at.config("a", {"as": "ann"}, name="x")), at.write("second", at.config("b", name="x"))
    )


def context_in_the_second(at: Place) -> str:
    without = {key: value for key, value in at.config("a").items() if key != "current-context"}
    return several(at.write("first", without), at.write("second", at.config("b")))


def context_of_the_first_entries_of_the_second(at: Place) -> str:
    chosen = {"apiVersion": "v1", "kind": "Config", "current-context": "b"}
    return several(at.write("first", chosen), at.write("second", {**at.config("b"), "current-context": "gone"}))


def no_current_context(at: Place) -> str:
    return str(at.write("config", {**at.config("a"), "current-context": ""}))


def nothing_at_all(at: Place) -> str:
    return several(at.folder / "gone", at.write("empty", ""))


def home_is_not_asked_beside(at: Place) -> str:
    at.write(".kube/config", at.config("b"))
    return str(at.folder / "gone")


def home_where_nothing_is_named(at: Place) -> str:
    at.write(".kube/config", at.config("b"))
    return ""


def a_wave_is_no_home(at: Place) -> str:
    at.write("named", at.config("a"))
    return several("~/named", at.write("second", at.config("b")))


def a_folder_among_them(at: Place) -> str:
    (at.folder / "dir").mkdir()
    return several(at.folder / "dir", at.write("second", at.config("b")))


def broken_first(at: Place) -> str:
    return several(at.write("first", "clusters: [\n"), at.write("second", at.config("b")))


def files_of_two_folders(at: Place) -> str:
    """Cluster and context here, the user there, and each file's certificates beside it."""
    at.write("one/ca.crt", at.authority.decode())
    at.write("two/own.crt", at.own.decode())
    at.write("two/own.key", at.key.decode())
    whole = at.config("tls", **{"certificate-authority": "ca.crt"})
    del whole["users"]
    user = {"client-certificate": "own.crt", "client-key": "own.key"}
    return several(at.write("one/config", whole), at.write("two/config", {"users": [{"name": "tls", "user": user}]}))


def token_file_of_the_second(at: Place) -> str:
    at.write("two/token", "in-a-file\n\n")
    whole = at.config("a")
    del whole["users"]
    second = {"users": [{"name": "a", "user": {"tokenFile": "token"}}]}
    return several(at.write("one/config", whole), at.write("two/config", second))


def token_file_before_token(at: Place) -> str:
    at.write("token", "in-a-file")
    return str(at.write("config", at.config("a", {"token": "beside", "tokenFile": "token"})))


def token_where_the_file_is_gone(at: Place) -> str:
    return str(at.write("config", at.config("a", {"token": "beside", "tokenFile": "gone"})))


def token_file_that_is_gone(at: Place) -> str:
    return str(at.write("config", at.config("a", {"tokenFile": "gone"})))


def certificate_in_the_file(at: Place) -> str:
    user = {"client-certificate-data": encoded(at.own), "client-key-data": encoded(at.key)}
    return str(at.write("config", at.config("tls", user)))


def authority_and_its_path(at: Place) -> str:
    at.write("ca.crt", at.authority.decode())
    return str(at.write("config", at.config("tls", **{"certificate-authority": "ca.crt", **at.trusted()})))


def certificate_and_its_path(at: Place) -> str:
    at.write("own.crt", at.own.decode())
    at.write("own.key", at.key.decode())
    user = {
        "client-certificate": "own.crt", "client-key": "own.key",
        "client-certificate-data": encoded(at.own), "client-key-data": encoded(at.key),
    }  # fmt: skip
    return str(at.write("config", at.config("tls", user)))


def certificate_and_token(at: Place) -> str:
    user = {"client-certificate-data": encoded(at.own), "client-key-data": encoded(at.key), "token": "t"}
    return str(at.write("config", at.config("tls", user)))


def certificate_without_key(at: Place) -> str:
    return str(at.write("config", at.config("tls", {"client-certificate-data": encoded(at.own), "token": "t"})))


def data_with_line_breaks(at: Place) -> str:
    text = "\n".join(encoded(at.authority)[start : start + 64] for start in range(0, 4096, 64)).strip()
    return str(at.write("config", at.config("tls", {"token": "t"}, **{"certificate-authority-data": text})))


def no_authority(at: Place) -> str:
    return str(at.write("config", at.config("tls", **{"certificate-authority-data": None})))


def not_verified(at: Place) -> str:
    return str(at.write("config", at.config("tls", **{"insecure-skip-tls-verify": True})))


def not_verified_and_an_authority(at: Place) -> str:
    return str(at.write("config", at.config("tls", **{"insecure-skip-tls-verify": True, **at.trusted()})))


def a_word_for_not_verified(at: Place) -> str:
    return str(at.write("config", at.config("tls", **{"insecure-skip-tls-verify": "false"})))


def a_name_of_the_server(at: Place) -> str:
    return str(at.write("config", at.config("tls", {"token": "t"}, **{"tls-server-name": "api.example.org"})))


def another_name_of_the_server(at: Place) -> str:
    return str(at.write("config", at.config("tls", {"token": "t"}, **{"tls-server-name": "other.example.org"})))


def name_and_password(at: Place) -> str:
    return str(at.write("config", at.config("a", {"username": "ann", "password": "pässword"})))


def token_and_password(at: Place) -> str:
    return str(at.write("config", at.config("a", {"username": "ann", "password": "p", "token": "t"})))


def token_that_is_a_number(at: Place) -> str:
    return str(at.write("config", at.config("a", {"token": 1234})))


def somebody_else(at: Place) -> str:
    user = {"token": "t", "as": "bob", "as-uid": "7", "as-groups": ["ops"], "as-user-extra": {"team": ["gpu"]}}
    return str(at.write("config", at.config("a", user)))


def groups_of_nobody(at: Place) -> str:
    return str(at.write("config", at.config("a", {"token": "t", "as-groups": ["ops"]})))


def nobody(at: Place) -> str:
    config = at.config("a")
    del config["contexts"][0]["context"]["user"]
    return str(at.write("config", config))


def user_that_is_gone(at: Place) -> str:
    return str(at.write("config", {**at.config("a"), "users": []}))


def cluster_that_is_gone(at: Place) -> str:
    return str(at.write("config", {**at.config("a"), "clusters": []}))


def context_that_is_gone(at: Place) -> str:
    return str(at.write("config", {**at.config("a"), "current-context": "gone"}))


def one_name_twice(at: Place) -> str:
    config = at.config("a")
    return str(at.write("config", {**config, "clusters": config["clusters"] * 2}))


def another_kind(at: Place) -> str:
    return str(at.write("config", {**at.config("a"), "kind": "Pod"}))


def another_version(at: Place) -> str:
    return str(at.write("config", {**at.config("a"), "apiVersion": "v2"}))


def without_kind(at: Place) -> str:
    return str(at.write("config", {key: value for key, value in at.config("a").items() if key != "kind"}))


def yaml_with_anchors(at: Place) -> str:
    text = f"""\
current-context: &name a
clusters: [{{name: a, cluster: {{server: "{at.urls["a"]}/", certificate-authority-data: {encoded(at.authority)}}}}}]
contexts:
- name: *name
  context: {{cluster: a, user: a}}
users: [{{name: a, user: {{token: t}}}}]
"""
    return str(at.write("config", text))


def path_of_the_server(at: Place) -> str:
    return str(at.write("config", at.config(f"{at.urls['a']}/k8s/clusters/c-1/", name="a")))


def plugin_with_a_token(at: Place) -> str:
    return str(at.write("config", at.config("a", at.plugin("login", {"token": "brought"}))))


def plugin_beside_the_second_file(at: Place) -> str:
    user = at.plugin("two/bin/login", {"token": "brought"}, command="./bin/login")
    whole = at.config("a")
    del whole["users"]
    second = {"users": [{"name": "a", "user": user}]}
    return several(at.write("one/config", whole), at.write("two/config", second))


def plugin_runs_where_the_user_is(at: Place) -> str:
    user = at.plugin("two/login", {}, code="status['token'] = os.path.basename(os.getcwd())")
    return str(at.write("two/config", at.config("a", user)))


def plugin_of_the_path(at: Place) -> str:
    """A PATH for the plug-in is not where the plug-in is looked for."""
    at.plugin("bin/clusterbook-login", {"token": "right"})
    at.plugin("other/clusterbook-login", {"token": "wrong"})
    at.env["PATH"] = f"{at.folder}/bin:{os.environ['PATH']}"
    env = [{"name": "PATH", "value": f"{at.folder}/other"}]
    entry = {"apiVersion": V1, "command": "clusterbook-login", "interactiveMode": "Never", "env": env}
    return str(at.write("config", at.config("a", {"exec": entry})))


def plugin_that_is_told_of_the_cluster(at: Place) -> str:
    code = (
        "cluster = json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['cluster']\n"
        "import hashlib\nstatus['token'] = hashlib.sha256(json.dumps(cluster, sort_keys=True).encode()).hexdigest()"
    )
    at.write("ca.crt", at.authority.decode())
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "gpu"}}
    user = at.plugin("login", {}, code=code, provideClusterInfo=True)
    config = at.config("tls", user, **{"certificate-authority": "ca.crt", "extensions": [extension]})
    return str(at.write("config", config))


def plugin_with_token_and_certificate(at: Place) -> str:
    status = {"token": "brought", "clientCertificateData": at.own.decode(), "clientKeyData": at.key.decode()}
    return str(at.write("config", at.config("tls", at.plugin("login", status))))


def plugin_beside_a_token(at: Place) -> str:
    return str(at.write("config", at.config("a", {**at.plugin("login", {"token": "brought"}), "token": "own"})))


def plugin_that_fails(at: Place) -> str:
    return str(at.write("config", at.config("a", at.plugin("login", {"token": "t"}, code="sys.exit(1)"))))


def plugin_that_brings_nothing(at: Place) -> str:
    return str(at.write("config", at.config("a", at.plugin("login", {}))))


def plugin_that_is_gone(at: Place) -> str:
    return str(at.write("config", at.config("a", at.plugin("login", {}, command="no-such-login"))))


def plugin_of_no_mode(at: Place) -> str:
    return str(at.write("config", at.config("a", at.plugin("login", {"token": "t"}, interactiveMode=""))))


def plugin_of_an_old_version(at: Place) -> str:
    user = at.plugin("login", {"token": "t"}, apiVersion="client.authentication.k8s.io/v1alpha1")
    return str(at.write("config", at.config("a", user)))


def plugin_of_another_version(at: Place) -> str:
    user = at.plugin("login", {"token": "t"}, apiVersion="client.authentication.k8s.io/v1beta1")
    return str(at.write("config", at.config("a", user)))


def provider_that_is_gone(at: Place) -> str:
    return str(at.write("config", at.config("a", {"auth-provider": {"name": "gcp", "config": {"access-token": "x"}}})))


def _jwt(lasts_s: int) -> str:
    parts = ({"alg": "none"}, {"exp": int(time.time()) + lasts_s, "iss": "x", "sub": "ann"})
    return ".".join(encoded(json.dumps(part).encode()).rstrip("=") for part in parts) + ".c2ln"


def provider_of_openid(at: Place) -> str:
    config = {"id-token": _jwt(3600), "client-id": "kubectl", "idp-issuer-url": "https://127.0.0.1:9"}
    return str(at.write("config", at.config("a", {"auth-provider": {"name": "oidc", "config": config}})))


def provider_whose_token_ran_out(at: Place) -> str:
    config = {"id-token": _jwt(-3600), "client-id": "kubectl", "idp-issuer-url": "https://127.0.0.1:9"}
    return str(at.write("config", at.config("a", {"auth-provider": {"name": "oidc", "config": config}})))


def http_proxy_of_the_cluster(at: Place) -> str:
    return str(at.write("config", at.config("http://api.example.org", name="x", **{"proxy-url": at.urls["plain"]})))


def socks_proxy_of_the_cluster(at: Place) -> str:
    """The proxy resolves the name, as Go has it; ours stands for any name there is."""
    return str(at.write("config", at.config("http://api.example.org", name="x", **{"proxy-url": at.urls["socks"]})))


def proxy_of_another_kind(at: Place) -> str:
    return str(at.write("config", at.config("a", **{"proxy-url": "ftp://127.0.0.1:21"})))


def proxy_before_no_proxy(at: Place) -> str:
    at.env["NO_PROXY"] = "*"
    return http_proxy_of_the_cluster(at)


def environments_proxy_and_loopback(at: Place) -> str:
    at.env |= {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
    return str(at.write("config", at.config("tls", {"token": "t"})))


def environments_proxy_and_localhost(at: Place) -> str:
    at.env["HTTP_PROXY"] = "http://127.0.0.1:1"
    return str(at.write("config", at.config(at.urls["plain"].replace("127.0.0.1", "localhost"), name="x")))


def environments_proxy(at: Place) -> str:
    at.env["HTTP_PROXY"] = at.urls["plain"]
    return str(at.write("config", at.config("http://api.example.org", name="x")))


def nothing_is_told_without_tls(at: Place) -> str:
    return str(at.write("config", at.config("plain", {"token": "t", "as": "bob"})))


def no_plugin_runs_without_tls(at: Place) -> str:
    return str(at.write("config", at.config("plain", at.plugin("login", {}, code="sys.exit(1)"))))


def one_file_twice(at: Place) -> str:
    return several(path := at.write("first", at.config("a")), at.write("second", at.config("b")), path)


def quotes_around_the_name(at: Place) -> str:
    return f'"{at.write("config", at.config("a"))}"'


def context_that_is_typed(at: Place) -> str:
    at.context = "b"
    return several(at.write("first", {**at.config("a"), "current-context": ""}), at.write("second", at.config("b")))


def context_that_is_typed_over_another(at: Place) -> str:
    at.context = "b"
    return two_contexts(at)


def context_that_is_typed_and_gone(at: Place) -> str:
    at.context = "gone"
    return two_contexts(at)


def plugin_with_an_environment(at: Place) -> str:
    env = [{"name": "ROLE", "value": "first"}, {"name": "ROLE", "value": "gpu"}, {"name": "EMPTY", "value": ""}]
    code = "status['token'] = os.environ['ROLE'] + os.environ.get('EMPTY', 'none') + os.environ.get('OUTSIDE', '')"
    at.env["OUTSIDE"] = "seen"
    return str(at.write("config", at.config("a", at.plugin("login", {}, code=code, env=env))))


def plugin_that_asks_where_it_can(at: Place) -> str:
    code = "status['token'] = str(json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['interactive'])"
    user = at.plugin("login", {}, code=code, interactiveMode="IfAvailable")
    return str(at.write("config", at.config("a", user)))


def plugin_that_has_to_ask(at: Place) -> str:
    return str(at.write("config", at.config("a", at.plugin("login", {"token": "t"}, interactiveMode="Always"))))


def plugin_with_arguments(at: Place) -> str:
    user = at.plugin("login", {}, code="status['token'] = '+'.join(sys.argv[1:])", args=["--region", "us west", ""])
    return str(at.write("config", at.config("a", user)))


def somebody_of_several_groups(at: Place) -> str:
    user = {"token": "t", "as": "bob", "as-groups": ["ops", "gpu"], "as-user-extra": {"team": ["a", "b"]}}
    return str(at.write("config", at.config("a", user)))


def server_without_a_scheme(at: Place) -> str:
    return str(at.write("config", at.config(at.urls["plain"].removeprefix("http://"), name="x")))


def server_without_a_scheme_and_an_authority(at: Place) -> str:
    """Whatever stands beside it, nothing is verified and nobody named."""
    cluster = {**at.trusted(), "tls-server-name": "api.example.org"}
    return str(
        at.write("config", at.config(at.urls["plain"].removeprefix("http://"), {"token": "t"}, name="x", **cluster))
    )


def server_without_a_scheme_and_a_path(at: Place) -> str:
    return str(at.write("config", at.config(f"{at.urls['plain'].removeprefix('http://')}/k8s/clusters/c-1", name="x")))


def server_whose_name_looks_like_a_scheme(at: Place) -> str:
    return str(at.write("config", at.config(at.urls["plain"].replace("http://127.0.0.1", "localhost"), name="x")))


def not_verified_by_another_name(at: Place) -> str:
    cluster = {"insecure-skip-tls-verify": True, "tls-server-name": "elsewhere.example.org"}
    return str(at.write("config", at.config("tls", {"token": "t"}, **cluster)))


def proxy_that_asks_who_comes(at: Place) -> str:
    proxy = at.urls["plain"].replace("http://", "http://ann:secret@")
    return str(at.write("config", at.config("http://api.example.org", name="x", **{"proxy-url": proxy})))


def proxy_over_tls(at: Place) -> str:
    cluster = {"proxy-url": at.urls["tls"], **at.trusted()}
    return str(at.write("config", at.config("http://api.example.org", name="x", **cluster)))


def socks_proxy_that_resolves(at: Place) -> str:
    proxy = at.urls["socks"].replace("socks5://", "socks5h://")
    return str(at.write("config", at.config("http://api.example.org", name="x", **{"proxy-url": proxy})))


def empty_proxy(at: Place) -> str:
    return str(at.write("config", at.config("a", **{"proxy-url": ""})))


# --- IPv6


def server_of_ipv6(at: Place) -> str:
    return str(at.write("config", at.config("six", {"token": "t"})))


def server_of_ipv6_and_a_path(at: Place) -> str:
    return str(at.write("config", at.config(f"{at.urls['six']}/k8s/clusters/c-1/", {"token": "t"}, name="x")))


def server_of_ipv6_in_its_long_form(at: Place) -> str:
    server = at.urls["six"].replace("[::1]", "[0:0:0:0:0:0:0:1]")
    return str(at.write("config", at.config(server, {"token": "t"}, name="x")))


def server_of_ipv6_without_a_scheme(at: Place) -> str:
    return str(at.write("config", at.config(at.urls["plain six"].removeprefix("http://"), name="x")))


def server_of_ipv6_without_brackets(at: Place) -> str:
    return str(at.write("config", at.config(at.urls["plain six"].replace("[::1]", "::1"), name="x")))


def server_of_ipv6_that_holds_one_of_ipv4(at: Place) -> str:
    server = at.urls["plain"].replace("127.0.0.1", "[::ffff:127.0.0.1]")
    return str(at.write("config", at.config(server, name="x")))


def server_of_ipv6_by_another_name(at: Place) -> str:
    cluster = {"tls-server-name": "api.example.org"}
    return str(at.write("config", at.config("six", {"token": "t"}, **cluster)))


def server_of_ipv6_that_is_not_verified(at: Place) -> str:
    return str(at.write("config", at.config("six", {"token": "t"}, **{"insecure-skip-tls-verify": True})))


def server_of_ipv6_that_the_certificate_does_not_name(at: Place) -> str:
    """The proxy would lead there; the certificate says ::1 and fd00::1."""
    at.env["HTTPS_PROXY"] = at.urls["tunnel"]
    return str(at.write("config", at.config("https://[fd00::2]:6443", {"token": "t"}, name="x")))


def proxy_of_ipv6(at: Place) -> str:
    proxy = {"proxy-url": at.urls["plain six"]}
    return str(at.write("config", at.config("http://api.example.org", name="x", **proxy)))


def environments_proxy_of_ipv6(at: Place) -> str:
    at.env["HTTP_PROXY"] = at.urls["plain six"]
    return str(at.write("config", at.config("http://api.example.org", name="x")))


def environments_proxy_of_ipv6_without_a_scheme(at: Place) -> str:
    at.env["http_proxy"] = at.urls["plain six"].removeprefix("http://")
    return str(at.write("config", at.config("http://api.example.org", name="x")))


def environments_proxy_of_ipv6_without_brackets(at: Place) -> str:
    at.env["http_proxy"] = at.urls["plain six"].removeprefix("http://").replace("[::1]", "::1")
    return str(at.write("config", at.config("http://api.example.org", name="x")))


def socks_proxy_of_ipv6(at: Place) -> str:
    proxy = {"proxy-url": at.urls["socks six"]}
    return str(at.write("config", at.config("http://api.example.org", name="x", **proxy)))


def socks_proxy_to_ipv6(at: Place) -> str:
    return str(at.write("config", at.config("http://[fd00::1]:80", name="x", **{"proxy-url": at.urls["socks"]})))


def tunnel_to_ipv6(at: Place) -> str:
    at.env["HTTPS_PROXY"] = at.urls["tunnel"]
    return str(at.write("config", at.config("https://[fd00::1]:6443", {"token": "t"}, name="x")))


def environments_proxy_and_loopback_of_ipv6(at: Place) -> str:
    at.env |= {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
    return str(at.write("config", at.config("six", {"token": "t"})))


def environments_proxy_and_loopback_of_ipv4_in_ipv6(at: Place) -> str:
    at.env["HTTP_PROXY"] = "http://127.0.0.1:1"
    return server_of_ipv6_that_holds_one_of_ipv4(at)


def environments_proxy_and_a_shouted_localhost(at: Place) -> str:
    at.env["HTTP_PROXY"] = at.urls["plain six"]
    return str(at.write("config", at.config(at.urls["plain"].replace("127.0.0.1", "LOCALHOST"), name="x")))


def excepting(entry: str, server: str = "http://[fd00::1]") -> Case:
    """Return the case of a server whose proxy NO_PROXY may except."""

    def case(at: Place) -> str:
        at.env |= {"HTTP_PROXY": at.urls["plain"], "NO_PROXY": entry}
        return str(at.write("config", at.config(server, name="x")))

    case.__name__ = f"{server} except {entry}"
    return case


SIX: dict[Case, str] = {
    server_of_ipv6: "six", server_of_ipv6_and_a_path: "six", server_of_ipv6_in_its_long_form: "six",
    server_of_ipv6_without_a_scheme: "plain six", server_of_ipv6_without_brackets: "",
    server_of_ipv6_that_holds_one_of_ipv4: "plain", server_of_ipv6_by_another_name: "six",
    server_of_ipv6_that_is_not_verified: "six", server_of_ipv6_that_the_certificate_does_not_name: "",
    proxy_of_ipv6: "plain six", environments_proxy_of_ipv6: "plain six",
    environments_proxy_of_ipv6_without_a_scheme: "plain six", environments_proxy_of_ipv6_without_brackets: "",
    socks_proxy_of_ipv6: "plain", socks_proxy_to_ipv6: "plain", tunnel_to_ipv6: "six",
    environments_proxy_and_loopback_of_ipv6: "six", environments_proxy_and_loopback_of_ipv4_in_ipv6: "plain",
    environments_proxy_and_a_shouted_localhost: "plain six",
    excepting("fd00::1"): "", excepting("FD00::1"): "", excepting("fd00:0:0::1"): "", excepting("fd00::2"): "plain",
    excepting("[fd00::1]"): "plain", excepting("[fd00::1]:80"): "", excepting("[fd00::1]:443"): "plain",
    excepting("fd00::/16"): "", excepting("192.0.2.0/24, fd00::/16"): "", excepting("fd01::/16"): "plain",
    excepting("fd00::/129"): "plain", excepting("::/0"): "", excepting("0.0.0.0/0"): "plain",
    excepting("[fd00::]/16"): "plain", excepting("*"): "", excepting("fd00::1,*.example.org"): "",
    excepting("192.0.2.0/24", "http://[::ffff:192.0.2.1]"): "", excepting("::ffff:192.0.2.1", "http://192.0.2.1"): "",
    excepting("192.0.2.0/255.255.255.0", "http://192.0.2.1"): "plain",
    excepting("192.0.2.1/24", "http://192.0.2.9"): "",
    excepting("192.0.2.1:", "http://192.0.2.1"): "", excepting(":80", "http://192.0.2.1"): "plain",
    excepting("192.0.02.1", "http://192.0.2.1"): "plain", excepting("fd00::1%eth0"): "plain",
}  # fmt: skip
"""The cases of IPv6, and of what NO_PROXY excepts."""

CASES: dict[Case, str] = {
    one_file_twice: "a", quotes_around_the_name: "", context_that_is_typed: "b",
    context_that_is_typed_over_another: "b", context_that_is_typed_and_gone: "", plugin_with_an_environment: "a",
    plugin_that_asks_where_it_can: "a", plugin_that_has_to_ask: "", plugin_with_arguments: "a",
    somebody_of_several_groups: "a", server_without_a_scheme: "plain",
    server_without_a_scheme_and_an_authority: "plain", server_without_a_scheme_and_a_path: "",
    server_whose_name_looks_like_a_scheme: "plain",
    not_verified_by_another_name: "tls", proxy_that_asks_who_comes: "plain", proxy_over_tls: "",
    socks_proxy_that_resolves: "", empty_proxy: "a",
    two_contexts: "a", empty_first: "b", missing_first: "b", null_sections: "b", empty_words_between: "a",
    same_names: "a", first_entry_counts_whole: "", context_in_the_second: "b",
    context_of_the_first_entries_of_the_second: "b", no_current_context: "", nothing_at_all: "",
    home_is_not_asked_beside: "", home_where_nothing_is_named: "b", a_wave_is_no_home: "b", a_folder_among_them: "",
    broken_first: "", files_of_two_folders: "tls", token_file_of_the_second: "a", token_file_before_token: "a",
    token_where_the_file_is_gone: "a", token_file_that_is_gone: "", certificate_in_the_file: "tls",
    authority_and_its_path: "", certificate_and_its_path: "", certificate_and_token: "tls",
    certificate_without_key: "", data_with_line_breaks: "tls", no_authority: "", not_verified: "tls",
    not_verified_and_an_authority: "", a_word_for_not_verified: "", a_name_of_the_server: "tls",
    another_name_of_the_server: "", name_and_password: "a", token_and_password: "", token_that_is_a_number: "",
    somebody_else: "a", groups_of_nobody: "", nobody: "", user_that_is_gone: "", cluster_that_is_gone: "",
    context_that_is_gone: "", one_name_twice: "", another_kind: "", another_version: "", without_kind: "a",
    yaml_with_anchors: "a", path_of_the_server: "a", plugin_with_a_token: "a", plugin_beside_the_second_file: "a",
    plugin_runs_where_the_user_is: "a", plugin_of_the_path: "a", plugin_that_is_told_of_the_cluster: "tls",
    plugin_with_token_and_certificate: "tls", plugin_beside_a_token: "a", plugin_that_fails: "",
    plugin_that_brings_nothing: "", plugin_that_is_gone: "", plugin_of_no_mode: "", plugin_of_an_old_version: "",
    plugin_of_another_version: "", provider_that_is_gone: "", provider_of_openid: "a",
    provider_whose_token_ran_out: "", http_proxy_of_the_cluster: "plain", socks_proxy_of_the_cluster: "plain",
    proxy_of_another_kind: "", proxy_before_no_proxy: "plain", environments_proxy_and_loopback: "tls",
    environments_proxy_and_localhost: "plain", environments_proxy: "plain", nothing_is_told_without_tls: "plain",
    no_plugin_runs_without_tls: "plain",
}  # fmt: skip
"""The cases, and who is asked: "" where nobody is."""


@contextmanager
def socks(to: str, host: str = "127.0.0.1", *, tunnel: bool = False) -> Iterator[str]:
    """Give the URL of a proxy, of SOCKS or one that tunnels, that connects to one server, whatever it is asked for."""
    address = urlsplit(to)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if tunnel:
                said = b""
                while not said.endswith(b"\r\n\r\n"):
                    said += self.request.recv(1)
                asked.append(said.split()[1].decode())
                self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                hello = self.request.recv(2)
                self.request.recv(hello[1])
                self.request.sendall(b"\x05\x00")
                kind = self.request.recv(4)[3]
                self.request.recv({1: 4, 4: 16}[kind] + 2 if kind != 3 else self.request.recv(1)[0] + 2)
                self.request.sendall(b"\x05\x00\x00\x01" + bytes(6))
            with socket.create_connection((address.hostname, address.port)) as behind, suppress(OSError):
                pump = threading.Thread(target=self.copy, args=(behind, self.request), daemon=True)
                pump.start()
                self.copy(self.request, behind)
                pump.join(timeout=5)

        @staticmethod
        def copy(one: socket.socket, other: socket.socket) -> None:
            with suppress(OSError):
                while data := one.recv(65536):
                    other.sendall(data)
                other.shutdown(socket.SHUT_WR)

    asked: list[str] = []
    kind = type("Server", (socketserver.ThreadingTCPServer,), {"address_family": _family(host)})
    with kind((host, 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        name = f"[{host}]" if ":" in host else host
        yield f"{'http' if tunnel else 'socks5'}://{name}:{server.server_address[1]}"
        server.shutdown()
    assert set(asked) <= {"[fd00::1]:6443", "[fd00::2]:6443"}


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[dict[str, FakeApi], dict[str, str], trustme.CA]]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "::1", "fd00::1", "api.example.org").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    apis = {name: FakeApi() for name in ("a", "b", "tls", "plain", "six", "plain six")}
    for api in apis.values():
        for path in ("/version", "/k8s/clusters/c-1/version"):
            api.put(path, {"gitVersion": "v1.36.3"})
    with ExitStack() as stack:
        for name, api in apis.items():
            tls = None if "plain" in name else context
            stack.enter_context(running(api, tls=tls, host="::1" if "six" in name else "127.0.0.1"))
        proxies = {
            "socks": socks(apis["plain"].url),
            "socks six": socks(apis["plain"].url, "::1"),
            "tunnel": socks(apis["six"].url, tunnel=True),
        }
        urls = {name: stack.enter_context(proxy) for name, proxy in proxies.items()}
        yield apis, {**{name: api.url for name, api in apis.items()}, **urls}, authority


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def came(apis: dict[str, FakeApi]) -> list[tuple[str, str, tuple[str, ...], str]]:
    """Return who came to which server, and forget it."""
    seen = [
        (
            name,
            request.path,
            tuple({key.lower(): value for key, value in request.headers.items()}.get(each, "") for each in _SENT),
            request.certified,
        )
        for name, api in apis.items()
        for request in api.requests
    ]
    for api in apis.values():
        api.requests.clear()
    return seen


@contextmanager
def only_loopback() -> Iterator[None]:
    """Take it for no answer that a test may reach no other machine, which no proxy stands before."""
    try:
        yield
    except RuntimeError as error:
        if "only loopback is allowed" not in str(error):
            raise


@pytest.mark.parametrize("case", CASES | SIX, ids=lambda case: case.__name__)
def test_the_server_that_kubectl_asks_is_asked_by_the_same_somebody(
    case: Case,
    servers: tuple[dict[str, FakeApi], dict[str, str], trustme.CA],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apis, urls, authority = servers
    leaf = authority.issue_cert("ann@example.org")
    own, key = leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes()
    at = Place(tmp_path, urls, authority.cert_pem.bytes(), own, key)
    kubeconfig, kubectl = case(at), str(program("kubectl"))  # which lies in the home folder that is left in a moment
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in {"HOME": str(tmp_path), "KUBECONFIG": kubeconfig, **at.env}.items():
        monkeypatch.setenv(name, value)
    came(apis)
    words = [kubectl, "get", "--raw", "/version", "--request-timeout=5s"]
    words += ["--context", at.context] if at.context else []
    subprocess.run(words, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=30)
    theirs = came(apis)
    with suppress(ClusterbookError), only_loopback():
        Api(Connection(log_in(context=at.context)), ONCE).get("/version")
    assert came(apis) == theirs
    assert [server for server, *_ in theirs] == ([wanted] if (wanted := (CASES | SIX)[case]) else [])
