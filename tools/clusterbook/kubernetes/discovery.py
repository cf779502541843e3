"""Discovery: which kinds of objects a cluster serves, and under which path.

An API server says so all at once, or group by group as older ones do. Source: Kubernetes API concepts, "Discovery API".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from clusterbook.kubernetes.api import Api
from clusterbook.kubernetes.errors import ClusterDenied, ClusterUnreachable, NoObject, Rejected

_ALL_AT_ONCE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


class Kind(NamedTuple):
    """One kind of object."""

    api_version: str
    kind: str

    @property
    def group(self) -> str:
        """The API group, "" for the core."""
        return self.api_version.rpartition("/")[0]


class ServedKind(NamedTuple):
    """One kind that a cluster serves."""

    kind: Kind
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return where the API has its objects: all of them, those of a namespace, or one."""
        root = path_of(self.kind.api_version)
        middle = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{middle}/{self.plural}{f'/{name}' if name else ''}"


def path_of(api_version: str) -> str:
    """Return the path of an API version."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


class Resources(NamedTuple):
    """What a cluster serves. `silent` are the API versions of groups that did not say what they have."""

    served: Mapping[Kind, ServedKind]
    silent: frozenset[str] = frozenset()

    def find(self, kind: Kind) -> ServedKind | None:
        """Return a kind in the version that is wanted, else in the one that the cluster prefers; None for neither."""
        if kind in self.served:
            return self.served[kind]
        same = (
            served
            for served in self.served.values()
            if (served.kind.group, served.kind.kind) == (kind.group, kind.kind)
        )
        return next(same, None)

    def is_silent(self, kind: Kind) -> bool:
        """Return whether the group of a kind did not say what it has."""
        return any(version.rpartition("/")[0] == kind.group for version in self.silent)


def discover(api: Api) -> Resources:
    """Return what a cluster serves.

    Raises:
        ClusterbookError: not even the core can be asked.
    """
    served: dict[Kind, ServedKind] = {}
    silent: set[str] = set()
    for root in ("/api", "/apis"):
        answer = api.get(root, accept=_ALL_AT_ONCE)
        if answer.get("kind") == "APIGroupDiscoveryList":
            entries = _aggregated_discovery(answer, silent)
        else:
            entries = _group_discovery(api, answer, silent)
        for each in entries:
            served.setdefault(each.kind, each)
    return Resources(served, frozenset(silent))


def _aggregated_discovery(served: Mapping[str, Any], silent: set[str]) -> Iterator[ServedKind]:
    """Yield what one answer says of every group, the preferred version of each first."""
    for group in served.get("items") or ():
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or ():
            api_version = f"{name}/{version['version']}" if name else str(version["version"])
            if version.get("freshness") == "Stale":
                silent.add(api_version)
            for each in version.get("resources") or ():
                if "list" in (each.get("verbs") or ()):
                    kind = str((each.get("responseKind") or {}).get("kind") or "")
                    yield ServedKind(Kind(api_version, kind), str(each["resource"]), each.get("scope") == "Namespaced")


def _group_discovery(api: Api, served: Mapping[str, Any], silent: set[str]) -> Iterator[ServedKind]:
    """Yield what each group says by itself."""
    versions = [str(each) for each in served.get("versions") or ()] if "groups" not in served else []
    for group in served.get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("groupVersion")
        names = [str(each["groupVersion"]) for each in group.get("versions") or ()]
        versions += sorted(names, key=lambda name, first=preferred: name != first)  # type: ignore[misc]
    for api_version in versions:
        try:
            resources = api.get(path_of(api_version))
        except (ClusterDenied, NoObject, Rejected, ClusterUnreachable):
            silent.add(api_version)
            continue
        for each in resources.get("resources") or ():
            if "/" not in each["name"] and "list" in (each.get("verbs") or ()):
                yield ServedKind(Kind(api_version, str(each["kind"])), str(each["name"]), bool(each.get("namespaced")))
