"""Clusters that nobody thought of one by one: snapshots made by dice, of readings, of nodes, and of labels alone."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.support import clusters

VERSIONS = (
    "v1.20.4", "v1.25.0", "v1.29.9-eks-1", "v1.30", "v1.31.6-gke.1064000", "v1.32.4", "v1.33.5-eks-3025e55",
    "v1.34.0-rc.1", "v1.34.0-RC2", "v1.33.0-0.nightly-1", "v1.34.1+rke2r1", "v1.33.0+k3s1", "newest", "",
    "1.33", "v2.0.0", "v1.34.1+k0s",
)  # fmt: skip
PROVIDERS = ("aws", "gce", "azure", "oci", "linode", "kind", "ocid1.instance.oc1", "somebodys", "", "aws:///us/i-1")
MODELS = (
    "NVIDIA H100 80GB HBM3", "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", "NVIDIA GB200", "NVIDIA B200", "NVIDIA H200",
    "NVIDIA A100-SXM4-40GB", "NVIDIA L40S", "NVIDIA L40", "NVIDIA-H100-SHARED", "GRID H100-20C", "NVIDIA GH200 480GB",
    "NVIDIA RTX PRO 6000 Blackwell Server Edition", "Tesla T4", "",
)  # fmt: skip
SYSTEMS = (
    ("ubuntu", "24.04"), ("ubuntu", "22.04.5"), ("Ubuntu", ""), ("rhel", "9.4"), ("rhcos", "4.18"), ("cos", "121"),
    ("amzn", "2023"), ("ol", "8.10"), ("talos", "v1.9.0"), ("debian", "12"), ("sles", "15.6"), ("", ""),
)  # fmt: skip
KERNELS = ("6.8.0-1031-aws", "5.4.0-1", "6.5", "6.8", "6.12.0-rc1", "6.8.0-061200rc1-generic", "new", "")
IMAGES = (
    "Ubuntu 24.04.3 LTS", "Ubuntu 22.04.5 LTS", "Container-Optimized OS from Google", "Amazon Linux 2023.6.20250107",
    "Red Hat Enterprise Linux CoreOS 418.94.202501221327-0", "Oracle Linux Server 8.10", "Talos (v1.9.0)",
    "Rocky Linux 9.4 (Blue Onyx)", "SUSE Linux Enterprise Server 15 SP6", "",
)  # fmt: skip
PARTS = (
    "objects/v1/Node", "measurements/K8s", "measurements/K8s.server", "measurements/GPU", "measurements/GPU.smi",
    "measurements/OS", "measurements/OS.release", "measurements/NodeTopology", "nodes", "measurements/GPU.hardware",
    "objects/resource.k8s.io/v1beta1/ResourceSlice",
)  # fmt: skip
STATES = ("absent", "partial", "skipped", "denied", "failed")
LABELS = (
    ("nvidia.com/gpu.product", MODELS), ("nvidia.com/gpu.present", ("true", "false")),
    ("cloud.google.com/gke-accelerator", ("nvidia-h100-80gb", "nvidia-b200")),
    ("node.kubernetes.io/instance-type", ("p5.48xlarge", "p5en.48xlarge", "a3-highgpu-8g", "Standard_ND96isr_H100_v5",
                                          "BM.GPU.H100.8", "m5.large", "p6e-gb200.36xlarge", "g6e.xlarge")),
    ("nvidia.com/gpu.replicas", ("1", "4")), ("nvidia.com/gpu.sharing-strategy", ("none", "time-slicing")),
    ("eks.amazonaws.com/nodegroup", ("x",)), ("kubernetes.azure.com/cluster", ("x",)),
    ("feature.node.kubernetes.io/system-os_release.ID", ("ubuntu", "rhel", "cos")),
    ("feature.node.kubernetes.io/system-os_release.VERSION_ID", ("24.04", "22.04", "9.4")),
)  # fmt: skip


def measured(dice: random.Random) -> dict[str, Any]:
    """Return a snapshot of readings alone."""
    name, version = dice.choice(SYSTEMS)
    groups = {
        "K8s": {"server": {"version": dice.choice(VERSIONS)}, "node": {"provider": dice.choice(PROVIDERS)}},
        "GPU": {"hardware": {"model": dice.choice(MODELS), "count": dice.choice((0, 1, 8))}},
        "OS": {"release": {"ID": name, "VERSION_ID": version},
               "sysctl": {"/proc/sys/kernel/osrelease": dice.choice(KERNELS)}},
    }  # fmt: skip
    measurements = [
        {"type": kind, "subtypes": [{"subtype": each, "data": data} for each, data in parts.items()
                                    if dice.random() < 0.9]}
        for kind, parts in groups.items()
        if dice.random() < 0.9
    ]  # fmt: skip
    fingerprint = {
        key: {"value": dice.choice(values)}
        for key, values in (
            ("service", ("eks", "gke", "x", "")),
            ("os", ("ubuntu", "cos")),
            ("accelerator", ("h100", "")),
        )
        if dice.random() < 0.1
    }
    return {"kind": "Snapshot", "fingerprint": fingerprint, "measurements": measurements, "coverage": gaps(dice)}


def gaps(dice: random.Random) -> list[dict[str, str]]:
    """Return what could not be seen, mostly nothing."""
    many = dice.choice((0, 0, 0, 1, 2))
    return [{"part": dice.choice(PARTS), "state": dice.choice(STATES), "reason": "no"} for _ in range(many)]


def cluster(dice: random.Random) -> dict[str, Any]:
    """Return a snapshot with the objects of a cluster, its nodes changed here and there."""
    taken = json.loads(json.dumps(clusters.FILES[dice.choice(("h100-eks", "gb200-eks"))]))
    taken["coverage"] = gaps(dice)
    if dice.random() < 0.8:
        taken["fingerprint"] = {}
    text = json.dumps(taken).replace("v1.33.5-eks-3025e55", dice.choice(VERSIONS) or "v1.33.5-eks-3025e55")
    taken = json.loads(text)
    for block in taken["objects"]:
        for node in block["items"] if block["kind"] == "Node" else ():
            for label, values in LABELS:
                if dice.random() < 0.08:
                    node["metadata"].setdefault("labels", {})[label] = dice.choice(values)
                elif dice.random() < 0.05:
                    node["metadata"].get("labels", {}).pop(label, None)
            info = node["status"]["nodeInfo"]
            if dice.random() < 0.15:
                info["osImage"] = dice.choice(IMAGES)
            if dice.random() < 0.1:
                info["kernelVersion"] = dice.choice(KERNELS)
            if dice.random() < 0.1:
                node.setdefault("spec", {})["providerID"] = f"{dice.choice(PROVIDERS)}:///x"
            if dice.random() < 0.1:
                node["status"]["allocatable"] = node["status"]["capacity"] = {"nvidia.com/mig-1g.10gb": "7"}
    return taken


def labelled(dice: random.Random) -> dict[str, Any]:
    """Return a snapshot whose nodes are known by their labels alone: key and value apart, as one word, or both.

    A label `pool.x` beside `pool` with the value `x` is what one word cannot tell apart.
    """
    nodes = [f"n{number}" for number in range(dice.choice((1, 3, 7)))]
    data: dict[str, str] = {"team": f"blue|{nodes[0]}"}
    items: list[dict[str, Any]] = []
    for key, values in dice.sample([*LABELS, *CLASHING], dice.randint(1, len(LABELS))):
        found: dict[str, list[str]] = {}
        for node in nodes:
            if dice.random() < 0.9:
                found.setdefault(dice.choice(values), []).append(node)
        for value, names in found.items():
            word, listed = key if len(found) == 1 else f"{key}.{value}", ",".join(names)
            listed += dice.choice(("", "", "", " (+2 more)"))
            data.setdefault(word, f"{value}|{listed}")
            at = {"node-list": listed} if dice.random() < 0.5 else {"node-list-ref": word}
            items.append({"context": {"key": key, "value": value}, "data": at})
    if dice.random() < 0.1:
        items = [{"context": {}, "data": {"node-list": nodes[0]}}, {"context": {"key": "x", "value": None}}, *items]
    label = {"subtype": "label", "data": data, "items": items}
    dropped = dice.choice(("", "", "data", "items"))
    server = {"subtype": "server", "data": {"version": dice.choice(VERSIONS)}}
    measurements = [
        {"type": "NodeTopology", "subtypes": [{key: value for key, value in label.items() if key != dropped}]},
        {"type": "K8s", "subtypes": [server]},
    ]
    return {"kind": "Snapshot", "measurements": measurements, "coverage": gaps(dice)}


CLASHING = (
    ("nvidia.com/gpu.product.NVIDIA-L40S", ("x", "NVIDIA-L40S")), ("nvidia.com/gpu.present.true", ("false",)),
    ("eks.amazonaws.com/nodegroup.true", ("y",)),
)  # fmt: skip
