"""A machine by all its collectors, and collectors that fail or never come back."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from clusterbook.collect.node import collectors
from clusterbook.collect.node.host import Host, ProgramOutput
from clusterbook.collect.run import Collector, gather
from clusterbook.diagnostics.errors import NotFound
from clusterbook.evidence.redact import redact
from clusterbook.snapshot import reading
from clusterbook.snapshot.build import Capture, SubtypeReadings, document
from clusterbook.snapshot.criteria import fingerprint
from clusterbook.snapshot.inventory import Gap
from clusterbook.snapshot.model import read_snapshot
from clusterbook.snapshot.schema import SnapshotShape
from tests.support import machines

METADATA = {"timestamp": "2026-07-14T08:30:00Z", "source-node": "n"}


def seen(part: str) -> Capture:
    return Capture({"OS": {part: SubtypeReadings({"a": "b"})}})


def test_a_collector_that_fails_leaves_a_gap_and_the_others_stay() -> None:
    def fail() -> Capture:
        raise ZeroDivisionError("oops")

    def refuse() -> Capture:
        raise NotFound("it is gone", hint="look elsewhere")

    found = gather(
        [
            Collector("p/a", lambda: seen("a")),
            Collector("p/b", fail),
            Collector("p/c", refuse),
            Collector("p/d", Capture),
        ]
    )
    assert set(found.measurements["OS"]) == {"a"}
    assert found.gaps == [Gap("p/b", "failed", "ZeroDivisionError: oops"), Gap("p/c", "failed", "it is gone")]


def test_a_collector_that_never_comes_back_is_left_behind() -> None:
    release = threading.Event()

    def hang() -> Capture:
        release.wait(60)
        return seen("late")

    started = time.monotonic()
    found = gather([Collector("p/slow", hang, 0.1), Collector("p/quick", lambda: seen("quick"))])
    release.set()
    assert time.monotonic() - started < 30
    assert set(found.measurements["OS"]) == {"quick"}
    assert found.gaps == [Gap("p/slow", "failed", "timed out after 0.1 s")]


def test_no_collectors_see_nothing() -> None:
    assert gather([]) == Capture({}, [], None, [])


@pytest.mark.parametrize("name", machines.NAMES)
def test_what_is_written_has_the_shape_of_a_snapshot(tmp_path: Path, name: str) -> None:
    host = machines.host(machines.plant(name, tmp_path), {"nvidia-smi": ProgramOutput(0, machines.eight_h100())})
    SnapshotShape.model_validate(document(collectors.node(host), METADATA), strict=True)


@pytest.mark.parametrize(
    ("name", "criteria"),
    [
        ("ubuntu-h100", {"accelerator": "h100", "os": "ubuntu"}),
        ("rhel-9", {"os": "rhel"}),
        ("cos-l4", {"os": "cos"}),
    ],
)
def test_a_machine_shows_its_criteria(tmp_path: Path, name: str, criteria: dict[str, str]) -> None:
    taken = read_snapshot(document(collectors.node(machines.host(machines.plant(name, tmp_path))), METADATA))
    assert fingerprint(taken) == criteria


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("OS.release.ID", "ubuntu"),
        ("OS.release.VERSION_ID", ">= 24.04"),
        ("OS.sysctl./proc/sys/kernel/osrelease", ">= 6.8"),
        ("GPU.hardware.model", "h100"),
        ("GPU.hardware.gpu-present", "true"),
        ("GPU.smi.driver-version", ">= 580.82.07"),
        ("GPU.smi[7].uuid", "GPU-8f1c0a2e-1111-4222-8333-000000000007"),
        ("OS.kmod.nvidia", "true"),
        ("OS.grub.hugepages", "5128"),
    ],
)
def test_constraints_of_the_reference_hold_on_it(tmp_path: Path, path: str, value: str) -> None:
    host = machines.host(
        machines.plant("ubuntu-h100", tmp_path), {"nvidia-smi": ProgramOutput(0, machines.eight_h100())}
    )
    taken = read_snapshot(document(collectors.node(host), METADATA))
    assert reading.verdict(path, value, taken).reason == ""


def test_a_machine_that_shows_nothing_says_why(tmp_path: Path) -> None:
    found = collectors.node(machines.host(tmp_path))
    assert not found.measurements
    assert {(gap.part, gap.state) for gap in found.gaps} == {
        ("measurements/OS.release", "absent"),
        ("measurements/OS.grub", "absent"),
        ("measurements/OS.kmod", "absent"),
        ("measurements/OS.sysctl", "absent"),
        ("measurements/SystemD", "absent"),
        ("measurements/GPU.hardware", "absent"),
    }


def test_this_very_machine_is_read_without_a_failure() -> None:
    from clusterbook.collect.node.host import this_host

    found = collectors.node(this_host())
    assert "sysctl" in found.measurements["OS"]
    assert not [gap for gap in found.gaps if gap.state == "failed"]


def test_a_machine_says_its_name_and_a_container_does_not(tmp_path: Path) -> None:
    root = machines.plant("rhel-9", tmp_path)
    assert collectors.name(machines.host(root)) == "node-07.example.org"
    assert collectors.name(Host(root, root, machines.runner({}), contained=True)) == ""
    (root / "etc/hostname").unlink()
    assert collectors.name(machines.host(root)) == "node-07.example.org"
    assert collectors.name(machines.host(tmp_path / "nothing")) == ""


def test_what_a_driver_says_stays_in_a_redacted_snapshot_and_what_tells_gpus_apart_goes(tmp_path: Path) -> None:
    host = machines.host(
        machines.plant("ubuntu-h100", tmp_path), {"nvidia-smi": ProgramOutput(0, machines.eight_h100())}
    )
    shown = redact(document(collectors.node(host), METADATA))
    before, after = read_snapshot(document(collectors.node(host), METADATA)), read_snapshot(shown)
    assert after.measurements["GPU"]["smi"].data == before.measurements["GPU"]["smi"].data
    assert after.measurements["GPU"]["hardware"].data == before.measurements["GPU"]["hardware"].data
    assert not {"uuid", "serial", "pci-address"} & {
        key for item in after.measurements["GPU"]["smi"].items for key in item.data
    }
    assert after.measurements["GPU"]["smi"].items[3].data["index"] == 3
    assert "8f1c0a2e" not in str(shown)
