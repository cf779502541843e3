"""What a shell offers at TAB: the words themselves here; the interop tier presses TAB in real shells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cli import main
from clusterbook.cli.completion import answer, words
from clusterbook.cli.completion.scripts import SCRIPTS

BREAKS = " \t\n\"'@><=;|&(:"


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = words.write_words(tmp_path_factory.mktemp("words") / "words.json")
    monkeypatch.setattr(answer, "_WORDS", str(path))


def offered(line: str, capsys: pytest.CaptureFixture[str], *, of: str = "zsh", breaks: str = "") -> list[str]:
    assert main.run(["__complete", of, line, breaks], {}) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return [each.partition("\t")[0] for each in said.out.splitlines()]


COMPLETED = {
    "clusterbook qu": ["query"],
    "clusterbook --deb": ["--debug"],
    "/usr/local/bin/clusterbook qu": ["query"],
    "clusterbook.exe qu": ["query"],
    "clusterbook fetch ": ["bundle", "index", "recipe"],
    "clusterbook --log-json fetch in": ["index"],
    "clusterbook recipe --service ek": ["eks"],
    "clusterbook recipe --service=ek": ["--service=eks"],
    "clusterbook recipe --gpu rtx": ["rtx-pro-6000"],
    "clusterbook recipe h100-eks-training -t js": ["json"],
    "clusterbook recipe h100-eks-t": ["h100-eks-training"],
    "clusterbook recipe 'h100-eks-t": ["h100-eks-training"],
    "clusterbook bundle h100-eks-training --set gpu-op": ["gpu-operator:"],
    "clusterbook bundle --set gpu-op": ["gpu-operator:"],
    "clusterbook bundle h100-eks-training --set gpu-operator:driver.ver": ["gpu-operator:driver.version="],
    "clusterbook bundle h100-eks-training --dynamic gpu-operator:driver.ver": ["gpu-operator:driver.version"],
    "clusterbook bundle h100-eks-training --set-secret gpu-operator:driver.ver": ["gpu-operator:driver.version="],
    "clusterbook query h100-eks-training components.gpu-operator.vers": ["components.gpu-operator.version"],
    "clusterbook query --service eks --accelerator h100 --intent training --selector components.gpu-operator.vers": [
        "components.gpu-operator.version"
    ],
    "clusterbook query h100-eks-training components.gpu-operator.valu": ["components.gpu-operator.values."],
    "clusterbook validate --phase read": ["readiness"],
    "clusterbook completion f": ["fish"],
    "clusterbook help mirr": ["mirror"],
    "clusterbook-build publ": ["publish"],
    "clusterbook-build root ch": ["change", "check"],
    "clusterbook recipe h100-eks-training no-such-word": [],
    "clusterbook no-such-command ": [],
    "clusterbook recipe --no-such-flag h100-eks-t": ["h100-eks-training"],
    "clusterbook query no-such-recipe components.": [],
    "clusterbook query h100-eks-training components.no-such.": [],
    "clusterbook query h100-eks-training components.gpu-operator.version.": [],
    "another-program qu": [],
    "clusterbook recipe -o some/fi": [],
    "": [],
}


@pytest.mark.parametrize("line", COMPLETED)
def test_a_line_is_completed(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = offered(line, capsys)
    assert found == COMPLETED[line]


def test_what_cannot_follow_is_not_offered(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--service" in offered("clusterbook recipe --", capsys)
    assert "--service" not in offered("clusterbook recipe --service eks --", capsys)
    assert "--set" in offered("clusterbook bundle --set a:b=c --", capsys)
    with_gke = offered("clusterbook list --service gke --accelerator ", capsys)
    assert with_gke
    assert set(with_gke) < set(offered("clusterbook list --accelerator ", capsys))


def test_recipes_that_nobody_wrote_come_where_no_other_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert "a100-aks" not in offered("clusterbook recipe a100", capsys)
    assert offered("clusterbook recipe a100-ak", capsys)[:1] == ["a100-aks-training"]


def test_bash_is_told_what_stands_behind_its_last_break(capsys: pytest.CaptureFixture[str]) -> None:
    def bash(line: str) -> list[str]:
        return offered(line, capsys, of="bash", breaks=BREAKS)

    assert bash("clusterbook recipe --service=ek") == ["eks"]
    assert bash("clusterbook bundle h100-eks-training --set gpu-operator:driver.ver") == ["driver.version="]
    assert bash("clusterbook recipe h100-eks-t") == ["h100-eks-training"]


def test_versions_and_releases_are_those_of_a_ledger_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert offered("clusterbook diff h100-eks-training@", capsys) == []
    for name in ("h100-eks-training/1.0.0", "releases/2026.7.0"):
        path = tmp_path / "registry" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.touch()
    assert offered("clusterbook diff h100-eks-training@", capsys) == [
        "h100-eks-training@1.0.0", "h100-eks-training@2026.7.0",
    ]  # fmt: skip
    assert offered("clusterbook diff 20", capsys) == ["2026.7.0"]
    assert offered("clusterbook-build publish 20", capsys) == ["2026.7.0"]
    assert offered("clusterbook-build withdraw h100-eks-training ", capsys) == ["1.0.0"]
    assert offered("clusterbook recipe h100-eks-training@", capsys) == []


def test_the_table_has_every_command_and_flag_that_help_shows() -> None:
    table: dict[str, Any] = json.loads(Path(answer._WORDS).read_text(encoding="utf-8"))
    from clusterbook.cli.build_main import COMMANDS as BUILDER
    from clusterbook.cli.commands import COMMANDS

    for command in COMMANDS:
        known = {name for flag in table["clusterbook"][command.name]["flags"] for name in flag[0]}
        assert known == {name for flag in command.flags for name in flag.names} | {"-h", "--help"}
    assert BUILDER.keys() <= table["clusterbook-build"].keys()


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["completion", shell], {}) == 0
    assert capsys.readouterr().out == SCRIPTS[shell]
