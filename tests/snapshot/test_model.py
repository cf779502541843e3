from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.snapshot.criteria import fingerprint, origin
from clusterbook.snapshot.model import Snapshot, read_snapshot, snapshot_age
from clusterbook.snapshot.recognition import ACCELERATORS
from clusterbook.snapshot.services import service_of
from tests.support.hints import nearest

DOCUMENT: dict[str, Any] = {
    "kind": "Snapshot",
    "apiVersion": "clusterbook.dev/v1alpha1",
    "metadata": {"timestamp": "2026-07-01T00:00:00Z", "version": "1.0.0", "source-node": "n1"},
    "measurements": [
        {
            "type": "K8s",
            "subtypes": [
                {"subtype": "server", "data": {"version": "v1.33.5-eks-3025e55"}},
                {"subtype": "node", "data": {"provider": "eks"}, "context": {"why": "first node"}},
            ],
        },
        {"type": "GPU", "subtypes": [{"subtype": "hardware", "data": {"model": "h100", "gpu-count": 8}}]},
        {"type": "OS", "subtypes": [{"subtype": "release", "data": {"ID": "ubuntu", "VERSION_ID": "24.04"}}]},
        {"type": "NodeTopology", "subtypes": [{"subtype": "summary", "data": {"node-count": 12}}]},
    ],
}


def snapshot(*, stated: object = None, **readings: Any) -> Snapshot:
    """Return a snapshot with the given readings, `type__subtype={…}`."""
    measurements = []
    for name, data in readings.items():
        kind, subtype = name.split("__")
        measurements.append({"type": kind, "subtypes": [{"subtype": subtype, "data": data}]})
    return read_snapshot({"kind": "Snapshot", "fingerprint": stated, "measurements": measurements})


def changed(path: list[str | int], value: object) -> dict[str, Any]:
    """Return the document with `value` at `path`."""
    document = copy.deepcopy(DOCUMENT)
    part: Any = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return document


# --- the shape: rows S1, G13 ------------------------------------------------------------------------------------------


def test_a_reading_is_text_whatever_it_was() -> None:
    found = read_snapshot(DOCUMENT)
    assert found.reading("GPU", "hardware", "gpu-count") == "8"
    assert found.reading("K8s", "server", "version") == "v1.33.5-eks-3025e55"


def test_a_reading_that_was_not_taken_is_empty() -> None:
    found = read_snapshot(DOCUMENT)
    assert [found.reading(*place) for place in (("X", "a", "b"), ("K8s", "x", "b"), ("K8s", "node", "b"))] == [""] * 3


@pytest.mark.parametrize(
    "version", ["clusterbook.dev/v1alpha1", "aicr.run/v1alpha2", "aicr.nvidia.com/v1alpha1", "", None]
)
def test_a_known_api_version_is_read(version: str | None) -> None:
    assert read_snapshot(changed(["apiVersion"], version)).measurements


def test_a_snapshot_without_api_version_or_measurements_is_read() -> None:
    assert read_snapshot({"kind": "Snapshot"}) == Snapshot({}, {})


def test_another_api_version_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        InvalidRequest, match=r"apiVersion 'aicr.run/v1alpha3' of the snapshot is not supported"
    ) as error:
        read_snapshot(changed(["apiVersion"], "aicr.run/v1alpha3"))
    assert nearest(error.value.hint) == "aicr.run/v1alpha2"


