"""Commands that pages print: run exactly as they stand there, one after the other, in an empty folder."""

from __future__ import annotations

import html
import re
import shlex
from pathlib import Path

import pytest

from clusterbook.bundle.options import DEPLOYERS as KNOWN
from clusterbook.cli import main
from clusterbook.files.write import write_folder
from clusterbook.ledger import plan
from clusterbook.ledger.model import Ledger
from clusterbook.ledger.plan import Commit
from clusterbook.lookup.build import index_parts
from clusterbook.site import commands
from clusterbook.site.commands import DEPLOYERS, Instruction
from tests.support import sites

SLUG = "h100-eks-ubuntu-training"
LOOK_UPS = ("recipe", "query", "explain", "bundle", "diff")
COMMIT = Commit("1" * 40, "2026-03-01T00:00:00Z")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with the index of our own catalog."""
    folder = tmp_path_factory.mktemp("printed") / "index"
    write_folder(folder, index_parts(sites.ours()), marker="index.json")
    return str(folder)


def run(line: str, index: str) -> int:
    """Return the exit status of a line; what stands behind `--source` is all that is added."""
    program, command, *words = shlex.split(line)
    assert program == "clusterbook"
    return main.run([command, *(["--source", index] if command in LOOK_UPS else []), *words], {})


@pytest.mark.parametrize("step", commands.use(SLUG), ids=lambda step: step.title)
def test_every_way_to_use_a_recipe_works_as_printed(
    step: Instruction, index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in step.lines:
        assert run(line, index) == 0, capsys.readouterr().err


def test_there_is_a_way_for_every_deployer() -> None:
    assert set(DEPLOYERS) == set(KNOWN)


def test_the_home_page_prints_commands_that_work(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = sites.whole()["index.html"].decode()
    install, block, *_ = re.findall(r"<pre[^>]*><code>(.*?)</code>", text, re.DOTALL)
    assert "pipx install clusterbook" in install
    lines = html.unescape(re.sub("<[^>]+>", "", block)).splitlines()
    assert len(lines) == 3
    monkeypatch.chdir(tmp_path)
    for line in lines:
        assert run(line, index) == 0, capsys.readouterr().err


def test_a_version_is_compared_as_printed(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = plan.plan(sites.ours(), Ledger({}), name="2026.3.0", commit=COMMIT)
    write_folder(
        tmp_path / "registry", ((path, text.encode()) for path, text in found.files.items()), marker="releases"
    )
    monkeypatch.chdir(tmp_path)
    for step in [commands.compare_with_sources(SLUG, "1.0.0")]:
        for line in step.lines:
            assert run(line, index) == 0, capsys.readouterr().err
