"""Services: a cluster is what runs on it, and not whose machines it runs on."""

from __future__ import annotations

import pytest

from clusterbook.snapshot.services import Evidence, service_in

AWS = ("aws",)


@pytest.mark.parametrize(
    ("shown", "service"),
    [
        (Evidence("v1.33.5-eks-3025e55", providers=AWS), "eks"),
        (Evidence("v1.33.5-eks-3025e55", providers=("eks-hybrid",)), "eks"),
        (Evidence("v1.33.1+rke2r1", providers=AWS), "rke2"),
        (Evidence("v1.33.1+k3s1", providers=("gce",)), "k3s"),
        (Evidence("v1.33.1", providers=AWS), ""),
        (Evidence("v1.33.1", providers=("oci",)), ""),
        (Evidence("v1.33.1", ["kubernetes.azure.com/cluster"], providers=("azure",)), "aks"),
        (Evidence("v1.33.1", providers=("azure",)), ""),
        (Evidence("v1.32.6-gke.1125000", providers=("gce",)), "gke"),
        (Evidence("v1.33.4", ["node.openshift.io/os_id"], providers=AWS), "ocp"),
        (Evidence("v1.33.4", runtimes=["1.33.4-2.rhaos4.20"], providers=AWS), "ocp"),
        (Evidence("v1.33.4", images=["Red Hat Enterprise Linux CoreOS 418.94"], providers=("azure",)), "ocp"),
        (Evidence("v1.33.4", groups=["config.openshift.io"]), "ocp"),
        (Evidence("v1.33.1", ["lke.linode.com/pool-id"], providers=("linode",)), "lke"),
        (Evidence("v1.33.1", ["oke.oraclecloud.com/pool.name"], providers=("oci",)), "oke"),
        (Evidence("v1.34.0", providers=("kind",)), "kind"),
        (Evidence(), ""),
    ],
)
def test_a_service_is_what_runs(shown: Evidence, service: str) -> None:
    assert service_in(shown)[0] == service
