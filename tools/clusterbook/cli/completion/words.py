"""What may be typed after the name of a program, as a table.

A shell's completion reads it, so that no command has to be loaded for that. It is written where the
index is: by the build, and into a wheel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

WORDS = Path(__file__).with_name("words.json")
"""Where the table lies: program → command, with its group before it → its help, flags and arguments."""


def program_words() -> dict[str, dict[str, Any]]:
    """Return the table of both programs."""
    from clusterbook.cli.build_main import program as builder
    from clusterbook.cli.commands import program as client

    programs = {"clusterbook": client, "clusterbook-build": builder}
    return {
        name: dict(_commands(click.Context(program, **program.context_settings), ""))
        for name, program in programs.items()
    }


def write_words(path: Path = WORDS) -> Path:
    """Write the table."""
    path.write_text(json.dumps(program_words(), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    return path


def _commands(context: click.Context, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a command and all below it, by name."""
    command = context.command
    options = [param for param in command.get_params(context) if isinstance(param, click.Option) and not param.hidden]
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    yield (
        name,
        {
            "help": command.get_short_help_str(200),
            "flags": [_flag(param) for param in options],
            "arguments": [[param.name, param.nargs == -1, _choices(param)] for param in arguments],
        },
    )
    for below in command.list_commands(context) if isinstance(command, click.Group) else ():
        inner = command.get_command(context, below) if isinstance(command, click.Group) else None
        if inner is not None and not inner.hidden:
            yield from _commands(click.Context(inner, parent=context, info_name=below), f"{name} {below}".strip())


def _flag(option: click.Option) -> list[Any]:
    """Return a flag: its spellings, whether a value follows, whether it may be repeated, its values, its help."""
    text = " ".join((option.help or "").split())
    return [[*option.opts, *option.secondary_opts], not _stands_alone(option), option.multiple, _choices(option), text]


def _stands_alone(option: click.Option) -> bool:
    return option.is_flag or option.count or "--help" in option.opts


def _choices(param: click.Parameter) -> list[str]:
    return [str(value) for value in param.type.choices] if isinstance(param.type, click.Choice) else []
