"""`clusterbook diff`: what its words mean, and what it says to words that mean nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterbook.cli import main
from clusterbook.files.write import write_folder
from clusterbook.lookup.build import index_parts
from tests.support import ledgers, trees
from tests.support.hints import nearest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return `clusterbook diff` beside a ledger with two releases and an index of the second one."""
    monkeypatch.chdir(tmp_path)
    for path, text in ledgers.two().items():
        target = tmp_path / "registry" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    write_folder(tmp_path / "index", index_parts(trees.build(ledgers.JULY)), marker="index.json")

    def call(*words: str) -> tuple[int, str, str]:
        status = main.run(["diff", *words, "--source", "index"], {})
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def digest(slug: str, version: str) -> str:
    lines = ledgers.two()[f"{slug}/{version}.yaml"].splitlines()
    return next(line.split()[1] for line in lines if line.startswith("  digest:"))


def sections(text: str) -> set[tuple[str, str]]:
    return {(each["section"], each["component"]) for each in json.loads(text)["changes"]}


@pytest.mark.parametrize("old", ["eks@1.0.0", "eks@2026.3.0", digest("eks", "1.0.0"), digest("eks", "1.0.0")[:20]])
@pytest.mark.parametrize("new", ["eks@1.1.0", "eks@2026.7.0", digest("eks", "1.1.0"), "eks"])
def test_a_version_goes_by_many_names(run: Run, old: str, new: str) -> None:
    status, out, err = run(old, new, "-t", "json")
    assert (status, err) == (0, "")
    assert sections(out) == {("component", "c"), ("value", "b")}


def test_the_catalog_is_what_was_released_from_it(run: Run) -> None:
    assert run("eks@2026.7.0", "eks", "--exit-code") == (0, "eks@1.1.0 and eks do not differ\n", "")


def test_a_difference_has_an_exit_status_when_that_was_the_question(run: Run) -> None:
    assert run("eks@1.0.0", "eks", "--exit-code")[0] == 10
    assert run("eks@1.0.0", "eks")[0] == 0
    assert run("2026.3.0", "2026.7.0", "--exit-code")[0] == 10
    assert run("2026.3.0", "2026.3.0", "--exit-code")[0] == 0


def test_values_are_shown_with_their_origins_on_both_sides(run: Run) -> None:
    assert """\
  ~ b /size: 1 → 2
      was: eks overlays/eks.yaml:6:47
      now: eks recipes/overlays/eks.yaml:6:47
""" in run("eks@1.0.0", "eks")[1]


def test_a_recipe_in_a_file_is_compared(run: Run, tmp_path: Path) -> None:
    assert main.run(["recipe", "eks", "--source", "index", "-o", "recipe.yaml"], {}) == 0
    assert run("recipe.yaml", "eks@1.1.0")[1] == "recipe.yaml and eks@1.1.0 do not differ\n"
    text = (tmp_path / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(text.replace("size: 2", "size: 3"))
    assert "~ b /size: 3 → 2" in run("recipe.yaml", "eks@1.1.0")[1]


def test_releases_are_compared_as_a_whole(run: Run) -> None:
    status, out, _ = run("2026.3.0", "2026.7.0")
    assert status == 0
    assert out.startswith("2026.3.0 → 2026.7.0: 1 new, 1 changed, 2 unchanged\n")


def test_a_report_is_written_to_a_file(run: Run, tmp_path: Path) -> None:
    assert run("eks@1.0.0", "eks", "-t", "markdown", "-o", "diff.md") == (0, "", "")
    assert (tmp_path / "diff.md").read_text().startswith("## `eks@1.0.0` → `eks`\n")


@pytest.mark.parametrize(
    ("old", "status", "said"),
    [
        ("ekz", 3, "there is no recipe ekz\n"),
        ("ekz@1.0.0", 3, "registry has no recipe ekz\n"),
        ("eks@7.0.0", 3, "eks has no version 7.0.0\n  hint: versions: 1.0.0, 1.1.0"),
        ("eks@latest", 2, "'latest' is not a version"),
        ("gke@2026.3.0", 3, "release 2026.3.0 has no recipe gke"),
        ("2026.5.0", 3, "there is no release 2026.5.0 in registry\n  hint: releases: 2026.3.0, 2026.7.0"),
        ("2026.3.0", 2, "2026.3.0 is a release and eks is a recipe\n  hint: compare two releases, or type SLUG@2026"),
        ("sha256:00", 2, "'sha256:00' is not a digest"),
        (f"sha256:{'0' * 64}", 3, "registry has no recipe with the digest"),
        ("nothing.yaml", 3, "CB102 nothing.yaml"),
        ("", 3, "there is nothing called ''"),
    ],
)  # fmt: skip
def test_words_that_mean_nothing_are_refused(run: Run, old: str, status: int, said: str) -> None:
    found, out, err = run(old, "eks")
    assert (found, out) == (status, "")
    assert said in err
    assert nearest(err) == ("eks" if old.startswith("ekz") else "")


def test_a_file_that_is_no_recipe_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("kind: Pod\n")
    assert "other.yaml is neither a snapshot nor a recipe with its values" in run("other.yaml", "eks")[2]


def test_without_a_ledger_it_says_how_to_name_one(run: Run) -> None:
    for word in ("eks@1.0.0", "2026.3.0", f"sha256:{'0' * 64}"):
        status, _, err = run(word, "eks", "--registry", "nowhere")
        assert status == 3
        assert "registry" in err
    (Path("file")).write_text("")
    assert "file is not a folder" in run("eks@1.0.0", "eks", "--registry", "file")[2]


def test_a_link_in_a_ledger_is_not_followed(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "registry" / "eks" / "1.0.0.yaml"
    target.rename(tmp_path / "elsewhere.yaml")
    target.symlink_to(tmp_path / "elsewhere.yaml")
    status, _, err = run("eks@1.0.0", "eks")
    assert status == 8
    assert "1.0.0.yaml: CB106 a link" in err


def test_a_damaged_ledger_says_which_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "registry" / "eks" / "1.0.0.yaml").write_text("kind: PublishedRecipe\n")
    status, _, err = run("eks@1.0.0", "eks")
    assert status == 8
    assert "registry/eks/1.0.0.yaml:1:1: CB121" in err
