"""Node objects as real GPU clusters have them: what cloud, kubelet, Node Feature Discovery and GPU operator say.

Only data: nothing here talks to a cluster. KWOK keeps such a node Ready, and runs pods on it that do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

DRIVER = "580.126.20"
CUDA = "13.0"

# What the GPU operator (v26.3) marks a node with, and with which the pods of its parts select it.
_DEPLOYED = (
    "container-toolkit", "dcgm", "dcgm-exporter", "device-plugin", "driver", "gpu-feature-discovery",
    "mig-manager", "node-status-exporter", "operator-validator",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gpu:
    """What GPU feature discovery says about the GPUs of a node."""

    product: str
    family: str
    memory_mib: int
    compute: tuple[int, int]
    count: int
    clique: str | None = None  # NVLink domain and clique, of racks such as NVL72


@dataclass(frozen=True, slots=True)
class Node:
    """One node; `as_object` gives the Kubernetes object."""

    name: str
    instance_type: str
    arch: str
    cpus: int
    memory_gib: int
    os_image: str
    os_release: tuple[str, str]  # ID and VERSION_ID of os-release
    kernel: str
    kubelet: str
    runtime: str
    provider_id: str
    region: str
    zone: str
    gpu: Gpu | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, int] = field(default_factory=dict)  # extended resources beside nvidia.com/gpu
    taints: Sequence[Mapping[str, str]] = ()
    pods: int = 110

    def as_object(self) -> dict[str, Any]:
        """Return the v1 Node with its status, as a kubelet would register it."""
        resources = {
            "cpu": str(self.cpus),
            "memory": f"{self.memory_gib}Gi",
            "ephemeral-storage": "500Gi",
            "hugepages-1Gi": "0",
            "hugepages-2Mi": "0",
            "pods": str(self.pods),
        } | {name: str(count) for name, count in self.devices.items()}
        if self.gpu is not None:
            resources["nvidia.com/gpu"] = str(self.gpu.count)
        annotations = {"node.alpha.kubernetes.io/ttl": "0"}
        if self.gpu is not None:
            annotations["nvidia.com/gpu-driver-upgrade-enabled"] = "true"
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": self._labels(), "annotations": annotations},
            "spec": {"providerID": self.provider_id, **({"taints": list(self.taints)} if self.taints else {})},
            "status": {
                "capacity": resources,
                "allocatable": resources,
                "addresses": [{"type": "Hostname", "address": self.name}],
                "nodeInfo": {
                    "architecture": self.arch,
                    "operatingSystem": "linux",
                    "osImage": self.os_image,
                    "kernelVersion": self.kernel,
                    "kubeletVersion": self.kubelet,
                    "kubeProxyVersion": "",
                    "containerRuntimeVersion": self.runtime,
                    "bootID": "8f2b3d6e-6f54-4c3f-9c1c-6b8f4f0f4f10",
                    "machineID": "ec2c8d1f3b7a4f5e9a0b1c2d3e4f5a6b",
                    "systemUUID": "ec2c8d1f-3b7a-4f5e-9a0b-1c2d3e4f5a6b",
                },
            },
        }

    def _labels(self) -> dict[str, str]:
        os_id, os_version = self.os_release
        major, _, minor = os_version.partition(".")
        labels = {
            "kubernetes.io/arch": self.arch,
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "beta.kubernetes.io/arch": self.arch,
            "beta.kubernetes.io/instance-type": self.instance_type,
            "beta.kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": self.instance_type,
            "topology.kubernetes.io/region": self.region,
            "topology.kubernetes.io/zone": self.zone,
            "feature.node.kubernetes.io/kernel-version.full": self.kernel,
            "feature.node.kubernetes.io/system-os_release.ID": os_id,
            "feature.node.kubernetes.io/system-os_release.VERSION_ID": os_version,
            "feature.node.kubernetes.io/system-os_release.VERSION_ID.major": major,
            "feature.node.kubernetes.io/system-os_release.VERSION_ID.minor": minor,
        }
        if self.gpu is not None:
            labels |= _gpu_labels(self.gpu, self.instance_type)
        return labels | dict(self.labels)


def _gpu_labels(gpu: Gpu, machine: str) -> dict[str, str]:
    """Return the labels of Node Feature Discovery, GPU feature discovery and the GPU operator for these GPUs."""
    driver = DRIVER.split(".")
    cuda = CUDA.split(".")
    labels = {
        "feature.node.kubernetes.io/pci-10de.present": "true",
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": gpu.product,
        "nvidia.com/gpu.family": gpu.family,
        "nvidia.com/gpu.memory": str(gpu.memory_mib),
        "nvidia.com/gpu.compute.major": str(gpu.compute[0]),
        "nvidia.com/gpu.compute.minor": str(gpu.compute[1]),
        "nvidia.com/gpu.count": str(gpu.count),
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/gpu.mode": "compute",
        "nvidia.com/gpu.machine": machine,
        "nvidia.com/gfd.timestamp": "1763712000",
        "nvidia.com/gpu-driver-upgrade-state": "upgrade-done",
        "nvidia.com/mig.capable": "true",
        "nvidia.com/mig.strategy": "single",
        "nvidia.com/mig.config": "all-disabled",
        "nvidia.com/mig.config.state": "success",
        "nvidia.com/mps.capable": "false",
        "nvidia.com/vgpu.present": "false",
        "nvidia.com/cuda.driver-version.full": DRIVER,
        "nvidia.com/cuda.driver-version.major": driver[0],
        "nvidia.com/cuda.driver-version.minor": driver[1],
        "nvidia.com/cuda.driver-version.revision": driver[2],
        "nvidia.com/cuda.runtime-version.full": CUDA,
        "nvidia.com/cuda.runtime-version.major": cuda[0],
        "nvidia.com/cuda.runtime-version.minor": cuda[1],
    }
    labels |= {f"nvidia.com/gpu.deploy.{part}": "true" for part in _DEPLOYED}
    if gpu.clique:
        labels["nvidia.com/gpu.clique"] = gpu.clique
    return labels


def _eks(group: str) -> dict[str, str]:
    return {
        "eks.amazonaws.com/capacityType": "ON_DEMAND",
        "eks.amazonaws.com/nodegroup": group,
        "k8s.io/cloud-provider-aws": "1d9ef2bc1f8e4a3cb6d7e8f9a0b1c2d3",
    }


_SYSTEM = Node(
    name="",
    instance_type="m7i.4xlarge",
    arch="amd64",
    cpus=16,
    memory_gib=64,
    os_image="Ubuntu 24.04.3 LTS",
    os_release=("ubuntu", "24.04"),
    kernel="6.8.0-1040-aws",
    kubelet="v1.36.3-eks-3cfe0ce",
    runtime="containerd://2.1.5",
    provider_id="",
    region="us-east-2",
    zone="us-east-2a",
    labels=_eks("system"),
)

_H100 = replace(
    _SYSTEM,
    instance_type="p5.48xlarge",
    cpus=192,
    memory_gib=2048,
    gpu=Gpu(product="NVIDIA-H100-80GB-HBM3", family="hopper", memory_mib=81559, compute=(9, 0), count=8),
    devices={"vpc.amazonaws.com/efa": 32},
    labels=_eks("h100") | {"vpc.amazonaws.com/efa.present": "true"},
)

_GB200 = replace(
    _SYSTEM,
    instance_type="p6e-gb200.36xlarge",
    arch="arm64",
    cpus=144,
    memory_gib=960,
    kernel="6.8.0-1040-aws-64k",
    gpu=Gpu(product="NVIDIA-GB200", family="blackwell", memory_mib=189471, compute=(10, 0), count=4),
    devices={"vpc.amazonaws.com/efa": 16},
    labels=_eks("gb200") | {"vpc.amazonaws.com/efa.present": "true"},
)


def _address(number: int, block: int) -> dict[str, str]:
    """Return name and provider's id of the instance `number`, as EKS gives them."""
    return {
        "name": f"ip-10-0-{block}-{number}.us-east-2.compute.internal",
        "provider_id": f"aws:///us-east-2a/i-0{block:04x}{number:012x}",
    }


def system_nodes(count: int) -> list[Node]:
    """Return EKS nodes without a GPU, for everything that is not a workload."""
    return [replace(_SYSTEM, **_address(number, 1)) for number in range(1, count + 1)]


def h100_nodes(count: int) -> list[Node]:
    """Return EKS p5.48xlarge nodes: eight H100, GPU operator and EFA plug-in at work."""
    return [replace(_H100, **_address(number, 2)) for number in range(1, count + 1)]


def gb200_nodes(count: int) -> list[Node]:
    """Return EKS p6e-gb200.36xlarge nodes, all of one NVLink domain: four GB200 each, on Arm."""
    assert _GB200.gpu is not None
    gpu = replace(_GB200.gpu, clique="7b968a6d-c8aa-45e1-9e07-e1e51be99c31.1")
    return [replace(_GB200, gpu=gpu, **_address(number, 3)) for number in range(1, count + 1)]


FLEET = [*system_nodes(2), *h100_nodes(2), *gb200_nodes(2)]
"""What most tests need: somewhere for operators, and two kinds of GPU nodes."""
