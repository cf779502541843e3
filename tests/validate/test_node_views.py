"""Clusters judged node by node: what differs is named, a part is not the whole, and five things have five words."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.snapshot.build import Capture, SubtypeReadings, document
from clusterbook.snapshot.criteria import IS, NONE, SEVERAL, UNASKED, UNREADABLE, fingerprint, read_dimension
from clusterbook.snapshot.inventory import Gap
from clusterbook.snapshot.model import Item, Snapshot, read_snapshot
from clusterbook.validate.judge import judge
from clusterbook.validate.result import ERROR, FAILED, PASSED, SKIPPED

H100 = {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
UBUNTU, KERNEL = "Ubuntu 24.04.3 LTS", "6.8.0-1031-aws"
REASON = "etcdserver: leader changed"


def node(name: str, labels: dict[str, str] | None = None, **info: str) -> dict[str, Any]:
    """Return a node of EKS with eight H100 on Ubuntu, unless something else is said."""
    labels = H100 if labels is None else labels
    capacity = {"cpu": "192", **({"nvidia.com/gpu": "8"} if labels else {})}
    said = {"osImage": UBUNTU, "kernelVersion": KERNEL, "kubeletVersion": "v1.33.5-eks-3025e55",
            "containerRuntimeVersion": "containerd://1.7.27", "operatingSystem": "linux", **info}  # fmt: skip
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"providerID": "aws:///z/i-1"},
        "status": {"capacity": capacity, "nodeInfo": said},
    }


def cluster(*nodes: dict[str, Any], version: str = "v1.33.5-eks-3025e55", gaps: tuple[Gap, ...] = (), own: str = "",
            readings: dict[str, dict[str, SubtypeReadings]] | None = None) -> Snapshot:  # fmt: skip
    """Return a snapshot of some nodes, and of what one of them said of itself."""
    measurements = {"K8s": {"server": SubtypeReadings({"version": version})}, **(readings or {})}
    block = {"apiVersion": "v1", "kind": "Node", "items": list(nodes)}
    return read_snapshot(document(Capture(measurements, [block], gaps=gaps), {"source-node": own}))


def states(taken: Snapshot, criteria: dict[str, str], **constraints: str) -> dict[str, tuple[str, str]]:
    """Return state and message of each demand of a recipe."""
    asked = [{"name": name.replace("__", "."), "value": value} for name, value in constraints.items()]
    recipe = {"kind": "RecipeResult", "metadata": {"slug": "x"}, "criteria": criteria, "constraints": asked,
              "componentRefs": []}  # fmt: skip
    return {each.name: (each.state, each.message) for each in judge(recipe, taken, checks={}).results}


def test_nodes_that_differ_are_named() -> None:
    mixed = cluster(
        node("gpu-1"),
        node("gpu-2", osImage="Amazon Linux 2023.8.20250915", kernelVersion="6.1.150-174.273.amzn2023.x86_64"),
        node("gpu-3", osImage="Ubuntu 20.04.6 LTS", kernelVersion="5.4.0-1103-aws"),
    )
    found = states(mixed, {"os": "ubuntu"}, OS__release__VERSION_ID="24.04",
                   **{"OS.sysctl./proc/sys/kernel/osrelease": ">= 6.8"})  # fmt: skip
    assert found["os"] == (FAILED, "the recipe is for ubuntu, and gpu-2 is amzn 2023")
    assert found["OS.release.VERSION_ID"] == (FAILED, "on gpu-2 it is 2023, on gpu-3 it is 20.04, not 24.04")
    assert found["OS.sysctl./proc/sys/kernel/osrelease"][0] == FAILED


@pytest.mark.parametrize(
    ("path", "good", "bad", "field"),
    [
        ("K8s.node.kubelet-version", ">= 1.33", "v1.30.14-eks-ace6451", "kubeletVersion"),
        ("K8s.node.container-runtime-version", ">= 1.7", "containerd://1.6.9", "containerRuntimeVersion"),
        ("K8s.node.kernel-version", ">= 6.8", "5.4.0-1", "kernelVersion"),
        ("OS.release.KERNEL_VERSION", ">= 6.8", "5.4.0-1", "kernelVersion"),
        ("OS.release.ID", "ubuntu", "Rocky Linux 9.4 (Blue Onyx)", "osImage"),
    ],
)
def test_every_reading_that_the_api_has_of_a_node_is_judged_for_each(
    path: str, good: str, bad: str, field: str
) -> None:
    assert states(cluster(node("a"), node("b")), {}, **{path: good})[path][0] == PASSED
    state, message = states(cluster(node("a"), node("b", **{field: bad})), {}, **{path: good})[path]
    assert (state, "on b it is" in message) == (FAILED, True)


def test_the_driver_of_each_node_is_judged_by_its_label() -> None:
    full = "nvidia.com/cuda.driver-version.full"
    taken = cluster(node("a", {**H100, full: "580.82.07"}), node("b", {**H100, full: "550.90.07"}))
    found = states(taken, {}, **{"GPU.smi.driver-version": ">= 570"})["GPU.smi.driver-version"]
    assert found == (FAILED, "on b it is 550.90.07, not >= 570")


def test_nodes_without_a_gpu_are_not_judged() -> None:
    taken = cluster(node("a"), node("system", {}, osImage="Bottlerocket OS 1.44.0 (aws-k8s-1.33)"))
    assert states(taken, {"os": "ubuntu", "accelerator": "h100"})["os"] == (PASSED, "it is ubuntu")


def test_what_one_node_alone_said_is_not_said_of_the_others() -> None:
    own = {"OS": {"sysctl": SubtypeReadings({"/proc/sys/vm/max_map_count": 1048576})}}
    taken = cluster(node("gpu-1"), node("gpu-2"), own="gpu-1", readings=own)
    found = states(taken, {}, **{"OS.sysctl./proc/sys/vm/max_map_count": ">= 262144"})
    (said,) = found.values()
    assert said == (SKIPPED, "it is 1048576 on gpu-1, not inspected on gpu-2")
    alone = cluster(node("gpu-1"), own="gpu-1", readings=own)
    assert next(iter(states(alone, {}, **{"OS.sysctl./proc/sys/vm/max_map_count": ">= 262144"}).values()))[0] == PASSED


def test_what_was_read_on_a_node_that_is_not_judged_says_nothing_of_those_that_are() -> None:
    own = {"OS": {"sysctl": SubtypeReadings({"/proc/sys/vm/max_map_count": 1048576})}}
    taken = cluster(node("gpu-1"), node("system", {}), own="system", readings=own)
    (said,) = states(taken, {}, **{"OS.sysctl./proc/sys/vm/max_map_count": ">= 262144"}).values()
    assert said[0] == ERROR


@pytest.mark.parametrize("part", ["objects/v1/Node", "measurements/NodeTopology", "nodes"])
@pytest.mark.parametrize("state", ["partial", "denied", "failed"])
def test_a_list_of_nodes_that_was_not_seen_whole_passes_nothing(part: str, state: str) -> None:
    taken = cluster(node("a"), gaps=(Gap(part, state, REASON),))
    found = states(taken, {"accelerator": "h100", "os": "ubuntu"}, OS__release__ID="ubuntu")
    assert {each[0] for each in found.values()} == {ERROR}
    assert fingerprint(taken) == {"service": "eks"}
    assert taken.nodes.gpu_count is None
    assert states(taken, {"accelerator": "b200"})["accelerator"][0] == FAILED


@pytest.mark.parametrize(
    ("product", "said"),
    [
        ("NVIDIA-GH200-480GB", "the cluster shows NVIDIA-GH200-480GB"),
        ("NVIDIA-H20", "the cluster shows NVIDIA-H20"),
        ("Tesla-T4", "the cluster shows Tesla-T4"),
        ("NVIDIA-RTX-6000-Ada-Generation", "the cluster shows NVIDIA-RTX-6000-Ada-Generation"),
        ("NVIDIA-L40S", "the cluster shows l40s"),
    ],
)
def test_a_model_that_is_something_else_fails(product: str, said: str) -> None:
    taken = cluster(node("a", {**H100, "nvidia.com/gpu.product": product}))
    assert states(taken, {"accelerator": "h100"})["accelerator"] == (FAILED, f"the recipe is for h100, and {said}")


def test_a_system_that_is_something_else_fails_by_its_name() -> None:
    taken = cluster(node("a", osImage="Rocky Linux 9.4 (Blue Onyx)"))
    assert states(taken, {"os": "ol"})["os"] == (FAILED, "the recipe is for ol, and the cluster shows rocky 9.4")


def test_five_things_have_five_words() -> None:
    both = cluster(node("a"), node("b", {**H100, "nvidia.com/gpu.product": "NVIDIA-L40S"}))
    forbidden = cluster(gaps=(Gap("objects/v1/Node", "denied", "nodes is forbidden"),))
    machine = read_snapshot({"kind": "Snapshot", "measurements": []})
    found = [cluster(node("a")), both, cluster(node("a", {})), forbidden, machine]
    assert [read_dimension(each, "accelerator").state for each in found] == [IS, SEVERAL, NONE, UNREADABLE, UNASKED]
    judged = [states(each, {"accelerator": "h100"})["accelerator"][0] for each in found]
    assert judged == [PASSED, FAILED, FAILED, ERROR, SKIPPED]


def test_slices_of_a_gpu_are_enough_for_inference_and_for_nothing_else() -> None:
    mig = cluster(node("a"), node("b", {**H100, "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"}))
    assert states(mig, {"accelerator": "h100", "intent": "training"})["accelerator"][0] == FAILED
    inference = states(mig, {"accelerator": "h100", "intent": "inference"})["accelerator"]
    assert inference == (PASSED, "it is h100: MIG slices on b")
    vgpu = cluster(node("a", {**H100, "nvidia.com/gpu.product": "GRID-H100-40C"}))
    assert states(vgpu, {"accelerator": "h100", "intent": "inference"})["accelerator"][0] == FAILED


@pytest.mark.parametrize(
    ("recipe", "version", "state"),
    [
        ("eks", "v1.33.5-eks-3025e55", PASSED),
        ("eks", "v1.33.1+rke2r1", FAILED),
        ("eks", "v1.33.1+k3s1", FAILED),
        ("eks", "v1.33.1", FAILED),
        ("ocp", "v1.33.1", FAILED),
        ("bcm", "v1.33.1", SKIPPED),
        ("bcm", "v1.33.5-eks-3025e55", FAILED),
        ("metal3", "v1.33.1", SKIPPED),
    ],
)
def test_a_service_is_what_runs(recipe: str, version: str, state: str) -> None:
    assert states(cluster(node("a"), version=version), {"service": recipe})["service"][0] == state


def test_openshift_on_machines_of_a_cloud_is_openshift() -> None:
    coreos = node("a", osImage="Red Hat Enterprise Linux CoreOS 418.94.202510211307-0",
                  containerRuntimeVersion="cri-o://1.31.12-3.rhaos4.18")  # fmt: skip
    taken = cluster(coreos, version="v1.31.13")
    assert states(taken, {"service": "ocp", "os": "rhel"}) == {
        "service": (PASSED, "it is ocp"),
        "os": (PASSED, "it is rhel"),
    }
    assert states(taken, {"service": "eks"})["service"] == (FAILED, "the recipe is for eks, and the cluster shows ocp")
    assert states(taken, {}, OS__release__VERSION_ID=">= 9.5")["OS.release.VERSION_ID"][0] == FAILED


def test_a_driver_that_shows_half_of_the_gpus_does_not_speak_for_the_bus() -> None:
    devices = [Item({"device-id": "2330", "model": "h100"}), Item({"device-id": "26b9", "model": "l40s"})]
    bus = SubtypeReadings({"gpu-present": True, "gpu-count": 2}, devices)
    smi = SubtypeReadings({"name": "NVIDIA H100 80GB HBM3"})
    gaps = (Gap("measurements/GPU.smi", "partial", "the driver shows 1 of 2 GPUs"),)
    taken = read_snapshot(document(Capture({"GPU": {"hardware": bus, "smi": smi}}, gaps=gaps), {}))
    assert read_dimension(taken, "accelerator").state == SEVERAL
    assert "accelerator" not in fingerprint(taken)


@pytest.mark.parametrize("damage", [{"status": {"nodeInfo": [1]}}, {"status": {"capacity": "x"}}, {"spec": None}])
def test_a_damaged_node_is_no_trouble(damage: dict[str, Any]) -> None:
    assert states(cluster({**node("a"), **damage}), {"accelerator": "h100"})["accelerator"][0] == PASSED


def topology(labels: dict[str, str], **data: object) -> Snapshot:
    """Return a snapshot that has nothing but labels."""
    subtypes = [{"subtype": "label", "data": labels}, {"subtype": "summary", "data": data}]
    return read_snapshot({"kind": "Snapshot", "measurements": [{"type": "NodeTopology", "subtypes": subtypes}]})


OF_SYSTEMS = {
    "feature.node.kubernetes.io/system-os_release.ID.ubuntu": "ubuntu|a",
    "feature.node.kubernetes.io/system-os_release.ID.rhel": "rhel|b (+1 more)",
}


@pytest.mark.parametrize(
    "labels",
    [
        {"nvidia.com/gpu.present": "true|a (+1 more)"},
        {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb|a (+1 more)"},
        {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3|a (+1 more)"},
        {"karpenter.k8s.aws/instance-gpu-name.h100": "h100|a (+1 more)"},
        {"nvidia.com/gpu.present": "true|a (+9 more)", "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3|a (+1 more)"},
    ],
)
def test_a_gpu_node_that_a_cut_list_does_not_name_may_run_anything(labels: dict[str, str]) -> None:
    taken = topology(labels | OF_SYSTEMS)
    assert taken.nodes.gpu_count in (2, 10)
    state, message = states(taken, {"os": "ubuntu"})["os"]
    assert state == SKIPPED
    assert "that the snapshot does not list did not show it" in message


@pytest.mark.parametrize(
    ("present", "products", "state"),
    [
        ("true|a (+1 more)", {"nvidia.com/gpu.product": "NVIDIA-H100|a (+1 more)"}, PASSED),
        ("true|a (+2 more)", {"nvidia.com/gpu.product": "NVIDIA-H100|a (+1 more)"}, SKIPPED),
        ("true|a (+1 more)", {"nvidia.com/gpu.product": "NVIDIA-H100|a"}, SKIPPED),
        ("true|a (+2 more)", {"nvidia.com/gpu.product.H100": "H100|a (+1 more)",
                              "nvidia.com/gpu.product.L40S": "L40S|b (+1 more)"}, FAILED),
    ],
)  # fmt: skip
def test_a_gpu_that_no_label_names_the_model_of_is_not_taken_for_one(
    present: str, products: dict[str, str], state: str
) -> None:
    taken = topology({"nvidia.com/gpu.present": present, **products})
    assert states(taken, {"accelerator": "h100"})["accelerator"][0] == state


@pytest.mark.parametrize("part", ["objects/v1/Node", "nodes", "measurements/NodeTopology"])
@pytest.mark.parametrize("state", ["partial", "denied", "failed"])
def test_a_count_of_nodes_is_that_of_all_or_none(part: str, state: str) -> None:
    taken = cluster(node("a"), node("b"), gaps=(Gap(part, state, REASON),),
                    readings={"NodeTopology": {"summary": SubtypeReadings({"node-count": 2})}})  # fmt: skip
    found = states(taken, {}, **{"NodeTopology.summary.node-count": "<= 2"})
    assert found["NodeTopology.summary.node-count"][0] == ERROR


@pytest.mark.parametrize("part", ["measurements/GPU.hardware", "measurements/GPU"])
@pytest.mark.parametrize("path", ["GPU.hardware.gpu-count", "GPU.hardware.model"])
def test_a_bus_that_was_seen_in_part_has_no_count_and_no_model(part: str, path: str) -> None:
    gpu = {"GPU": {"hardware": SubtypeReadings({"gpu-count": 8, "model": "h100", "gpu-present": "true"})}}
    alone = read_snapshot(document(Capture(gpu, gaps=(Gap(part, "partial", REASON),)), {"source-node": "a"}))
    found = states(alone, {"accelerator": "h100"}, **{path: "8" if "count" in path else "h100"})
    assert {state for state, _ in found.values()} == {ERROR}
    whole = read_snapshot(document(Capture(gpu), {"source-node": "a"}))
    assert states(whole, {"accelerator": "h100"})["accelerator"][0] == PASSED


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1beta2"])
def test_gpus_to_claim_that_were_not_all_listed_may_be_others(version: str) -> None:
    part = f"objects/resource.k8s.io/{version}/ResourceSlice"
    for state, wanted in (("partial", ERROR), ("failed", ERROR), ("denied", PASSED), ("absent", PASSED)):
        taken = cluster(node("a"), gaps=(Gap(part, state, REASON),))
        assert states(taken, {"accelerator": "h100"})["accelerator"][0] == wanted
        taken = cluster(node("a", labels={}), gaps=(Gap(part, state, REASON),))
        none = FAILED if state == "absent" else ERROR
        assert states(taken, {"accelerator": "h100"})["accelerator"][0] == none


def claiming(taken: Snapshot, **component: Any) -> dict[str, tuple[str, str]]:
    """Return what becomes of the criteria of a recipe with a DRA driver."""
    entry = {"name": "nvidia-dra-driver-gpu", "version": "0.4.1", **component}
    recipe = {"kind": "RecipeResult", "metadata": {"slug": "x"}, "criteria": {"accelerator": "h100", "os": "ubuntu"},
              "componentRefs": [entry]}  # fmt: skip
    results = judge(recipe, taken, checks={}, phases=("readiness",)).results
    return {each.name: (each.state, each.message) for each in results}


ON = {"resources": {"gpus": {"enabled": True}}}
OFF = {"resources": {"gpus": {"enabled": False}}}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1beta2"])
@pytest.mark.parametrize("state", ["denied", "failed", "partial"])
@pytest.mark.parametrize("component", [{"values": ON}, {"overrides": ON}])
def test_slices_that_were_not_all_seen_limit_what_is_known_where_gpus_are_claimed(
    version: str, state: str, component: dict[str, Any]
) -> None:
    part = f"objects/resource.k8s.io/{version}/ResourceSlice"
    taken = cluster(node("a"), node("b", labels={}), gaps=(Gap(part, state, REASON),))
    found = claiming(taken, **component)
    assert {found[name][0] for name in ("accelerator", "os")} == {ERROR}
    assert "ResourceSlice" in found["accelerator"][1]


@pytest.mark.parametrize(
    ("component", "state"),
    [
        ({"values": OFF}, "denied"),
        ({"values": OFF, "overrides": ON}, "denied"),
        ({"values": {"resources": {"gpus": {"enabled": "true"}}}}, "denied"),
        ({"values": {"resources": None}}, "denied"),
        ({"values": {}}, "denied"),
        ({"values": ON, "overrides": {"enabled": False}}, "denied"),
        ({"values": ON, "name": "other"}, "denied"),
        ({"values": ON}, "absent"),
        ({"values": ON}, "skipped"),
    ],
)
def test_where_nothing_leans_on_slices_nothing_is_limited(component: dict[str, Any], state: str) -> None:
    part = "objects/resource.k8s.io/v1/ResourceSlice"
    taken = cluster(node("a"), node("b", labels={}), gaps=(Gap(part, state, REASON),))
    assert {each for each, _ in claiming(taken, **component).values()} == {PASSED}


def test_nodes_that_all_show_their_gpus_need_no_slices() -> None:
    gap = Gap("objects/resource.k8s.io/v1/ResourceSlice", "denied", REASON)
    assert claiming(cluster(node("a"), node("b"), gaps=(gap,)), values=ON)["accelerator"][0] == PASSED
    other = cluster(node("a"), node("b", labels={"nvidia.com/gpu.product": "NVIDIA-L40S"}), gaps=(gap,))
    assert claiming(other, values=ON)["accelerator"][0] == FAILED
    some = cluster(node("a"), node("b", labels={}), gaps=(gap,)).pick(["a"])
    assert claiming(some, values=ON)["accelerator"][0] == PASSED
