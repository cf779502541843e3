"""Where a pod runs and what it may use, as people write it; and how long something may take."""

from __future__ import annotations

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.kubernetes.placement import Placement, read_quantities, read_selector, read_tolerations


def test_a_selector_names_labels() -> None:
    assert read_selector(["nvidia.com/gpu.present=true", "zone="]) == {"nvidia.com/gpu.present": "true", "zone": ""}


@pytest.mark.parametrize("word", ["zone", "=x", "-a=x", "a b=x", ""])
def test_what_selects_no_node_is_refused(word: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a node selector"):
        read_selector([word])


@pytest.mark.parametrize(
    ("word", "toleration"),
    [
        ("*", {"operator": "Exists"}),
        ("gpu", {"key": "gpu", "operator": "Exists"}),
        ("gpu:NoSchedule", {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}),
        ("gpu=full:NoExecute", {"key": "gpu", "operator": "Equal", "value": "full", "effect": "NoExecute"}),
        ("nvidia.com/gpu=", {"key": "nvidia.com/gpu", "operator": "Equal", "value": ""}),
    ],
)
def test_a_toleration_is_read(word: str, toleration: dict[str, str]) -> None:
    assert read_tolerations([word]) == (toleration,)


@pytest.mark.parametrize(
    ("word", "hint"), [("gpu:NoSchedul", "NoSchedule"), (":NoSchedule", "KEY:EFFECT"), ("", "KEY")]
)
def test_what_is_no_toleration_is_refused(word: str, hint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_tolerations([word])
    assert hint in caught.value.hint


def test_quantities_are_read() -> None:
    assert read_quantities("cpu=500m, memory=1.5Gi,nvidia.com/gpu=1") == {
        "cpu": "500m",
        "memory": "1.5Gi",
        "nvidia.com/gpu": "1",
    }
    assert read_quantities("") == {}


@pytest.mark.parametrize("text", ["cpu=-1", "cpu", "cpu=1,cpu=2", "cpu=lots", "=1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_quantities(text)


def test_a_required_gpu_is_asked_for_unless_its_user_said_how_many() -> None:
    assert Placement(require_gpu=True).resources({}, {"cpu": "1"})["limits"] == {"cpu": "1", "nvidia.com/gpu": "1"}
    said = Placement(require_gpu=True, limits={"nvidia.com/gpu": "4", "cpu": "2"})
    assert said.resources({}, {"cpu": "1"})["limits"] == {"cpu": "2", "nvidia.com/gpu": "4"}
