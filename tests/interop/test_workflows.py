"""actionlint, which knows what GitHub makes of a workflow, has nothing to say of ours; shellcheck reads scripts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.interop import toolchain

ROOT = Path(__file__).resolve().parents[2]


def said(*workflows: Path) -> str:
    """Return what actionlint says."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    words = [toolchain.program("actionlint"), "-no-color", "-shellcheck", shellcheck, "-pyflakes", "", *workflows]
    done = subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_actionlint_has_nothing_to_say() -> None:
    assert said(*sorted((ROOT / ".github" / "workflows").glob("*.yml"))) == ""


def test_it_would_say_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo $GITHUB_REF\n")
    assert "SC2086" in said(wrong)
    wrong.write_text(wrong.read_text().replace("echo", "echo ${{ github.nothing }}"))
    assert 'property "nothing" is not defined' in said(wrong)
