"""Files that are links, huge, no text or no files, and programs that do not answer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from clusterbook.collect.node.host import MAX_BYTES, gap, read, run_program, this_host
from clusterbook.snapshot.inventory import ABSENT, DENIED, FAILED
from tests.support import machines


def test_a_link_counts_from_the_machines_root_and_not_from_ours(tmp_path: Path) -> None:
    root = machines.write("=== etc/a -> /etc/static/a\n=== etc/static -> ../store\n=== store/a\nmine\n", tmp_path)
    assert machines.host(root).text("/etc/a") == "mine\n"


def test_a_link_cannot_leave_the_root(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    root = machines.write("=== etc/a -> ../../../secret\n", tmp_path / "host")
    with pytest.raises(FileNotFoundError):
        machines.host(root).text("/etc/a")


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    root = machines.write("=== a -> b\n=== b -> a\n", tmp_path)
    with pytest.raises(OSError, match="Too many levels"):
        machines.host(root).text("/a")


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe"):
        with pytest.raises(OSError, match=r"no file|Is a directory"):
            read(tmp_path / name)


def test_a_file_of_exactly_1_mib_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * MAX_BYTES)
    assert len(read(path)) == MAX_BYTES
    path.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(OSError, match="larger than 1 MiB"):
        read(path)


def test_bytes_that_are_no_text_become_escapes(tmp_path: Path) -> None:
    (tmp_path / "latin1").write_bytes(b"caf\xe9")
    assert read(tmp_path / "latin1") == "caf\\xe9"


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (FileNotFoundError(2, "gone", "/a"), ABSENT),
        (PermissionError(13, "no", "/a"), DENIED),
        (OSError(5, "io"), FAILED),
    ],
)
def test_an_error_says_what_coverage_says(error: OSError, state: str) -> None:
    assert gap("measurements/OS.grub", error, "/proc/cmdline").state == state


def test_a_root_without_proc_leaves_the_kernel_to_ours(tmp_path: Path) -> None:
    assert this_host(str(tmp_path)).kernel == Path("/")
    (tmp_path / "proc" / "sys").mkdir(parents=True)
    assert this_host(str(tmp_path)).kernel == tmp_path


def test_only_a_containers_own_root_is_contained(tmp_path: Path) -> None:
    assert this_host("/", contained=True).contained
    assert not this_host(str(tmp_path), contained=True).contained


def test_a_program_says_something() -> None:
    ran = run_program([sys.executable, "-c", "import os; print(os.environ['A'], os.environ['LC_ALL'])"], {"A": "b"}, 60)
    assert (ran.status, ran.out) == (0, "b C\n")


def test_a_program_that_hangs_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        run_program([sys.executable, "-c", "import time; time.sleep(60)"], {}, 0.2)


def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        run_program(["no-such-program"], {}, 1)
