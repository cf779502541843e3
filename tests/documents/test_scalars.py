"""Scalars and durations: what a word means before anybody knows what it is for."""

from __future__ import annotations

import pytest

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.scalars import duration_s


@pytest.mark.parametrize(("text", "total"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1.5m", 90), ("250ms", 0.25)])
def test_a_duration_is_read(text: str, total: float) -> None:
    assert duration_s(text) == total


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "-5m", "5 m", "5m!", "5d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a duration"):
        duration_s(text)
