"""A Kubernetes control plane on loopback: etcd, API server, controller manager, scheduler, and KWOK to play the nodes.

All that a real cluster decides is decided by the real programs; only what a kubelet would run is played: pods on a
node become Running, jobs complete, and nothing listens in them. So admission webhooks and API services that charts
bring can never answer; `Cluster.without_webhooks` takes those away as they appear, and a result that needed it has to
say so.

    with cluster.start(folder, nodes=nodes.h100_nodes(2)) as real:
        real.kubectl("get", "nodes")
"""

from __future__ import annotations

import contextlib
import json
import secrets
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop import certs
from tests.interop.nodes import Node
from tests.interop.processes import Server, Servers, free_ports, listens, run, wait_until
from tests.interop.toolchain import program

_WEBHOOKS = tuple(
    f"/apis/admissionregistration.k8s.io/v1/{kind}"
    for kind in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
)
_API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
_SWEEP_S = 0.1

# Nothing is worth keeping, so nothing is synced; nobody shares the work, so nobody leads.
_ALONE = ("--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000")


class ApiError(Exception):
    """The API server refused; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster, and how to talk to it."""

    url: str
    token: str
    kubeconfig: Path
    trust: ssl.SSLContext
    api_server: Server

    @property
    def env(self) -> dict[str, str]:
        """Environment with which kubectl, helm and their like find this cluster."""
        return {"KUBECONFIG": str(self.kubeconfig)}

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Return the answer of the API server to one request; `body` goes as JSON.

        Raises:
            ApiError: it refused.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=30) as answer:  # noqa: S310
                content: dict[str, Any] = json.load(answer)
                return content
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise ApiError(error.code, text) from None

    def get(self, path: str) -> dict[str, Any]:
        """Return the object or the list at `path`."""
        return self.call("GET", path)

    def exists(self, path: str) -> bool:
        """Return whether there is an object at `path`."""
        try:
            self.get(path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Return what kubectl prints.

        Raises:
            subprocess.CalledProcessError: it failed; its words are in `stderr` and in the notes.
        """
        return run(program("kubectl"), "--kubeconfig", self.kubeconfig, *arguments, stdin=stdin)

    def apply(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Apply objects on the server's side."""
        bundle = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(bundle))

    def wait_until_served(self, group_version: str, *plurals: str) -> None:
        """Return once kinds that were just defined can be used.

        `kubectl wait` for the definitions is no help: it fails when they have no conditions yet, and ends before those
        who ask what there is are told of them.
        """
        path = f"/apis/{group_version}"

        def served() -> bool:
            return self.exists(path) and set(plurals) <= {each["name"] for each in self.get(path)["resources"]}

        wait_until(served, f"{', '.join(plurals)} of {group_version} are served")

    def add_nodes(self, nodes: Sequence[Node]) -> None:
        """Add nodes; returns when pods can be bound to all of them."""
        for node in nodes:
            self.call("POST", "/api/v1/nodes", node.as_object())
        names = {node.name for node in nodes}

        def ready() -> bool:
            return names <= {
                node["metadata"]["name"] for node in self.get("/api/v1/nodes")["items"] if takes_pods(node)
            }

        wait_until(ready, f"{len(names)} nodes Ready")

    @contextlib.contextmanager
    def namespace(self, prefix: str = "test") -> Iterator[str]:
        """Give a new namespace; it is deleted afterwards, without waiting for what is in it."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        wait_until(lambda: self.exists(account), f"{name} can hold pods")
        try:
            yield name
        finally:
            with contextlib.suppress(ApiError):
                self.call("DELETE", f"/api/v1/namespaces/{name}")

    @contextlib.contextmanager
    def without_webhooks(self, *, api_services: bool = False) -> Iterator[list[str]]:
        """Delete webhook configurations as they appear, on request API services too; gives the list of those deleted.

        Played pods cannot answer them, and every request that they are asked about would fail.
        """
        removed: list[str] = []
        with _again_and_again(lambda: removed.extend(self._remove_unanswered(api_services=api_services))):
            yield removed

    @contextlib.contextmanager
    def with_volumes(self) -> Iterator[None]:
        """Give each claim a volume as soon as it is made, whatever its class: nobody runs who provisions them."""
        with _again_and_again(self._provision):
            yield

    def _provision(self) -> None:
        for claim in self.get("/api/v1/persistentvolumeclaims")["items"]:
            if claim["status"].get("phase") == "Pending" and not claim["spec"].get("volumeName"):
                with contextlib.suppress(ApiError):  # made already, and not bound yet
                    self.call("POST", "/api/v1/persistentvolumes", _volume_for(claim))

    def _remove_unanswered(self, *, api_services: bool) -> Iterator[str]:
        for kind in _WEBHOOKS:
            for item in self.get(kind)["items"]:
                yield self._delete(f"{kind}/{item['metadata']['name']}")
        for item in self.get(_API_SERVICES)["items"] if api_services else ():
            if item["spec"].get("service"):
                yield self._delete(f"{_API_SERVICES}/{item['metadata']['name']}")

    def _delete(self, path: str) -> str:
        with contextlib.suppress(ApiError):  # gone already
            self.call("DELETE", path)
        return path


@contextlib.contextmanager
def _again_and_again(sweep: Callable[[], None]) -> Iterator[None]:
    """Do something every moment in the background, and once more at the end; what the API server refuses can wait."""
    stop = threading.Event()

    def once() -> None:
        with contextlib.suppress(ApiError, OSError):
            sweep()

    def until_stopped() -> None:
        while not stop.wait(_SWEEP_S):
            once()

    thread = threading.Thread(target=until_stopped, name="sweep")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        once()


def _volume_for(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return a volume that only this claim gets."""
    about, wanted = claim["metadata"], claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"for-{about['uid']}"},
        "spec": {
            "accessModes": wanted["accessModes"],
            "capacity": wanted["resources"]["requests"],
            "claimRef": {"namespace": about["namespace"], "name": about["name"], "uid": about["uid"]},
            "hostPath": {"path": "/nowhere"},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": wanted.get("storageClassName", ""),
            "volumeMode": wanted.get("volumeMode", "Filesystem"),
        },
    }


