"""A helm bundle on a cluster: written to disk, run by its own scripts, and held against what it promised.

Releases are read where Helm keeps them. The scripts are run as a user would run them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from clusterbook.bundle.advice import needs
from clusterbook.bundle.folders import Folder
from clusterbook.bundle.render import Bundle
from tests.interop import standin
from tests.interop.cluster import ApiError, Cluster
from tests.interop.processes import run, wait_until
from tests.interop.toolchain import program

_RELEASES = "/api/v1/secrets?labelSelector=owner%3Dhelm"
# What the cluster writes down about itself all the time.
_RESTLESS = {"events", "leases", "endpoints", "endpointslices", "componentstatuses"}
_OF_THE_CLUSTER = ("status",)
_OF_THE_SERVER = ("managedFields", "resourceVersion")


class Release(NamedTuple):
    """The last revision of a release, and since when it has been there and as it is, in seconds since 1970."""

    status: str
    revision: int
    created: int
    modified: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """A helm bundle in `folder` that is deployed to `cluster` by programs that find all they need in `env`."""

    bundle: Bundle
    folder: Path
    cluster: Cluster
    env: Mapping[str, str]

    def deploy(self, *flags: str) -> float:
        """Run deploy.sh; return the seconds that it took."""
        begun = time.monotonic()
        run("bash", "deploy.sh", *flags, cwd=self.folder, env=self.env)
        return time.monotonic() - begun

    def undeploy(self, *flags: str) -> str:
        """Run undeploy.sh, which asks nobody; return what it says."""
        return run("bash", "undeploy.sh", "--yes", *flags, cwd=self.folder, env=self.env)

    def rollback(self, *flags: str) -> str:
        """Run rollback.sh, which asks nobody; return what it says."""
        return run("bash", "rollback.sh", "--yes", *flags, cwd=self.folder, env=self.env)

    def kill_after(self, seconds: float, *flags: str) -> None:
        """Run deploy.sh, and end it and all that it started after so many seconds if it still runs then."""
        end = time.monotonic() + seconds
        self.kill_when(lambda: time.monotonic() >= end, f"{seconds:.1f} s have passed", *flags)

    def kill_when(self, condition: Callable[[], bool], what: str, *flags: str) -> None:
        """Run deploy.sh until `condition` holds, then end it and all that it started, as a power cut would."""
        with (self.folder.parent / "killed.log").open("wb") as log:
            running = subprocess.Popen(
                ["bash", "deploy.sh", *flags], cwd=self.folder, env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            wait_until(condition, what, poll_s=0.02)
        finally:
            _end_session(running.pid)
            running.wait()

    def releases(self) -> dict[str, Release]:
        """Return every release that the cluster knows, by name."""
        found: dict[str, Release] = {}
        for each in self.cluster.get(_RELEASES)["items"]:
            labels = each["metadata"]["labels"]
            created = int(datetime.fromisoformat(each["metadata"]["creationTimestamp"]).timestamp())
            release = Release(labels["status"], int(labels["version"]), created, int(labels.get("modifiedAt", created)))
            if labels["name"] not in found or found[labels["name"]].revision < release.revision:
                found[labels["name"]] = release
        return found

    def values(self, folder: Folder) -> dict[str, Any]:
        """Return the values that Helm was given for a release."""
        words = ("helm", "get", "values", folder.name, "--namespace", folder.namespace, "--output", "json")
        return json.loads(run(*words, env=self.env)) or {}

    def faults(self) -> list[str]:
        """Return what is not as the bundle promised: releases, their values, and when new their order."""
        releases = self.releases()
        folders = {folder.name: folder for folder in self.bundle.plan.folders}
        found = [f"{name} is no release of the bundle" for name in releases.keys() - folders.keys()]
        for name, folder in folders.items():
            release = releases.get(name)
            if release is None or release.status != "deployed":
                found.append(f"{name} is {release.status if release else 'not there'}")
                continue
            if self.values(folder) != folder.values:
                found.append(f"{name} has other values")
            if release.revision == 1:
                first = [
                    each.name for each in folders.values() if each.level < folder.level or each.name in folder.needs
                ]
                late = [each for each in first if each in releases and releases[each].modified > release.created]
                found.extend(f"{name} did not wait for {each}" for each in late)
        return sorted(found)


def environment(folder: Path, *names: str) -> dict[str, str]:
    """Return an environment whose PATH begins with these programs of ours, with a home of their own in `folder`."""
    programs, home = folder / "bin", folder / "home"
    programs.mkdir(parents=True)
    home.mkdir()
    for name in names:
        (programs / name).symlink_to(program(name))
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "HELM_CACHE_HOME": str(home / "helm-cache"),
        "HELM_CONFIG_HOME": str(home / "helm-config"),
        "HELM_DATA_HOME": str(home / "helm-data"),
    }


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write files below a folder; return it."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def prepare(bundle: Bundle, service: str, folder: Path, cluster: Cluster, env: Mapping[str, str]) -> Deployment:
    """Return a bundle in `folder`, ready to be deployed to a cluster that has the kinds that no chart brings."""
    if service == "ocp":
        cluster.apply(standin.openshift_definitions())
    if wanted := sorted({kind for need in needs(bundle.plan) for kind in need.kinds}):
        cluster.apply([standin.called(name) for name in wanted])
    return Deployment(bundle, write(bundle.files, folder), cluster, {**env, **cluster.env})


@contextlib.contextmanager
def played(cluster: Cluster) -> Iterator[None]:
    """Spare a cluster what nobody in it can do: webhooks and API services are removed, volumes are given."""
    with cluster.without_webhooks(api_services=True), cluster.with_volumes():
        yield


class Name(NamedTuple):
    """What tells one object of a cluster from all others; `kinds` is the path that lists its like."""

    kinds: str
    namespace: str
    name: str


def contents(cluster: Cluster) -> dict[Name, Any]:
    """Return all that somebody asked of a cluster: every object without its state, and no release of Helm."""
    found = {}
    for path in _listed(cluster):
        for each in _items(cluster, path):
            if each.get("type") != "helm.sh/release.v1":
                about = {key: value for key, value in each["metadata"].items() if key not in _OF_THE_SERVER}
                rest = {key: value for key, value in each.items() if key not in _OF_THE_CLUSTER}
                found[Name(path, about.get("namespace", ""), about["name"])] = {**rest, "metadata": about}
    return found


def _listed(cluster: Cluster) -> Iterator[str]:
    """Yield the path of each kind that can be listed, in the version that the server prefers."""
    roots = ["/api/v1"]
    roots += [f"/apis/{group['preferredVersion']['groupVersion']}" for group in cluster.get("/apis")["groups"]]
    for root in roots:
        for each in cluster.get(root)["resources"]:
            if "list" in each["verbs"] and "/" not in each["name"] and each["name"] not in _RESTLESS:
                yield f"{root}/{each['name']}"


def _items(cluster: Cluster, path: str) -> list[dict[str, Any]]:
    """Return all objects of a kind; one that was defined a moment ago is waited for."""
    found: list[dict[str, Any]] = []

    def answered() -> bool:
        try:
            found.extend(cluster.get(path)["items"])
        except ApiError as error:
            if error.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            return False
        return True

    wait_until(answered, f"{path} can be listed")
    return found


def _end_session(session: int) -> None:
    """Kill all processes of a session, those that were being started meanwhile as well."""
    while pids := _pids_of(session):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _pids_of(session: int) -> list[int]:
    listed = run("ps", "-A", "-o", "pid=,sess=,stat=").splitlines()
    rows = [line.split() for line in listed]
    return [int(pid) for pid, its_session, state in rows if int(its_session) == session and not state.startswith("Z")]
