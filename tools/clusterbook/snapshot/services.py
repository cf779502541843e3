"""Services: which managed Kubernetes a cluster is, by what runs, and not by whose machines it runs on.

RKE2, k3s, kubeadm and OpenShift run on machines of every cloud. EKS and GKE write their name into the version of
Kubernetes; AKS, OKE and LKE label every node; OpenShift brings its own runtime and its own kinds. A provider alone says
where the machines stand. Source: reference row S13, which goes by the provider.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from clusterbook.records import NamedTuple
from clusterbook.snapshot import recognition
from clusterbook.snapshot.recognition import PROVIDERS

NAMED = frozenset((*PROVIDERS.values(), "kind", "ocp", "bcm", "metal3"))


class ServiceMarkers(NamedTuple):
    """What a cluster says of itself: its version, the labels of its nodes, their runtimes, providers and its kinds."""

    version: str = ""
    labels: Iterable[str] = ()
    runtimes: Iterable[str] = ()
    images: Iterable[str] = ()
    providers: Iterable[str] = ()
    groups: Iterable[str] = ()


def is_judged(label: str) -> bool:
    """Return whether a label says which service runs."""
    return label.startswith(tuple(start for start, _ in recognition.SERVICE_LABELS))


def service_of(provider: str) -> str:
    """Return the service of a cloud provider; one that is not known stays as it is. Source: reference row S13."""
    return "oke" if provider.startswith("ocid1") else PROVIDERS.get(provider, provider)


def cloud_of(service: str) -> str:
    """Return whose machines they are whose provider is that of a service; what is no cloud stays as it is."""
    return recognition.CLOUDS.get(service, service)


def is_recognisable(service: str) -> bool:
    """Return whether a cluster of that service always shows that it is one."""
    return service in recognition.TELLING


def service_in(shown: ServiceMarkers) -> tuple[str, str]:
    """Return the service that runs, and the reading that says so; ("", "") where nothing says it."""
    coreos = any(re.match(recognition.OPENSHIFT_IMAGE, image) for image in shown.images)
    if coreos or any(re.match(recognition.OPENSHIFT_RUNTIME, runtime) for runtime in shown.runtimes):
        return "ocp", "K8s.node.container-runtime-version"
    if recognition.OPENSHIFT_GROUP in shown.groups:
        return "ocp", f"the API group {recognition.OPENSHIFT_GROUP}"
    labels = tuple(shown.labels)
    if any(label.startswith(recognition.OPENSHIFT_LABEL) for label in labels):
        return "ocp", "NodeTopology.label.node.openshift.io/os_id"
    providers = {service_of(each) for each in shown.providers} - {""}
    for part, service in recognition.BUILDS:
        if part in shown.version:
            return _distribution(service, providers), "K8s.server.version"
    for start, service in recognition.SERVICE_LABELS:
        found = next((label for label in labels if label.startswith(start)), "")
        if found:
            return service, f"NodeTopology.label.{found}"
    if "kind" in providers:
        return "kind", "K8s.node.provider"
    own = providers - {*PROVIDERS.values()}
    if len(own) == 1 and len(providers) == 1:
        return next(iter(own)), "K8s.node.provider"
    return "", ""


def _distribution(service: str, providers: set[str]) -> str:
    """Return what a service's Kubernetes is where all nodes are on machines of others: the vendor's distribution."""
    for name, own, elsewhere in recognition.DISTRIBUTIONS:
        if service == name and providers and not providers & {*own}:
            return elsewhere
    return service
