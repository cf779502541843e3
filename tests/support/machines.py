"""Machines that do not exist: what /etc, /proc and /sys of real ones look like, planted below a folder.

A machine is a file in `tests/machines/`: `=== path` starts a file, `=== path -> target` is a link, `=== path 0200` is a
file with another mode. What nvidia-smi, a program, would say is made here. Figures and formats are those of public
documentation and of real machines' logs; identifiers are made up.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jeepney import HeaderFields, MessageType, Parser, new_error, new_method_return

from clusterbook.collect.node.host import Host, ProgramOutput, Runner

MACHINES = Path(__file__).parents[1] / "machines"
NAMES = sorted(path.stem for path in MACHINES.glob("*.tree"))


def plant(name: str, root: Path) -> Path:
    """Write the machine `name` below `root`, and return it."""
    return write((MACHINES / f"{name}.tree").read_text(encoding="utf-8"), root)


def write(text: str, root: Path) -> Path:
    """Write the files of a machine below `root`, and return it."""
    root.mkdir(parents=True, exist_ok=True)
    for part in text.split("=== ")[1:]:
        head, _, body = part.partition("\n")
        name, *rest = head.split()
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif rest[:1] == ["->"]:
            path.symlink_to(rest[1])
        else:
            path.write_text(body, encoding="utf-8")
            path.chmod(int(rest[0], 8) if rest else 0o644)
    return root


def host(root: Path, programs: Mapping[str, ProgramOutput | OSError] | None = None) -> Host:
    """Return the machine below `root`; `programs` maps a command line, or its first word, to what it says."""
    return Host(root, root, runner(programs or {}))


def runner(programs: Mapping[str, ProgramOutput | OSError]) -> Runner:
    """Return what plays `programs`; all others are not there."""

    def run(words: Sequence[str], variables: Mapping[str, str], timeout_s: float) -> ProgramOutput:
        assert timeout_s > 0
        line = " ".join([*(f"{key}={value}" for key, value in variables.items()), *words])
        found = programs.get(line, programs.get(words[0], FileNotFoundError(2, "No such file or directory", words[0])))
        if isinstance(found, OSError):
            raise found
        return found

    return run


# --- nvidia-smi -q -x, as driver 580 writes it ------------------------------------------------------------------------

HEAD = '<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v13.dtd">\n'


def smi(*gpus: str, driver: str = "580.82.07", cuda: str = "13.0") -> str:
    """Return a report of `nvidia-smi -q -x` about some GPUs."""
    return (
        f"{HEAD}<nvidia_smi_log>\n<timestamp>Tue Jul 14 08:30:00 2026</timestamp>\n"
        f"<driver_version>{driver}</driver_version>\n<cuda_version>{cuda}</cuda_version>\n"
        f"<attached_gpus>{len(gpus)}</attached_gpus>\n{''.join(gpus)}</nvidia_smi_log>\n"
    )


def h100(index: int, address: str, *, mig: str = "Disabled", slices: int = 0) -> str:
    """Return what nvidia-smi says about one H100 SXM5."""
    devices = "".join(
        f"<mig_device><index>{each}</index><gpu_instance_id>{each + 1}</gpu_instance_id></mig_device>"
        for each in range(slices)
    )
    return f"""\
<gpu id="0000{address.upper()}">
  <product_name>NVIDIA H100 80GB HBM3</product_name>
  <product_brand>NVIDIA</product_brand>
  <product_architecture>Hopper</product_architecture>
  <display_mode>Requested functionality has been deprecated</display_mode>
  <persistence_mode>Enabled</persistence_mode>
  <addressing_mode>HMM</addressing_mode>
  <mig_mode><current_mig>{mig}</current_mig><pending_mig>{mig}</pending_mig></mig_mode>
  <mig_devices>{devices or "None"}</mig_devices>
  <serial>165122000000{index}</serial>
  <uuid>GPU-8f1c0a2e-1111-4222-8333-00000000000{index}</uuid>
  <vbios_version>96.00.99.00.01</vbios_version>
  <gsp_firmware_version>580.82.07</gsp_firmware_version>
  <pci>
    <pci_bus>{address[5:7].upper()}</pci_bus><pci_device_id>233010DE</pci_device_id>
    <pci_gpu_link_info>
      <pcie_gen><max_link_gen>5</max_link_gen><current_link_gen>5</current_link_gen></pcie_gen>
      <link_widths><max_link_width>16x</max_link_width><current_link_width>16x</current_link_width></link_widths>
    </pci_gpu_link_info>
  </pci>
  <fan_speed>N/A</fan_speed>
  <performance_state>P0</performance_state>
  <fb_memory_usage><total>81559 MiB</total><reserved>551 MiB</reserved><used>0 MiB</used></fb_memory_usage>
  <compute_mode>Default</compute_mode>
  <ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Enabled</pending_ecc></ecc_mode>
  <ecc_errors><aggregate><sram_correctable>0</sram_correctable><dram_uncorrectable>0</dram_uncorrectable></aggregate>\
