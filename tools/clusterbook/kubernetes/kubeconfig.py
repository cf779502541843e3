"""Kubeconfig: which cluster is meant, and who we are to it.

The only module that imports the Python client for Kubernetes: credentials in all their forms (tokens and token files,
client certificates, plug-ins that are run, names and passwords), TLS, proxies. Of the client it takes what reads a
kubeconfig and builds a connection pool: its generated API would have every object in memory twice.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean, unreadable
from clusterbook.files.read import is_file, is_folder
from clusterbook.kubernetes.errors import BrokenKubeconfig, ClusterDenied, NoClient, NoCluster

if TYPE_CHECKING:
    from kubernetes.client import Configuration
    from urllib3 import PoolManager

HOME_KUBECONFIG = "~/.kube/config"
_POD = "/var/run/secrets/kubernetes.io/serviceaccount"


class Login(NamedTuple):
    """One API server, and who we are to it.

    `where` is its address, `namespace` the one to use where none is named, `token` returns what Authorization says by
    now (a plug-in may have to run again for it), `others` are headers that ask to be taken for somebody else.
    """

    where: str
    namespace: str
    pool: PoolManager
    token: Callable[[], str]
    others: Sequence[tuple[str, str]] = ()


def log_in(kubeconfig: str = "", *, context: str = "", env: Mapping[str, str] = os.environ) -> Login:
    """Return how to reach the cluster that is meant; nothing has been sent yet, but a plug-in may have run.

    Like kubectl: the file that is named, else those of KUBECONFIG, else the one in the home folder, else, in a pod, the
    pod's own service account.

    Args:
        kubeconfig: a file, or several as in KUBECONFIG.
        context: another than the file's current one.
        env: the environment.

    Raises:
        NoClient: the Python client is not installed.
        NotFound: the file that is named does not exist.
        NoCluster: nothing says which cluster.
        BrokenKubeconfig: what says so cannot be used.
        ClusterDenied: a plug-in gave no credentials.
    """
    try:
        import kubernetes.client
    except ImportError as error:
        hint = "pip install 'clusterbook[cluster]'"
        raise NoClient("the Python client for Kubernetes is not installed", hint=hint) from error
    configuration = kubernetes.client.Configuration()
    named = kubeconfig or env.get("KUBECONFIG", "") or HOME_KUBECONFIG
    there = [_at_home(each) for each in named.split(os.pathsep) if each]
    files = [path for path in there if is_file(path)]
    if kubeconfig and not files:
        hint = "name a file with --kubeconfig"
        if is_folder(there[0]):
            raise InvalidRequest(f"{kubeconfig} is a folder, not a kubeconfig", hint=hint)
        raise NotFound(f"there is no kubeconfig {kubeconfig}", hint=hint)
    if files:
        return _from_files(configuration, files, context)
    if env.get("KUBERNETES_SERVICE_HOST"):
        return _from_pod(configuration)
    hint = "type --kubeconfig FILE; --no-cluster judges a snapshot alone"
    raise NoCluster("no cluster: no kubeconfig, and this is no pod", hint=hint)


def _at_home(part: str) -> Path:
    """Return a path whose `~` is the home folder; a pod's user often has none."""
    try:
        return Path(part).expanduser()
    except RuntimeError:
        return Path(part)


