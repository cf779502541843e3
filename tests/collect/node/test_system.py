"""What the operating system and its kernel say about themselves."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.collect.node import system
from clusterbook.collect.node.host import MAX_BYTES, Host
from clusterbook.snapshot.build import Capture
from clusterbook.snapshot.inventory import Gap
from clusterbook.snapshot.model import Reading
from tests.support import machines


def data(seen: Capture, name: str) -> dict[str, Reading]:
    return dict(seen.measurements["OS"][name].data)


ROOT = os.geteuid() == 0
CLOSED = "0600" if ROOT else "0044"
"""A mode by which whoever looks may not read: nobody, or the file's own owner."""


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder that everybody may enter; files are then read as nobody, since root may read everything."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(look: system.Look, host: Host) -> Capture:
    if not ROOT:
        return look(host)
    os.seteuid(65534)
    try:
        return look(host)
    finally:
        os.seteuid(0)


def test_a_release_is_read_with_all_its_keys(tmp_path: Path) -> None:
    found = data(system.release(machines.host(machines.plant("ubuntu-h100", tmp_path))), "release")
    assert found["ID"] == "ubuntu"
    assert found["VERSION_ID"] == "24.04"
    assert found["PRETTY_NAME"] == "Ubuntu 24.04.3 LTS"
    assert len(found) == 13


def test_a_release_is_found_below_usr_lib(tmp_path: Path) -> None:
    root = machines.write("=== usr/lib/os-release\nID=flatcar\n", tmp_path)
    assert data(system.release(machines.host(root)), "release") == {"ID": "flatcar"}


def test_a_machine_without_a_release_says_so(tmp_path: Path) -> None:
    seen = system.release(machines.host(tmp_path))
    assert seen.gaps == (Gap("measurements/OS.release", "absent", "/usr/lib/os-release: No such file or directory"),)


def test_a_containers_own_release_is_not_taken_for_the_nodes(tmp_path: Path) -> None:
    root = machines.plant("rhel-9", tmp_path)
    seen = system.release(Host(root, root, machines.runner({}), contained=True))
    assert not seen.measurements
    assert "--root" in seen.gaps[0].reason


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ('A="b c"', "b c"),
        ("A='b $c'", "b $c"),
        (r'A="say \"hi\" for \$5 \\ \`x\`"', r'say "hi" for $5 \ `x`'),
        ('A="', ""),
        ("A=", ""),
        ("A=b=c", "b=c"),
        (" A=b ", "b"),
    ],
)
def test_quotes_of_a_release_are_trimmed(line: str, value: str) -> None:
    assert system.read_release(f"# comment=1\n\nnonsense\n{line}\n") == {"A": value}


def test_a_command_line_is_split_into_parameters(tmp_path: Path) -> None:
    found = data(system.grub(machines.host(machines.plant("ubuntu-h100", tmp_path))), "grub")
    assert found == {
        "BOOT_IMAGE": "/vmlinuz-6.8.0-1031-aws",
        "ro": "",
        "console": "ttyS0",
        "nvme_core.io_timeout": "4294967295",
        "hugepagesz": "2M",
        "hugepages": "5128",
        "numa_balancing": "disable",
        "iommu": "pt",
        "panic": "-1",
        "quiet": "",
        "splash": "",
    }


def test_blanks_in_quotes_belong_to_a_parameter_and_words_for_init_do_not() -> None:
    found = system.read_command_line('a="b c" root=/dev/sda1 d -- --secret e=f\n')
    assert found == {"a": "b c", "d": ""}


def test_an_unclosed_quote_does_not_hang() -> None:
    assert system.read_command_line('a="b c') == {"a": "b c"}


def test_modules_are_listed(tmp_path: Path) -> None:
    found = data(system.kmod(machines.host(machines.plant("ubuntu-h100", tmp_path))), "kmod")
    assert found["nvidia"] is True
    assert found["efa"] is True
    assert len(found) == 8


