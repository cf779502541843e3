"""What systemd says, straight and through a D-Bus daemon."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.collect.node import systemd
from clusterbook.snapshot.inventory import Gap
from tests.support import machines

PRIVATE, DAEMON = "run/systemd/private", "run/dbus/system_bus_socket"


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as short:  # the path of a socket has 108 characters at most
        yield Path(short)


@pytest.mark.parametrize(("where", "daemon"), [(PRIVATE, False), (DAEMON, True)])
def test_every_property_of_a_unit_is_read(root: Path, where: str, daemon: bool) -> None:
    with machines.systemd(root / where, machines.UNITS, daemon=daemon) as calls:
        seen = systemd.units(machines.host(root))
    found = seen.measurements["SystemD"]
    assert found["containerd.service"].data == {
        "ActiveState": "active",
        "SubState": "running",
        "LoadState": "loaded",
        "UnitFileState": "enabled",
        "MainPID": 1873,
        "LimitNOFILE": 1048576,
        "CPUAccounting": True,
        "After": '["network.target","local-fs.target"]',
        "InvocationID": "000102030405060708090a0b0c0d0e0f",
        "SuccessExitStatus": "[[],[]]",
    }
    assert found["kubelet.service"].data["SubState"] == "running"
    assert calls[-3:] == [
        "GetAll /org/freedesktop/systemd1/unit/containerd_2eservice",
        "GetAll /org/freedesktop/systemd1/unit/docker_2eservice",
        "GetAll /org/freedesktop/systemd1/unit/kubelet_2eservice",
    ]


def test_a_unit_that_systemd_refuses_loses_no_other(root: Path) -> None:
    with machines.systemd(root / PRIVATE, machines.UNITS, daemon=False):
        seen = systemd.units(machines.host(root))
    assert set(seen.measurements["SystemD"]) == {"containerd.service", "kubelet.service"}
    said = "org.freedesktop.DBus.Error.UnknownObject: no such unit"
    assert seen.gaps == [Gap("measurements/SystemD.docker.service", "failed", said)]


def test_passwords_on_command_lines_and_in_variables_are_left_out() -> None:
    found = systemd.readings(machines.UNITS["containerd_2eservice"])
    assert "hunter2" not in str(found)


def test_a_machine_without_systemd_says_so(root: Path) -> None:
    said = "no D-Bus: /run/systemd/private and /run/dbus/system_bus_socket are missing"
    assert systemd.units(machines.host(root)).gaps == (Gap("measurements/SystemD", "absent", said),)


def test_where_systemd_itself_does_not_answer_the_daemon_is_asked(root: Path) -> None:
    (root / "run/systemd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead, machines.systemd(root / DAEMON, machines.UNITS, daemon=True):
        dead.bind(str(root / PRIVATE))
        seen = systemd.units(machines.host(root))
    assert "containerd.service" in seen.measurements["SystemD"]


def test_a_daemon_that_hangs_up_leaves_a_gap(root: Path) -> None:
    (root / "run/systemd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(root / PRIVATE))
        seen = systemd.units(machines.host(root))
    assert seen.gaps == [Gap("measurements/SystemD", "failed", "/run/systemd/private: [Errno 111] Connection refused")]


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (b"REJECTED EXTERNAL\r\n", "denied", "D-Bus says REJECTED EXTERNAL"),
        (b"", "failed", "it hung up"),
        (b"OK 0123\r\nnonsense instead of a message", "failed", ""),
    ],
)
def test_a_daemon_that_does_not_let_us_in_leaves_a_gap(root: Path, answer: bytes, state: str, reason: str) -> None:
    (root / "run/systemd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / PRIVATE))
        server.listen(1)

        def answer_once() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1024)
                line.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        seen = systemd.units(machines.host(root))
        thread.join()
    assert [each.state for each in seen.gaps] == [state]
    assert reason in seen.gaps[0].reason


def test_a_daemon_that_never_answers_is_given_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "TIMEOUT_S", 0.1)
    (root / "run/systemd").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(root / PRIVATE))
        silent.listen(1)
        seen = systemd.units(machines.host(root))
    assert [each.state for each in seen.gaps] == ["failed"]
    assert "timed out" in seen.gaps[0].reason


@pytest.mark.parametrize(
    ("unit", "path"), [("kubelet.service", "kubelet_2eservice"), ("nv-a@1.service", "nv_2da_401_2eservice")]
)
def test_a_unit_has_a_path(unit: str, path: str) -> None:
    assert systemd.path_of(unit) == path