@pytest.mark.parametrize("document", [{}, None, {"kind": "RecipeResult"}, {"kind": 1}, {"kind": ["Snapshot"]}])
def test_another_kind_is_refused(document: object) -> None:
    with pytest.raises(InvalidRequest, match="this is not a snapshot: its kind is"):
        read_snapshot(document)


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        (["measurements"], {}, "measurements is an empty map, not a list"),
        (["measurements", 1], "x", r"measurements\[1\] is text 'x', not a map"),
        (["measurements", 0, "type"], None, r"measurements\[0\].type is the value null, not a name"),
        (["measurements", 0, "subtypes"], "x", r"measurements\[0\].subtypes is text 'x', not a list"),
        (["measurements", 0, "subtypes", 1, "subtype"], "", r"measurements\[0\].subtypes\[1\].subtype is text ''"),
        (["measurements", 0, "subtypes", 1, "data"], [1], r"subtypes\[1\].data is a list of 1, not a map"),
        (["measurements", 0, "subtypes", 1, "data", "a"], {}, r"data at 'a' is an empty map, not a scalar"),
        (["measurements", 0, "subtypes", 1, "data", 7], "a", r"data is a map, not a map whose keys are text"),
        (["measurements", 0, "subtypes", 1, "items"], [{"data": 1}], r"items\[0\].data is the value 1, not a map"),
        (["fingerprint"], [], "fingerprint is an empty list, not a map"),
    ],
)
def test_another_shape_is_refused_with_its_place(path: list[str | int], value: object, what: str) -> None:
    with pytest.raises(InvalidRequest, match=what):
        read_snapshot(changed(path, value))


def test_a_document_that_is_no_map_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="the document is a list of 1, not a map"):
        read_snapshot([1])


def test_of_two_measurements_of_a_type_the_first_counts() -> None:
    again = {"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1"}}]}
    document = changed(["measurements"], [None, *DOCUMENT["measurements"], again])
    assert read_snapshot(document).reading("K8s", "server", "version") == "v1.33.5-eks-3025e55"


def test_what_was_not_measured_is_not_found_and_what_was_is_listed() -> None:
    with pytest.raises(NotFound, match="no measurement of type 'k8s'; it has: GPU, K8s, NodeTopology, OS") as error:
        read_snapshot(DOCUMENT).subtype("k8s", "server")
    assert nearest(error.value.hint) == "K8s"
    with pytest.raises(NotFound, match="K8s has no subtype 'sever'; it has: node, server") as error:
        read_snapshot(DOCUMENT).subtype("K8s", "sever")
    assert nearest(error.value.hint) == "server"


@given(
    st.recursive(
        st.none() | st.integers() | st.sampled_from(["Snapshot", "K8s", "x"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from("kind measurements type subtypes subtype data items".split()), inner)
        ),
    )
)
def test_any_document_is_read_or_refused(document: object) -> None:
    try:
        found = read_snapshot(document)
    except InvalidRequest:
        return
    assert isinstance(fingerprint(found), dict)


# --- criteria: rows R9, S2 --------------------------------------------------------------------------------------------


def test_criteria_are_derived_where_no_fingerprint_is_stated() -> None:
    assert fingerprint(read_snapshot(DOCUMENT)) == {"service": "eks", "accelerator": "h100", "os": "ubuntu"}


def test_each_criterion_has_a_reading_that_says_so() -> None:
    dimensions = ("service", "accelerator", "os", "nodes")
    own = ["K8s.server.version", "GPU.hardware.model", "OS.release.ID", ""]
    assert [origin(read_snapshot(DOCUMENT), each) for each in dimensions] == own
    labelled = snapshot(NodeTopology__label={"nvidia.com/gpu.product.NVIDIA-H100": "NVIDIA-H100|a"})
    assert origin(labelled, "accelerator") == "NodeTopology.label.nvidia.com/gpu.product"
    stated = {"service": {"value": "eks", "source": "a.b"}, "os": "ubuntu", "nodeCount": {"value": 3}}
    assert [origin(snapshot(stated=stated), each) for each in dimensions] == ["a.b", "", "", ""]


def test_the_number_of_nodes_is_not_derived() -> None:
    assert "nodes" not in fingerprint(snapshot(NodeTopology__summary={"node-count": 12}))


def test_what_a_fingerprint_was_made_of_is_asked_again_and_several_stay_several() -> None:
    stated = {
        "service": {"value": "gke", "source": "k8s.node.provider"},
        "accelerator": {"value": "", "source": "nodeTopology.label", "note": "multi-gpu"},
        "os": {"value": "cos", "version": "117", "source": "os.release"},
        "nodeCount": {"value": 8},
        "k8sVersion": {"value": "1.33.5"},
    }
    document = changed(["fingerprint"], stated)
    assert fingerprint(read_snapshot(document)) == {"service": "eks", "os": "ubuntu", "nodes": "8"}


