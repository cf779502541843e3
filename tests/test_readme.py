"""Whatever the README shows is what the commands say; its console blocks are run on the frozen catalog."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from clusterbook.cli import lookup, main, validate
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


def test_the_readme_shows_commands_and_names_only_those_there_are() -> None:
    assert len(SHOWN) > 3
    assert set(re.findall(r"`clusterbook (\w+)`", README)) == {*lookup.COMMANDS, *validate.COMMANDS}


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
