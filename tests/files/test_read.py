"""Files are read within bounds, and what is wrong with one is said in one way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import InvalidRequest, NotFound, Unreadable, UnreadableSource
from clusterbook.files.read import exists, is_file, is_folder, read_source, read_text

HINT = "name another"


def test_a_text_comes_without_the_mark_of_its_byte_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfk\xc3\xb6")
    assert read_text(tmp_path / "a", limit_bytes=6, hint=HINT) == "kö"


@pytest.mark.parametrize(("data", "what"), [(b"\xff", "UTF-8"), (bytes(7), "larger")])
def test_a_text_that_is_none_or_too_large_is_the_error_that_was_asked_for(
    tmp_path: Path, data: bytes, what: str
) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UnreadableSource, match=what):
        read_text(tmp_path / "a", limit_bytes=6, hint=HINT, error=UnreadableSource)


def test_a_text_that_is_not_there_or_a_folder_leads_to_another(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=HINT):
        read_text(tmp_path / "a", limit_bytes=6, hint=HINT)
    with pytest.raises(InvalidRequest, match=HINT):
        read_text(tmp_path, limit_bytes=6, hint=HINT)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_text_that_is_not_for_us_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").touch(mode=0)
    with pytest.raises(Unreadable):
        read_text(tmp_path / "a", limit_bytes=6, hint=HINT)


def test_a_source_is_a_plain_file_within_bounds(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    assert read_source(tmp_path / "a", limit_bytes=5) == b"12345"
    for name, limit_bytes in (("a", 4), ("link", 5), ("pipe", 5), ("none", 5)):
        with pytest.raises(UnreadableSource) as error:
            read_source(tmp_path / name, limit_bytes=limit_bytes)
        assert error.value.place == tmp_path / name


def test_a_path_through_a_file_leads_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert (exists(tmp_path / "a"), is_file(tmp_path / "a"), is_folder(tmp_path)) == (True, True, True)
    assert not exists(tmp_path / "a" / "b")