@pytest.mark.parametrize("service", ["gke", {"value": "gke"}, {"value": "gke", "source": "the people who run it"}])
def test_what_somebody_wrote_into_a_fingerprint_counts_before_what_would_be_derived(service: object) -> None:
    assert fingerprint(read_snapshot(changed(["fingerprint"], {"service": service})))["service"] == "gke"


def test_a_stated_fingerprint_may_be_plain() -> None:
    stated = {"service": "oke", "accelerator": "gb200", "os": " ol ", "nodes": 4}
    assert fingerprint(snapshot(stated=stated)) == {"service": "oke", "accelerator": "gb200", "os": "ol", "nodes": "4"}


def test_a_dimension_that_the_fingerprint_leaves_out_is_derived() -> None:
    assert fingerprint(read_snapshot(changed(["fingerprint"], {"service": "bcm"}))) == {
        "service": "bcm",
        "accelerator": "h100",
        "os": "ubuntu",
    }


@pytest.mark.parametrize(
    "stated", [{"nodeCount": {"value": 0}}, {"nodes": "0"}, {"nodes": None}, {"os": {"value": []}}]
)
def test_a_stated_nothing_is_nothing(stated: dict[str, object]) -> None:
    assert fingerprint(snapshot(stated=stated)) == {}


# Source: row S13.
@pytest.mark.parametrize(
    ("provider", "service"),
    [
        ("aws", "eks"),
        ("gce", "gke"),
        ("azure", "aks"),
        ("oci", "oke"),
        ("ocid1.instance.oc1.iad.x", "oke"),
        ("linode", "lke"),
        ("eks", "eks"),
        ("kind", "kind"),
    ],
)
def test_a_provider_has_a_service_and_is_none(provider: str, service: str) -> None:
    assert service_of(provider) == service
    shows = {} if service != "kind" else {"service": "kind"}
    assert fingerprint(snapshot(K8s__node={"provider": provider})) == shows


@pytest.mark.parametrize(
    ("identifier", "system"),
    [
        ("ubuntu", "ubuntu"),
        ("Ubuntu", "ubuntu"),
        ("rhel", "rhel"),
        ("cos", "cos"),
        ("amzn", "amazonlinux"),
        ("al2023", "amazonlinux"),
        ("ol", "ol"),
        ("talos", "talos"),
        ("debian", None),
        ("", None),
    ],
)
def test_a_release_gives_its_os(identifier: str, system: str | None) -> None:
    assert fingerprint(snapshot(OS__release={"ID": identifier})).get("os") == system


@pytest.mark.parametrize(
    ("product", "accelerator"),
    [
        ("NVIDIA-H100-80GB-HBM3", "h100"),
        ("NVIDIA-H100-NVL", "h100"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA-GB200", "gb200"),
        ("NVIDIA-GB300-NVL72", "gb300"),
        ("NVIDIA-VR200-NVL144", "vr200"),
        ("NVIDIA-B200", "b200"),
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "a100"),
        ("NVIDIA-L40S", "l40s"),
        ("NVIDIA-L40", "l40"),
        ("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", "rtx-pro-6000"),
        ("NVIDIA-GH200-480GB", None),
        ("NVIDIA-RTX-A6000", None),
        ("NVIDIA-A1000", None),
        ("NVIDIA-L4", None),
        ("Tesla-T4", None),
    ],
)
def test_a_product_name_gives_its_accelerator_by_whole_words(product: str, accelerator: str | None) -> None:
    label = {"nvidia.com/gpu.product": f"{product}|n1,n2", "nvidia.com/gpu.count": "8|n1,n2"}
    assert fingerprint(snapshot(NodeTopology__label=label)).get("accelerator") == accelerator
    assert fingerprint(snapshot(GPU__hardware={"model": product})).get("accelerator") == accelerator


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_every_accelerator_is_known_by_its_own_name(accelerator: str) -> None:
    assert fingerprint(snapshot(GPU__hardware={"model": accelerator}))["accelerator"] == accelerator


