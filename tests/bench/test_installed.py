"""A look-up by what users install: the wheel in an environment of its own, and the single-file archive."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from package.wheels import Target, locked_wheels
from tests.bench import run
from tests.bench.test_budgets import LOOKUP_TO_BARE
from tests.support import packages


@pytest.fixture(scope="module")
def lookups(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[str]]:
    """Give the command lines of one look-up, and of the Python that runs them doing nothing."""
    folder = tmp_path_factory.mktemp("installed")
    done = packages.package(packages.copy_sources(folder / "sources"), folder / "output")
    assert done.returncode == 0, done.stdout + done.stderr
    python = folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    wheels = [*(folder / "output").glob("*.whl"), *locked_wheels(Target(packages.PYTHON, packages.HERE))]
    words = ["--python", str(python), "install", "--quiet", "--no-index", "--no-deps", *map(str, wheels)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    where = [str(python), "-c", "import clusterbook; print(clusterbook.__file__)"]
    assert str(folder / "venv") in subprocess.run(where, capture_output=True, text=True, check=True).stdout
    return {
        "bare": [str(python), "-c", "pass"],
        "wheel": [str(python.with_name("clusterbook")), *packages.QUESTION],
        "archive": [str(python), str(folder / "output" / f"clusterbook-{packages.HERE}.pyz"), *packages.QUESTION],
    }


@pytest.mark.parametrize("kind", ["wheel", "archive"])
def test_a_lookup_is_within_its_budget(
    kind: str, lookups: Mapping[str, Sequence[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run.Clock().run(lookups[kind])  # the first start unpacks an archive, and compiles

    def measure() -> tuple[float, float]:
        bare_s, taken_s = run.least_cpu_s(lookups["bare"], lookups[kind])
        return taken_s, bare_s

    taken_s, bare_s = run.quietest(measure, LOOKUP_TO_BARE)
    print(f"\na look-up by the {kind}: {taken_s / bare_s:.2f} times bare Python, of {LOOKUP_TO_BARE:.2f}")
    assert taken_s < LOOKUP_TO_BARE * bare_s
