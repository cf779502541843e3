"""Releasing: from commits to files that are added to the ledger, and never changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.cli import build_main
from clusterbook.diagnostics.errors import UnreadableSource
from clusterbook.ledger import git
from tests.support import checkouts, ledgers, trees
from tests.support.checkouts import commit_all, write


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a checkout with two commits: the sources of March, tagged, and those of July."""
    monkeypatch.chdir(tmp_path)
    checkouts.make()
    return tmp_path


def files() -> dict[str, bytes]:
    root = Path("registry")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def released() -> dict[str, bytes]:
    assert build_main.run(["release", "2026.3.0", "--commit", "march"]) == 0
    assert build_main.run(["release", "2026.7.0"]) == 0
    return files()


def test_releases_are_made_from_commits_and_bear_their_dates(capsys: pytest.CaptureFixture[str]) -> None:
    found = released()
    assert b'date: "2026-03-01T07:00:00Z"' in found["releases/2026.3.0.yaml"]
    assert b'date: "2026-07-01T00:00:00Z"' in found["releases/2026.7.0.yaml"]
    out = capsys.readouterr().out
    assert "3 new, 0 changed, 0 unchanged, 0 gone" in out
    assert "  minor      eks 1.0.0 → 1.1.0: c comes\n" in out
    assert "  new        gke 1.0.0\n" in out
    assert b"eks recipes/overlays/eks.yaml:6:47" in b"".join(found.values())


