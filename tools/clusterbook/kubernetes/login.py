"""Login: how to reach one API server, and who we are to it.

Credentials in all the forms that kubectl takes: tokens and files of tokens, certificates, plug-ins, passwords, a pod's
own account. Nothing has been sent when a login is there, but a plug-in may have run.
Source: client-go, tools/clientcmd, rest and transport.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from clusterbook.kubernetes.errors import BrokenKubeconfig, ClusterDenied, NoCluster
from clusterbook.kubernetes.kubeconfig import Choice, choose, files_of
from clusterbook.kubernetes.plugin import ExecCredential, Plugin
from clusterbook.kubernetes.proxy import SCHEMES, proxy_of

POD_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HEADER_NAME = "!#$&'*+-.^_`|~"


class ClusterLogin(NamedTuple):
    """One API server, and who we are to it.

    `where` is its address, `context` the kubeconfig's ("" in a pod), `namespace` the one to use where none is named,
    `token` returns what Authorization says by now (a plug-in may have to run again for it), `tls` is how TLS is spoken
    (None as usual), `others` are headers that
    ask to be taken for somebody else, `proxy` is through whom ("" for nobody). A server whose certificate is not
    `verified` may be anybody.
    """

    where: str
    namespace: str
    token: Callable[[], str]
    tls: ssl.SSLContext | None = None
    context: str = ""
    others: Sequence[tuple[str, str]] = ()
    proxy: str = ""
    server_name: str = ""
    verified: bool = True


def log_in(
    kubeconfig: str = "", *, context: str = "", env: Mapping[str, str] = os.environ, account: Path = POD_ACCOUNT
) -> ClusterLogin:
    """Return how to reach the cluster that kubectl would ask.

    The file that is named, else those of KUBECONFIG, else the one in the home folder; where they say nothing, in a pod,
    the pod's own service account.

    Args:
        kubeconfig: a file, or several as in KUBECONFIG.
        context: another than the file's current one.
        env: the environment.
        account: where a pod has its service account.

    Raises:
        NotFound: the file that is named does not exist.
        NoCluster: nothing says which cluster.
        BrokenKubeconfig: what says so cannot be used.
        ClusterDenied: a plug-in gave no credentials.
    """
    files = files_of(kubeconfig, env)
    choice = choose(files, context) if files else None
    if choice is not None:
        return _from_context(choice, env)
    if kubeconfig:
        raise BrokenKubeconfig(f"{kubeconfig} is empty", hint="see `kubectl config view`")
    if context:
        raise NoCluster(f"no kubeconfig has the context '{context}'", hint="name one with --kubeconfig FILE")
    if env.get("KUBERNETES_SERVICE_HOST") and env.get("KUBERNETES_SERVICE_PORT"):
        return _of_pod(env, account)
    hint = "type --kubeconfig FILE; --no-cluster validates a snapshot alone"
    raise NoCluster("no cluster: no kubeconfig, and not running in a pod", hint=hint)


def _from_context(choice: Choice, env: Mapping[str, str]) -> ClusterLogin:
    """Return what a context says."""
    cluster, user, where = choice.cluster, choice.user, choice.where
    server = _server(str(cluster.get("server") or ""), where)
    authority = _pem(cluster, "certificate-authority", where)
    verified = cluster.get("insecure-skip-tls-verify") is not True
    if authority and not verified:
        what = f"{where}: a certificate-authority and insecure-skip-tls-verify contradict each other"
        raise BrokenKubeconfig(what, hint="keep one of them")
    proxy = str(cluster.get("proxy-url") or "")
    if proxy and urlsplit(proxy).scheme not in SCHEMES[:3]:
        raise BrokenKubeconfig(f"{where}: proxy-url '{proxy}' is none of {', '.join(SCHEMES[:3])}")
    about, others = f"{where}: '{choice.user_name}'", _impersonation_headers(user, f"{where}: '{choice.user_name}'")
    if server.startswith("http:"):
        user, authority = {}, ""  # as kubectl has it: no credentials where others can hear them, and no trust
    token, plugin = _token(user, cluster, authority, about)
    certificate, key = _pem(user, "client-certificate", where), _pem(user, "client-key", where)
    if bool(certificate) != bool(key):
        raise BrokenKubeconfig(f"{about} has a client certificate without its key, or a key alone")
    if plugin is not None:
        brought = plugin.credential()
        certificate, key = (certificate, key) if certificate else (brought.certificate, brought.key)
    return ClusterLogin(
        where=server,
        namespace=choice.namespace,
        tls=_tls(authority, certificate, key, where, verified=verified),
        token=token,
        context=choice.context,
        others=others,
        proxy=proxy or proxy_of(server, env),
        server_name=str(cluster.get("tls-server-name") or ""),
        verified=verified or server.startswith("http:"),
    )


def _server(text: str, where: str) -> str:
    """Return the URL of a server; one without a scheme is asked without TLS, as kubectl does."""
    server = text.rstrip("/")
    if server and "://" not in server and "/" not in server:
        server = f"http://{server}"
    if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).hostname:
        raise BrokenKubeconfig(f"{where}: the server '{text}' is not an http or https URL")
    return server


# --- who we are -------------------------------------------------------------------------------------------------------


def _token(
    user: Mapping[str, Any], cluster: Mapping[str, Any], authority: str, about: str
) -> tuple[Callable[[], str], Plugin | None]:
    """Return what says Authorization, and the plug-in whose credentials are needed, None where none is."""
    entry, provider, server = user.get("exec"), user.get("auth-provider"), str(cluster.get("server"))
    if entry is not None and provider is not None:
        raise BrokenKubeconfig(f"{about} has both exec and auth-provider", hint="keep one of them")
    plugin = None if entry is None else Plugin(entry, _cluster_info(cluster, authority), about)
    if user.get("token") and (user.get("username") or user.get("password")):
        raise BrokenKubeconfig(f"{about} has both a token and a password", hint="keep one of them")
    if user.get("tokenFile"):
        file, spare = Path(str(user["tokenFile"])), str(user.get("token") or "")
        _file_token(file, spare, about)
        return (lambda: _file_token(file, spare, about)), None
    if user.get("token"):
        return (lambda: f"Bearer {user['token']}"), None
    if user.get("username"):
        words = f"{user['username']}:{user.get('password') or ''}".encode()
        return (lambda: f"Basic {base64.b64encode(words).decode()}"), None
    if provider is not None:
        bearer = _of_provider(provider, about)
        return (lambda: bearer), None
    if plugin is not None:
        return (lambda: _authorization(plugin.credential())), plugin
    if not (user.get("client-certificate") or user.get("client-certificate-data")) and server.startswith("https:"):
        raise BrokenKubeconfig(f"{about} has no credentials; kubectl would prompt for a user name and a password")
    return (lambda: ""), None


def _authorization(credential: ExecCredential) -> str:
    return f"Bearer {credential.token}" if credential.token else ""


def _file_token(file: Path, spare: str, about: str) -> str:
    """Return the token in a file by now, else the one that stands beside it."""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        if not spare:
            raise BrokenKubeconfig(f"{about}: its tokenFile cannot be read: {error}") from error
        token = ""
    if not token and not spare:
        raise BrokenKubeconfig(f"{about}: its tokenFile {file} is empty")
    return f"Bearer {token or spare}"


def _of_provider(provider: Mapping[str, Any], about: str) -> str:
    """Return the token that an OpenID provider gave, while it lasts; renewing it is left to kubectl, which keeps it."""
    name = provider.get("name")
    if name != "oidc":
        what = f"{about}: the auth-provider '{name}' is not supported; kubectl removed it, too"
        raise BrokenKubeconfig(
            what, hint="regenerate the kubeconfig with your cloud's tool; it then uses an exec plug-in"
        )
    token = str((provider.get("config") or {}).get("id-token") or "")
    try:
        payload = token.split(".")[1]
        until = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
        lasts = datetime.fromtimestamp(float(until), UTC) > datetime.now(UTC)
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, OSError):
        lasts = False
    if not lasts:
        hint = "`kubectl get --raw /version` renews it and stores it in the kubeconfig"
        raise ClusterDenied(f"{about}: the id-token of its auth-provider has expired", hint=hint)
    return f"Bearer {token}"


def _cluster_info(cluster: Mapping[str, Any], authority: str) -> dict[str, Any]:
    """Return what a plug-in is told of the cluster where it asks for it. Source: ExecCredential, spec.cluster."""
    keys = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
    info: dict[str, Any] = {key: cluster[key] for key in keys if cluster.get(key)}
    if authority:
        info["certificate-authority-data"] = base64.b64encode(authority.encode()).decode()
    for extension in cluster.get("extensions") or ():
        if isinstance(extension, Mapping) and extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return info


def _impersonation_headers(user: Mapping[str, Any], about: str) -> list[tuple[str, str]]:
    """Return the headers that ask to be taken for somebody else."""
    headers = [("Impersonate-User", user["as"])] if user.get("as") else []
    headers += [("Impersonate-Uid", user["as-uid"])] if user.get("as-uid") else []
    headers += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{quote(str(key), safe=_HEADER_NAME)}", str(value)) for value in values or ()]
    if headers and not user.get("as"):
        raise BrokenKubeconfig(f"{about} uses impersonation without a user: 'as' is missing")
    return headers


# --- TLS --------------------------------------------------------------------------------------------------------------


def _pem(entry: Mapping[str, Any], key: str, where: str) -> str:
    """Return the text of a certificate or a key, in the kubeconfig itself or in a file; "" where there is none."""
    if entry.get(f"{key}-data") and entry.get(key):
        raise BrokenKubeconfig(f"{where} has both {key} and {key}-data", hint="keep one of them")
    if data := entry.get(f"{key}-data"):
        try:
            return base64.b64decode("".join(str(data).splitlines()), validate=True).decode()
        except ValueError as error:
            raise BrokenKubeconfig(f"{where}: {key}-data is not base64 of text: {error}") from error
    if not entry.get(key):
        return ""
    try:
        return Path(str(entry[key])).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenKubeconfig(f"{where}: the {key} cannot be read: {error}") from error


def _tls(authority: str, certificate: str, key: str, where: str, *, verified: bool) -> ssl.SSLContext:
    """Return how TLS is spoken: as Go does, an authority counts alone, and may be any link of the chain."""
    context = ssl.create_default_context() if not authority else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)  # clusters' own authorities are often not strict
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)
    context.set_alpn_protocols(["http/1.1"])
    if not verified:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        if authority:
            context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise BrokenKubeconfig(f"{where}: the certificate-authority cannot be read: {error}") from error
    if certificate:
        with TemporaryDirectory(prefix="clusterbook-") as folder:  # OpenSSL takes files alone; ours are gone at once
            own = Path(folder, "own.pem")
            own.touch(mode=0o600)
            own.write_text(f"{certificate.rstrip()}\n{key}", encoding="utf-8")
            try:
                context.load_cert_chain(own, password=lambda: b"")
            except (ssl.SSLError, OSError, ValueError) as error:
                raise BrokenKubeconfig(f"{where}: client-certificate or client-key cannot be read: {error}") from error
    return context


def _of_pod(env: Mapping[str, str], account: Path) -> ClusterLogin:
    """Return a pod's own service account."""
    host, port = env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        authority = (account / "ca.crt").read_text(encoding="utf-8")
        own = account / "namespace"
        namespace = env.get("POD_NAMESPACE") or (own.read_text(encoding="utf-8").strip() if own.is_file() else "")
    except (OSError, UnicodeDecodeError) as error:
        what = f"the pod's serviceaccount cannot be used: {error}"
        raise BrokenKubeconfig(what, hint="set automountServiceAccountToken: true") from error
    about = "the pod's serviceaccount"
    _file_token(account / "token", "", about)
    return ClusterLogin(
        where=server,
        namespace=namespace or "default",
        tls=_tls(authority, "", "", about, verified=True),
        token=lambda: _file_token(account / "token", "", about),
        proxy=proxy_of(server, env),
    )
