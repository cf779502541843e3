"""How clusters show what they are: the labels, names and versions that tell a GPU, a service and a system.

Nothing but tables: `gpus`, `services`, `systems` and `nodes` read them, and so does the page that judges a snapshot in
the browser, to which `tables` hands them on, so that a new label is one new line. They are no part of a catalog: how
Kubernetes shows itself is the same whichever catalog is asked, the reference's trees included, and a recipe's digest
does not move with it. And they are Python rather than a file to parse, since compiled literals cost a start nothing.

Patterns are written as Python and JavaScript both read them, for ASCII, and match from the start of a text. Of rows in
order the first that matches counts.
"""

from __future__ import annotations

from clusterbook.records import Any

# --- GPUs -------------------------------------------------------------------------------------------------------------

ACCELERATORS = ("a100", "b200", "gb200", "gb300", "h100", "h200", "l40", "l40s", "rtx-pro-6000", "vr200")
"""Source: reference row R2, and its registry of November 2026."""
PRODUCT_LABEL = "nvidia.com/gpu.product"
PRESENT_LABEL = "nvidia.com/gpu.present"
COUNT_LABEL = "nvidia.com/gpu.count"
REPLICAS_LABEL = "nvidia.com/gpu.replicas"
SHARING_LABEL = "nvidia.com/gpu.sharing-strategy"
INSTANCE_LABEL = "node.kubernetes.io/instance-type"
DECLARED_LABEL = "accelerator"
"""What people set by hand; a model where it names one."""
VGPU_LABEL = "nvidia.com/vgpu.present"
MODEL_LABELS = (
    PRODUCT_LABEL,
    "cloud.google.com/gke-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "gpu.nvidia.com/model",
    "k8s.amazonaws.com/accelerator",
    "gpu.nvidia.com/class",
    "aliyun.accelerator/nvidia_name",
    "doks.digitalocean.com/gpu-model",
    "amd.com/gpu.product-name",
)
"""The labels that name a model, what was read from the device before what somebody declared."""
SIGN_LABELS = ("kubernetes.azure.com/accelerator", DECLARED_LABEL)
"""Labels that only say that there is a GPU, by naming its vendor: AKS, and what people set by hand."""
VENDORS = ("nvidia", "amd", "intel")
PARTITION_LABELS = ("cloud.google.com/gke-gpu-partition-size",)
"""Labels of nodes that give slices of GPUs."""
SHARED_LABELS = ("cloud.google.com/gke-gpu-sharing-strategy",)
"""Labels of nodes that give a GPU to several pods."""
KIND_LABELS = ("nvidia.com/mig", "nvidia.com/vgpu")
"""How labels begin that say which kind of GPU a node gives."""
INSTANCES = (
    (r"p4d\.|p4de\.", "A100"), (r"p5\.", "H100"), (r"p5en?\.", "H200"), (r"p6-b200\.", "B200"),
    (r"p6-b300\.", "B300"), (r"p6e-gb200\.", "GB200"), (r"p6e-gb300\.", "GB300"), (r"g6e\.", "L40S"),
    (r"g7e\.", "RTX-PRO-6000"), (r"g6f?\.|gr6f?\.", "L4"), (r"g5\.", "A10G"), (r"g4dn\.", "T4"),
    (r"a2-", "A100"), (r"a3-(?:high|mega|edge)gpu-", "H100"), (r"a3-ultragpu-", "H200"), (r"a4-", "B200"),
    (r"a4x-max", "GB300"), (r"a4x-", "GB200"), (r"g2-", "L4"), (r"g4-", "RTX-PRO-6000"),
    (r"Standard_ND.*_(A100|H100|H200|GB200|GB300)_v\d", ""), (r"Standard_NC.*_(A100|H100)_v\d", ""),
    (r"Standard_ND96asr_v4", "A100"),
    (r"(?:BM|VM)\.GPU\.(A100|H100|H200|B200|GB200|GB300|L40S)\b", ""), (r"BM\.GPU4\.", "A100"),
)  # fmt: skip
"""Machine types of clouds whose GPU is known by name alone; "" takes the name out of the type."""
PCI = r"feature\.node\.kubernetes\.io/pci-(?:03\d\d_)?10de(?:_[0-9a-f]{4})*\.present$"
"""Labels of feature discovery for a device of NVIDIA on the bus."""
RESOURCES = (
    r"(?:nvidia\.com/(?:gpu|gpu\.shared|pgpu|mig-.+|[A-Z][\w.-]*)|amd\.com/gpu|gpu\.intel\.com/\w+|habana\.ai/gaudi)$"
)
"""What a node gives that is a GPU, or a part of one. A capital begins that of a GPU for virtual machines, by the name
of its device (nvidia.com/GH100_H100_SXM5_80GB). Source: NVIDIA, kubevirt-gpu-device-plugin."""
MIG_RESOURCE, SHARED_RESOURCE, SHARED_ENDING = "nvidia.com/mig-", "nvidia.com/gpu.shared", ".shared"
OTHERS = (("amd.com/", "AMD GPU"), ("gpu.intel.com/", "Intel GPU"), ("habana.ai/", "Intel Gaudi"))
"""Whose GPUs a resource is of, where no label names the model."""
NVIDIA_RESOURCE = "nvidia.com/"
VGPU_PRODUCT = r"GRID|.*-\d+[ABCQ](?:-SHARED)?$"
"""NVIDIA-A16-4Q: the profile of a virtual GPU."""
MIG_PRODUCT, SHARED_PRODUCT = r".*-MIG-", r".*-SHARED$"
DRIVER_LABELS = (
    "nvidia.com/cuda.driver-version.full",
    "nvidia.com/cuda.driver.major",
    "nvidia.com/cuda.driver.minor",
    "nvidia.com/cuda.driver.rev",
)
"""The whole version of the driver, else its parts in order."""
DRA_COMPONENT, CLAIMED_BY = "nvidia-dra-driver-gpu", ("resources", "gpus", "enabled")
"""The component whose value there decides that pods claim their GPUs, and are given none by their number."""
DRA_DRIVER = "gpu.nvidia.com"
"""The driver whose ResourceSlices name the products of a node."""
DRA_VERSIONS = ("resource.k8s.io/v1", "resource.k8s.io/v1beta2", "resource.k8s.io/v1beta1")

