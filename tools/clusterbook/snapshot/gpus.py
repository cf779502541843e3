"""GPUs of a node, by what it has: resources to give, devices on its bus, and what clouds and operators label it with.

The GPU Operator's own label is one sign among many: Google's device plug-in, Karpenter and DRA set other ones.
Source: reference rows R2, S2, S9; the labels are those of their projects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from clusterbook.records import NamedTuple

ACCELERATORS = ("a100", "b200", "gb200", "gb300", "h100", "h200", "l40", "l40s", "rtx-pro-6000")
"""Source: reference row R2."""
PRODUCT_LABEL = "nvidia.com/gpu.product"
PRESENT_LABEL = "nvidia.com/gpu.present"
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
_SIGNS = ("kubernetes.azure.com/accelerator", "accelerator")
"""Labels that only say that there is a GPU: AKS, and what people set by hand."""
_VENDORS = ("nvidia", "amd", "intel")
_CAPACITY = "Node.status.capacity"
INSTANCE_LABEL = "node.kubernetes.io/instance-type"
_INSTANCES = (
    (r"p4d\.|p4de\.", "A100"), (r"p5\.", "H100"), (r"p5en?\.", "H200"), (r"p6-b200\.", "B200"),
    (r"p6-b300\.", "B300"), (r"p6e-gb200\.", "GB200"), (r"p6e-gb300\.", "GB300"), (r"g6e\.", "L40S"),
    (r"g7e\.", "RTX-PRO-6000"), (r"g6f?\.|gr6f?\.", "L4"), (r"g5\.", "A10G"), (r"g4dn\.", "T4"),
    (r"a2-", "A100"), (r"a3-(high|mega|edge)gpu-", "H100"), (r"a3-ultragpu-", "H200"), (r"a4-", "B200"),
    (r"a4x-max", "GB300"), (r"a4x-", "GB200"), (r"g2-", "L4"), (r"g4-", "RTX-PRO-6000"),
    (r"Standard_ND.*_(A100|H100|H200|GB200|GB300)_v\d", ""), (r"Standard_NC.*_(A100|H100)_v\d", ""),
    (r"Standard_ND96asr_v4", "A100"),
    (r"(?:BM|VM)\.GPU\.(A100|H100|H200|B200|GB200|GB300|L40S)\b", ""), (r"BM\.GPU4\.", "A100"),
)  # fmt: skip
"""Machine types of clouds whose GPU is known by name alone; "" takes the name out of the type."""
_PCI = re.compile(r"feature\.node\.kubernetes\.io/pci-(?:03\d\d_)?10de(?:_[0-9a-f]{4})*\.present")
_RESOURCES = re.compile(
    r"nvidia\.com/(?:gpu|gpu\.shared|pgpu|mig-.+)|amd\.com/gpu|gpu\.intel\.com/\w+|habana\.ai/gaudi"
)
_OTHERS = (("amd.com/", "AMD GPU"), ("gpu.intel.com/", "Intel GPU"), ("habana.ai/", "Intel Gaudi"))
"""Whose GPUs a resource is of, where no label names the model."""
_VGPU = r"-\d+[ABCQ](?:-SHARED)?$"
"""NVIDIA-A16-4Q: the profile of a virtual GPU."""

MIXED = "mixed"
"""Value of what a node's GPUs disagree about: neither of their values, so that no constraint holds by chance."""
WHOLE, MIG, VGPU, SHARED = "whole", "MIG", "vGPU", "shared"
KINDS = (WHOLE, MIG, VGPU, SHARED)


def tally(kinds: Mapping[str, int]) -> str:
    """Return GPUs by their kind in words: `16 whole, 14 MIG`."""
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


class Gpus(NamedTuple):
    """What a node has of GPUs. `product` is the model's name, "" where nothing names it; `source` what does.

    `counts` has how many of each kind the node has to give; () where it does not say.
    """

    product: str
    source: str
    counts: tuple[tuple[str, int], ...] = ()
    kind: str = WHOLE

    def model(self, known: Iterable[str] = ACCELERATORS) -> str:
        """Return the name that recipes have for the model, "" where they have none."""
        return accelerator_in(self.product, tuple(known))


def is_judged(label: str) -> bool:
    """Return whether a label says anything about GPUs."""
    return label in _LABELS or label.startswith(("nvidia.com/mig", "nvidia.com/vgpu")) or bool(_PCI.fullmatch(label))


