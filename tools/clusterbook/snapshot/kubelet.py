"""What the API says of one node: whose machine it is, what its kubelet runs, and its operating system.

Source: reference row S13; the labels of feature discovery copy os-release.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.records import Any
from clusterbook.snapshot import services
from clusterbook.snapshot.inventory import Object
from clusterbook.snapshot.recognition import OS_LABEL
from clusterbook.snapshot.systems import normalise_release, system_of_image


def as_map(value: object) -> Mapping[str, Any]:
    """Return a map that an object holds, {} where somebody damaged it."""
    return value if isinstance(value, Mapping) else {}


def account(node: Object) -> dict[str, str]:
    """Return K8s.node: what the API says of one node. Source: reference row S13."""
    return identity(node) | kubelet(node)


def identity(node: Object) -> dict[str, str]:
    """Return what the API says of a node that it has alone."""
    provider_id = str((node.get("spec") or {}).get("providerID") or "")
    scheme, _, _ = provider_id.partition("://")
    provider = scheme if "://" in provider_id or provider_id.startswith("ocid1") else ""
    found = {
        "source-node": str(node["metadata"].get("name") or ""),
        "provider": services.service_of(provider),
        "provider-id": provider_id,
    }
    return {key: value for key, value in found.items() if value}


SOFTWARE = ("containerRuntimeVersion", "kubeletVersion", "kernelVersion", "operatingSystem", "osImage")
"""What is read of a node's software."""


def kubelet(node: Object) -> dict[str, str]:
    """Return what its kubelet says of a node's software."""
    info = as_map((node.get("status") or {}).get("nodeInfo"))
    runtime, kubelet, kernel, family, image = (str(info.get(key) or "") for key in SOFTWARE)
    runtime_name, _, runtime_version = runtime.partition("://")
    found = {
        "container-runtime-id": runtime,
        "container-runtime-name": runtime_name,
        "container-runtime-version": runtime_version,
        "kubelet-version": kubelet,
        "kernel-version": kernel,
        "operating-system": family,
        "os-image": image,
    }
    return {key: value for key, value in found.items() if value}


def release(node: Object, labels: Mapping[str, str]) -> dict[str, str]:
    """Return OS.release as far as the API knows it: from feature discovery's labels, else from the image's name."""
    info = as_map((node.get("status") or {}).get("nodeInfo"))
    image = str(info.get("osImage") or "")
    by_image, by_label = system_of_image(image), os_release(labels)
    found = {
        "ID": by_label.get("ID") or by_image.id,
        "VERSION_ID": by_label.get("VERSION_ID")
        or (by_image.version if by_label.get("ID", by_image.id) == by_image.id else ""),
        "PRETTY_NAME": image,
        "KERNEL_VERSION": str(info.get("kernelVersion") or ""),
        "OPERATING_SYSTEM": str(info.get("operatingSystem") or ""),
        "Source": "kubernetes-node-info",
    }
    return {key: value for key, value in found.items() if value} if found["ID"] else {}


def os_release(labels: Mapping[str, str]) -> dict[str, str]:
    """Return ID and VERSION_ID as feature discovery read them from os-release."""
    said = {
        key: labels[f"{OS_LABEL}{key}"]
        for key in ("ID", "VERSION_ID", "RHEL_VERSION")
        if labels.get(f"{OS_LABEL}{key}")
    }
    return {key: value for key, value in normalise_release(said).items() if key != "RHEL_VERSION"}