def test_an_accelerator_of_another_catalog_is_found_and_the_longest_name_wins() -> None:
    label = {"nvidia.com/gpu.product": "NVIDIA-X1-ULTRA-96GB|n1"}
    found = fingerprint(snapshot(NodeTopology__label=label), accelerators=["x1", "x1-ultra"])
    assert found == {"accelerator": "x1-ultra"}


def test_the_name_of_a_node_says_nothing_about_its_accelerator() -> None:
    assert fingerprint(snapshot(NodeTopology__label={"nvidia.com/gpu.product": "Tesla-T4|node-h100-1"})) == {}


def test_different_accelerators_in_one_cluster_give_none() -> None:
    label = {
        "nvidia.com/gpu.product.NVIDIA-H100-80GB-HBM3": "NVIDIA-H100-80GB-HBM3|n1",
        "nvidia.com/gpu.product.NVIDIA-L40S": "NVIDIA-L40S|n2",
    }
    assert "accelerator" not in fingerprint(snapshot(NodeTopology__label=label, GPU__hardware={"model": "h100"}))


def test_two_products_with_the_same_accelerator_give_that_one() -> None:
    label = {
        "nvidia.com/gpu.product.NVIDIA-H100-80GB-HBM3": "NVIDIA-H100-80GB-HBM3|n1",
        "nvidia.com/gpu.product.NVIDIA-H100-PCIe": "NVIDIA-H100-PCIe|n2",
    }
    assert fingerprint(snapshot(NodeTopology__label=label)) == {"accelerator": "h100"}


def test_the_node_itself_is_asked_when_its_labels_say_nothing_known() -> None:
    label = {"nvidia.com/gpu.product": "NVIDIA-Graphics-Device|n1"}
    found = fingerprint(snapshot(NodeTopology__label=label, GPU__hardware={"model": "b200"}))
    assert found == {"accelerator": "b200"}


# --- documents of other tools -----------------------------------------------------------------------------------------

MEASURED = {"measurements": [{"type": "K8s", "subtypes": [{"subtype": "server", "data": {"version": "v1.33.1"}}]}]}


@pytest.mark.parametrize("more", [{}, {"kind": ""}, {"metadata": {"version": "0.4"}}, {"kind": None, "apiVersion": ""}])
def test_measurements_without_kind_are_a_snapshot(more: dict[str, Any]) -> None:
    assert read_snapshot({**MEASURED, **more}).reading("K8s", "server", "version") == "v1.33.1"


@pytest.mark.parametrize(
    "document",
    [
        {**MEASURED, "componentRefs": []},
        {**MEASURED, "kind": "RecipeResult"},
        {**MEASURED, "apiVersion": "v1"},
        {"measurements": []},
        {"measurements": {"K8s": {}}},
        {"metadata": {}},
    ],
)
def test_what_is_something_else_is_no_snapshot_without_kind(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        read_snapshot(document)


@pytest.mark.parametrize(
    ("taken", "words"),
    [("2026.9.0", "a newer version"), ("2026.7.9", "an older version"), ("2026.8.0-rc.1", "a newer"), ("2026.8.0", "")],
)
def test_a_snapshot_of_another_version_of_the_tool_says_so(taken: str, words: str) -> None:
    said = snapshot_age({"apiVersion": "clusterbook.dev/v1alpha1", "metadata": {"version": taken}}, "2026.8.0")
    assert (words in said) if words else said == ""


def test_of_a_tool_that_is_not_ours_nothing_is_said() -> None:
    assert snapshot_age({"apiVersion": "aicr.nvidia.com/v1alpha1", "metadata": {"version": "v0.9"}}, "2026.8.0") == ""
    assert snapshot_age(MEASURED, "2026.8.0") == ""
