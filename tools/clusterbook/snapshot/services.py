"""Services: which managed Kubernetes a cluster is, by what runs, and not by whose machines it runs on.

RKE2, k3s, kubeadm and OpenShift run on machines of every cloud. EKS and GKE write their name into the version of
Kubernetes; AKS, OKE and LKE label every node; OpenShift brings its own runtime and its own kinds. A provider alone says
where the machines stand. Source: reference row S13, which goes by the provider.
"""

from __future__ import annotations

from collections.abc import Iterable

from clusterbook.records import NamedTuple

_PROVIDERS = {"aws": "eks", "gce": "gke", "azure": "aks", "oci": "oke", "linode": "lke"}
"""Cloud provider → its service. Source: reference row S13."""
_CLOUDS = {"eks": "AWS", "gke": "Google Cloud", "aks": "Azure", "oke": "Oracle Cloud", "lke": "Linode"}
"""Service → whose machines its own provider names."""
_BUILDS = (
    ("-eks-", "eks"),
    ("-gke.", "gke"),
    ("+rke2r", "rke2"),
    ("+k3s", "k3s"),
    ("-k3s", "k3s"),
    ("+k0s", "k0s"),
    ("-aliyun", "ack"),
    ("-tke.", "tke"),
    ("+vmware", "tkg"),
    ("+fips-vmware", "tkg"),
)
"""What a service writes into the version of its Kubernetes."""
_DISTRIBUTIONS = (("eks", ("eks", "eks-hybrid"), "eks-anywhere"), ("gke", ("gke",), "gke-on-premises"))
"""Service → the providers that its nodes have, and what its Kubernetes is on machines of others alone."""
_LABELS = (
    ("node.openshift.io/os_id", "ocp"),
    ("eks.amazonaws.com/", "eks"),
    ("cloud.google.com/gke-nodepool", "gke"),
    ("kubernetes.azure.com/cluster", "aks"),
    ("kubernetes.azure.com/agentpool", "aks"),
    ("oke.oraclecloud.com/", "oke"),
    ("lke.linode.com/", "lke"),
)
"""What a service labels its nodes with, by how the label starts."""
_TELLING = frozenset(("eks", "gke", "aks", "ocp", "lke", "kind"))
"""The services that never fail to say so; where nothing says it, the cluster is something else."""
OPENSHIFT_GROUP = "config.openshift.io"
NAMED = frozenset((*_PROVIDERS.values(), "kind", "ocp", "bcm", "metal3"))


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
    return label.startswith(tuple(start for start, _ in _LABELS))


def service_of(provider: str) -> str:
    """Return the service of a cloud provider; one that is not known stays as it is. Source: reference row S13."""
    return "oke" if provider.startswith("ocid1") else _PROVIDERS.get(provider, provider)


def cloud_of(service: str) -> str:
    """Return whose machines they are whose provider is that of a service; what is no cloud stays as it is."""
    return _CLOUDS.get(service, service)


def is_recognisable(service: str) -> bool:
    """Return whether a cluster of that service always shows that it is one."""
    return service in _TELLING


def service_in(shown: ServiceMarkers) -> tuple[str, str]:
    """Return the service that runs, and the reading that says so; ("", "") where nothing says it."""
    if any("rhaos" in runtime for runtime in shown.runtimes) or any("CoreOS" in image and image.startswith("Red Hat")
                                                                    for image in shown.images):  # fmt: skip
        return "ocp", "K8s.node.container-runtime-version"
    if any(group == OPENSHIFT_GROUP for group in shown.groups):
        return "ocp", f"the API group {OPENSHIFT_GROUP}"
    labels = tuple(shown.labels)
    if any(label.startswith("node.openshift.io/") for label in labels):
        return "ocp", "NodeTopology.label.node.openshift.io/os_id"
    providers = {service_of(each) for each in shown.providers} - {""}
    for part, service in _BUILDS:
        if part in shown.version:
            return _distribution(service, providers), "K8s.server.version"
    for start, service in _LABELS:
        found = next((label for label in labels if label.startswith(start)), "")
        if found:
            return service, f"NodeTopology.label.{found}"
    if "kind" in providers:
        return "kind", "K8s.node.provider"
    own = providers - {*_PROVIDERS.values()}
    if len(own) == 1 and len(providers) == 1:
        return next(iter(own)), "K8s.node.provider"
    return "", ""


def _distribution(service: str, providers: set[str]) -> str:
    """Return what a service's Kubernetes is where all nodes are on machines of others: the vendor's distribution."""
    for name, own, elsewhere in _DISTRIBUTIONS:
        if service == name and providers and not providers & {*own}:
            return elsewhere
    return service
