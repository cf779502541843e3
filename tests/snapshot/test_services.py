"""Services: a cluster is what runs on it, and not whose machines it runs on."""

from __future__ import annotations

import pytest

from clusterbook.snapshot.services import ServiceMarkers, service_in

AWS = ("aws",)


@pytest.mark.parametrize(
    ("shown", "service"),
    [
        (ServiceMarkers("v1.33.5-eks-3025e55", providers=AWS), "eks"),
        (ServiceMarkers("v1.33.5-eks-3025e55", providers=("eks-hybrid",)), "eks"),
        (ServiceMarkers("v1.33.5-eks-3025e55", providers=("aws", "eks-hybrid")), "eks"),
        (ServiceMarkers("v1.33.5-eks-3025e55"), "eks"),
        (ServiceMarkers("v1.33.1-eks-1-33-7", providers=AWS), "eks-distro"),
        (ServiceMarkers("v1.33.1-eks-1-33-7", providers=("vsphere",)), "eks-distro"),
        (ServiceMarkers("v1.33.1-eks-1-33-7"), "eks-distro"),
        (ServiceMarkers("v1.33.5-eks-1025e55", providers=AWS), "eks"),
        (ServiceMarkers("v1.32.3-eks-5ba9d4e", providers=("tinkerbell",)), "eks-anywhere"),
        (ServiceMarkers("v1.32.3-eks-5ba9d4e", providers=("vsphere",)), "eks-anywhere"),
        (ServiceMarkers("v1.31.4-gke.1000", providers=("baremetal",)), "gke-on-premises"),
        (ServiceMarkers("v1.31.4-gke.1000", providers=("vsphere",)), "gke-on-premises"),
        (ServiceMarkers("v1.33.1+rke2r1", providers=("azure",)), "rke2"),
        (ServiceMarkers("v1.33.1+IKS", providers=("ibm",)), "ibm"),
        (ServiceMarkers("v1.33.1", providers=("digitalocean",)), "digitalocean"),
        (ServiceMarkers("v1.33.1", providers=("aws", "azure")), ""),
        (ServiceMarkers("v1.33.1+rke2r1", providers=AWS), "rke2"),
        (ServiceMarkers("v1.33.1+k3s1", providers=("gce",)), "k3s"),
        (ServiceMarkers("v1.33.1", providers=AWS), ""),
        (ServiceMarkers("v1.33.1", providers=("oci",)), ""),
        (ServiceMarkers("v1.33.1", ["kubernetes.azure.com/cluster"], providers=("azure",)), "aks"),
        (ServiceMarkers("v1.33.1", providers=("azure",)), ""),
        (ServiceMarkers("v1.32.6-gke.1125000", providers=("gce",)), "gke"),
        (ServiceMarkers("v1.33.4", ["node.openshift.io/os_id"], providers=AWS), "ocp"),
        (ServiceMarkers("v1.33.4", runtimes=["1.33.4-2.rhaos4.20"], providers=AWS), "ocp"),
        (ServiceMarkers("v1.33.4", images=["Red Hat Enterprise Linux CoreOS 418.94"], providers=("azure",)), "ocp"),
        (ServiceMarkers("v1.33.4", groups=["config.openshift.io"]), "ocp"),
        (ServiceMarkers("v1.33.1", ["lke.linode.com/pool-id"], providers=("linode",)), "lke"),
        (ServiceMarkers("v1.33.1", ["oke.oraclecloud.com/pool.name"], providers=("oci",)), "oke"),
        (ServiceMarkers("v1.34.0", providers=("kind",)), "kind"),
        (ServiceMarkers(), ""),
    ],
)
def test_a_service_is_what_runs(shown: ServiceMarkers, service: str) -> None:
    assert service_in(shown)[0] == service
