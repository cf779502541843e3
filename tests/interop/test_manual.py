"""Manual pages as `man` shows them and mandoc judges them; either is skipped where it is not installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from clusterbook.cli.manual.pages import write_manual


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_manual("2026-07-01", tmp_path_factory.mktemp("manual") / "man1")


def said(*words: str | Path) -> str:
    """Return all that a program says, and what it ends with if that is not 0."""
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr + (f"status {done.returncode}" if done.returncode else "")


def need(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name}")


def test_mandoc_finds_nothing_to_say(pages: list[Path], tmp_path: Path) -> None:
    need("mandoc")
    for page in pages:
        assert said("mandoc", "-T", "lint", "-W", "all", page) == ""
    wrong = tmp_path / "wrong.1"
    wrong.write_text(".TH WRONG 1\n.SH NAME\n.PP\n.NO\n")
    assert "skipping unknown macro" in said("mandoc", "-T", "lint", "-W", "all", wrong)


def test_man_shows_every_page_without_a_warning(pages: list[Path]) -> None:
    need("man")
    for page in pages:
        rendered = subprocess.run(
            ["man", "--warnings", "--no-hyphenation", "-E", "UTF-8", "-l", str(page)],
            capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LANG": "C"},
        )  # fmt: skip
        assert rendered.stderr == ""
        assert page.stem.upper() in rendered.stdout.splitlines()[0]
        assert page.stem in rendered.stdout


def test_man_finds_them_where_a_wheel_puts_them(pages: list[Path]) -> None:
    need("man")
    where = str(pages[0].parents[1])
    for words in (("clusterbook-build",), ("clusterbook", "fetch"), ("clusterbook-fetch-bundle",)):
        assert said("man", "-M", where, "-w", *words).split() == [str(pages[0].with_name(f"{'-'.join(words)}.1"))]
