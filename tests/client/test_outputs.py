"""Files appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.client.outputs import write_bytes, write_folder
from clusterbook.core.errors import Unwritable


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unwritable):
        write_bytes(tmp_path / "folder", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_folder(tmp_path / "index", [("a", b"1"), ("b/c", b"2")])
    write_folder(tmp_path / "index", [("a", b"3")])
    assert [path.name for path in (tmp_path / "index").rglob("*")] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_folder_whose_content_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    write_folder(tmp_path / "index", [("a", b"1")])

    def parts() -> Iterator[tuple[str, bytes]]:
        yield "a", b"2"
        raise Unwritable("no more")

    with pytest.raises(Unwritable):
        write_folder(tmp_path / "index", parts())
    assert (tmp_path / "index" / "a").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
