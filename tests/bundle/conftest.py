"""What tests of the scripts of a bundle share: programs that stand in for helm and kubectl, and a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import standins
from tests.support.standins import Standins
from tests.support.whole_recipes import written


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Standins]:
    """Give programs that stand in for helm and kubectl."""
    found = standins.make(tmp_path / "standins")
    yield found
    found.end()


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """Give the deploy.sh of a bundle with six releases in three levels."""
    return written(tmp_path / "a bundle") / "deploy.sh"
