"""Whatever the README shows is what the commands say; its console blocks are run against our own catalog."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from clusterbook.client import main, workspace
from clusterbook.client.flags import COMMANDS
from clusterbook.client.outputs import write_folder
from clusterbook.core import catalog, indexing, matrix

OURS = Path(__file__).resolve().parents[1]
README = (OURS / "README.md").read_text(encoding="utf-8")
SHOWN = [
    (line, said)
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line, said in re.findall(r"\$ clusterbook (.*?)\n((?:(?!\$ ).*\n)*)", block)
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    built = matrix.build(catalog.load(workspace.read(OURS / "recipes", label="recipes", strict=True)))
    folder = tmp_path_factory.mktemp("readme") / "index"
    write_folder(folder, indexing.parts(built))
    return str(folder)


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
    assert set(re.findall(r"`clusterbook (\w+)`", README)) == set(COMMANDS)
