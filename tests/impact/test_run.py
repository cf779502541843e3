"""The impact of commits, and of what lies there uncommitted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterbook.cli import build_main
from tests.support import checkouts, ledgers
from tests.support.checkouts import commit_all, write


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a checkout with two commits: the sources of March, tagged, and those of July."""
    monkeypatch.chdir(tmp_path)
    checkouts.make()
    return tmp_path


def ask(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = build_main.run(["impact", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize("span", ["march..HEAD", "march...HEAD", "march", "march..", "HEAD~1..HEAD"])
def test_two_commits_are_compared(span: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ask(span, capsys=capsys)
    assert ": 1 changed, 1 new, 2 unchanged\n" in out
    assert "\nc, in eks\n" in out
    assert status == 10
    assert "New findings\n  recipes/" in out


def test_without_words_what_is_not_committed_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ask(capsys=capsys)
    assert (status, out) == (0, "HEAD → the working tree: no recipe changes\n")
    overlay = Path("recipes/overlays/eks.yaml")
    overlay.write_text(overlay.read_text().replace("size: 2", "size: 3"))
    assert "/size: 2 → 3" in ask(capsys=capsys)[1]


def test_three_dots_count_from_where_two_branches_parted(capsys: pytest.CaptureFixture[str]) -> None:
    checkouts.run_git("checkout", "-q", "-b", "mine", "march")
    write({**ledgers.MARCH, "aks": "criteria: {service: aks}\ncomponentRefs: [{name: c}]"})
    commit_all("mine", checkouts.JULY_DATE)
    parted = ask("-t", "json", "main...mine", capsys=capsys)[1]
    assert json.loads(parted)["spec"]["changed"].keys() == {"aks"}
    between = ask("-t", "json", "main..mine", capsys=capsys)[1]
    assert json.loads(between)["spec"]["changed"].keys() == {"aks", "eks"}


def test_a_finding_that_comes_has_an_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    overlay = Path("recipes/overlays/eks.yaml")
    overlay.write_text(overlay.read_text().replace("size: 2", "size: 2, password: hunter2hunter2"))
    status, out, _ = ask(capsys=capsys)
    assert status == 10
    assert "New findings\n  recipes/overlays/eks.yaml:" in out


@pytest.mark.parametrize(
    ("words", "status", "what", "hint"),
    [
        (["..HEAD"], 2, "'..HEAD' is not a range of commits", "main..HEAD"),
        (["a..b..c"], 2, "'a..b..c' is not a range of commits", "main..HEAD"),
        ([""], 2, "'' is not a range of commits", "main..HEAD"),
        (["nothing..HEAD"], 3, "there is no commit nothing", "git log --oneline"),
        (["march..nothing"], 3, "there is no commit nothing", "git log --oneline"),
        (["march...nothing"], 3, "there is no commit nothing", "git log --oneline"),
        (["march", "--recipes", "elsewhere"], 3, "has no folder elsewhere", "name another commit or folder"),
    ],
)
def test_what_is_no_range_is_refused(
    words: list[str], status: int, what: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = ask(*words, capsys=capsys)
    assert (found, out) == (status, "")
    assert what in err
    assert hint in err


def test_an_option_of_git_is_no_commit(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("--", "--output=x..HEAD", capsys=capsys)[0] == 2
    assert not Path("x").exists()


def test_sources_that_cannot_be_read_are_told_with_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    Path("recipes/overlays/eks.yaml").write_text("spec: [")
    status, _, err = ask(capsys=capsys)
    assert status == 2
    assert "recipes/overlays/eks.yaml:" in err


def test_a_place_without_history_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path.parent / f"{tmp_path.name}-alone"
    (alone / "recipes").mkdir(parents=True)
    monkeypatch.chdir(alone)
    status, _, err = ask(capsys=capsys)
    assert status == 8
    assert "clone" in err


def test_it_goes_to_a_file_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("march", "-t", "markdown", "-o", "impact.md", capsys=capsys)[1] == ""
    assert "#### " in Path("impact.md").read_text(encoding="utf-8")