# --- services ---------------------------------------------------------------------------------------------------------

PROVIDERS = {"aws": "eks", "gce": "gke", "azure": "aks", "oci": "oke", "linode": "lke"}
"""Cloud provider → its service. Source: reference row S13."""
CLOUDS = {"eks": "AWS", "gke": "Google Cloud", "aks": "Azure", "oke": "Oracle Cloud", "lke": "Linode"}
"""Service → whose machines its own provider names."""
BUILDS = (
    ("-eks-1-", "eks-distro"),
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
"""What a service writes into the version of its Kubernetes. EKS Distro, which anybody may run anywhere, counts its own
releases behind the name (v1.33.1-eks-1-33-7); EKS writes a commit there."""
DISTRIBUTIONS = (("eks", ("eks", "eks-hybrid"), "eks-anywhere"), ("gke", ("gke",), "gke-on-premises"))
"""Service → the providers that its nodes have, and what its Kubernetes is on machines of others alone."""
SERVICE_LABELS = (
    ("node.openshift.io/os_id", "ocp"),
    ("eks.amazonaws.com/", "eks"),
    ("cloud.google.com/gke-nodepool", "gke"),
    ("kubernetes.azure.com/cluster", "aks"),
    ("kubernetes.azure.com/agentpool", "aks"),
    ("oke.oraclecloud.com/", "oke"),
    ("lke.linode.com/", "lke"),
)
"""What a service labels its nodes with, by how the label starts."""
TELLING = ("eks", "gke", "aks", "ocp", "lke", "kind")
"""The services that never fail to say so; where nothing says it, the cluster is something else."""
OPENSHIFT_RUNTIME, OPENSHIFT_IMAGE = r".*rhaos", r"Red Hat.*CoreOS"
OPENSHIFT_GROUP, OPENSHIFT_LABEL = "config.openshift.io", "node.openshift.io/"
"""What OpenShift brings: its runtime, the system of its nodes, an API group, labels. Each says more than a version."""
POOL_LABELS = (
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/agentpool",
    "oke.oraclecloud.com/pool.name",
    "lke.linode.com/pool-id",
)
"""The labels that name the pool of a node."""

# --- operating systems ------------------------------------------------------------------------------------------------

SYSTEMS = {
    **{name: name for name in ("ubuntu", "rhel", "cos", "amazonlinux", "ol", "talos")},
    **dict.fromkeys(("amzn", "amazon", "al2", "al2023"), "amazonlinux"),
    **dict.fromkeys(("redhat", "redhatenterpriselinux", "rhcos"), "rhel"),
}
"""ID of /etc/os-release → os. CoreOS of Red Hat is RHEL. Source: reference rows R4, S7."""
IMAGES = (
    ("container-optimized os", "cos"),
    ("red hat enterprise linux coreos", "rhcos"),
    ("red hat coreos", "rhcos"),
    ("red hat", "rhel"),
    ("amazon linux", "amzn"),
    ("oracle linux", "ol"),
    ("microsoft azure linux", "azurelinux"),
    ("azure linux", "azurelinux"),
    ("cbl-mariner", "mariner"),
    ("suse linux enterprise server", "sles"),
    ("opensuse leap", "opensuse-leap"),
    ("flatcar", "flatcar"),
    ("ubuntu core", "ubuntu-core"),
    ("opensuse microos", "opensuse-microos"),
    ("opensuse tumbleweed", "opensuse-tumbleweed"),
    ("suse linux enterprise micro", "sle-micro"),
    ("suse linux micro", "sl-micro"),
    ("alibaba cloud linux", "alinux"),
)
"""How osImage begins, in small letters → ID of os-release, where that is not simply its first word."""
VERSION_PARTS = {"rhel": 2, "ubuntu": 2, "amzn": 1}
"""ID → how many numbers of a version name a release of that system; the rest counts its images."""
OS_LABEL = "feature.node.kubernetes.io/system-os_release."
"""How labels begin that feature discovery copies from os-release."""

# --- versions ---------------------------------------------------------------------------------------------------------

PRE_RELEASES = (
    "snapshot", "experimental", "unstable", "canary", "nightly", "ci", "dev", "test", "ec", "alpha", "beta", "preview",
    "pre", "rc",
)  # fmt: skip
"""What stands behind the numbers of a version that is not released yet, the furthest from its release first."""
PRE_RELEASE_LEADS = r"0[.-]|0\d{5}"
"""What distributions put before it: 6.12.0-0.rc1 (Fedora), 6.12.0-061200rc1 (Ubuntu), 4.19.0-0.nightly (OpenShift)."""


def tables() -> dict[str, Any]:
    """Return every table by its name, of nothing but what JSON has."""
    return {name: value for name, value in globals().items() if name.isupper() and name[0] != "_"}