@pytest.mark.parametrize("look", [system.grub, system.kmod, system.sysctl])
def test_a_kernel_that_shows_nothing_leaves_a_gap(tmp_path: Path, look: system.Look) -> None:
    seen = look(machines.host(tmp_path))
    assert not seen.measurements
    assert [each.state for each in seen.gaps] == ["absent"]


def test_settings_are_read_by_their_full_path(tmp_path: Path) -> None:
    seen = system.sysctl(machines.host(machines.plant("ubuntu-h100", tmp_path)))
    found = data(seen, "sysctl")
    assert found["/proc/sys/kernel/osrelease"] == "6.8.0-1031-aws"
    assert found["/proc/sys/kernel/printk"] == "4\t4\t1\t7"
    assert found["/proc/sys/dev/raid/speed_limit_max"] == "200000"
    assert seen.gaps == []


def test_networks_discs_and_buttons_are_no_settings(tmp_path: Path) -> None:
    found = data(system.sysctl(machines.host(machines.plant("ubuntu-h100", tmp_path))), "sysctl")
    assert not [name for name in found if "/net/" in name or "cdrom" in name or "compact_memory" in name]


def test_a_link_below_proc_sys_is_not_followed(tmp_path: Path) -> None:
    root = machines.write("=== proc/sys/kernel/a\n1\n=== proc/sys/kernel/b -> a\n=== proc/sys/c -> kernel\n", tmp_path)
    assert data(system.sysctl(machines.host(root)), "sysctl") == {"/proc/sys/kernel/a": "1"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1\n", {"/x": "1"}),
        ("", {"/x": ""}),
        ("1\0\n", {"/x": "1"}),
        ("rx 1\ntx 2 3\n", {"/x/rx": "1", "/x/tx": "2 3"}),
        ("rx: 1\ntx: 2\n", {"/x/rx": "1", "/x/tx": "2"}),
        ("only 1\n", {"/x": "only 1"}),
        ("file\npipe\n", {"/x": "file\npipe"}),
    ],
)
def test_a_setting_of_several_lines_becomes_one_a_line(text: str, found: dict[str, str]) -> None:
    assert system.read_setting("/x", text) == found


def test_a_setting_that_is_too_large_or_no_text_loses_no_other(tmp_path: Path) -> None:
    root = machines.write("=== proc/sys/kernel/a\n1\n", tmp_path)
    (root / "proc/sys/kernel/b").write_bytes(b"\xff\xfe")
    (root / "proc/sys/kernel/c").write_bytes(b"x" * (MAX_BYTES + 1))
    seen = system.sysctl(machines.host(root))
    assert data(seen, "sysctl") == {"/proc/sys/kernel/a": "1", "/proc/sys/kernel/b": "\\xff\\xfe"}
    assert seen.gaps == [Gap("measurements/OS.sysctl", "partial", "failed: /proc/sys/kernel/c: larger than 1 MiB")]


def test_settings_and_folders_that_only_root_may_read_are_named(unprivileged: Path) -> None:
    text = "".join(f"=== proc/sys/vm/s{number} {CLOSED}\n1\n" for number in range(5))
    root = machines.write(f"=== proc/sys/kernel/a\n1\n=== proc/sys/fs/b\n1\n{text}", unprivileged / "machine")
    (root / "proc/sys/fs").chmod(0o700 if ROOT else 0)
    seen = as_nobody(system.sysctl, machines.host(root))
    assert data(seen, "sysctl") == {"/proc/sys/kernel/a": "1"}
    named = "denied: /proc/sys/fs, /proc/sys/vm/s0, /proc/sys/vm/s1 and 3 more"
    assert seen.gaps == [Gap("measurements/OS.sysctl", "partial", named)]


def test_a_command_line_that_only_root_may_read_is_denied(unprivileged: Path) -> None:
    root = machines.write(f"=== proc/cmdline {CLOSED}\nquiet\n", unprivileged / "machine")
    seen = as_nobody(system.grub, machines.host(root))
    assert seen.gaps == (Gap("measurements/OS.grub", "denied", "/proc/cmdline: Permission denied"),)
