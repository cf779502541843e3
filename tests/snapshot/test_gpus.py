"""GPUs: a node has them by what it has, and what a pod is given of one is told apart."""

from __future__ import annotations

import pytest

from clusterbook.snapshot.gpus import MIG, SHARED, VGPU, WHOLE, gpus_of

NFD = "feature.node.kubernetes.io"
GFD = "nvidia.com/gpu"


@pytest.mark.parametrize(
    ("labels", "capacity", "model"),
    [
        ({f"{GFD}.present": "true"}, {}, ""),
        ({f"{GFD}.present": "true", f"{GFD}.product": "NVIDIA-H100-80GB-HBM3"}, {"nvidia.com/gpu": "8"}, "h100"),
        ({"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}, {"nvidia.com/gpu": 8}, "h100"),
        ({"karpenter.k8s.aws/instance-gpu-name": "h200"}, {}, "h200"),
        ({"gpu.nvidia.com/model": "H100_NVLINK_80GB"}, {}, "h100"),
        ({"k8s.amazonaws.com/accelerator": "nvidia-b200"}, {}, "b200"),
        ({"kubernetes.azure.com/accelerator": "nvidia"}, {}, ""),
        ({"accelerator": "nvidia-a100"}, {}, "a100"),
        ({f"{NFD}/pci-10de.present": "true"}, {}, ""),
        ({f"{NFD}/pci-0302_10de.present": "true"}, {}, ""),
        ({f"{NFD}/pci-0300_10de_2330.present": "true"}, {}, ""),
        ({"node.kubernetes.io/instance-type": "p5.48xlarge"}, {}, "h100"),
        ({"node.kubernetes.io/instance-type": "p5en.48xlarge"}, {}, "h200"),
        ({"node.kubernetes.io/instance-type": "Standard_ND96isr_H100_v5"}, {}, "h100"),
        ({"node.kubernetes.io/instance-type": "a3-highgpu-8g"}, {}, "h100"),
        ({"node.kubernetes.io/instance-type": "BM.GPU.H100.8"}, {}, "h100"),
        ({"node.kubernetes.io/instance-type": "a4x-maxgpu-4g-metal"}, {}, "gb300"),
        ({"node.kubernetes.io/instance-type": "a4x-highgpu-4g"}, {}, "gb200"),
        ({"node.kubernetes.io/instance-type": "p6-b300.48xlarge"}, {}, ""),
        ({"node.kubernetes.io/instance-type": "g7e.48xlarge"}, {}, "rtx-pro-6000"),
        ({"node.kubernetes.io/instance-type": "g4-standard-384"}, {}, "rtx-pro-6000"),
        ({"node.kubernetes.io/instance-type": "g6.48xlarge"}, {"nvidia.com/gpu": "8"}, ""),
        ({"node.kubernetes.io/instance-type": "Standard_ND96asr_v4"}, {}, "a100"),
        ({"node.kubernetes.io/instance-type": "BM.GPU4.8"}, {}, "a100"),
        ({"node.kubernetes.io/instance-type": "BM.GPU.GB300.4"}, {}, "gb300"),
        ({"aliyun.accelerator/nvidia_name": "NVIDIA-H20"}, {}, ""),
        ({"doks.digitalocean.com/gpu-model": "h100"}, {}, "h100"),
        ({"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}, {"amd.com/gpu": "8"}, ""),
        ({}, {"nvidia.com/gpu": "4"}, ""),
        ({}, {"nvidia.com/mig-1g.10gb": "7"}, ""),
        ({}, {"nvidia.com/gpu.shared": "8"}, ""),
        ({}, {"amd.com/gpu": "8"}, ""),
    ],
)
def test_a_node_has_gpus_by_any_sign(labels: dict[str, str], capacity: dict[str, object], model: str) -> None:
    found = gpus_of(labels, capacity)
    assert found is not None
    assert found.model() == model


@pytest.mark.parametrize(
    ("labels", "capacity"),
    [
        ({}, {"cpu": "192", "memory": "1Ti"}),
        ({}, {"nvidia.com/gpu": "0"}),
        ({f"{GFD}.present": "false"}, {}),
        ({f"{NFD}/pci-15b3.present": "true"}, {"nvidia.com/hostdev": "8"}),
        ({f"{NFD}/pci-10de.present": "false"}, {}),
        ({"accelerator": "none"}, {}),
        ({"node.kubernetes.io/instance-type": "m5.large"}, {}),
    ],
)
def test_what_only_looks_like_a_gpu_is_none(labels: dict[str, str], capacity: dict[str, object]) -> None:
    assert gpus_of(labels, capacity) is None


@pytest.mark.parametrize(
    ("labels", "capacity", "kind", "counts"),
    [
        ({f"{GFD}.product": "NVIDIA-H100-80GB-HBM3"}, {"nvidia.com/gpu": "8"}, WHOLE, {WHOLE: 8}),
        ({f"{GFD}.product": "NVIDIA-H100-80GB-HBM3", f"{GFD}.count": "8"}, {}, WHOLE, {WHOLE: 8}),
        ({f"{GFD}.product": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"}, {"nvidia.com/gpu": "7"}, MIG, {MIG: 7}),
        ({f"{GFD}.product": "NVIDIA-H100-80GB-HBM3"}, {"nvidia.com/gpu": "6", "nvidia.com/mig-3g.40gb": "4"}, MIG,
         {WHOLE: 6, MIG: 4}),
        ({"cloud.google.com/gke-gpu-partition-size": "1g.10gb"}, {"nvidia.com/gpu": "56"}, MIG, {MIG: 56}),
        ({f"{GFD}.product": "GRID-H100-40C"}, {"nvidia.com/gpu": "1"}, VGPU, {VGPU: 1}),
        ({f"{GFD}.product": "NVIDIA-A16-4Q"}, {"nvidia.com/gpu": "1"}, VGPU, {VGPU: 1}),
        ({"nvidia.com/vgpu.present": "true"}, {"nvidia.com/gpu": "2"}, VGPU, {VGPU: 2}),
        ({f"{GFD}.product": "NVIDIA-L40S-SHARED"}, {"nvidia.com/gpu": "16"}, SHARED, {SHARED: 16}),
        ({f"{GFD}.sharing-strategy": "mps", f"{GFD}.replicas": "4"}, {"nvidia.com/gpu": "32"}, SHARED, {SHARED: 32}),
        ({f"{GFD}.sharing-strategy": "none", f"{GFD}.replicas": "1"}, {"nvidia.com/gpu": "8"}, WHOLE, {WHOLE: 8}),
        ({}, {"nvidia.com/gpu.shared": "16"}, SHARED, {SHARED: 16}),
    ],
)  # fmt: skip
def test_gpus_are_counted_by_kind(
    labels: dict[str, str], capacity: dict[str, object], kind: str, counts: dict[str, int]
) -> None:
    found = gpus_of(labels, capacity)
    assert found is not None
    assert (found.kind, dict(found.counts)) == (kind, counts)


def test_a_gpu_that_only_a_dra_driver_publishes_is_one() -> None:
    found = gpus_of({}, {}, "NVIDIA H100 80GB HBM3")
    assert found is not None
    assert (found.model(), found.source) == ("h100", "ResourceSlice")


@pytest.mark.parametrize(
    ("labels", "capacity", "product"),
    [
        ({}, {"amd.com/gpu": "8"}, "AMD GPU"),
        ({"amd.com/gpu.product-name": "AMD_Instinct_MI300X"}, {"amd.com/gpu": "8"}, "AMD_Instinct_MI300X"),
        ({}, {"habana.ai/gaudi": "8"}, "Intel Gaudi"),
        ({}, {"gpu.intel.com/i915": "1"}, "Intel GPU"),
        ({}, {"amd.com/gpu": "1", "nvidia.com/gpu": "4"}, ""),
        ({"node.kubernetes.io/instance-type": "g6.xlarge"}, {"nvidia.com/gpu": "1"}, "L4"),
        ({"node.kubernetes.io/instance-type": "g5.xlarge"}, {"nvidia.com/gpu": "1"}, "A10G"),
        ({"node.kubernetes.io/instance-type": "p6-b300.48xlarge"}, {}, "B300"),
    ],
)
def test_a_gpu_that_no_recipe_is_for_has_a_name(
    labels: dict[str, str], capacity: dict[str, object], product: str
) -> None:
    found = gpus_of(labels, capacity)
    assert found is not None
    assert (found.product, found.model()) == (product, "")


@pytest.mark.parametrize("resource", ["GH100_H100_SXM5_80GB", "GA102GL_A10", "NVIDIA_A40-48C", "GRID_T4-2Q"])
def test_a_gpu_for_virtual_machines_is_a_gpu_of_a_model_that_nothing_names(resource: str) -> None:
    found = gpus_of({}, {f"nvidia.com/{resource}": "8"})
    assert found is not None
    assert found.model() == ""
    assert gpus_of({}, {f"nvidia.com/{resource}": "0"}) is None


@pytest.mark.parametrize("resource", ["hostdev", "mlnxnics", "cx7", "sriov_rdma_vf", "bf3", "vfpool"])
def test_a_network_device_is_no_gpu(resource: str) -> None:
    assert gpus_of({}, {f"nvidia.com/{resource}": "8"}) is None
