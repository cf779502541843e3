"""No parser of what others send crashes. The nightly run tries 10,000 texts each (tests/bench)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterbook.diagnostics.errors import ClusterbookError
from tests.support.foreign import parsers

NAMES = sorted(parsers(Path()))


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # jmespath, of texts that are no JSON
@pytest.mark.parametrize("name", NAMES)
def test_a_parser_answers_or_says_what_is_wrong(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    try_parser(name, tmp_path_factory.mktemp("foreign"), cases=200)


def try_parser(name: str, folder: Path, *, cases: int) -> None:
    """Try so many texts with a parser."""
    parser = parsers(folder)[name]

    @settings(max_examples=cases, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        text = data.draw(parser.inputs)
        try:
            parser.call(text)
        except (ClusterbookError, *parser.raises):
            return

    attempt()
