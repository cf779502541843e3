"""Checkouts for tests of releases: a Git repository with the sources of March, tagged, and those of July."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from clusterbook.cli import build_main
from tests.support import ledgers, trees

IDENTITY = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
MARCH_DATE, JULY_DATE = "2026-03-01T09:00:00+02:00", "2026-07-01T00:00:00+00:00"
MARCH, JULY = "2026.3.0", "2026.7.0"


def run_git(*words: str, date: str = JULY_DATE) -> None:
    """Run Git in the current folder, at a date."""
    environment = {"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    subprocess.run(["git", *IDENTITY, *words], check=True, capture_output=True, env=environment)


def write(files: Mapping[str, str]) -> None:
    """Make the source tree in the current folder that of `files`."""
    for old in list(Path("recipes").rglob("*.yaml")) if Path("recipes").exists() else ():
        old.unlink()
    for path, text in trees.texts(files).items():
        target = Path("recipes") / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def commit_all(message: str, date: str) -> None:
    """Commit everything in the current folder."""
    run_git("add", "-A")
    run_git("commit", "-q", "-m", message, date=date)


def make(march: Mapping[str, str] = ledgers.MARCH, july: Mapping[str, str] = ledgers.JULY) -> None:
    """Make the current folder a checkout with both commits; nothing is released yet."""
    run_git("init", "-q", "-b", "main")
    write(march)
    commit_all("March", MARCH_DATE)
    run_git("tag", "march")
    write(july)
    commit_all("July", JULY_DATE)


def released(folder: Path, march: Mapping[str, str] = ledgers.MARCH, july: Mapping[str, str] = ledgers.JULY) -> Path:
    """Return `folder`, made a checkout whose ledger knows both releases; where the caller stands does not change."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        make(march, july)
        assert build_main.run(["release", MARCH, "--commit", "march"]) == 0
        assert build_main.run(["release", JULY]) == 0
    finally:
        os.chdir(before)
    return folder
