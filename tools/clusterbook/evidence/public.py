"""What of a snapshot is public: the readings, labels and parts of objects that say what a cluster is, and not whose."""

from __future__ import annotations

from typing import Any

from clusterbook.snapshot.recognition import MODEL_LABELS, PARTITION_LABELS, SHARED_LABELS, SIGN_LABELS

Document = dict[str, Any]

READINGS = (
    "K8s.server.version", "K8s.server.platform", "K8s.server.goVersion",
    "K8s.node.source-node", "K8s.node.provider", "K8s.node.container-runtime-*", "K8s.node.kubelet-version",
    "K8s.node.kernel-version", "K8s.node.operating-system", "K8s.node.os-image",
    "K8s.policy.*.enabled", "K8s.policy.*.version", "K8s.policy.*state",
    "GPU.hardware.gpu-present", "GPU.hardware.gpu-count", "GPU.hardware.driver-loaded",
    "GPU.hardware.detection-source", "GPU.hardware.model", "GPU.hardware.product", "GPU.hardware.device-id",
    "GPU.hardware.driver", "GPU.hardware.driver-version", "GPU.smi.gpu-count", "GPU.smi.architecture",
    "GPU.smi.mig-*", "GPU.smi.ecc-*", "GPU.smi.remapped-*", "GPU.smi.power-limit", "GPU.smi.fabric-*",
    "GPU.smi.pcie-*", "GPU.smi.recovery-action",
    "GPU.smi.index", "GPU.smi.name", "GPU.smi.*-version", "GPU.smi.*-mode", "GPU.smi.memory*", "GPU.smi.clock*",
    "OS.release.ID", "OS.release.ID_LIKE", "OS.release.NAME", "OS.release.PRETTY_NAME", "OS.release.VERSION*",
    "OS.kmod.*", "OS.extensions.*",
    "OS.sysctl./proc/sys/vm/*", "OS.sysctl./proc/sys/fs/*", "OS.sysctl./proc/sys/kernel/osrelease",
    "OS.sysctl./proc/sys/kernel/ostype", "OS.sysctl./proc/sys/kernel/numa_balancing*",
    "OS.sysctl./proc/sys/kernel/sched_*", "OS.sysctl./proc/sys/kernel/pid_max",
    "OS.sysctl./proc/sys/kernel/threads-max", "OS.sysctl./proc/sys/kernel/shm*", "OS.sysctl./proc/sys/kernel/panic*",
    "OS.sysctl./proc/sys/kernel/perf_event_*", "OS.sysctl./proc/sys/kernel/kptr_restrict",
    "OS.sysctl./proc/sys/kernel/unprivileged_bpf_disabled",
    "OS.grub.*hugepage*", "OS.grub.*iommu*", "OS.grub.isolcpus", "OS.grub.nohz*", "OS.grub.rcu_*",
    "OS.grub.mitigations", "OS.grub.numa_balancing", "OS.grub.init_on_alloc", "OS.grub.pci",
    "OS.grub.systemd.unified_cgroup_hierarchy",
    "SystemD.*.ActiveState", "SystemD.*.SubState", "SystemD.*.LoadState", "SystemD.*.UnitFileState",
    "SystemD.*.Result", "SystemD.*.Type", "SystemD.*.Restart", "SystemD.*.Limit*", "SystemD.*.Version",
    "NodeTopology.summary.*-count",
    "NetworkTopology.identity.machineType", "NetworkTopology.identity.gpuType", "NetworkTopology.identity.linkType",
    "NetworkTopology.identity.*-count", "NetworkTopology.capabilities.*", "NetworkTopology.pfs.deviceID",
    "NetworkTopology.pfs.model", "NetworkTopology.pfs.rail", "NetworkTopology.pfs.numaNode",
    "NetworkTopology.kernel-modules.*", "NetworkTopology.pfs.traffic", "NetworkTopology.pfs.gpuProximity",
    "Performance.*", "Checks.*.result",
)  # fmt: skip
"""The readings that stay; those of a list's elements are spelled like those of its group."""
NODE_KEYS = (
    "nvidia.com/*", "feature.node.kubernetes.io/*", "kubernetes.io/arch", "kubernetes.io/os",
    "node.kubernetes.io/instance-type", "topology.kubernetes.io/region", "extensions.talos.dev/*",
)  # fmt: skip
"""The labels and taints of nodes that stay."""
NODE_INFO = (
    "architecture",
    "containerRuntimeVersion",
    "kernelVersion",
    "kubeletVersion",
    "operatingSystem",
    "osImage",
)
RESOURCES = ("nvidia.com/*", "amd.com/gpu", "gpu.intel.com/*", "habana.ai/gaudi")
"""What of a node's own account, and which of its resources, stay."""
NODE_VALUES = (
    *NODE_KEYS, *MODEL_LABELS, *SIGN_LABELS, *PARTITION_LABELS, *SHARED_LABELS, "node.openshift.io/os_id",
    "eks.amazonaws.com/compute-type",
)  # fmt: skip
"""The labels of nodes whose values stay; of the others that judging asks for, such as pools, a pseudonym does."""
LABELS = (
    "app", "k8s-app", "name", "role", "component", "control-plane", "app.kubernetes.io/*",
    "gateway.networking.k8s.io/gateway-name", "helm.sh/chart",
)  # fmt: skip
"""The labels of objects that stay: those that programs set and health checks select by."""
CONTAINER: Document = {
    "ready": "", "restartCount": "",
    "state": {"waiting": {"reason": ""}, "running": {}, "terminated": {"reason": "", "exitCode": ""}},
}  # fmt: skip
DEVICE: Document = {"attributes": {"productName": {"string": ""}}}
OBJECT: Document = {
    "metadata": {"name": "name", "namespace": "", "labels": LABELS, "generation": "", "deletionTimestamp": ""},
    "spec": {
        "replicas": "", "driver": "driver", "nodeName": "", "devices": [{**DEVICE, "basic": DEVICE}],
        "template": {"spec": {"containers": [{"image": "image"}]}},
    },
    "status": {
        "phase": "", "state": "", "status": "", "replicas": "", "readyReplicas": "", "availableReplicas": "",
        "updatedReplicas": "", "unavailableReplicas": "", "observedGeneration": "", "updatedNumberScheduled": "",
        "desiredNumberScheduled": "", "currentNumberScheduled": "",
        "numberReady": "", "numberAvailable": "", "numberUnavailable": "", "succeeded": "", "failed": "", "active": "",
        "conditions": [{"type": "", "status": "", "reason": ""}],
        "initContainerStatuses": [CONTAINER], "containerStatuses": [CONTAINER],
    },
}  # fmt: skip
"""What stays of an object: keys below keys, a list's one element for all of them, patterns for a map's keys, "" for a
scalar, else what kind of word it is."""
