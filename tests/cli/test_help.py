"""Help: what every command of both programs says of itself, for whoever has never seen it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from tests.support import sites

FEW = 12
"""So many flags need no headings."""


def commands(program: str, command: click.Command, path: str = "") -> Iterator[tuple[str, str, click.Command]]:
    yield program, path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            assert below is not None
            yield from commands(program, below, f"{path} {word}".strip())


ALL = [each for name, program in sites.PROGRAMS.items() for each in commands(name, program)]
EVERY = pytest.mark.parametrize(("program", "path", "command"), ALL, ids=[f"{one} {two}" for one, two, _ in ALL])


def shown(program: str, path: str) -> str:
    """Return what --help prints on a terminal of 100 columns."""
    command: click.Command = sites.PROGRAMS[program]
    context = click.Context(command, info_name=program, max_content_width=120, terminal_width=100)
    for word in path.split():
        assert isinstance(command, click.Group)
        command = command.get_command(context, word) or command
        context = click.Context(command, info_name=word, parent=context, max_content_width=120, terminal_width=100)
    return command.get_help(context)


@pytest.mark.parametrize("command", [each for _, _, each in ALL], ids=[f"{one} {two}" for one, two, _ in ALL])
def test_a_command_says_what_it_does_and_what_every_flag_does(command: click.Command) -> None:
    assert (command.help or "").strip().endswith((".", "!")), "its help is no sentence"
    assert command.get_short_help_str(1000).endswith((".", "is")), "its first sentence is cut"
    for param in command.params:
        if isinstance(param, click.Option):
            assert (param.help or "").endswith("."), f"{param.opts[0]} has no help that is a sentence"


@EVERY
def test_no_line_is_cut(program: str, path: str, command: click.Command) -> None:
    text = shown(program, path)
    assert not re.search(r"[a-z]\.\.\.(?=\s)", text)
    together = "".join(text.split())  # lines break behind hyphens, too
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            assert "".join((param.help or "").split()) in together, param.opts


@EVERY
def test_the_example_is_a_command_line_with_flags_that_there_are(
    program: str, path: str, command: click.Command
) -> None:
    if not path:
        return
    block = (command.epilog or "").partition("\b\n")[2].replace("\\\n", "")
    heading, *lines = block.splitlines()
    assert heading.endswith(":")
    typed = [shlex.split(line, comments=True) for line in lines if line.strip().startswith(program)]
    assert typed, "it has no example"
    for words in typed:
        name = " ".join(words[1:]) if isinstance(command, click.Group) else " ".join(words[1 : 1 + len(path.split())])
        assert name.startswith(path)
        if isinstance(command, click.Group):
            continue
        known = {word for param in command.params for word in (*param.opts, *param.secondary_opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known


@EVERY
def test_many_flags_stand_under_headings(program: str, path: str, command: click.Command) -> None:
    text = shown(program, path)
    if len([param for param in command.params if isinstance(param, click.Option)]) > FEW:
        headings = re.findall(r"^(\w[\w ]+):$", text, re.MULTILINE)
        assert len(set(headings) - {"Usage", "Options", "Example", "Examples"}) >= 3
