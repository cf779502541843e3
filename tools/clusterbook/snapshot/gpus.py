"""GPUs of a node, by what it has: resources to give, devices on its bus, and what clouds and operators label it with.

The GPU Operator's own label is one sign among many: Google's device plug-in, Karpenter and DRA set other ones.
Source: reference rows R2, S2, S9; the labels are those of their projects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from clusterbook.records import NamedTuple
from clusterbook.snapshot import recognition
from clusterbook.snapshot.recognition import ACCELERATORS

_CAPACITY = "Node.status.capacity"
_PCI = re.compile(recognition.PCI, re.ASCII)
_RESOURCES = re.compile(recognition.RESOURCES, re.ASCII)

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
    return label in _LABELS or label.startswith(recognition.KIND_LABELS) or bool(_PCI.match(label))


_LABELS = frozenset((
    *recognition.MODEL_LABELS, *recognition.SIGN_LABELS, recognition.PRESENT_LABEL, recognition.INSTANCE_LABEL,
    recognition.COUNT_LABEL, recognition.REPLICAS_LABEL, recognition.SHARING_LABEL, *recognition.PARTITION_LABELS,
    *recognition.SHARED_LABELS,
))  # fmt: skip


def gpus_of(labels: Mapping[str, str], capacity: Mapping[str, object], claimed: str | None = None) -> Gpus | None:
    """Return what a node has of GPUs, None where nothing says that it has any.

    Args:
        labels: those of the node.
        capacity: what its kubelet says it has.
        claimed: the product that a DRA driver publishes for it, "" for one without a name; None where none does.
    """
    given = {name: _count(amount) for name, amount in capacity.items() if _RESOURCES.match(name)}
    given = {name: count for name, count in given.items() if count}
    product, source = _product(labels, claimed, given)
    signs = labels.get(recognition.PRESENT_LABEL) == "true" or any(_PCI.match(key) and value == "true"
                                                                    for key, value in labels.items())  # fmt: skip
    named = (labels.get(key, "").lower() for key in recognition.SIGN_LABELS)
    signs = signs or any(each.startswith(recognition.VENDORS) for each in named)
    if not (given or signs or product or claimed is not None):
        return None
    kind = _kind(labels, given, product)
    return Gpus(product, source, tuple(sorted(_counts_by_kind(given, kind, labels).items())), kind)


def _product(labels: Mapping[str, str], claimed: str | None, given: Mapping[str, int]) -> tuple[str, str]:
    """Return the name of the model, and what says it."""
    for key in recognition.MODEL_LABELS:
        if labels.get(key):
            return labels[key], key
    if claimed:
        return claimed, "ResourceSlice"
    machine = labels.get(recognition.INSTANCE_LABEL, "")
    for pattern, model in recognition.INSTANCES:
        if found := re.match(pattern, machine, re.ASCII):
            return model or found[1], recognition.INSTANCE_LABEL
    declared = labels.get(recognition.DECLARED_LABEL, "")
    if accelerator_in(declared, ACCELERATORS):
        return declared, recognition.DECLARED_LABEL
    if given and not any(name.startswith(recognition.NVIDIA_RESOURCE) for name in given):
        others = (name for start, name in recognition.OTHERS if any(each.startswith(start) for each in given))
        return next(others, ""), _CAPACITY
    return "", ""


def _kind(labels: Mapping[str, str], resources: Mapping[str, int], product: str) -> str:
    """Return whether what a pod is given is a whole GPU; a virtual one is cut before it is shared."""
    virtual = re.match(recognition.VGPU_PRODUCT, product, re.ASCII)
    if virtual or labels.get(recognition.VGPU_LABEL) == "true":
        return VGPU
    sliced = re.match(recognition.MIG_PRODUCT, product) or any(labels.get(key) for key in recognition.PARTITION_LABELS)
    if sliced or any(name.startswith(recognition.MIG_RESOURCE) for name in resources):
        return MIG
    strategy = labels.get(recognition.SHARING_LABEL, "none")
    replicas = labels.get(recognition.REPLICAS_LABEL, "1")
    if (
        re.match(recognition.SHARED_PRODUCT, product)
        or recognition.SHARED_RESOURCE in resources
        or any(labels.get(key) for key in recognition.SHARED_LABELS)
        or (strategy != "none" and replicas not in ("0", "1"))
    ):
        return SHARED
    return WHOLE


def _counts_by_kind(resources: Mapping[str, int], kind: str, labels: Mapping[str, str]) -> dict[str, int]:
    """Return how many of each kind there are to give; where the resources say nothing, what the label counts."""
    counts: dict[str, int] = {}
    for name, count in resources.items():
        sliced = name.startswith(recognition.MIG_RESOURCE)
        own = MIG if sliced else SHARED if name.endswith(recognition.SHARED_ENDING) else kind
        own = WHOLE if own == MIG and not sliced and len(resources) > 1 else own
        counts[own] = counts.get(own, 0) + count
    said = labels.get(recognition.COUNT_LABEL, "")
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