_LABELS = frozenset((
    *MODEL_LABELS, *_SIGNS, PRESENT_LABEL, INSTANCE_LABEL, "nvidia.com/gpu.count", "nvidia.com/gpu.replicas",
    "nvidia.com/gpu.sharing-strategy", "cloud.google.com/gke-gpu-partition-size",
    "cloud.google.com/gke-gpu-sharing-strategy",
))  # fmt: skip


def gpus_of(labels: Mapping[str, str], capacity: Mapping[str, object], claimed: str | None = None) -> Gpus | None:
    """Return what a node has of GPUs, None where nothing says that it has any.

    Args:
        labels: those of the node.
        capacity: what its kubelet says it has.
        claimed: the product that a DRA driver publishes for it, "" for one without a name; None where none does.
    """
    given = {name: _count(amount) for name, amount in capacity.items() if _RESOURCES.fullmatch(name)}
    given = {name: count for name, count in given.items() if count}
    product, source = _product(labels, claimed, given)
    signs = labels.get(PRESENT_LABEL) == "true" or any(_PCI.fullmatch(key) and value == "true"
                                                        for key, value in labels.items())  # fmt: skip
    signs = signs or any(labels.get(key, "").lower().startswith(_VENDORS) for key in _SIGNS)
    if not (given or signs or product or claimed is not None):
        return None
    kind = _kind(labels, given, product)
    return Gpus(product, source, tuple(sorted(_counts_by_kind(given, kind, labels).items())), kind)


def _product(labels: Mapping[str, str], claimed: str | None, given: Mapping[str, int]) -> tuple[str, str]:
    """Return the name of the model, and what says it."""
    for key in MODEL_LABELS:
        if labels.get(key):
            return labels[key], key
    if claimed:
        return claimed, "ResourceSlice"
    machine = labels.get(INSTANCE_LABEL, "")
    for pattern, model in _INSTANCES:
        if found := re.match(pattern, machine):
            return model or found[1], INSTANCE_LABEL
    if accelerator_in(labels.get("accelerator", ""), ACCELERATORS):
        return labels["accelerator"], "accelerator"
    if given and not any(name.startswith("nvidia.com/") for name in given):
        return next((name for start, name in _OTHERS if any(each.startswith(start) for each in given)), ""), _CAPACITY
    return "", ""


def _kind(labels: Mapping[str, str], resources: Mapping[str, int], product: str) -> str:
    """Return whether what a pod is given is a whole GPU; a virtual one is cut before it is shared."""
    if product.startswith("GRID") or re.search(_VGPU, product) or labels.get("nvidia.com/vgpu.present") == "true":
        return VGPU
    partition = labels.get("cloud.google.com/gke-gpu-partition-size")
    if "-MIG-" in product or partition or any(name.startswith("nvidia.com/mig-") for name in resources):
        return MIG
    strategy = labels.get("nvidia.com/gpu.sharing-strategy", "none")
    replicas = labels.get("nvidia.com/gpu.replicas", "1")
    if (
        product.endswith("-SHARED")
        or "nvidia.com/gpu.shared" in resources
        or labels.get("cloud.google.com/gke-gpu-sharing-strategy")
        or (strategy != "none" and replicas not in ("0", "1"))
    ):
        return SHARED
    return WHOLE


def _counts_by_kind(resources: Mapping[str, int], kind: str, labels: Mapping[str, str]) -> dict[str, int]:
    """Return how many of each kind there are to give; where the resources say nothing, what the label counts."""
    counts: dict[str, int] = {}
    for name, count in resources.items():
        own = MIG if name.startswith("nvidia.com/mig-") else SHARED if name.endswith(".shared") else kind
        own = WHOLE if own == MIG and not name.startswith("nvidia.com/mig-") and len(resources) > 1 else own
        counts[own] = counts.get(own, 0) + count
    said = labels.get("nvidia.com/gpu.count", "")
    return counts or ({kind: int(said)} if said.isdecimal() and kind == WHOLE and int(said) else {})


def _count(amount: object) -> int:
    text = str(amount)
    return int(text) if text.isdecimal() and len(text) < 10 else 0


@lru_cache(maxsize=256)
def accelerator_in(product: str, known: tuple[str, ...]) -> str:
    """Return the accelerator that a product name speaks of, "" when it is none of `known`.

    Whole words are compared, so that GH200 is no H200 and L40S no L40; the longest name wins.
    """
    words = f"-{'-'.join(''.join(c if c.isalnum() else ' ' for c in product.lower()).split())}-"
    return next((name for name in sorted(known, key=len, reverse=True) if f"-{name}-" in words), "")
