"""Whatever the README shows is what the commands say; its console blocks are run on the frozen catalog."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from clusterbook.cli import main
from tests.support import frozen

OURS = Path(__file__).resolve().parents[1]
README = (OURS / "README.md").read_text(encoding="utf-8")
SHOWN = [
    (line, said)
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line, said in re.findall(r"\$ clusterbook (.*?)\n((?:(?!\$ ).*\n)*)", block)
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(frozen.write_index(tmp_path_factory.mktemp("readme") / "index", frozen.texts()))


@pytest.mark.parametrize(("line", "said"), SHOWN)
def test_a_command_says_what_the_readme_shows(
    line: str, said: str, index: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(line)
    main.run([words[0], "--source", index, *words[1:]], {})
    printed = capsys.readouterr()
    assert printed.out + printed.err == said


def test_the_readme_shows_commands() -> None:
    assert len(SHOWN) > 3


HELD = {
    "Answer every combination": (
        "tests/resolve/test_matrix.py::test_the_matrix_has_one_answer_for_every_combination",
        "tests/cli/test_lookup.py::test_criteria_that_change_nothing_are_refused_with_the_nearest_recipes",
    ),
    "Explain": (
        "tests/laws/test_catalogs.py::test_the_origins_of_every_recipe_say_the_whole_recipe",
        "tests/resolve/test_proof.py::test_the_effect_stands_beside_the_layer_that_won",
    ),
    "Compare": (
        "tests/cli/test_diff_named.py::test_a_pair_has_the_same_differences_however_it_is_named",
        "tests/cli/test_diff_named.py::test_two_bundles_are_told_apart_by_what_their_options_do",
        "tests/cli/test_diff.py::test_releases_are_compared_as_a_whole",
    ),
    "Publish signed": (
        "tests/publish/test_publish.py::test_a_client_finds_every_artifact_signed_and_every_recipe_with_its_sbom",
        "tests/fetch/test_fetch_faults.py::test_fetching_and_verifying_with_a_key_need_no_network",
        "tests/fetch/test_fetch.py::test_a_withdrawn_version_is_refused_with_what_to_use_instead",
    ),
    "Trace options": (
        "tests/verify/test_vouched.py::test_every_option_of_a_derived_bundle_is_named_with_what_it_changes",
    ),
    "Mirror": (
        "tests/mirror/test_mirrors.py::test_an_archive_says_what_it_holds_and_what_could_not_be_had",
        "tests/resolve/test_image_words.py::test_a_recipe_whose_values_were_edited_has_a_list_that_is_not_complete",
    ),
    "Match": ("tests/cli/test_fleet.py::test_a_folder_is_one_table_and_whom_nothing_fits_comes_first",),
    "Recompute evidence": ("tests/evidence/test_model.py::test_evidence_says_what_judging_it_again_says",),
}
"""What holds each row of the table of what AICR does not do."""


def test_every_claim_of_the_table_is_held_by_a_test() -> None:
    table = README.partition("AICR does not")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| \*\*(.+?)\*\* \|", table, re.MULTILINE)) == set(HELD)
    for name in (each for names in HELD.values() for each in names):
        file, _, function = name.partition("::")
        assert f"def {function}(" in (OURS / file).read_text(encoding="utf-8"), name


def test_its_pictures_are_small_and_there_for_light_and_dark_screens() -> None:
    for name in ("catalog", "session"):
        shown = re.findall(rf'(?:src|srcset)="(\.github/images/{name}-(?:light|dark)\.\w+)"', README)
        assert [Path(path).stem for path in shown] == [f"{name}-dark", f"{name}-light"]
        assert all((OURS / path).stat().st_size < 200_000 for path in shown)


def test_the_private_tree_of_the_guide_is_laid_over_the_catalog(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (OURS / "site/docs/guide/customise.md").read_text(encoding="utf-8")
    registry, overlay = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "ours/overlays").mkdir(parents=True)
    (tmp_path / "ours/registry.yaml").write_text(registry)
    (tmp_path / "ours/overlays/h200-eks-ubuntu-training.yaml").write_text(overlay)
    monkeypatch.chdir(tmp_path)
    shown, _ = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    for line in shown.splitlines():
        _, command, *words = shlex.split(line)
        assert main.run([command, "--source", index, *words], {}) == 0, capsys.readouterr().err
    assert "overlays/h200-eks-ubuntu-training.yaml:16" in capsys.readouterr().out
