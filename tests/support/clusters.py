# ruff: noqa: E501 (a workload a line)
"""Clusters that do not exist: snapshots as collectors would take them, healthy, at any size.

Names of workloads, kinds and labels are those of the catalog's charts; figures are those of the reference rows S1-S16;
identifiers are made up, the addresses and domains those set aside for documentation. `tests/snapshots/` holds three of
them as files, for people and as text to mutate; a test holds that they are what is made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
TAKEN = "2026-07-14T08:30:00Z"

# namespace, workloads as kind/name/labels/pods; a DaemonSet with 0 pods runs on every GPU node
WORKLOADS: tuple[tuple[str, str, str, Mapping[str, str], int], ...] = (
    ("kube-system", "Deployment", "ebs-csi-controller", {"app.kubernetes.io/name": "aws-ebs-csi-driver"}, 2),
    ("kube-system", "DaemonSet", "ebs-csi-node", {"app.kubernetes.io/name": "aws-ebs-csi-driver"}, 0),
    ("kube-system", "DaemonSet", "aws-efa-k8s-device-plugin", {"app.kubernetes.io/name": "aws-efa-k8s-device-plugin"}, 0),
    ("cert-manager", "Deployment", "cert-manager", {"app": "cert-manager"}, 1),
    ("cert-manager", "Deployment", "cert-manager-cainjector", {"app": "cainjector"}, 1),
    ("cert-manager", "Deployment", "cert-manager-webhook", {"app": "webhook"}, 1),
    ("gpu-operator", "Deployment", "gpu-operator", {"app": "gpu-operator", "app.kubernetes.io/version": "v26.7.1"}, 1),
    ("gpu-operator", "DaemonSet", "nvidia-dcgm-exporter", {"app": "nvidia-dcgm-exporter"}, 0),
    ("gpu-operator", "DaemonSet", "nvidia-device-plugin-daemonset", {"app": "nvidia-device-plugin-daemonset"}, 0),
    ("gpu-operator", "DaemonSet", "nvidia-driver-daemonset", {"app": "nvidia-driver-daemonset"}, 0),
    ("node-feature-discovery", "Deployment", "nfd-node-feature-discovery-master", {"role": "master"}, 1),
    ("node-feature-discovery", "Deployment", "nfd-node-feature-discovery-gc", {"role": "gc"}, 1),
    ("node-feature-discovery", "DaemonSet", "nfd-node-feature-discovery-worker", {"role": "worker"}, 0),
    ("monitoring", "Deployment", "kube-prometheus-operator", {"app.kubernetes.io/name": "kube-prometheus-stack"}, 1),
    ("monitoring", "Deployment", "prometheus-adapter", {"app.kubernetes.io/name": "prometheus-adapter"}, 1),
    ("monitoring", "Deployment", "k8s-ephemeral-storage-metrics", {"app.kubernetes.io/name": "k8s-ephemeral-storage-metrics"}, 1),
    ("monitoring", "StatefulSet", "prometheus-kube-prometheus-prometheus", {"app.kubernetes.io/name": "prometheus"}, 1),
    ("monitoring", "StatefulSet", "alertmanager-kube-prometheus-alertmanager", {"app.kubernetes.io/name": "alertmanager"}, 1),
    *(
        ("kai-scheduler", "Deployment", name, {"app": name}, 1)
        for name in ("kai-operator", "kai-scheduler-default", "admission", "binder", "pod-grouper", "podgroup-controller",
                     "queue-controller")
    ),
    ("kubeflow", "Deployment", "kubeflow-trainer-controller-manager", {"app.kubernetes.io/name": "trainer"}, 1),
    ("kubeflow", "Deployment", "jobset-controller", {"app.kubernetes.io/name": "jobset"}, 1),
    ("nodewright", "Deployment", "skyhook-operator-controller-manager", {"control-plane": "controller-manager"}, 1),
    ("nvidia-dra-driver", "Deployment", "nvidia-dra-driver-gpu-controller", {"app": "dra"}, 1),
    ("nvidia-dra-driver", "DaemonSet", "nvidia-dra-driver-gpu-kubelet-plugin", {"app": "dra"}, 0),
    ("nvsentinel", "Deployment", "labeler", {"app.kubernetes.io/name": "nvsentinel"}, 1),
    ("nvsentinel", "DaemonSet", "nvsentinel-gpu-health-monitor", {"app.kubernetes.io/name": "nvsentinel"}, 0),
)  # fmt: skip
RELEASES = (
    ("aws-ebs-csi-driver", "kube-system", "aws-ebs-csi-driver", "2.59.0"),
    ("aws-efa", "kube-system", "aws-efa-k8s-device-plugin", "v0.5.29"),
    ("cert-manager", "cert-manager", "cert-manager", "v1.20.2"),
    ("gpu-operator", "gpu-operator", "gpu-operator", "v26.7.1"),
    ("k8s-ephemeral-storage-metrics", "monitoring", "k8s-ephemeral-storage-metrics", "1.19.2"),
    ("kai-scheduler", "kai-scheduler", "kai-scheduler", "v0.16.9"),
    ("kube-prometheus-stack", "monitoring", "kube-prometheus-stack", "84.4.0"),
    ("kubeflow-trainer", "kubeflow", "kubeflow-trainer", "2.2.0"),
    ("nfd", "node-feature-discovery", "node-feature-discovery", "0.19.0"),
    ("nodewright-customizations", "nodewright", "nodewright-customizations", "0.1.0"),
    ("nodewright-operator", "nodewright", "nodewright", "v0.19.0"),
    ("nvidia-dra-driver-gpu", "nvidia-dra-driver", "dra-driver-nvidia-gpu", "0.5.0"),
    ("nvsentinel", "nvsentinel", "nvsentinel", "v1.25.0"),
    ("prometheus-adapter", "monitoring", "prometheus-adapter", "5.3.0"),
    ("prometheus-operator-crds", "monitoring", "prometheus-operator-crds", "28.0.1"),
)
KINDS = (
    "certificates.cert-manager.io", "clusterissuers.cert-manager.io", "issuers.cert-manager.io",
    "clusterpolicies.nvidia.com", "queues.scheduling.run.ai", "podgroups.scheduling.run.ai",
    *(f"{kind}.monitoring.coreos.com" for kind in (
        "alertmanagerconfigs", "alertmanagers", "podmonitors", "probes", "prometheusagents", "prometheuses",
        "prometheusrules", "scrapeconfigs", "servicemonitors", "thanosrulers")),
    "nodewrights.nodewright.nvidia.com", "trainjobs.trainer.kubeflow.org", "computedomains.resource.nvidia.com",
    "clustertrainingruntimes.trainer.kubeflow.org", "trainingruntimes.trainer.kubeflow.org", "jobsets.jobset.x-k8s.io",
)  # fmt: skip

Document = dict[str, Any]


def eks(
    *, product: str = "NVIDIA-H100-80GB-HBM3", model: str = "h100", nodes: int = 4, pods_a_node: int = 0
) -> Document:
    """Return a healthy EKS cluster that the training recipe with Kubeflow has been deployed to.

    Args:
        product: what GPU feature discovery calls the GPU.
        model: what the PCI ids say.
        nodes: how many GPU nodes there are; two more run the system's own workloads.
        pods_a_node: pods of workloads of the cluster's users, on each GPU node.
    """
    names = [f"ip-10-0-{number // 250}-{number % 250 + 4}.us-west-2.compute.internal" for number in range(nodes + 2)]
    gpu_nodes = names[2:]
    objects = [*_nodes(names, gpu_nodes, product, 8 if model == "h100" else 4)]
    objects += [*_workloads(gpu_nodes), *_cluster_wide(gpu_nodes)]
    objects += [_users_pods(gpu_nodes, pods_a_node)] if pods_a_node else []
    return {
        "apiVersion": "clusterbook.dev/v1alpha1",
        "kind": "Snapshot",
        "metadata": {"timestamp": TAKEN, "version": "0.1.0", "source-node": gpu_nodes[0]},
        "fingerprint": {
            "service": {"value": "eks", "source": "K8s.server.version"},
            "accelerator": {"value": model, "source": "NodeTopology.label.nvidia.com/gpu.product"},
            "gpuModel": {"value": product, "source": "NodeTopology.label.nvidia.com/gpu.product"},
            "os": {"value": "ubuntu", "version": "24.04", "source": "OS.release.ID"},
            "k8sVersion": {"value": "v1.33.5-eks-3025e55", "source": "K8s.server.version"},
            "region": {"value": "us-west-2", "source": "NodeTopology.label.topology.kubernetes.io/region"},
            "nodeCount": {"value": nodes + 2, "source": "NodeTopology.summary.node-count"},
            "gpuNodeCount": {"value": nodes, "source": "Node.status.capacity"},
            "gpus": {"value": f"{nodes * (8 if model == 'h100' else 4)} whole", "source": "Node.status.capacity"},
        },
        "measurements": [*_machine(model, 8 if model == "h100" else 4), *_kubernetes(names, gpu_nodes, product)],
        "objects": _grouped(objects),
        "releases": [
            {"name": name, "namespace": namespace, "chart": chart, "version": version, "status": "deployed", "revision": 1}
            for name, namespace, chart, version in RELEASES
        ],
        "coverage": [],
    }  # fmt: skip


def bare() -> Document:
    """Return one Linux machine with GPUs and no cluster around it."""
    document = eks(nodes=1)
    return {
        "apiVersion": "clusterbook.dev/v1alpha1",
        "kind": "Snapshot",
        "metadata": {"timestamp": TAKEN, "version": "0.1.0", "source-node": "bench-07.example.org"},
        "fingerprint": {
            "accelerator": {"value": "h100", "source": "GPU.hardware.model"},
            "os": {"value": "ubuntu", "version": "24.04", "source": "OS.release.ID"},
        },
        "measurements": document["measurements"][:3],
        "coverage": [
            {"part": "measurements/K8s", "state": "absent", "reason": "no cluster: no kubeconfig and not in a pod"},
            {"part": "measurements/NodeTopology", "state": "absent", "reason": "no cluster"},
            {"part": "releases", "state": "skipped", "reason": "no cluster"},
        ],
    }


def _machine(model: str, gpus: int) -> list[Document]:
    """Return what the node itself shows: GPU, OS, SystemD."""
    unit = {"ActiveState": "active", "SubState": "running", "UnitFileState": "enabled", "MainPID": 1873}
    sysctl = {
        "/proc/sys/kernel/osrelease": "6.8.0-1031-aws",
        "/proc/sys/kernel/hostname": "ip-10-0-0-6",
        "/proc/sys/kernel/random/boot_id": "3f0b5d1e-8a7c-4a52-9d13-6e1f0c2b7a94",
        "/proc/sys/vm/max_map_count": "1048576",
        "/proc/sys/fs/inotify/max_user_instances": "8192",
        "/proc/sys/kernel/numa_balancing": "0",
    }
    release = {"ID": "ubuntu", "VERSION_ID": "24.04", "NAME": "Ubuntu", "VERSION_CODENAME": "noble"}
    hardware = {
        "gpu-present": True,
        "gpu-count": gpus,
        "driver-loaded": True,
        "detection-source": "pci",
        "model": model,
    }
    details = {"driver-version": "580.82.07", "cuda-version": "13.0", "mig-mode": "Disabled", "ecc-mode": "Enabled"}
    each = [
        {
            "context": {"pci-address": f"0000:{0x53 + number * 16:02x}:00.0"},
            "data": {"index": number, "uuid": f"GPU-8f1c0a2e-1111-4222-8333-{number:012d}", "serial": f"16512200{number:05d}"},
        }
        for number in range(gpus)
    ]  # fmt: skip
    return [
        {
            "type": "GPU",
            "subtypes": [{"subtype": "hardware", "data": hardware}, {"subtype": "smi", "data": details, "items": each}],
        },
        {
            "type": "OS",
            "subtypes": [
                {"subtype": "grub", "data": {"BOOT_IMAGE": "/boot/vmlinuz-6.8.0-1031-aws", "hugepages": "5128"}},
                {"subtype": "kmod", "data": {"nvidia": True, "nvidia_uvm": True, "efa": True, "br_netfilter": True}},
                {"subtype": "release", "data": release},
                {"subtype": "sysctl", "data": sysctl},
            ],
        },
        {
            "type": "SystemD",
            "subtypes": [
                {"subtype": "containerd.service", "data": unit},
                {"subtype": "kubelet.service", "data": {**unit, "MainPID": 2041}},
            ],
        },
    ]


def _kubernetes(names: Sequence[str], gpu_nodes: Sequence[str], product: str) -> list[Document]:
    """Return what the API server shows: K8s and NodeTopology."""
    everywhere, on_gpu = ",".join(names), ",".join(gpu_nodes)
    labels = {
        "kubernetes.io/arch": f"amd64|{everywhere}",
        "topology.kubernetes.io/region": f"us-west-2|{everywhere}",
        "nvidia.com/gpu.present": f"true|{on_gpu}",
        "nvidia.com/gpu.product": f"{product}|{on_gpu}",
        "alpha.eksctl.io/cluster-name": f"blue-whale|{everywhere}",
    }
    node = {
        "source-node": gpu_nodes[0],
        "provider": "eks",
        "provider-id": "aws:///us-west-2b/i-0a1b2c3d4e5f60718",
        "container-runtime-name": "containerd",
        "container-runtime-version": "2.1.4",
        "kubelet-version": "v1.33.5-eks-3025e55",
        "kernel-version": "6.8.0-1031-aws",
        "operating-system": "linux",
        "os-image": "Ubuntu 24.04.3 LTS",
    }
    summary = {"node-count": len(names), "taint-count": 1, "label-count": len(labels)}
    return [
        {
            "type": "K8s",
            "subtypes": [
                {"subtype": "image", "data": {"gpu-operator": "v26.7.1", "cert-manager-controller": "v1.20.2"}},
                {"subtype": "node", "data": node},
                {"subtype": "server", "data": {"version": "v1.33.5-eks-3025e55", "platform": "linux/amd64"}},
            ],
        },
        {
            "type": "NodeTopology",
            "subtypes": [
                {"subtype": "label", "data": labels},
                {"subtype": "summary", "data": summary},
                {"subtype": "taint", "data": {"nvidia.com/gpu": f"NoSchedule||{on_gpu}"}},
            ],
        },
    ]


def _nodes(
    names: Sequence[str], gpu_nodes: Sequence[str], product: str, gpus: int
) -> Iterable[tuple[str, str, Document]]:
    """Yield (apiVersion, kind, object) of the nodes, as far as collectors keep them."""
    info = {
        "architecture": "amd64",
        "containerRuntimeVersion": "containerd://2.1.4",
        "kernelVersion": "6.8.0-1031-aws",
        "kubeletVersion": "v1.33.5-eks-3025e55",
        "operatingSystem": "linux",
        "osImage": "Ubuntu 24.04.3 LTS",
    }
    taint = {"effect": "NoSchedule", "key": "nvidia.com/gpu"}
    for number, name in enumerate(names):
        spec: Document = {"providerID": f"aws:///us-west-2b/i-0a1b2c3d4e5f6{number:04x}"}
        capacity, metadata = {"cpu": "192"}, {"name": name}
        if name in gpu_nodes:
            metadata |= {"labels": {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.product": product}}
            spec["taints"], capacity["nvidia.com/gpu"] = [taint], str(gpus)
        status = {"capacity": capacity, "conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": info}
        yield "v1", "Node", {"metadata": metadata, "spec": spec, "status": status}


def _workloads(gpu_nodes: Sequence[str]) -> Iterable[tuple[str, str, Document]]:
    """Yield (apiVersion, kind, object) of the workloads and their pods."""
    for number, (namespace, kind, name, labels, count) in enumerate(WORKLOADS):
        replicas = count or len(gpu_nodes)
        counts = {
            **dict.fromkeys(
                ("Deployment", "StatefulSet"), ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")
            ),
            "DaemonSet": ("desiredNumberScheduled", "numberReady", "numberAvailable", "updatedNumberScheduled"),
        }[kind]
        status = {"observedGeneration": 1, **dict.fromkeys(counts, replicas)}
        image = f"registry.example.org/{name}:v26.7.1"
        spec = {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}
        spec |= {} if kind == "DaemonSet" else {"replicas": replicas}
        metadata = {"name": name, "namespace": namespace, "labels": dict(labels), "generation": 1}
        yield "apps/v1", kind, {"metadata": metadata, "spec": spec, "status": status}
        for ordinal in range(replicas):
            node = gpu_nodes[ordinal % len(gpu_nodes)]
            yield "v1", "Pod", _pod(namespace, f"{name}-{number:02x}{ordinal:04x}", labels, node)


def _pod(namespace: str, name: str, labels: Mapping[str, str], node: str) -> Document:
    """Return a pod that runs."""
    container = {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": TAKEN}}}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {"nodeName": node},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [container],
        },
    }


def _users_pods(gpu_nodes: Sequence[str], pods_a_node: int) -> tuple[str, str, list[Document]]:
    pods = [
        _pod(f"team-{number % 40}", f"job-{number}-{ordinal}", {"app": "train"}, node)
        for number, node in enumerate(gpu_nodes)
        for ordinal in range(pods_a_node)
    ]
    return "v1", "Pod", pods


def _cluster_wide(gpu_nodes: Sequence[str]) -> Iterable[tuple[str, str, Document]]:
    """Yield (apiVersion, kind, object) of everything that is no workload."""
    available = {"conditions": [{"type": "Available", "status": "True"}]}
    for namespace in sorted({namespace for namespace, *_ in WORKLOADS}):
        yield "v1", "Namespace", {"metadata": {"name": namespace}, "status": {"phase": "Active"}}
    for name in KINDS:
        conditions = [{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}]
        yield (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"metadata": {"name": name}, "status": {"conditions": conditions}},
        )
    yield "nvidia.com/v1", "ClusterPolicy", {"metadata": {"name": "cluster-policy"}, "status": {"state": "ready"}}
    yield (
        "nodewright.nvidia.com/v1alpha1",
        "NodeWright",
        {"metadata": {"name": "tuning"}, "status": {"status": "complete"}},
    )
    for kind, name in (("Prometheus", "kube-prometheus-prometheus"), ("Alertmanager", "kube-prometheus-alertmanager")):
        yield (
            "monitoring.coreos.com/v1",
            kind,
            {"metadata": {"name": name, "namespace": "monitoring"}, "status": available},
        )
    for name in ("v1beta1.metrics.k8s.io", "v1beta1.custom.metrics.k8s.io"):
        yield "apiregistration.k8s.io/v1", "APIService", {"metadata": {"name": name}, "status": available}
    yield "trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime", {"metadata": {"name": "torch-distributed"}}
    for node in gpu_nodes:
        slice_ = {"metadata": {"name": f"{node}-compute-domain"}, "spec": {"driver": "compute-domain.nvidia.com"}}
        yield "resource.k8s.io/v1", "ResourceSlice", {**slice_, "spec": {**slice_["spec"], "nodeName": node}}


def _grouped(objects: Iterable[tuple[str, str, Any]]) -> list[Document]:
    """Return the `objects` block: kinds in the order of their first object."""
    found: dict[tuple[str, str], list[Document]] = {}
    for api_version, kind, each in objects:
        found.setdefault((api_version, kind), []).extend(each if isinstance(each, list) else [each])
    return [{"apiVersion": version, "kind": kind, "items": items} for (version, kind), items in found.items()]


FILES: dict[str, Document] = {
    "h100-eks": eks(),
    "gb200-eks": eks(product="NVIDIA-GB200", model="gb200", nodes=2),
    "bare-node": bare(),
}
"""What tests/snapshots/ holds."""