def _from_files(configuration: Configuration, files: Sequence[Path], context: str) -> Login:
    """Return what kubeconfigs say."""
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    where = os.pathsep.join(map(str, files))
    with _mended(where):
        merged = KubeConfigMerger(where).config
        chosen = context or str(merged.safe_get("current-context") or "")
        if not chosen:
            raise BrokenKubeconfig(f"{where} has no current-context", hint="kubectl config use-context NAME")
        loader = KubeConfigLoader(config_dict=merged, active_context=chosen, config_base_path=None)
        with _overheard() as said:
            loader.load_and_set(configuration)
        about = loader.current_context["context"]
        name, users = about.get("user"), {each.value["name"]: each.value.get("user") for each in merged.value["users"]}
        if name and name not in users:
            hint = did_you_mean(name, users) if users else ""
            raise BrokenKubeconfig(f"{where} has no user '{name}', which the context '{chosen}' names", hint=hint)
        user = users.get(name) or {}
        if said:
            command = (user.get("exec") or {}).get("command", "")
            hint = f"run '{command}' by itself and see, or log in again" if command else "log in again"
            raise ClusterDenied(f"{where}: no credentials for '{name}': {said[0]}", hint=hint)
        if urlsplit(configuration.host).scheme not in ("http", "https"):
            raise BrokenKubeconfig(f"{where}: the server '{configuration.host}' is no http or https URL")
        _check_certificates(configuration, where)
        return _login(configuration, str(about.get("namespace") or "default"), _impersonated(user))


@contextmanager
def _mended(where: str) -> Iterator[None]:
    """Say of everything that reading a kubeconfig can run into which file it is about."""
    from kubernetes.config import ConfigException
    from yaml import YAMLError

    try:
        yield
    except PermissionError as error:
        raise unreadable(error.filename or where, error) from error
    except UnicodeDecodeError as error:
        raise BrokenKubeconfig(f"{where} is not UTF-8 text", hint="name a kubeconfig") from error
    except (ConfigException, YAMLError, ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise BrokenKubeconfig(f"{where} cannot be used: {words}", hint="see `kubectl config view`") from error


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Give what the client only writes to the log, and keep it from there: why a plug-in brought nothing."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(" ".join(record.getMessage().split()))

    root, ear = logging.getLogger(), Ear(logging.ERROR)
    before, root.handlers = root.handlers, [ear]
    try:
        yield said
    finally:
        root.handlers = before


def _check_certificates(configuration: Configuration, where: str) -> None:
    """Make sure that the certificates can be read, now and by name: TLS itself would say neither.

    Raises:
        BrokenKubeconfig: one cannot.
    """
    certificate, key, authority = configuration.cert_file, configuration.key_file, configuration.ssl_ca_cert
    for what, load in (
        ("certificate-authority", authority and (lambda: ssl.create_default_context(cafile=authority))),
        ("client-certificate or client-key", certificate and (lambda: _context().load_cert_chain(
            certificate, key, password=lambda: b""))),
    ):  # fmt: skip
        try:
            if load:
                load()
        except (OSError, ValueError) as error:
            raise BrokenKubeconfig(f"{where}: the {what} cannot be read: {error}") from error


def _context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _impersonated(user: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers that ask to be taken for somebody else, which the client would leave out."""
    headers = [("Impersonate-User", str(user["as"]))] if user.get("as") else []
    headers += [("Impersonate-Uid", str(user["as-uid"]))] if user.get("as-uid") else []
    headers += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{key}", str(value)) for value in values]
    return headers


def _from_pod(configuration: Configuration) -> Login:
    """Return a pod's own service account."""
    from kubernetes.config import load_incluster_config

    with _mended(_POD):
        load_incluster_config(client_configuration=configuration)
        own = Path(_POD, "namespace")
        namespace = own.read_text(encoding="utf-8").strip() if own.is_file() else "default"
    return _login(configuration, namespace)


def _login(configuration: Configuration, namespace: str, others: Sequence[tuple[str, str]] = ()) -> Login:
    """Return what the client made of it."""
    from kubernetes.client import ApiClient

    configuration.retries = False  # retrying is for `api`, which knows what may be repeated
    lock = Lock()  # whoever asks first renews a token

    def token() -> str:
        with lock:
            return (
                configuration.get_api_key_with_prefix("BearerToken") or ""
            ).strip()  # a token file ends in a newline

    return Login(configuration.host, namespace, ApiClient(configuration).rest_client.pool_manager, token, others)