def takes_pods(node: Mapping[str, Any]) -> bool:
    """Return whether a node is Ready and the controllers have said so to the scheduler."""
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))
    taints = {taint["key"] for taint in node["spec"].get("taints", ())}
    return ready and not any(key.startswith("node.kubernetes.io/") for key in taints)


@contextlib.contextmanager
def start(folder: Path, *, nodes: Sequence[Node] = ()) -> Iterator[Cluster]:
    """Run a cluster with these nodes; all it keeps lies in `folder`, and all of it has ended afterwards.

    Raises:
        NotReadyError: a part ended, or the cluster was not ready in time; says what that part said last.
    """
    certificates = certs.issue(folder / "certs")
    etcd_port, peer_port, api_port, manager_port, scheduler_port, kwok_port = free_ports(6)
    token = secrets.token_urlsafe(32)
    tokens = folder / "tokens.csv"
    tokens.write_text(f'{token},tester,tester,"system:masters"\n', encoding="utf-8")
    url = f"https://127.0.0.1:{api_port}"
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(_kubeconfig(url, token, certificates.authority)), encoding="utf-8")
    as_client = [f"--{use}kubeconfig={kubeconfig}" for use in ("", "authentication-", "authorization-")]

    # The programs first: building one inside the time limit of another would be a failure of the wrong thing.
    names = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl")
    programs = {name: program(name) for name in names}
    with Servers(folder / "logs") as servers:
        etcd_url = f"http://127.0.0.1:{etcd_port}"
        peer_url = f"http://127.0.0.1:{peer_port}"
        etcd = servers.start(
            "etcd", programs["etcd"], f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={etcd_url}", f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}", f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
        )  # fmt: skip
        etcd.wait_until(lambda: listens(etcd_port), "listening")
        api_server = servers.start(
            "kube-apiserver", programs["kube-apiserver"], f"--etcd-servers={etcd_url}",
            f"--cert-dir={folder / 'apiserver'}", "--bind-address=127.0.0.1", f"--secure-port={api_port}",
            f"--tls-cert-file={certificates.certificate}", f"--tls-private-key-file={certificates.key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={certificates.key}", f"--service-account-signing-key-file={certificates.key}",
            f"--token-auth-file={tokens}", "--authorization-mode=Node,RBAC", "--allow-privileged=true",
            "--service-cluster-ip-range=127.77.0.0/16", "--max-requests-inflight=0",
        )  # fmt: skip
        trust = ssl.create_default_context(cafile=certificates.authority)
        cluster = Cluster(url, token, kubeconfig, trust, api_server)
        api_server.wait_until(lambda: _answers(cluster, "/readyz"), "ready")
        manager = servers.start(
            "kube-controller-manager", programs["kube-controller-manager"], *as_client, *_ALONE,
            "--bind-address=127.0.0.1", f"--secure-port={manager_port}", f"--cert-dir={folder / 'manager'}",
            f"--service-account-private-key-file={certificates.key}", f"--root-ca-file={certificates.authority}",
            "--use-service-account-credentials=false", "--concurrent-deployment-syncs=20",
        )  # fmt: skip
        servers.start(
            "kube-scheduler", programs["kube-scheduler"], *as_client, *_ALONE,
            "--bind-address=127.0.0.1", f"--secure-port={scheduler_port}", f"--cert-dir={folder / 'scheduler'}",
        )  # fmt: skip
        servers.start(
            "kwok", programs["kwok"], f"--kubeconfig={kubeconfig}", "--manage-all-nodes=true",
            f"--server-address=127.0.0.1:{kwok_port}", "--node-lease-duration-seconds=40",
        )  # fmt: skip
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        manager.wait_until(lambda: cluster.exists(account), "making service accounts")
        cluster.add_nodes(nodes)
        yield cluster


def _answers(cluster: Cluster, path: str) -> bool:
    """Return whether the API server answers 200; while it starts it refuses, resets or answers 500."""
    request = urllib.request.Request(cluster.url + path, headers={"Authorization": f"Bearer {cluster.token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, context=cluster.trust, timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


def _kubeconfig(url: str, token: str, authority: Path) -> dict[str, Any]:
    """Return a kubeconfig for the only user; JSON is YAML."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(authority)}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
        "current-context": "test",
    }
