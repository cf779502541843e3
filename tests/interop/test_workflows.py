"""actionlint and zizmor have nothing to say of our workflows; shellcheck reads their scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop import toolchain

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BESIDE_PYTHON = Path(sys.executable)


def said(*workflows: Path) -> str:
    """Return what actionlint says."""
    shellcheck = BESIDE_PYTHON.with_name("shellcheck")
    words = [toolchain.program("actionlint"), "-no-color", "-shellcheck", shellcheck, "-pyflakes", "", *workflows]
    done = subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def audited(*workflows: Path) -> subprocess.CompletedProcess[str]:
    """Return what zizmor, which looks for what an attacker could use, ends with; no rule of it asks a network.

    It comes with the extra `dev`; where it is not installed the test is skipped, in CI it fails.
    """
    zizmor = BESIDE_PYTHON.with_name("zizmor")
    if not zizmor.exists() and not os.environ.get("CI"):
        pytest.skip("zizmor is not installed: pip install -e '.[build,dev]'")
    words = [zizmor, "--offline", "--no-progress", "--quiet", "--no-config", "--format=plain", *workflows]
    return subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False)


def test_actionlint_has_nothing_to_say() -> None:
    assert said(*WORKFLOWS) == ""


def test_it_would_say_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo $GITHUB_REF\n")
    assert "SC2086" in said(wrong)
    wrong.write_text(wrong.read_text().replace("echo", "echo ${{ github.nothing }}"))
    assert 'property "nothing" is not defined' in said(wrong)


def test_zizmor_finds_nothing_to_attack() -> None:
    done = audited(*WORKFLOWS)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize(
    ("step", "rule"),
    [
        ("run: echo ${{ github.event.pull_request.title }}", "template-injection"),
        ("uses: actions/checkout@v6", "unpinned-uses"),
        ("uses: actions/checkout@8e8c483db84b4bee98b60c0593521ed34d9990e8", "artipacked"),
    ],
)
def test_zizmor_would_find_it(step: str, rule: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(f"on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n")
    done = audited(wrong)
    assert done.returncode != 0
    assert rule in done.stdout
