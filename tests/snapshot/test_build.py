"""What collectors bring home becomes one document."""

from __future__ import annotations

from clusterbook.documents.yaml_writer import dump
from clusterbook.snapshot.build import Capture, SubtypeReadings, combine, document, measurement_part
from clusterbook.snapshot.inventory import Gap
from clusterbook.snapshot.model import Item, read_snapshot
from clusterbook.snapshot.schema import SnapshotShape

OS = Capture(
    {"OS": {"release": SubtypeReadings({"ID": "ubuntu", "VERSION_ID": "24.04"})}},
    gaps=(Gap("releases", "skipped", "no"),),
)
PODS = {"apiVersion": "v1", "kind": "Pod", "items": [{"metadata": {"name": "a"}}]}
CLUSTER = Capture(
    {
        "K8s": {"server": SubtypeReadings({"version": "v1.33.5"})},
        "OS": {"release": SubtypeReadings({"ID": "other"}), "kmod": SubtypeReadings({"a": True})},
    },
    objects=(PODS, {"apiVersion": "apps/v1", "kind": "Deployment", "items": []}),
    releases=({"name": "gpu-operator", "namespace": "gpu-operator"},),
    gaps=(Gap("nodes", "partial", "2 of 3"), Gap("nodes", "partial", "2 of 3")),
)


def test_parts_come_together_and_the_first_of_two_readings_counts() -> None:
    found = combine([OS, CLUSTER])
    assert found.measurements["OS"]["release"].data["ID"] == "ubuntu"
    assert set(found.measurements["OS"]) == {"release", "kmod"}
    assert found.releases == [{"name": "gpu-operator", "namespace": "gpu-operator"}]
    assert len(found.gaps) == 3


def test_releases_that_nobody_looked_for_are_not_taken_for_none() -> None:
    assert "releases" not in document(combine([OS, OS]), {})
    assert document(combine([OS, Capture(releases=())]), {})["releases"] == []


def test_a_document_is_the_same_whatever_comes_first() -> None:
    one, other = Capture({"GPU": {"hardware": SubtypeReadings({"a": 1})}}), CLUSTER
    assert dump(document(combine([one, other]), {})) == dump(document(combine([other, one]), {}))


def test_a_document_has_the_shape_of_a_snapshot_and_is_read_back() -> None:
    made = document(combine([OS, CLUSTER]), {"timestamp": "2026-07-14T08:30:00Z", "version": "1", "source-node": ""})
    SnapshotShape.model_validate(made, strict=True)
    taken = read_snapshot(made)
    assert taken.metadata == {"timestamp": "2026-07-14T08:30:00Z", "version": "1"}
    assert [(group["kind"]) for group in made["objects"]] == ["Deployment", "Pod"]
    assert [gap.part for gap in taken.inventory.gaps] == ["nodes", "releases"]
    assert made["fingerprint"]["os"] == {"note": "partial", "version": "24.04", "source": "OS.release.ID"}


def test_alike_things_are_items() -> None:
    group = SubtypeReadings({"n": 2}, [Item({"index": 0}, {"where": "a"}), Item({"index": 1})], {"why": "b"})
    made = document(Capture({"GPU": {"smi": group}}), {})
    SnapshotShape.model_validate(made, strict=True)
    assert made["measurements"][0]["subtypes"] == [
        {
            "subtype": "smi",
            "data": {"n": 2},
            "context": {"why": "b"},
            "items": [{"data": {"index": 0}, "context": {"where": "a"}}, {"data": {"index": 1}}],
        }
    ]


def test_parts_are_spelled_as_coverage_spells_them() -> None:
    assert (measurement_part("SystemD"), measurement_part("OS", "kmod")) == (
        "measurements/SystemD",
        "measurements/OS.kmod",
    )
