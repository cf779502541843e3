"""Argo CD beside a cluster: its repo server and its application controller, run as programs, with Redis in memory.

Argo CD pulls charts and Git repositories from loopback like
anybody else; it applies what it finds to the cluster it runs for, which it knows as https://kubernetes.default.svc.

    with argo.start(folder, cluster, env=chart_servers.env) as argo_cd:
        cluster.apply([application])
        argo_cd.wait_until_healthy("app")
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.cluster import Cluster
from tests.interop.processes import LONG_S, NotReadyError, Server, Servers, free_ports, listens, wait_until
from tests.interop.toolchain import program

NAMESPACE = "argocd"
IN_CLUSTER = "https://kubernetes.default.svc"
RESYNC_S = 5  # how often Argo CD looks at Git and at what has become of an Application by itself

_APPLICATIONS = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
_CONFIG_MAPS = ("cm", "cmd-params-cm", "gpg-keys-cm", "rbac-cm", "ssh-known-hosts-cm", "tls-certs-cm")

# Argo CD counts an Application as healthy at once, so waves of an app of apps would not wait for each other. Its guide
# to that pattern adds this; argo-cd.readthedocs.io/en/stable/operator-manual/health/#argocd-app
_HEALTH_OF_APPLICATIONS = """\
hs = {status = "Progressing", message = ""}
if obj.status ~= nil and obj.status.health ~= nil then
  hs.status = obj.status.health.status
  hs.message = obj.status.health.message or ""
end
return hs
"""


@dataclass(frozen=True, slots=True)
class ArgoCD:
    """A running Argo CD."""

    cluster: Cluster
    controller: Server
    repo_server: Server

    def applications(self) -> dict[str, dict[str, Any]]:
        """Return all Applications by name."""
        return {each["metadata"]["name"]: each for each in self.cluster.get(_APPLICATIONS)["items"]}

    def wait_until_healthy(self, *names: str, timeout_s: float = LONG_S) -> dict[str, dict[str, Any]]:
        """Return all Applications once those named, or all that there are, are Synced and Healthy.

        Raises:
            NotReadyError: not in time; says which are not, and what Argo CD says about them.
        """

        def done() -> bool:
            found = self.applications()
            return bool(found) and set(names) <= set(found) and all(map(is_done, _chosen(found, names)))

        def steps() -> frozenset[str]:
            """Return the Applications that are done, and the objects that are: waves take as long as there are."""
            return frozenset(
                f"{name}: {each.get('kind', '')}/{each.get('name', '')}"
                for name, application in self.applications().items()
                for each in (*application.get("status", {}).get("resources", ()), *([{}] * is_done(application)))
                if each.get("status", "Synced") == "Synced"
                and each.get("health", {}).get("status") in (None, "Healthy")
            )

        what = "every Application Synced and Healthy"
        try:
            wait_until(done, what, timeout_s=timeout_s, poll_s=0.2, steps=steps)
        except NotReadyError as error:
            late = [describe(each) for each in _chosen(self.applications(), names) if not is_done(each)]
            raise NotReadyError("\n".join([str(error), *late])) from None
        return self.applications()


def _chosen(found: Mapping[str, dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    return [found[name] for name in names or found if name in found]


def is_done(application: Mapping[str, Any]) -> bool:
    """Return whether an Application is Synced and Healthy, and no operation on it still runs."""
    status = application.get("status", {})
    return (
        status.get("sync", {}).get("status") == "Synced"
        and status.get("health", {}).get("status") == "Healthy"
        and status.get("operationState", {}).get("phase") == "Succeeded"
    )


def describe(application: Mapping[str, Any]) -> str:
    """Return one line about an Application: state, conditions, message of its last operation, what is not healthy."""
    status = application.get("status", {})
    words = [application["metadata"]["name"], status.get("sync", {}).get("status", "not looked at")]
    words.append(status.get("health", {}).get("status", ""))
    words += [each["message"] for each in status.get("conditions", ())]
    words.append(status.get("operationState", {}).get("message", ""))
    for each in status.get("resources", ()):
        if each.get("status") != "Synced" or each.get("health", {}).get("status", "Healthy") != "Healthy":
            words.append(
                f"{each['kind']}/{each['name']} {each.get('status')} {each.get('health', {}).get('status', '')}"
            )
    return ": ".join(word for word in words if word)[:2000]


@contextlib.contextmanager
def start(folder: Path, cluster: Cluster, *, env: Mapping[str, str]) -> Iterator[ArgoCD]:
    """Run Argo CD for a cluster; `env` lets its Helm trust registries."""
    argocd, tools = program("argocd"), folder / "bin"
    tools.mkdir(parents=True)
    for name in ("helm", "kustomize"):
        (tools / name).symlink_to(program(name))
    redis_program = program("redis")
    _install(cluster, argocd.parent / "manifests" / "crds")
    kubeconfig = folder / "kubeconfig"
    settings = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    settings["contexts"][0]["context"]["namespace"] = NAMESPACE
    kubeconfig.write_text(json.dumps(settings), encoding="utf-8")
    (folder / "tmp").mkdir()
    common = {
        **env,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(kubeconfig),
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder),
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    repo_port, repo_metrics, metrics = free_ports(3)
    with Servers(folder / "logs") as servers:
        redis = servers.start("redis", redis_program).first_line()
        repo_server = servers.start(
            "argocd-repo-server", argocd, "--redis", redis, "--disable-tls", "--loglevel=warn",
            "--address=127.0.0.1", f"--port={repo_port}",
            "--metrics-address=127.0.0.1", f"--metrics-port={repo_metrics}",
            env=common | {"ARGOCD_BINARY_NAME": "argocd-repo-server"},
        )  # fmt: skip
        controller = servers.start(
            "argocd-application-controller", argocd, "--redis", redis, "--loglevel=warn",
            f"--repo-server=127.0.0.1:{repo_port}", "--repo-server-plaintext", f"--metrics-port={metrics}",
            f"--app-resync={RESYNC_S}", "--self-heal-timeout-seconds=1", f"--kubeconfig={kubeconfig}",
            # Else it compares by the schemas it was built with, which do not know fields of Kubernetes from 1.34 on.
            "--server-side-diff-enabled",
            env=common | {"ARGOCD_BINARY_NAME": "argocd-application-controller"},
        )  # fmt: skip
        repo_server.wait_until(lambda: listens(repo_port), "listening")
        controller.wait_until(lambda: listens(metrics), "listening")
        yield ArgoCD(cluster, controller, repo_server)


def _install(cluster: Cluster, definitions: Path) -> None:
    """Bring to the cluster what Argo CD's own install manifest brings, but for the programs."""
    files = [word for path in sorted(definitions.glob("*-crd.yaml")) for word in ("-f", path)]
    cluster.kubectl("apply", "--server-side", *files)
    cluster.wait_until_served("argoproj.io/v1alpha1", "applications", "appprojects", "applicationsets")
    labels = {"app.kubernetes.io/part-of": "argocd"}

    def of(kind: str, name: str, **more: Any) -> dict[str, Any]:
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}

    settings = {"resource.customizations.health.argoproj.io_Application": _HEALTH_OF_APPLICATIONS}
    maps = [of("ConfigMap", f"argocd-{name}", data=settings if name == "cm" else {}) for name in _CONFIG_MAPS]
    everything = {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
    cluster.apply(
        [
            *maps,
            of("Secret", "argocd-secret", stringData={"server.secretkey": "only-on-loopback"}),
            of("AppProject", "default", spec=everything) | {"apiVersion": "argoproj.io/v1alpha1"},
        ]
    )
