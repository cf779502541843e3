"""Wording: criteria, constraints and phases as people say them.

What there are no words for is shown as it is written, never left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.catalog.criteria import ANY
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.snapshot.constraint import Expression, parse_expression

_NAMES = {
    "eks": "Amazon EKS",
    "aks": "Azure AKS",
    "gke": "Google GKE",
    "oke": "Oracle OKE",
    "lke": "Akamai LKE",
    "ocp": "OpenShift",
    "bcm": "Base Command Manager",
    "kind": "kind",
    "metal3": "Metal3",
    "ubuntu": "Ubuntu",
    "cos": "Container-Optimized OS",
    "ol": "Oracle Linux",
    "rhel": "RHEL",
    "amazonlinux": "Amazon Linux",
    "talos": "Talos",
    "training": "training",
    "inference": "inference",
    "kubeflow": "Kubeflow",
    "dynamo": "Dynamo",
    "nim": "NIM",
    "slurm": "Slurm",
    "rtx-pro-6000": "RTX PRO 6000",
}
_READINGS = {
    "K8s.server.version": "Kubernetes",
    "OS.release.ID": "The operating system",
    "OS.release.VERSION_ID": "The operating system's version",
    "OS.sysctl./proc/sys/kernel/osrelease": "The kernel",
    "GPU.smi.driver": "The GPU driver",
    "GPU.hardware.count": "The number of GPUs of a node",
}
_COMPARISONS = {
    ">=": "{} or newer",
    "<=": "at most {}",
    ">": "newer than {}",
    "<": "older than {}",
    "==": "{}",
    "!=": "not {}",
    "": "{}",
}
PHASES = {
    "readiness": "before anything is installed",
    "deployment": "after installation: is everything deployed",
    "conformance": "does it behave as the platform requires",
    "performance": "is it as fast as it should be",
}


def name(value: str) -> str:
    """Return how a criteria value is written for people; accelerators are written in capitals."""
    return _NAMES.get(value) or (value.upper() if any(character.isdigit() for character in value) else value)


def title(criteria: Mapping[str, str | int], chosen: Sequence[str] = ()) -> str:
    """Return the title of the recipe for `criteria`, of which `chosen` are the answers that are not the default."""
    order = ("accelerator", "service", "os", "intent", "platform")
    words = [name(str(criteria[key])) for key in order if key in criteria]
    if "nodes" in criteria:
        words.append(f"{criteria['nodes']} nodes")
    words += chosen
    text = " · ".join(words)
    return text[:1].upper() + text[1:] if text else "Any cluster"


def choice(values: Sequence[str], vocabulary: Sequence[str]) -> str:
    """Return in words which values of a dimension's `vocabulary` may be asked for; "any" is that none is named."""
    named = [value for value in values if value != ANY]
    if not named:
        return "not named"
    text = "any" if len(named) == len(vocabulary) else " or ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    return f"{text}{',' if len(named) > 1 else ''} or not named" if len(named) < len(values) else text


def meaning(reading: str, value: str) -> str:
    """Return a constraint as a sentence; one that cannot be read is shown as it is."""
    try:
        demand = _expression(parse_expression(value))
    except ClusterbookError:
        return f"{reading} {value}"
    return f"{_READINGS.get(reading, reading)} must be {demand}."


def _expression(expression: Expression) -> str:
    parts = [_expression(part) for part in expression.parts]
    if expression.op == "and":
        return " and ".join(parts)
    if expression.op in ("or", "in"):
        return " or ".join(parts)
    return _COMPARISONS[expression.op].format(expression.value)
