"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import Unwritable
from clusterbook.files.write import work_folder, write_bytes, write_folder
from tests.support import indexes


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unwritable):
        write_bytes(tmp_path / "folder", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_folder(tmp_path / "index", [("index.json", b"1"), ("b/c", b"2")], marker="index.json")
    write_folder(tmp_path / "index", [("index.json", b"3")], marker="index.json")
    assert [path.name for path in (tmp_path / "index").rglob("*")] == ["index.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_folder_whose_content_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    write_folder(tmp_path / "index", [("a", b"1")], marker="index.json")

    def parts() -> Iterator[tuple[str, bytes]]:
        yield "a", b"2"
        raise Unwritable("no more")

    with pytest.raises(Unwritable):
        write_folder(tmp_path / "index", parts(), marker="index.json")
    assert (tmp_path / "index" / "a").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "mine").write_text("precious")
    with pytest.raises(Unwritable, match="holds something else"):
        write_folder(tmp_path / "index", [("index.json", b"1")], marker="index.json")
    assert (tmp_path / "index" / "mine").read_text() == "precious"


def test_links_are_followed_and_pipes_written_into(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"
    write_bytes(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_and_a_poor_encoding_are_no_bugs(tmp_path: Path) -> None:
    index = indexes.write_index(tmp_path)
    line = f"{sys.executable} -m clusterbook.cli.main explain eks components.a.version --source {index}"
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    small = f"ulimit -f 0; {line} > {tmp_path}/answer"  # a file that must stay empty is as good as a full disk
    full = subprocess.run(["/bin/sh", "-c", small], capture_output=True, text=True, env=environment)
    assert (full.returncode, "standard output cannot be written" in full.stderr) == (8, True)
    poor = subprocess.run(line.split(), capture_output=True, env={**environment, "PYTHONIOENCODING": "ascii"})
    assert (poor.returncode, poor.stderr) == (0, b"")
    assert b"\\u2192 registry" in poor.stdout


def test_a_folder_is_made_for_us_alone_and_found_again(tmp_path: Path) -> None:
    made = work_folder(tmp_path / "a" / ".b.part")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    (made / "kept").touch()
    assert (work_folder(made) / "kept").exists()


def test_what_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / ".b.part").symlink_to(tmp_path / "theirs")
    with pytest.raises(Unwritable, match="another user"):
        work_folder(tmp_path / ".b.part")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".b.part").mkdir()
    os.chown(tmp_path / ".b.part", 65534, 65534)
    with pytest.raises(Unwritable, match="another user"):
        work_folder(tmp_path / ".b.part")
