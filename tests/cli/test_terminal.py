"""How far something has come: one line on a terminal, a line for each phase and one a minute elsewhere."""

from __future__ import annotations

import pytest

from clusterbook.cli.terminal import TerminalProgress


def test_a_log_hears_of_each_phase_and_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    now, said = [0.0], list[str]()
    with TerminalProgress(said.append, terminal=False, clock=lambda: now[0]) as telling:
        telling("recipes", "eks@1.0.0", 0, 1)
        for number in range(5):
            telling("images", f"i{number}", number, 5)
            now[0] += 31
    assert said == ["recipes: eks@1.0.0", "images: 5", "images: 2 of 5 done", "images: 4 of 5 done"]
    assert capsys.readouterr().err == ""


def test_a_terminal_has_one_line_that_is_gone_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress(lambda _: None, terminal=True) as telling:
        telling("images", "a" * 200, 0, 5)
    written = capsys.readouterr().err
    assert written.startswith("\r\x1b[Kimages: 1/5 aaa")
    assert written.endswith("a\r\x1b[K")
    assert "\n" not in written
    assert len(written) < 120
