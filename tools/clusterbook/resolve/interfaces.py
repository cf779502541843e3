"""Interfaces: to which network of a GKE cluster each network interface of a GPU node belongs, for GPUDirect-TCPXO.

Only whoever made the networks knows; a recipe that brings the runtime for them needs to be told. What is known here of
components is the reference's knowledge. Source: its ADR on typed choices, and the GKE pages on multi-network pods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from clusterbook.catalog.criteria import ANY
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.resolve.recipe import ComponentRef, RecipeResult

Document = dict[str, Any]
FLAG, VALUE = "--gke-tcpxo-interfaces", "tcpxoInterfaces"
_TRAINER, _INSTALLER = "kubeflow-trainer", "gke-nccl-tcpxo"
_RUNTIME = "torch-distributed-tcpxo"
_COUNT = 8
_INTERFACES = tuple(f"eth{number}" for number in range(1, _COUNT + 1))
_NETWORK = re.compile(r"[a-z]([-a-z0-9]{0,39}[a-z0-9])?")
_FORM = f"{_INTERFACES[0]}=NETWORK,…,{_INTERFACES[-1]}=NETWORK"
_FOR = {"service": "gke", "accelerator": "h100", "platform": "kubeflow"}


def read_interfaces(text: str) -> list[dict[str, str]]:
    """Return the interfaces and their networks in `eth1=NETWORK,…,eth8=NETWORK`, in the order given.

    Raises:
        InvalidRequest: it is not that, or one of them is missing or stands twice.
    """
    pairs = []
    for word in text.split(","):
        name, equals, network = (part.strip() for part in word.partition("="))
        if not equals:
            raise InvalidRequest(f"{FLAG}: '{word.strip()}' is not INTERFACE=NETWORK", hint=f"write {_FORM}")
        pairs.append({"interfaceName": name, "network": network})
    problem = problem_of(pairs)
    if problem:
        raise InvalidRequest(f"{FLAG}: {problem}", hint=f"write {_FORM}")
    return pairs


def problem_of(pairs: Any) -> str:
    """Return what is wrong with interfaces and their networks, "" when nothing is."""
    if not isinstance(pairs, Sequence) or isinstance(pairs, str) or len(pairs) != _COUNT:
        return f"{_COUNT} interfaces are needed, {_INTERFACES[0]} to {_INTERFACES[-1]}"
    seen: set[str] = set()
    for pair in pairs:
        said = pair if isinstance(pair, Mapping) else {}
        name, network = said.get("interfaceName"), said.get("network")
        if name not in _INTERFACES:
            return f"there is no interface '{name}'; the interfaces are {_INTERFACES[0]} to {_INTERFACES[-1]}"
        if not isinstance(network, str) or not _NETWORK.fullmatch(network):
            return f"'{network}' is not a network name: up to 41 lower-case letters, digits and dashes"
        if network == "default" or "gpu-nic" not in network:
            return f"the network '{network}' is not a GPU network, whose names contain gpu-nic"
        for word in (name, network):
            if word in seen:
                return f"'{word}' is given twice"
            seen.add(word)
    return ""


def ships_runtime(component: ComponentRef) -> bool:
    """Return whether a component brings the runtime that has to be told its networks."""
    files = (*component.manifests_before, *component.manifests_after)
    return any(_RUNTIME in path.rpartition("/")[2] for path in files)


def with_interfaces(recipe: Document, pairs: list[dict[str, str]]) -> Document:
    """Return a recipe that says to which network each interface belongs, in the values and as what was chosen.

    Raises:
        InvalidRequest: it has no use for that.
    """
    result = RecipeResult(recipe)
    reason = _uselessness(result)
    if reason:
        what = f"{result.slug or 'the recipe'} does not support {FLAG}: {reason}"
        raise InvalidRequest(what, hint=f"leave it out; it is for {', '.join(_FOR.values())} with {_INSTALLER}")
    components = []
    for component in result.components:
        document = dict(component.document)
        if component.name == _TRAINER:
            document |= {key: {**(document.get(key) or {}), VALUE: pairs} for key in ("values", "overrides")}
        components.append(document)
    configuration = recipe.get("configuration") or {}
    found = result.with_components(components)
    found["metadata"] = {key: value for key, value in recipe["metadata"].items() if key not in ("version", "digest")}
    found["configuration"] = {**configuration, "gke": {**(configuration.get("gke") or {}), VALUE: pairs}}
    return found


def _uselessness(recipe: RecipeResult) -> str:
    """Return why a recipe has no use for interfaces and their networks, "" when it has."""
    others = [f"{name} {recipe.criteria.get(name, ANY)}" for name in _FOR if recipe.criteria.get(name) != _FOR[name]]
    if others:
        return f"it is for {', '.join(others)}"
    parts = recipe.by_name
    missing = [name for name in (_TRAINER, _INSTALLER) if name not in parts or not recipe.deploys(parts[name])]
    if missing:
        return f"it does not deploy {', '.join(missing)}"
    return "" if ships_runtime(parts[_TRAINER]) else f"its {_TRAINER} brings no {_RUNTIME}"
