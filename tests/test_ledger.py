"""The ledger of this repository: it agrees with itself, and no published file was ever edited or removed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.ledger import append
from clusterbook.ledger.folder import open_ledger
from clusterbook.ledger.release_index import open_release

ROOT = Path(__file__).resolve().parent.parent
LEDGER = ROOT / "registry"


def rewritten(root: Path) -> list[str]:
    """Return the files of the ledger that some commit changed or removed.

    withdrawn.yaml is added to, and evidence that no longer holds may go.
    A shallow clone has the last commits alone; the rest was looked at when it was pushed.
    """
    log = ["git", "log", "-m", "--first-parent", "--no-renames", "--diff-filter=MD", "--format=", "--name-status", "--"]
    done = subprocess.run(
        [*log, "registry", ":!registry/withdrawn.yaml"], cwd=root, check=True, capture_output=True, text=True
    )
    found = {(change, path) for change, _, path in (line.partition("\t") for line in done.stdout.splitlines() if line)}
    return sorted(path for change, path in found if change != "D" or not path.startswith("registry/evidence/"))


@pytest.fixture
def history() -> Path:
    """Return this checkout; skips the test where there is no Git to ask."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout, so nothing says what the ledger was")
    return ROOT


def test_the_ledger_agrees_with_itself() -> None:
    assert append.check(LEDGER, "") == []


def test_no_published_file_differs_from_the_last_commit(history: Path) -> None:
    assert [finding for finding in append.check(history / "registry", "HEAD") if finding.code == "CB060"] == []


def test_no_commit_edited_or_removed_a_published_file(history: Path) -> None:
    assert rewritten(history) == []


def test_every_recipe_that_was_released_still_resolves_to_its_digest(history: Path) -> None:
    ledger = open_ledger(history / "registry")
    for release in ledger.releases():
        index = open_release(history / "registry", release)
        for slug, entry in ledger.entries(release).items():
            found = index.record(slug)
            assert found is not None
            assert found.recipe["metadata"]["digest"] == entry.digest


def committing(root: Path) -> Callable[[str, str], None]:
    """Return what commits a text as a file of the ledger, in a new repository."""

    def commit(name: str, text: str) -> None:
        target = root / "registry" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        for words in (["add", "-A"], [*identity, "commit", "-q", "-m", name]):
            subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)

    subprocess.run(["git", "init", "-q"], cwd=root, check=True, capture_output=True)
    return commit


def test_an_edit_in_the_history_is_found(tmp_path: Path) -> None:
    commit = committing(tmp_path)
    commit("eks/1.0.0.yaml", "one")
    commit("withdrawn.yaml", "one")
    commit("withdrawn.yaml", "one and two")
    assert rewritten(tmp_path) == []
    commit("eks/1.0.0.yaml", "two")
    assert rewritten(tmp_path) == ["registry/eks/1.0.0.yaml"]


def test_evidence_may_go_and_is_never_edited(tmp_path: Path) -> None:
    commit = committing(tmp_path)
    for name in ("a", "b"):
        commit(f"evidence/eks/{name}/report.json", "one")
    shutil.rmtree(tmp_path / "registry" / "evidence" / "eks" / "a")
    commit("evidence/eks/b/report.json", "two")
    assert rewritten(tmp_path) == ["registry/evidence/eks/b/report.json"]
