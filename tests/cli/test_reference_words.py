"""Words of the reference's command line: taken where they mean the same, answered with what does it here otherwise."""

from __future__ import annotations

import os
import re

import pytest

from clusterbook.cli import main
from clusterbook.cli.commands import COMMANDS
from clusterbook.cli.reference_words import FLAGS, PROGRAM
from tests.support.indexes import Said

OURS = {name for command in COMMANDS for flag in command.flags for name in flag.names}
TIME = re.compile(r'"time": "[^"]*", ')
NAMES = {command.name for command in COMMANDS}


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(*words: str) -> Said:
        capsys.readouterr()
        status = main.run([*words], {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ})
        return Said(status, *capsys.readouterr())

    return call


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (("recipe", "list"), ("list",)),
        (("recipe", "list", "--service", "eks", "-t", "json"), ("list", "--service", "eks", "-t", "json")),
        (("recipe", "list", "--skip-health", "--all"), ("list", "--no-health", "--all")),
        (("--log-json", "recipe", "list", "--service", "nowhere"), ("--log-json", "list", "--service", "nowhere")),
        (("recipe", "list", "--help"), ("list", "--help")),
        (("recipe", "list", "--nope"), ("list", "--nope")),
        (("recipe", "validate", "nowhere.yaml"), ("check", "nowhere.yaml")),
        (("recipe", "validate"), ("check",)),
    ],
)
def test_a_command_of_two_words_is_the_one_that_it_is_here(ask, theirs, ours) -> None:  # type: ignore[no-untyped-def]
    said, same = ask(*theirs), ask(*ours)
    assert said._replace(err=TIME.sub("", said.err)) == same._replace(err=TIME.sub("", same.err))


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("recipe", "lists"), "there is no recipe lists"),
        (("recipe", "eks", "list"), ""),
        (("query", "list"), "--selector is missing"),
        (("recipe",), "no criteria were given"),
    ],
)
def test_other_words_behind_recipe_are_what_they_were(ask, words: tuple[str, ...], what: str) -> None:  # type: ignore[no-untyped-def]
    said = ask(*words)
    assert said.status != 0
    assert what in said.err


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("command", ["recipe", "bundle", "verify", "snapshot"])
def test_a_flag_that_is_none_here_is_answered_with_what_does_it(ask, command: str, flag: str) -> None:  # type: ignore[no-untyped-def]
    said = ask(command, flag, "x") if command != "verify" else ask(command, "x", flag, "x")
    assert said.status in (1, 2)
    assert f"{flag} is not a flag of clusterbook {command}\n  hint: {FLAGS[flag]}\n" in said.err


def test_answers_name_what_there_is() -> None:
    assert not OURS & FLAGS.keys()
    assert not NAMES & PROGRAM.keys()
    for hint in (*FLAGS.values(), *PROGRAM.values()):
        assert set(re.findall(r"--[a-z-]+", hint)) <= OURS | {"--help"}
        assert set(re.findall(r"clusterbook ([a-z]+)", hint)) <= NAMES | {name.partition(" ")[0] for name in NAMES}


@pytest.mark.parametrize("command", PROGRAM)
def test_a_command_that_is_none_here_is_answered_with_what_does_it(ask, command: str) -> None:  # type: ignore[no-untyped-def]
    said = ask(command)
    assert (said.status, said.out) == (3, "")
    assert f"hint: {PROGRAM[command]}\n" in said.err
