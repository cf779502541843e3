"""What nodes say, together and one by one."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.collect.cluster.nodes import Nodes


def node(name: str, *, labels: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    info = {
        "osImage": "Ubuntu 24.04.3 LTS",
        "kernelVersion": "6.8.0",
        "kubeletVersion": "v1.36.3",
        "containerRuntimeVersion": "containerd://2.1.5",
        "operatingSystem": "linux",
    }
    spec = {"providerID": more.pop("provider", "aws:///us-east-2a/i-1"), "taints": more.pop("taints", [])}
    status = {"nodeInfo": info | more, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec, "status": status}


def told(*nodes: dict[str, Any], own: str = "") -> Nodes:
    found = Nodes()
    for each in nodes:
        found.add(each, own)
    return found


def test_a_label_is_written_with_its_nodes_and_split_by_its_values() -> None:
    found = told(
        node("b", labels={"arch": "amd64", "zone": "z"}),
        node("a", labels={"arch": "arm64", "zone": "z"}),
        node("c", labels={"arch": "amd64"}),
    ).topology()
    assert found["label"].data == {"arch.amd64": "amd64|b,c", "arch.arm64": "arm64|a", "zone": "z|a,b"}
    assert found["summary"].data == {"node-count": 3, "taint-count": 0, "label-count": 3}


def test_a_list_of_nodes_is_cut_where_that_is_asked_for() -> None:
    found = told(*(node(f"n{number}", labels={"x": "y"}) for number in range(5))).topology(most=2)
    assert found["label"].data == {"x": "y|n0,n1 (+3 more)"}


def test_taints_are_split_by_effect_and_by_value_where_they_differ() -> None:
    one = {"key": "gpu", "effect": "NoSchedule"}
    other = {"key": "gpu", "effect": "NoExecute", "value": "full"}
    assert told(node("a", taints=[one])).topology()["taint"].data == {"gpu": "NoSchedule||a"}
    found = told(node("a", taints=[one]), node("b", taints=[other])).topology()["taint"].data
    assert found == {"gpu.NoSchedule": "|a", "gpu.NoExecute": "full|b"}
    third = {**other, "value": "half"}
    found = told(node("b", taints=[other]), node("c", taints=[third])).topology()["taint"].data
    assert found == {"gpu.NoExecute.full": "full|b", "gpu.NoExecute.half": "half|c"}


def test_the_node_that_was_asked_for_speaks_for_itself() -> None:
    gpu = {"nvidia.com/gpu.present": "true"}
    nodes = (node("a"), node("c", labels=gpu), node("b", labels=gpu))
    assert told(*nodes).name == "b"
    assert told(*nodes, own="a").name == "a"
    assert told(*nodes, own="gone").name == "a"
    assert told().node() == {}


def test_a_node_says_who_made_it_and_what_it_runs() -> None:
    assert told(node("a")).node()["K8s"]["node"].data == {
        "source-node": "a",
        "provider": "eks",
        "provider-id": "aws:///us-east-2a/i-1",
        "container-runtime-id": "containerd://2.1.5",
        "container-runtime-name": "containerd",
        "container-runtime-version": "2.1.5",
        "kubelet-version": "v1.36.3",
        "kernel-version": "6.8.0",
        "operating-system": "linux",
        "os-image": "Ubuntu 24.04.3 LTS",
    }


@pytest.mark.parametrize(
    ("provider_id", "service"),
    [
        ("gce://project/zone/name", "gke"),
        ("azure:///subscriptions/1", "aks"),
        ("ocid1.instance.oc1.phx.abc", "oke"),
        ("oci://ocid1.instance", "oke"),
        ("linode://123", "lke"),
        ("metal3://uuid", "metal3"),
        ("", ""),
    ],
)
def test_a_provider_is_known_by_the_nodes_id(provider_id: str, service: str) -> None:
    assert told(node("a", provider=provider_id)).node()["K8s"]["node"].data.get("provider", "") == service


@pytest.mark.parametrize(
    ("image", "name", "version"),
    [
        ("Ubuntu 24.04.3 LTS", "ubuntu", "24.04"),
        ("Container-Optimized OS from Google", "cos", ""),
        ("Red Hat Enterprise Linux 9.6 (Plow)", "rhel", "9.6"),
        ("Amazon Linux 2023.8.20250818", "amzn", "2023"),
        ("Talos (v1.10.4)", "talos", "1.10.4"),
        ("Bottlerocket OS 1.44.0 (aws-k8s-1.33)", "bottlerocket", "1.44.0"),
        ("Oracle Linux Server 8.10", "ol", "8.10"),
    ],
)
def test_the_operating_system_is_read_off_the_image(image: str, name: str, version: str) -> None:
    data = told(node("a", osImage=image)).node()["OS"]["release"].data
    assert (data["ID"], data.get("VERSION_ID", "")) == (name, version)
    assert data["Source"] == "kubernetes-node-info"


def test_feature_discovery_knows_the_operating_system_better() -> None:
    prefix = "feature.node.kubernetes.io/system-os_release."
    labels = {f"{prefix}ID": "debian", f"{prefix}VERSION_ID": "12"}
    data = told(node("a", labels=labels, osImage="Something 419")).node()["OS"]["release"].data
    assert (data["ID"], data["VERSION_ID"]) == ("debian", "12")


def test_a_system_without_systemd_says_what_the_api_knows() -> None:
    labels = {"extensions.talos.dev/nvidia-container-toolkit": "570.86-v1.17"}
    found = told(node("a", labels=labels, osImage="Talos (v1.10.4)")).node()
    assert found["OS"]["extensions"].data == {"nvidia-container-toolkit": "570.86-v1.17"}
    assert found["SystemD"]["containerd.service"].data["Version"] == "2.1.5"
    assert found["SystemD"]["kubelet.service"].data["ActiveState"] == "active"


def test_a_node_that_says_nothing_of_itself_is_no_trouble() -> None:
    found = told({"metadata": {"name": "a"}}).node()
    assert found == {"K8s": {"node": found["K8s"]["node"]}}
    assert found["K8s"]["node"].data == {"source-node": "a"}