</ecc_errors>
  <remapped_rows><remapped_row_corr>0</remapped_row_corr><remapped_row_pending>No</remapped_row_pending>\
<remapped_row_failure>No</remapped_row_failure></remapped_rows>
  <temperature><gpu_temp>31 C</gpu_temp></temperature>
  <gpu_power_readings><current_power_limit>700.00 W</current_power_limit></gpu_power_readings>
  <applications_clocks><graphics_clock>N/A</graphics_clock><mem_clock>N/A</mem_clock></applications_clocks>
  <max_clocks><graphics_clock>1980 MHz</graphics_clock><sm_clock>1980 MHz</sm_clock><mem_clock>2619 MHz</mem_clock>\
</max_clocks>
  <fabric><state>Completed</state><status>Success</status></fabric>
</gpu>
"""


H100S = tuple(f"0000:{bus}:00.0" for bus in ("53", "64", "75", "86", "97", "a8", "b9", "ca"))
"""Where the GPUs of an EC2 p5.48xlarge are."""


def eight_h100() -> str:
    """Return what nvidia-smi says on the machine `ubuntu-h100`."""
    return smi(*(h100(index, address) for index, address in enumerate(H100S)))


# --- systemd over D-Bus -----------------------------------------------------------------------------------------------

UNITS: dict[str, dict[str, tuple[str, Any]]] = {
    "containerd_2eservice": {
        "Id": ("s", "containerd.service"),
        "ActiveState": ("s", "active"),
        "SubState": ("s", "running"),
        "LoadState": ("s", "loaded"),
        "UnitFileState": ("s", "enabled"),
        "MainPID": ("u", 1873),
        "LimitNOFILE": ("t", 1048576),
        "CPUAccounting": ("b", True),
        "After": ("as", ["network.target", "local-fs.target"]),
        "InvocationID": ("ay", bytes(range(16))),
        "AllowedCPUs": ("ay", b""),
        "Environment": ("as", ["HTTPS_PROXY=http://user:hunter2@proxy.example.org"]),
        "ExecStart": ("a(sasbttttuii)", [("/usr/bin/containerd", ["--token=hunter2"], False, 0, 0, 0, 0, 0, 0, 0)]),
        "SetCredential": ("a(say)", []),
        "SuccessExitStatus": ("(aiai)", ([], [])),
    },
    "kubelet_2eservice": {"ActiveState": ("s", "active"), "SubState": ("s", "running")},
}


@contextmanager
def systemd(where: Path, units: Mapping[str, Mapping[str, tuple[str, Any]]], *, daemon: bool) -> Iterator[list[str]]:
    """Play systemd at the socket `where`, behind a D-Bus daemon or not; yield the calls as they come."""
    calls: list[str] = []
    where.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(where))
        server.listen(1)
        thread = threading.Thread(target=_serve, args=(server, units, daemon, calls), daemon=True)
        thread.start()
        yield calls
        server.close()


def _serve(
    server: socket.socket, units: Mapping[str, Mapping[str, tuple[str, Any]]], daemon: bool, calls: list[str]
) -> None:
    line, _ = server.accept()
    with line:
        said = b""
        while b"BEGIN\r\n" not in said and (got := line.recv(1024)):
            said += got
        line.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
        assert said.endswith(b"BEGIN\r\n"), "systemd would not answer what comes together with BEGIN"
        parser, greeted, serial = Parser(), not daemon, 0
        while data := line.recv(4096):
            parser.add_data(data)
            while (message := parser.get_next_message()) is not None:
                serial += 1
                path, member = (message.header.fields[each] for each in (HeaderFields.path, HeaderFields.member))
                calls.append(f"{member} {path}")
                unit = path.rpartition("/")[2]
                if member == "Hello":
                    greeted = True
                    answer = new_method_return(message, "s", (":1.42",))
                elif not greeted:
                    answer = new_error(message, "org.freedesktop.DBus.Error.AccessDenied", "s", ("say Hello first",))
                elif unit in units:
                    answer = new_method_return(message, "a{sv}", (dict(units[unit]),))
                else:
                    answer = new_error(message, "org.freedesktop.DBus.Error.UnknownObject", "s", ("no such unit",))
                assert answer.header.message_type in (MessageType.method_return, MessageType.error)
                line.sendall(answer.serialise(serial))
