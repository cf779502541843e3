"""Which GPUs a machine has, by its PCI bus and by its driver."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clusterbook.collect.node import collectors, nvidia_smi, pci
from clusterbook.collect.node.host import ProgramOutput
from clusterbook.collect.node.pci import MODELS
from clusterbook.snapshot.build import SubtypeReadings
from clusterbook.snapshot.gpus import accelerator_in
from clusterbook.snapshot.inventory import Gap
from clusterbook.snapshot.recognition import ACCELERATORS
from tests.support import machines

NO_GPU = Gap("measurements/GPU.smi", "absent", "no NVIDIA GPU on the PCI bus")


def hardware(root: Path) -> SubtypeReadings:
    return pci.hardware(machines.host(root)).measurements["GPU"]["hardware"]


def one(root: Path, address: str = "0000:01:00.0", **more: str) -> Path:
    files = {"vendor": "0x10de", "class": "0x030200", "device": "0x2330", **more}
    text = "".join(f"=== sys/bus/pci/devices/{address}/{name}\n{value}\n" for name, value in files.items())
    return machines.write(text, root)


# --- the bus ----------------------------------------------------------------------------------------------------------


def test_eight_h100_are_counted_and_their_switches_are_not(tmp_path: Path) -> None:
    found = hardware(machines.plant("ubuntu-h100", tmp_path))
    assert found.data == {
        "gpu-present": True,
        "gpu-count": 8,
        "driver-loaded": True,
        "driver-version": "580.82.07",
        "detection-source": "pci",
        "model": "h100",
        "product": "H100 SXM5 80GB",
    }
    assert [item.data["pci-address"] for item in found.items] == list(machines.H100S)
    assert found.items[7].data["driver"] == "nvidia"
    assert found.items[7].context == {"numa-node": 1}


def test_a_server_without_gpu_says_so(tmp_path: Path) -> None:
    seen = pci.hardware(machines.host(machines.plant("rhel-9", tmp_path)))
    assert seen.measurements["GPU"]["hardware"].data == {
        "gpu-present": False,
        "gpu-count": 0,
        "driver-loaded": False,
        "detection-source": "pci",
    }
    assert seen.gaps == [NO_GPU]


def test_the_version_of_an_older_driver_is_found(tmp_path: Path) -> None:
    found = hardware(machines.plant("cos-l4", tmp_path))
    assert found.data["driver-version"] == "570.133.20"
    assert found.data["model"] == "l4"
    assert found.items[0].context == {}


def test_a_machine_without_pci_leaves_a_gap(tmp_path: Path) -> None:
    seen = pci.hardware(machines.host(tmp_path))
    assert seen.gaps == (Gap("measurements/GPU.hardware", "absent", "/sys/bus/pci/devices: No such file or directory"),)


def test_a_gpu_nobody_has_a_name_for_is_counted_without_a_model(tmp_path: Path) -> None:
    found = hardware(one(tmp_path, device="0xffff"))
    assert found.data["gpu-count"] == 1
    assert "model" not in found.data
    assert found.items[0].data["device-id"] == "ffff"


def test_different_models_are_counted_without_a_model(tmp_path: Path) -> None:
    found = hardware(one(one(tmp_path), "0000:02:00.0", device="0x26b9"))
    assert found.data["gpu-count"] == 2
    assert "model" not in found.data
    assert [item.data["model"] for item in found.items] == ["h100", "l40s"]


def test_boards_of_one_model_have_no_product_in_common(tmp_path: Path) -> None:
    found = hardware(one(one(tmp_path), "0000:02:00.0", device="0x2331"))
    assert found.data["model"] == "h100"
    assert "product" not in found.data


def test_a_display_controller_of_nvidia_is_a_gpu_and_its_sound_is_none(tmp_path: Path) -> None:
    root = one(one(tmp_path, **{"class": "0x030000"}), "0000:01:00.1", **{"class": "0x040300"})
    assert hardware(root).data["gpu-count"] == 1


def test_slices_of_a_gpu_are_not_counted_beside_it(tmp_path: Path) -> None:
    root = one(one(tmp_path), "0000:01:00.4")
    (root / "sys/bus/pci/devices/0000:01:00.4/physfn").symlink_to("../0000:01:00.0")
    assert hardware(root).data["gpu-count"] == 1


def test_a_gpu_handed_to_a_virtual_machine_shows_who_has_it(tmp_path: Path) -> None:
    root = machines.write("=== sys/bus/pci/drivers/vfio-pci/\n", one(tmp_path))
    (root / "sys/bus/pci/devices/0000:01:00.0/driver").symlink_to("../../drivers/vfio-pci")
    found = hardware(root)
    assert found.items[0].data["driver"] == "vfio-pci"
    assert found.data["driver-loaded"] is False


def test_a_device_that_cannot_be_read_loses_no_other(tmp_path: Path) -> None:
    root = one(one(tmp_path), "0000:02:00.0", vendor="no number")
    seen = pci.hardware(machines.host(root))
    assert seen.measurements["GPU"]["hardware"].data["gpu-count"] == 1
    assert seen.gaps == [Gap("measurements/GPU.hardware", "partial", "cannot be read: 0000:02:00.0")]


WITHOUT_NUMBER = {"vr200"}
"""Models whose device numbers are in no list yet: a node with them is recognised by its label and by its driver."""


def test_every_accelerator_of_the_catalog_has_a_name_on_the_bus() -> None:
    named = {accelerator_in(model, ACCELERATORS) for model, _ in MODELS.values()}
    assert named - {""} == set(ACCELERATORS) - WITHOUT_NUMBER


def test_a_model_is_no_other_models_name() -> None:
    for model, product in MODELS.values():
        if accelerator_in(model, ACCELERATORS):
            assert accelerator_in(model, ACCELERATORS) == model, product


# --- the driver -------------------------------------------------------------------------------------------------------


def test_the_driver_says_what_the_bus_cannot(tmp_path: Path) -> None:
    root = machines.plant("ubuntu-h100", tmp_path)
    seen = collectors.gpus(machines.host(root, {"nvidia-smi -q -x": ProgramOutput(0, machines.eight_h100())}))
    found = seen.measurements["GPU"]["smi"]
    assert found.data == {
        "driver-version": "580.82.07",
        "cuda-version": "13.0",
        "gpu-count": 8,
        "name": "NVIDIA H100 80GB HBM3",
        "architecture": "Hopper",
        "vbios-version": "96.00.99.00.01",
        "gsp-firmware-version": "580.82.07",
        "mig-mode": "Disabled",
        "ecc-mode": "Enabled",
        "persistence-mode": "Enabled",
        "compute-mode": "Default",
        "memory-total": "81559 MiB",
        "clock-sm-max": "1980 MHz",
        "clock-memory-max": "2619 MHz",
        "power-limit": "700.00 W",
        "fabric-state": "Completed",
        "fabric-status": "Success",
        "pcie-link-generation-max": "5",
        "pcie-link-width-max": "16x",
    }
    assert found.items[1].data == {
        "index": 1,
        "uuid": "GPU-8f1c0a2e-1111-4222-8333-000000000001",
        "serial": "1651220000001",
        "mig-mode-pending": "Disabled",
        "ecc-mode-pending": "Enabled",
        "ecc-uncorrectable": "0",
        "remapped-rows-pending": "No",
        "remapped-rows-failure": "No",
    }
    assert [item.context["pci-address"] for item in found.items] == list(machines.H100S)
    assert not seen.gaps


def test_gpus_that_disagree_are_mixed_and_each_says_what_it_is() -> None:
    report = machines.smi(
        machines.h100(0, machines.H100S[0], mig="Enabled", slices=7), machines.h100(1, machines.H100S[1])
    )
    found = nvidia_smi.read_report(ProgramOutput(0, report), 2).measurements["GPU"]["smi"]
    assert found.data["mig-mode"] == "mixed"
    assert found.items[0].data["mig-mode"] == "Enabled"
    assert found.items[0].data["mig-devices"] == 7
    assert found.items[1].data["mig-mode"] == "Disabled"
    assert "mig-devices" not in found.items[1].data


def test_a_gpu_that_fell_off_the_bus_is_missed() -> None:
    report = machines.smi(*(machines.h100(index, address) for index, address in enumerate(machines.H100S[:7])))
    said = "Unable to determine the device handle for gpu 0000:CA:00.0: GPU is lost.  Reboot the system to recover"
    seen = nvidia_smi.read_report(ProgramOutput(15, report, said), 8)
    assert seen.measurements["GPU"]["smi"].data["gpu-count"] == 7
    assert seen.gaps == [Gap("measurements/GPU.smi", "partial", f"the driver shows 7 of 8 GPUs: {said}")]


def test_nobody_asks_a_driver_for_gpus_that_are_not_there(tmp_path: Path) -> None:
    host = machines.host(tmp_path, {"nvidia-smi": OSError("asked")})
    assert nvidia_smi.driver(host, 0).measurements == {}


@pytest.mark.parametrize(
    ("ran", "gap"),
    [
        (FileNotFoundError(2, "gone"), ("absent", "nvidia-smi was not found; the driver may not be installed")),
        (PermissionError(13, "Permission denied"), ("denied", "nvidia-smi: Permission denied")),
        (
            TimeoutError(110, "timed out after 30 s"),
            ("failed", "nvidia-smi: timed out after 30 s; the driver may hang"),
        ),
        (
            ProgramOutput(9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n\n"),
            (
                "failed",
                "nvidia-smi exited with status 9: NVIDIA-SMI has failed because it couldn't communicate with the"
                " NVIDIA driver.",
            ),
        ),
        (
            ProgramOutput(
                18, "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.82\n"
            ),
            ("failed", "nvidia-smi exited with status 18: Failed to initialize NVML: Driver/library version mismatch"),
        ),
        (ProgramOutput(0, ""), ("failed", "nvidia-smi wrote no report: no output")),
        (ProgramOutput(0, "No devices were found\n"), ("failed", "nvidia-smi wrote no report: No devices were found")),
        (
            ProgramOutput(6, "No devices were found\n"),
            ("failed", "nvidia-smi exited with status 6: No devices were found"),
        ),
        (
            ProgramOutput(15, "", "Unable to determine the device handle for GPU0000:53:00.0: Unknown Error\n"),
            (
                "failed",
                "nvidia-smi exited with status 15: Unable to determine the device handle for GPU0000:53:00.0:"
                " Unknown Error",
            ),
        ),
        (
            ProgramOutput(12, "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.\n"),
            (
                "failed",
                "nvidia-smi exited with status 12: NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.",
            ),
        ),
    ],
)
def test_a_driver_that_says_nothing_leaves_a_gap(
    tmp_path: Path, ran: ProgramOutput | OSError, gap: tuple[str, str]
) -> None:
    seen = nvidia_smi.driver(machines.host(tmp_path, {"nvidia-smi": ran}), 8)
    assert not seen.measurements
    assert [(each.part, each.state, each.reason) for each in seen.gaps] == [("measurements/GPU.smi", *gap)]


@pytest.mark.parametrize(
    "report",
    [
        machines.eight_h100()[:2000],
        machines.eight_h100().replace("</driver_version>", ""),
        '<nvidia_smi_log><!DOCTYPE x [<!ENTITY a "aaaa">]>&a;</nvidia_smi_log>',
        "<nvidia_smi_log>" + "x" * (17 << 20),
    ],
)
def test_a_report_that_is_cut_off_or_hostile_is_refused(report: str) -> None:
    seen = nvidia_smi.read_report(ProgramOutput(0, report), 8)
    assert not seen.measurements
    assert [each.state for each in seen.gaps] == ["failed"]


def changed(report: str, **fields: str) -> str:
    """Return a report with other text in some of its elements."""
    for name, value in fields.items():
        wanted = f"<{name}>{value}</{name}>"
        report, count = re.subn(f"<{name}>[^<]*</{name}>", lambda _, wanted=wanted: wanted, report)
        assert count, name
    return report


def item(report: str) -> SubtypeReadings:
    return nvidia_smi.read_report(ProgramOutput(0, report), report.count("<gpu ")).measurements["GPU"]["smi"]


def test_older_drivers_have_other_names_for_the_same() -> None:
    power = "<power_readings><power_limit>300.00 W</power_limit><enforced_power_limit>250.00 W</enforced_power_limit>"
    ecc = "<ecc_errors><aggregate><double_bit><total>3</total></double_bit></aggregate></ecc_errors>"
    report = re.sub(r"<gpu_power_readings>.*</gpu_power_readings>", f"{power}</power_readings>",
                    machines.smi(machines.h100(0, machines.H100S[0]), driver="525.147.05", cuda="12.0"))  # fmt: skip
    report = re.sub(r"<ecc_errors>.*?</ecc_errors>", ecc, report, flags=re.DOTALL)
    found = item(report)
    assert found.data["power-limit"] == "250.00 W"
    assert found.items[0].data["ecc-uncorrectable"] == "3"
    assert found.data["driver-version"] == "525.147.05"


@pytest.mark.parametrize(
    "nothing", ["N/A", "[N/A]", "Not Supported", "[Not Supported]", "", "\n  N/A\n", "Requested functionality has been"
                " deprecated", "[Requested functionality has been deprecated]"],
)  # fmt: skip
def test_a_field_that_a_driver_does_not_have_is_left_out(nothing: str) -> None:
    found = item(
        changed(machines.smi(machines.h100(0, machines.H100S[0])), vbios_version=nothing, cuda_version=nothing)
    )
    assert "vbios-version" not in found.data
    assert "cuda-version" not in found.data


def test_what_a_driver_could_not_find_out_is_no_reading_but_a_gap() -> None:
    lost = changed(machines.h100(1, machines.H100S[1]), vbios_version="ERR!", current_ecc="[GPU requires reset]",
                   uuid="GPU is lost", state="Unknown Error")  # fmt: skip
    seen = nvidia_smi.read_report(ProgramOutput(0, machines.smi(machines.h100(0, machines.H100S[0]), lost)), 2)
    found = seen.measurements["GPU"]["smi"]
    assert found.data["gpu-count"] == 2
    assert found.data["vbios-version"] == found.data["ecc-mode"] == found.data["fabric-state"] == "mixed"
    assert found.items[0].data["vbios-version"] == "96.00.99.00.01"
    assert found.items[1].data.keys().isdisjoint({"vbios-version", "ecc-mode", "uuid", "fabric-state"})
    assert seen.gaps == [
        Gap(
            "measurements/GPU.smi",
            "partial",
            f"the GPU {machines.H100S[1]} answers 'ERR!' when asked for vbios-version and 3 more",
        )
    ]


def test_whoever_uses_a_gpu_may_be_called_whatever_he_likes() -> None:
    name = "<process_name>ERR! [Insufficient Permissions]</process_name>"
    busy = machines.h100(0, machines.H100S[0]).replace("</gpu>", f"<processes>{name}</processes></gpu>")
    assert nvidia_smi.read_report(ProgramOutput(0, machines.smi(busy)), 1).gaps == []


def test_a_report_with_a_warning_is_read_and_the_warning_kept() -> None:
    warning = "WARNING: infoROM is corrupted at gpu 0000:53:00.0"
    seen = nvidia_smi.read_report(ProgramOutput(14, f"{machines.eight_h100()}{warning}\n"), 8)
    assert seen.measurements["GPU"]["smi"].data["gpu-count"] == 8
    assert [gap.state for gap in seen.gaps] == ["partial"]
    assert seen.gaps[0].reason == f"nvidia-smi exited with status 14: {warning}"
    before = nvidia_smi.read_report(ProgramOutput(14, f"{warning}\n{machines.eight_h100()}"), 8)
    assert before == seen


def test_a_name_that_is_no_text_is_read_as_far_as_it_goes() -> None:
    report = changed(machines.smi(machines.h100(0, machines.H100S[0])), product_name="H100 \x00\x1b\\xff\ufffe")
    assert item(report).data["name"] == "H100 ??\\xff?"


def test_the_gpus_of_a_gb200_say_in_which_clique_they_are_and_what_they_need() -> None:
    fabric = "<fabric><state>Completed</state><status>Success</status><cliqueId>32766</cliqueId>"
    more = "<clusterUuid>1a2b3c4d-0000-4000-8000-000000000000</clusterUuid><health><bandwidth>Full</bandwidth></health>"
    gpus = [
        re.sub("<fabric>.*</fabric>", f"{fabric}{more}</fabric><gpu_recovery_action>{action}</gpu_recovery_action>",
               changed(machines.h100(number, address), product_name="NVIDIA GB200", product_architecture="Blackwell",
                       addressing_mode="ATS", graphics_clock="Requested functionality has been deprecated"))
        for number, (address, action) in enumerate((("0008:01:00.0", "None"), ("0009:01:00.0", "GPU Reset")))
    ]  # fmt: skip
    found = item(machines.smi(*gpus))
    assert (found.data["name"], found.data["architecture"]) == ("NVIDIA GB200", "Blackwell")
    assert "clock-sm-application" not in found.data
    assert [each.data["fabric-clique"] for each in found.items] == ["32766", "32766"]
    assert [each.data["recovery-action"] for each in found.items] == ["None", "GPU Reset"]
    assert [each.context["pci-address"] for each in found.items] == ["0008:01:00.0", "0009:01:00.0"]
    assert "1a2b3c4d" not in str(found)


def test_on_gke_the_driver_is_asked_where_gke_puts_it(tmp_path: Path) -> None:
    root = machines.plant("cos-l4", tmp_path)
    bin_ = root / "home/kubernetes/bin/nvidia"
    line = f"LD_LIBRARY_PATH={bin_}/lib64 {bin_}/bin/nvidia-smi -q -x"
    seen = collectors.gpus(
        machines.host(root, {line: ProgramOutput(0, machines.smi(machines.h100(0, "0000:00:03.0")))})
    )
    assert seen.measurements["GPU"]["smi"].data["gpu-count"] == 1


@pytest.mark.parametrize("below", ["", "/run/nvidia/driver"])
def test_in_a_pod_the_driver_is_asked_in_its_own_root(tmp_path: Path, below: str) -> None:
    root = machines.write(f"=== {below.strip('/') or '.'}/usr/bin/nvidia-smi\n", tmp_path)
    programs = {
        "nvidia-smi": ProgramOutput(127, "", "not found"),
        f"chroot {root}{below} nvidia-smi -q -x": ProgramOutput(0, machines.smi(machines.h100(0, "0000:00:03.0"))),
    }
    seen = nvidia_smi.driver(machines.host(root, programs), 1)
    assert seen.measurements["GPU"]["smi"].data["driver-version"] == "580.82.07"


def test_a_program_that_is_a_link_into_its_own_root_is_there(tmp_path: Path) -> None:
    root = machines.write("=== usr/bin/nvidia-smi -> /etc/alternatives/nvidia-smi\n", tmp_path)
    assert [way.words[:2] for way in nvidia_smi.invocations(machines.host(root))] == [
        ("nvidia-smi",),
        ("chroot", str(root)),
    ]


def test_gpus_of_virtual_machines_are_not_missed_by_the_driver(tmp_path: Path) -> None:
    root = machines.write("=== sys/bus/pci/drivers/vfio-pci/\n", one(one(tmp_path), "0000:02:00.0"))
    (root / "sys/bus/pci/devices/0000:02:00.0/driver").symlink_to("../../drivers/vfio-pci")
    report = ProgramOutput(0, machines.smi(machines.h100(0, "0000:01:00.0")))
    seen = collectors.gpus(machines.host(root, {"nvidia-smi": report}))
    assert not seen.gaps
    (root / "sys/bus/pci/devices/0000:01:00.0/driver").symlink_to("../../drivers/vfio-pci")
    alone = collectors.gpus(machines.host(root, {"nvidia-smi": OSError("asked")}))
    assert list(alone.gaps) == [Gap("measurements/GPU.smi", "absent", "all GPUs are bound to vfio-pci")]