def test_the_same_commits_give_the_same_bytes() -> None:
    first = released()
    for path in sorted(Path("registry").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert released() == first


def test_a_release_changes_no_file_that_was_there() -> None:
    assert build_main.run(["release", "2026.3.0", "--commit", "march"]) == 0
    before = files()
    assert build_main.run(["release", "2026.7.0"]) == 0
    assert {path: files()[path] for path in before} == before


def test_a_dry_run_writes_nothing_and_takes_sources_as_they_lie(capsys: pytest.CaptureFixture[str]) -> None:
    write(ledgers.MARCH)
    assert build_main.run(["release", "2026.7.0", "--dry-run"]) == 0
    assert "3 new" in capsys.readouterr().out
    assert not Path("registry").exists()


def test_a_pull_request_is_shown_every_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_main.run(["release", "2026.3.0", "--commit", "march"]) == 0
    capsys.readouterr()
    assert build_main.run(["release", "2026.7.0", "--dry-run", "-t", "markdown"]) == 0
    planned = capsys.readouterr().out
    assert "## `eks@1.0.0` → `eks@1.1.0`" in planned
    assert "  gke 1.0.0\n" in planned
    assert build_main.run(["release", "2026.7.0", "--dry-run", "-t", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["old"], found["unchanged"]) == ("2026.3.0", 2)
    assert found["recipes"].keys() == {"eks", "gke"}


def test_sources_that_are_not_committed_are_refused_unless_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("recipes/overlays/new.yaml").write_text(trees.document("new", "criteria: {service: new}")[1])
    assert build_main.run(["release", "2026.7.0"]) == 2
    assert "recipes differs from its last commit" in capsys.readouterr().err
    assert not Path("registry").exists()
    assert build_main.run(["release", "2026.7.0", "--allow-dirty"]) == 0
    assert "new/1.0.0.yaml" in files()


def test_a_commit_may_be_released_whatever_lies_in_the_folder() -> None:
    for path in Path("recipes").rglob("*.yaml"):
        path.write_text("{")
    assert build_main.run(["release", "2026.7.0", "--commit", "HEAD"]) == 0


def test_findings_are_shown_and_do_not_stop_a_release(capsys: pytest.CaptureFixture[str]) -> None:
    released()
    overlay = Path("recipes/overlays/eks.yaml")
    text = overlay.read_text().replace("{name: eks}", '{name: eks, recipeVersion: "1.0.0"}')
    overlay.write_text(text.replace("size: 2", "size: 3"))
    assert build_main.run(["release", "2026.8.0", "--dry-run"]) == 0
    assert "CB062 recipeVersion 1.0.0 has no effect any more" in capsys.readouterr().err


def test_what_a_killed_run_left_half_written_is_gone_after_the_next() -> None:
    words = ["release", "2026.3.0", "--commit", "march"]
    assert build_main.run(words) == 0
    whole = files()
    path = Path("registry/releases/2026.3.0.yaml")
    path.rename(path.with_name(f".{path.name}.abcd1234"))
    notes = path.with_name(f".{path.name}.notes-of-mine")
    notes.write_text("")
    assert build_main.run(words) == 0
    notes.unlink()
    assert files() == whole


def test_a_broken_off_release_is_finished_by_the_next_run() -> None:
    assert build_main.run(["release", "2026.3.0", "--commit", "march"]) == 0
    whole = files()
    Path("registry/releases/2026.3.0.yaml").unlink()
    Path("registry/eks/1.0.0.yaml").unlink()
    assert build_main.run(["audit"]) == 10
    assert build_main.run(["release", "2026.3.0", "--commit", "march"]) == 0
    assert files() == whole


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["2026.7.0"], 2, "the release 2026.7.0 exists"),
        (["2026.7.1"], 2, "nothing has changed since the last release"),
        (["2026.7.1", "--commit", "march"], 2, "before that of the last release, 2026.7.0"),
        (["2026.7.1", "--commit", "nope"], 3, "there is no commit nope"),
        (["2026.7.1", "--commit", "--exec=x"], 3, "there is no commit --exec=x"),
        (["2026.7.1", "--commit", "march", "--recipes", "other"], 3, "march has no folder other"),
        (["2026.7.1", "--commit", "HEAD", "--recipes", "other"], 3, "HEAD has no folder other"),
        (["2026.7.1", "--recipes", "other"], 3, "CB102 other"),
        (["1"], 2, "'1' is not a version"),
    ],
)
def test_what_cannot_be_released_is_refused(
    words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = released()
    assert build_main.run(["release", *words]) == status
    assert said in capsys.readouterr().err
    assert files() == before


def test_sources_that_contradict_themselves_are_not_released(capsys: pytest.CaptureFixture[str]) -> None:
    Path("recipes/overlays/eks.yaml").write_text("kind: RecipeMetadata\nmetadata: {nam: eks}\nspec: {}\n")
    assert build_main.run(["release", "2026.7.0", "--dry-run"]) == 2
    assert "recipes/overlays/eks.yaml:2:12: CB012" in capsys.readouterr().err


def test_a_file_in_the_way_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("registry/eks").mkdir(parents=True)
    Path("registry/eks/1.0.0.yaml").write_text("mine\n")
    assert build_main.run(["release", "2026.7.0"]) == 8
    assert "registry/eks/1.0.0.yaml exists with other content" in capsys.readouterr().err
    assert Path("registry/eks/1.0.0.yaml").read_text() == "mine\n"
    assert not Path("registry/releases").exists()


def test_without_a_history_nothing_is_released(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("alone"))
    write(ledgers.MARCH)
    assert build_main.run(["release", "2026.7.0"]) == 8
    assert "CB122 git rev-parse: fatal: not a git repository" in capsys.readouterr().err


def test_without_git_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    assert build_main.run(["release", "2026.7.0"]) == 8
    assert "git cannot be run" in capsys.readouterr().err


def test_a_link_in_a_commit_is_refused() -> None:
    Path("recipes/link.yaml").symlink_to("registry.yaml")
    Path("recipes/.hidden.yaml").write_text("x")
    Path("recipes/binary.bin").write_bytes(b"\xff\xfe")
    commit_all("more", checkouts.JULY_DATE)
    with pytest.raises(UnreadableSource, match="a link"):
        git.texts(Path("recipes"), "HEAD")
    Path("recipes/link.yaml").unlink()
    commit_all("less", checkouts.JULY_DATE)
    assert git.texts(Path("recipes"), "HEAD").keys() == trees.texts(ledgers.JULY).keys()


# --- withdrawing and auditing -----------------------------------------------------------------------------------------


def test_a_withdrawal_is_added_with_the_date_of_its_commit(capsys: pytest.CaptureFixture[str]) -> None:
    before = released()
    assert build_main.run(["withdraw", "eks", "1.0.0", "--reason", "it burns", "--replacement", "1.1.0"]) == 0
    found = files()
    assert {path: found[path] for path in before} == before
    assert b'date: "2026-07-01T00:00:00Z"' in found["withdrawn.yaml"]
    assert b"replacement: eks@1.1.0" in found["withdrawn.yaml"]
    assert build_main.run(["audit"]) == 0
    assert build_main.run(["withdraw", "eks", "1.0.0", "--reason", "again"]) == 2
    assert "CB101 eks 1.0.0" in capsys.readouterr().err
    assert files() == found


def test_an_audit_finds_what_was_edited_since_a_commit(capsys: pytest.CaptureFixture[str]) -> None:
    released()
    commit_all("two releases", checkouts.JULY_DATE)
    assert build_main.run(["withdraw", "eks", "1.0.0", "--reason", "it burns"]) == 0
    assert build_main.run(["audit", "--against", "HEAD"]) == 0
    assert capsys.readouterr().out.endswith("no findings\n")
    target = Path("registry/eks/1.0.0.yaml")
    target.write_text(target.read_text() + "# a note\n")
    Path("registry/aks/1.0.0.yaml").unlink()
    assert build_main.run(["audit", "--against", "HEAD"]) == 10
    out = capsys.readouterr().out
    assert "registry/eks/1.0.0.yaml: CB060 " in out
    assert "registry/aks/1.0.0.yaml: CB060 " in out


def test_an_audit_against_a_commit_without_a_ledger_finds_nothing() -> None:
    released()
    assert build_main.run(["audit", "--against", "march"]) == 0


def test_an_audit_against_no_commit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    released()
    assert build_main.run(["audit", "--against", "nope"]) == 3
    assert "there is no commit nope" in capsys.readouterr().err
