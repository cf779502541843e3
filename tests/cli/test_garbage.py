"""Garbage: nobody looks for it while a quick command runs, and whoever goes on afterwards has it looked for."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from clusterbook.cli import main

CAREFUL = """
import gc, sys
from clusterbook.cli import main
gc.callbacks.append(lambda phase, info: sys.stderr.write(f"looked at {phase}\\n"))
sys.argv = ["clusterbook", *sys.argv[1:]]
main.main()
"""
QUICK = ("query", "--service", "eks", "--selector", "criteria")


@pytest.mark.parametrize("words", [QUICK, ("query", "--service", "nowhere"), ("--version",)], ids=" ".join)
@pytest.mark.parametrize("enabled", [True, False])
def test_a_command_line_leaves_the_collector_on_for_whoever_goes_on(words: tuple[str, ...], enabled: bool) -> None:
    try:
        (gc.enable if enabled else gc.disable)()
        main.run(list(words), {})
        assert gc.isenabled() == (enabled or words == ("--version",))
    finally:
        gc.enable()


def test_a_quick_command_has_nothing_looked_for_to_its_end() -> None:
    done = subprocess.run([sys.executable, "-c", CAREFUL, *QUICK], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "eks" in done.stdout
    assert "looked at" not in done.stderr
