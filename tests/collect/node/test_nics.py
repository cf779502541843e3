"""The NICs of a machine and the GPUs they stand next to."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.collect.node.nics import (
    FAR,
    SAME_HOST_BRIDGE,
    SAME_NODE,
    SAME_SWITCH,
    SWITCHES,
    Device,
    fabric,
    proximity,
)
from clusterbook.snapshot import reading
from clusterbook.snapshot.build import document
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.schema import SnapshotShape
from tests.support import machines


def test_each_nic_next_to_a_gpu_is_a_rail(tmp_path: Path) -> None:
    found = fabric(machines.host(machines.plant("dgx-h100", tmp_path))).measurements["NetworkTopology"]
    assert found["identity"].data == {"machineType": "DGXH100", "pf-count": 3, "rail-count": 2}
    assert found["capabilities"].data == {"sriov": True, "rdma": True, "ib": True}
    assert found["kernel-modules"].data == {"storage.0": "nvme_rdma", "thirdParty.0": "nvidia_peermem"}
    assert found["pfs"].items[0].data == {
        "pciAddress": "0000:18:00.0",
        "deviceID": "1021",
        "psid": "MT_0000000838",
        "model": "ConnectX-7",
        "rdmaDevice": "mlx5_0",
        "networkInterface": "ibp24s0",
        "numaNode": 0,
        "traffic": "east-west",
        "rail": 0,
        "connectedGPU": "0000:1b:00.0",
        "gpuProximity": "PIX",
    }
    assert found["pfs"].items[0].context == {"linkType": "InfiniBand"}
    assert found["pfs"].items[2].data["traffic"] == "north-south"
    assert "rail" not in found["pfs"].items[2].data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("NetworkTopology.capabilities.rdma", "true"),
        ("NetworkTopology.identity.rail-count", ">= 2"),
        ("NetworkTopology.pfs[rail=1].rdmaDevice", "mlx5_3"),
        ("NetworkTopology.pfs[traffic=north-south].model", "BlueField-3"),
    ],
)
def test_constraints_hold_on_it(tmp_path: Path, path: str, value: str) -> None:
    made = document(fabric(machines.host(machines.plant("dgx-h100", tmp_path))), {})
    SnapshotShape.model_validate(made, strict=True)
    assert reading.verdict(path, value, read_snapshot(made)).reason == ""


def test_a_machine_without_such_a_nic_has_no_topology(tmp_path: Path) -> None:
    assert not fabric(machines.host(machines.plant("rhel-9", tmp_path / "a"))).measurements
    assert not fabric(machines.host(tmp_path / "nothing")).measurements


def test_a_nic_without_gpus_near_it_is_for_the_rest(tmp_path: Path) -> None:
    root = machines.plant("dgx-h100", tmp_path)
    for gpu in ("0000:1b:00.0", "0000:43:00.0"):
        (root / "sys/bus/pci/devices" / gpu).unlink()
    found = fabric(machines.host(root)).measurements["NetworkTopology"]
    assert {item.data["traffic"] for item in found["pfs"].items} == {"north-south"}
    assert found["identity"].data["rail-count"] == 0


def test_a_nic_whose_driver_is_not_loaded_is_still_one(tmp_path: Path) -> None:
    text = "".join(
        f"=== sys/bus/pci/devices/0000:01:00.0/{name}\n{value}\n"
        for name, value in {"vendor": "0x15b3", "class": "0x020000", "device": "0x9999", "numa_node": "-1"}.items()
    )
    found = fabric(machines.host(machines.write(text, tmp_path))).measurements["NetworkTopology"]
    assert found["pfs"].items[0].data == {"pciAddress": "0000:01:00.0", "deviceID": "9999", "traffic": "north-south"}
    assert found["capabilities"].data == {"sriov": False, "rdma": False, "ib": False}


def test_virtual_functions_are_left_out(tmp_path: Path) -> None:
    root = machines.plant("dgx-h100", tmp_path)
    (root / "sys/bus/pci/devices/0000:ab:00.0/physfn").symlink_to("..")
    found = fabric(machines.host(root)).measurements["NetworkTopology"]
    assert found["identity"].data["pf-count"] == 2


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (("r", "p", "up", "d1"), ("r", "p", "up", "d2"), SAME_SWITCH),
        (("r", "p", "up", "d1", "up2", "d3"), ("r", "p", "up", "d2"), SWITCHES),
        (("r", "p1"), ("r", "p2"), SAME_HOST_BRIDGE),
        (("r1", "p"), ("r2", "p"), SAME_NODE),
    ],
)
def test_nearness_is_told_from_the_bridges_above(one: tuple[str, ...], other: tuple[str, ...], near: str) -> None:
    assert proximity(Device("a", one, 0), Device("b", other, 0)) == near


def test_two_processors_are_far_apart() -> None:
    assert proximity(Device("a", ("r1",), 0), Device("b", ("r2",), 1)) == FAR
    assert proximity(Device("a", ("r1",), -1), Device("b", ("r2",), -1)) == FAR
