"""The page for whoever comes from AICR: its commands do what it says, on AICR's own tree of August."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from clusterbook.cli import main
from clusterbook.cli.commands import COMMANDS
from tests.support.indexes import Said
from tests.support.trees import shared_folder

Ask = Callable[..., Said]
PAGE = (Path(__file__).resolve().parents[2] / "site/docs/guide/aicr.md").read_text(encoding="utf-8")
TREE = ("--external-only", "--data")
TOLERATION = ("--accelerated-node-toleration", "nvidia.com/gpu:NoSchedule")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    tree = str(shared_folder("reference/2026.08"))
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Said:
        own = [word for word in words if word not in ("--external-only", "--data", "./aicr/recipes")]
        status = main.run([*own, *TREE, tree], {})
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call


def lines() -> list[list[str]]:
    """Return the commands of the page that need no cluster and no file of the reader."""
    blocks = "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", "")
    words = [shlex.split(line)[1:] for line in blocks.splitlines() if line]
    return [line for line in words if line[0] != "snapshot" and "recipe.yaml" not in line[2:3]]


def test_the_commands_of_the_page_work(ask: Ask) -> None:
    assert len(lines()) >= 5
    for line in lines():
        said = ask(*line)
        assert said.status == 0, (line, said.err)
    assert YAML(typ="safe").load(Path("recipe.yaml"))["apiVersion"] == "aicr.run/v1"
    assert ask("recipe", "-r", "criteria.yaml").out == ask("recipe", "--config", "config.yaml").out


@pytest.mark.parametrize("words", [("--set", "gpuoperator:driver.enabled=false"), ("--dynamic", "gpuoperator:driver")])
def test_what_the_page_calls_locked_is_locked(ask: Ask, words: tuple[str, str]) -> None:
    assert " ".join(words) in PAGE
    said = ask("bundle", "h100-aks-training--operator-managed", *TOLERATION, *words, "-o", "b")
    assert said.status == 2
    assert "gpuStack=operator-managed" in said.err


def test_shared_volumes_have_a_class_and_what_stands_in_place_of_a_flag_is_there(ask: Ask) -> None:
    slug = "h100-eks-ubuntu-training-slurm"
    assert ask("bundle", slug, *TOLERATION, "--shared-storage-class", "fast", "-o", "b").status == 0
    values = [YAML(typ="safe").load(file) for file in Path("b").glob("*-slinky-slurm/values.yaml")]
    assert [each["storage"]["home"]["storageClassName"] for each in values] == ["fast"]
    assert ask("query", "h100-gke-cos-inference", "components.k8s-aibom.name").out == "k8s-aibom\n"


def test_no_flag_is_there_that_the_page_misses_and_none_is_missing_that_it_names() -> None:
    flags = {name for command in COMMANDS for flag in command.flags for name in flag.names}
    missing, _, _ = PAGE.partition("## What is missing")[2].partition("are no flags here")
    assert not flags.intersection(re.findall(r"`(--[a-z-]+)`", missing))
    assert {"--profile", "--slurm-accounting-mode", "--external-only", "--api-version", "--kind"} <= flags
