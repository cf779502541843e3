"""Nightly, by `tools/dev.py fuzz`: a load of a mirror is killed a hundred times."""

from __future__ import annotations

from pathlib import Path

from tests.mirror.test_killed import campaign
from tests.support.publications import Publisher


def test_loading_that_is_killed_a_hundred_times_is_finished(publisher: Publisher, tmp_path: Path) -> None:
    assert campaign(publisher, tmp_path, kills=100) >= 60
