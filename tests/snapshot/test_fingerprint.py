"""What kind of cluster a snapshot shows, and what says so."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.documents.yaml_reader import parse
from clusterbook.snapshot.build import Capture, SubtypeReadings, document
from clusterbook.snapshot.criteria import fingerprint
from clusterbook.snapshot.fingerprint import describe, spread
from clusterbook.snapshot.model import Item, Snapshot, read_snapshot
from tests.support.clusters import SNAPSHOTS

PRODUCT = "nvidia.com/gpu.product"
REGION = "topology.kubernetes.io/region"


def taken(**groups: SubtypeReadings) -> Snapshot:
    measurements: dict[str, dict[str, SubtypeReadings]] = {}
    for path, group in groups.items():
        kind, _, name = path.partition("_")
        measurements.setdefault(kind, {})[name] = group
    return read_snapshot(document(Capture(measurements), {}))


def labels(**values: str) -> Snapshot:
    return taken(NodeTopology_label=SubtypeReadings(values))


@pytest.mark.parametrize("name", ["bare-node", "gb200-eks", "h100-eks"])
def test_a_fingerprint_is_what_the_readings_say(name: str) -> None:
    node = parse((SNAPSHOTS / f"{name}.yaml").read_text(encoding="utf-8"), name)
    assert node is not None
    whole = node.data()
    assert describe(read_snapshot(whole)) == whole["fingerprint"]


@pytest.mark.parametrize(
    ("values", "accelerator", "model"),
    [
        (
            {PRODUCT: "NVIDIA-H100-80GB-HBM3|a,b"},
            {"value": "h100"},
            {"value": "NVIDIA-H100-80GB-HBM3"},
        ),
        (
            {f"{PRODUCT}.NVIDIA-H100-80GB-HBM3": "NVIDIA-H100-80GB-HBM3|a", f"{PRODUCT}.NVIDIA-L40S": "NVIDIA-L40S|b"},
            {"note": "multi-gpu"},
            {"note": "multi-gpu"},
        ),
        (
            {f"{PRODUCT}.NVIDIA-H100-NVL": "NVIDIA-H100-NVL|a", f"{PRODUCT}.NVIDIA-H100-PCIe": "NVIDIA-H100-PCIe|b"},
            {"value": "h100"},
            {"note": "multi-gpu"},
        ),
        ({PRODUCT: "Tesla-T4|a"}, {"note": "unknown-sku"}, {"value": "Tesla-T4"}),
    ],
)
def test_the_label_that_covers_every_node_says_the_gpu(
    values: dict[str, str], accelerator: dict[str, str], model: dict[str, str]
) -> None:
    found = describe(labels(**values))
    source = {"source": f"NodeTopology.label.{PRODUCT}"}
    assert found["accelerator"] == {**accelerator, **source}
    assert found["gpuModel"] == {**model, **source}


def test_without_labels_the_driver_says_the_gpu_and_without_a_driver_the_bus() -> None:
    bus = SubtypeReadings({"gpu-present": True, "model": "h100", "product": "H100 SXM5 80GB"})
    both = describe(taken(GPU_hardware=bus, GPU_smi=SubtypeReadings({"name": "NVIDIA H100 80GB HBM3"})))
    assert both["gpuModel"] == {"value": "NVIDIA H100 80GB HBM3", "source": "GPU.smi.name"}
    alone = describe(taken(GPU_hardware=bus))
    assert alone["accelerator"] == {"value": "h100", "source": "GPU.hardware.model"}
    assert alone["gpuModel"] == {"value": "H100 SXM5 80GB", "source": "GPU.hardware.product"}


def test_a_node_with_two_models_is_of_neither() -> None:
    items = [Item({"name": "NVIDIA L40S"}), Item({"name": "NVIDIA A100-PCIE-40GB"})]
    found = describe(taken(GPU_smi=SubtypeReadings({"name": "mixed"}, items)))
    assert found["accelerator"] == {"note": "multi-gpu", "source": "GPU.smi.name"}


def test_a_gpu_without_a_name_is_an_unknown_one_and_no_gpu_is_nothing() -> None:
    there = describe(taken(GPU_hardware=SubtypeReadings({"gpu-present": True, "gpu-count": 1})))
    assert there["accelerator"] == {"note": "unknown-sku", "source": "GPU.hardware.model"}
    assert describe(taken(GPU_hardware=SubtypeReadings({"gpu-present": False, "gpu-count": 0}))) == {}


def test_what_one_tool_had_no_name_for_another_may_know() -> None:
    snapshot = labels(**{PRODUCT: "NVIDIA-X900|a"})
    known: dict[str, Any] = {**snapshot._asdict(), "stated": describe(snapshot)}
    assert fingerprint(Snapshot(**known)) == {}
    assert fingerprint(Snapshot(**known), ("x900",)) == {"accelerator": "x900"}


def test_several_regions_are_a_note() -> None:
    assert describe(labels(**{REGION: "us-west-2|a,b"}))["region"]["value"] == "us-west-2"
    found = describe(labels(**{f"{REGION}.a": "a|n1", f"{REGION}.b": "b|n2"}))
    assert found["region"] == {"note": "multi-region", "source": f"NodeTopology.label.{REGION}"}


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"nvidia.com/gpu.present": "true|a,b,c"}, 3),
        ({"nvidia.com/gpu.present": "true|a,b (+4998 more)"}, 5000),
        ({"nvidia.com/gpu.present.true": "true|a", "nvidia.com/gpu.present.false": "false|b,c"}, 1),
        ({"kubernetes.io/os": "linux|a"}, 0),
    ],
)
def test_gpu_nodes_are_counted_by_their_label(values: dict[str, str], count: int) -> None:
    found = describe(labels(**values))
    assert found["gpuNodeCount"] == {"value": count, "source": "NodeTopology.label.nvidia.com/gpu.present"}


def test_a_label_is_not_taken_for_one_that_it_starts_like() -> None:
    assert spread(labels(**{f"{PRODUCT}.x": "y|a", f"{PRODUCT}": "z|b"}), PRODUCT) == {"z": "b"}


def test_a_cluster_is_described() -> None:
    found = describe(
        taken(
            K8s_server=SubtypeReadings({"version": "v1.33.5-gke.1201000"}),
            K8s_node=SubtypeReadings({"provider": "gce"}),
            NodeTopology_summary=SubtypeReadings({"node-count": 6}),
            OS_release=SubtypeReadings({"ID": "amzn", "VERSION_ID": "2023"}),
        )
    )
    assert found == {
        "service": {"value": "gke", "source": "K8s.server.version"},
        "k8sVersion": {"value": "v1.33.5-gke.1201000", "source": "K8s.server.version"},
        "nodeCount": {"value": 6, "source": "NodeTopology.summary.node-count"},
        "os": {"value": "amazonlinux", "version": "2023", "source": "OS.release.ID"},
    }


def test_an_operating_system_without_recipes_is_no_criterion() -> None:
    snapshot = taken(OS_release=SubtypeReadings({"ID": "debian", "VERSION_ID": "12"}))
    found = describe(snapshot)
    assert found["os"] == {"note": "unknown-os", "version": "12", "source": "OS.release.ID"}
    known: dict[str, Any] = {**snapshot._asdict(), "stated": found}
    assert fingerprint(Snapshot(**known)) == {}
