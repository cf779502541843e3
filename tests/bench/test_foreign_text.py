"""Ten thousand texts for every parser of what others send."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.laws.test_foreign_text import NAMES, try_parser


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_no_parser_crashes_in_ten_thousand_texts(name: str, tmp_path: Path) -> None:
    try_parser(name, tmp_path, cases=10_000)
