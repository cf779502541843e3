"""Where something is made before it takes its place: a folder that somebody else put there is not worked in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import Unwritable
from clusterbook.files.workfolder_ import work_folder


def test_a_folder_is_made_for_us_alone_and_found_again(tmp_path: Path) -> None:
    made = work_folder(tmp_path / "a" / ".b.part")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    (made / "kept").touch()
    assert (work_folder(made) / "kept").exists()


def test_what_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / ".b.part").symlink_to(tmp_path / "theirs")
    with pytest.raises(Unwritable, match="somebody else"):
        work_folder(tmp_path / ".b.part")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".b.part").mkdir()
    os.chown(tmp_path / ".b.part", 65534, 65534)
    with pytest.raises(Unwritable, match="somebody else"):
        work_folder(tmp_path / ".b.part")
