"""Interfaces of GKE's GPU nodes: which words say them, and which recipes have a use for them."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.resolve.interfaces import problem_of, read_interfaces, with_interfaces

WORDS = [f"eth{number}=demo-gpu-nic-{number - 1}" for number in range(1, 9)]
TEXT = ",".join(WORDS)
RUNTIME = "components/kubeflow-trainer/manifests/torch-distributed-tcpxo-cluster-training-runtime.yaml"
CRITERIA = {"service": "gke", "accelerator": "h100", "intent": "training", "platform": "kubeflow"}


def recipe(**more: Any) -> dict[str, Any]:
    trainer = {"name": "kubeflow-trainer", "manifestFiles": [RUNTIME], "values": {"x": 1}}
    return {
        "metadata": {"slug": "h100-gke-cos-training-kubeflow", "digest": "sha256:0"},
        "criteria": CRITERIA,
        "componentRefs": [trainer, {"name": "gke-nccl-tcpxo"}],
        "deploymentOrder": ["gke-nccl-tcpxo", "kubeflow-trainer"],
        **more,
    }


def test_pairs_are_read_in_the_order_given() -> None:
    assert read_interfaces(TEXT)[0] == {"interfaceName": "eth1", "network": "demo-gpu-nic-0"}
    turned = read_interfaces(", ".join(WORDS[::-1]))
    assert [each["interfaceName"] for each in turned] == [f"eth{number}" for number in range(8, 0, -1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eth1",
        ",".join(WORDS[:-1]),
        f"{TEXT},eth9=gpu-nic-8",
        TEXT.replace("eth8", "eth1"),
        TEXT.replace("eth8", "eth0"),
        TEXT.replace("nic-7", "nic-6"),
        TEXT.replace("demo-gpu-nic-7", "default"),
        TEXT.replace("demo-gpu-nic-7", "vpc-7"),
        TEXT.replace("demo-gpu-nic-7", "Gpu-nic-7"),
        TEXT.replace("demo-gpu-nic-7", "gpu-nic-7-"),
        TEXT.replace("demo-gpu-nic-7", "gpu-nic-" + "7" * 40),
        TEXT.replace("demo-gpu-nic-7", ""),
        TEXT.replace("demo-gpu-nic-7", 'gpu-nic-7"}]'),
    ],
)
def test_what_is_not_eight_interfaces_with_a_network_each_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_interfaces(text)


@pytest.mark.parametrize("pairs", [None, "", {}, [], ["x"] * 8, [{"interfaceName": ["eth1"], "network": 1}] * 8])
def test_whatever_stands_in_values_is_judged(pairs: object) -> None:
    assert problem_of(pairs)


def test_a_recipe_says_them_in_the_values_and_as_what_was_chosen() -> None:
    pairs = read_interfaces(TEXT)
    found = with_interfaces(recipe(configuration={"slurm": {"accounting": {"mode": "disabled"}}}), pairs)
    trainer = found["componentRefs"][0]
    assert trainer["values"] == {"x": 1, "tcpxoInterfaces": pairs}
    assert trainer["overrides"] == {"tcpxoInterfaces": pairs}
    assert found["configuration"]["gke"] == {"tcpxoInterfaces": pairs}
    assert found["configuration"]["slurm"] == {"accounting": {"mode": "disabled"}}
    assert found["metadata"] == {"slug": "h100-gke-cos-training-kubeflow"}
    assert with_interfaces(found, pairs) == found


@pytest.mark.parametrize(
    "more",
    [
        {"criteria": {**CRITERIA, "service": "eks"}},
        {"criteria": {**CRITERIA, "accelerator": "a100"}},
        {"criteria": {"service": "gke", "accelerator": "h100"}},
        {"componentRefs": [{"name": "kubeflow-trainer"}, {"name": "gke-nccl-tcpxo"}]},
        {"componentRefs": [{"name": "kubeflow-trainer", "manifestFiles": [RUNTIME]}]},
        {"deploymentOrder": ["kubeflow-trainer"]},
        {"componentRefs": []},
    ],
)
def test_a_recipe_that_has_no_use_for_them_refuses_them(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        with_interfaces(recipe(**more), read_interfaces(TEXT))
