"""A cluster's configuration for l8k becomes NetworkTopology."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.collect.node.l8k import from_cluster_config
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.build import document
from clusterbook.snapshot.schema import SnapshotShape

GROUP: dict[str, Any] = {
    "identifier": "group-0",
    "machineType": "PowerEdge XE9680",
    "gpuType": "NVIDIA-H100-80GB-HBM3",
    "linkType": "Ethernet",
    "capabilities": {"nodes": {"sriov": True, "rdma": True, "ib": False}},
    "pfs": [
        {
            "deviceID": "a2dc",
            "rdmaDevice": "mlx5_0",
            "pciAddress": "0000:1a:00.0",
            "networkInterface": "",
            "traffic": "east-west",
            "rail": 0,
            "psid": "mt_0000000884",
            "partNumber": "900-9D3B6-00CV-A",
            "model": "BlueField-3",
            "numaNode": 0,
            "connectedGPU": "0000:1b:00.0",
            "gpuProximity": "PIX",
            "currentFwVersion": "32.42.1000",
        },
        {"deviceID": "101f", "pciAddress": "0000:5a:00.0", "traffic": "north-south"},
    ],
    "workerNodes": ["a", "b"],
    "nodeSelector": {"nvidia.com/gpu.machine": "XE9680", "mofed": "enabled"},
    "storageModules": ["nvme_rdma"],
    "thirdPartyRDMAModules": ["iw_cm", "irdma"],
}


def test_one_group_is_a_topology() -> None:
    seen = from_cluster_config({"flavor": "k8s", "clusterConfig": [GROUP]})
    SnapshotShape.model_validate(document(seen, {}), strict=True)
    found = seen.measurements["NetworkTopology"]
    assert found["identity"].data == {
        "identifier": "group-0",
        "machineType": "PowerEdge XE9680",
        "gpuType": "NVIDIA-H100-80GB-HBM3",
        "linkType": "Ethernet",
        "nodeSelector": "mofed=enabled,nvidia.com/gpu.machine=XE9680",
        "pf-count": 2,
        "rail-count": 1,
    }
    assert found["capabilities"].data == {"sriov": True, "rdma": True, "ib": False}
    assert found["kernel-modules"].data == {"storage.0": "nvme_rdma", "thirdParty.0": "iw_cm", "thirdParty.1": "irdma"}
    assert found["pfs"].items[0].data["rail"] == 0
    assert "networkInterface" not in found["pfs"].items[0].data
    assert found["pfs"].items[1].data == {"pciAddress": "0000:5a:00.0", "deviceID": "101f", "traffic": "north-south"}


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({}, "has no clusterConfig"),
        ({"clusterConfig": []}, "has no clusterConfig"),
        ({"clusterConfig": {"a": 1}}, "has no clusterConfig"),
        ({"clusterConfig": [GROUP, {**GROUP, "identifier": "group-1"}]}, "2 groups of nodes: group-0, group-1"),
        ({"clusterConfig": ["x"]}, r"clusterConfig\[0\] of the cluster configuration is .*, not a map"),
        ({"clusterConfig": [{"pfs": "x"}]}, "not a list"),
        ({"clusterConfig": [{"pfs": [1]}]}, r"pfs\[0\]"),
        ({"clusterConfig": [{"pfs": [{"rail": "0"}]}]}, r"pfs\[0\].rail .* not a number"),
        ({"clusterConfig": [{"thirdPartyRDMAModules": "iw_cm"}]}, "not a list"),
        ({"clusterConfig": [{"capabilities": []}]}, "not a map"),
    ],
)
def test_what_is_no_configuration_of_one_group_is_refused(config: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidRequest, match=what):
        from_cluster_config(config)
