"""The manual of commands: how each is called, what its help says, and its options as a table.

Knows click. What is printed in a terminal as columns stands here as text and tables, so that it is read on a phone too.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from html import escape

import click

_CODE = re.compile(r"`([^`]+)`")
_AS_IT_STANDS = "\b"
"""How click marks a paragraph whose lines are not wrapped."""


def text(programs: Mapping[str, click.Group]) -> str:
    """Return the Markdown of every command of `programs`, those below a command included."""
    return "\n".join(_program(name, program) for name, program in programs.items())


def _program(name: str, program: click.Group) -> str:
    top = click.Context(program, info_name=name)
    return "\n".join([f"## {name}\n", *(_command(inner) for inner in _below(top))])


def _below(context: click.Context) -> Iterator[click.Context]:
    """Yield every command below a group, depth first, as the context it runs in."""
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if found is not None and not found.hidden:
            inner = click.Context(found, parent=context, info_name=name)
            yield inner
            yield from _below(inner)


def _command(context: click.Context) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"### {context.command_path}\n", f"```sh\n{usage}\n```\n", *_paragraphs(command.help or "")]
    options = [
        each for each in command.get_params(context) if isinstance(each, click.Option) and "--help" not in each.opts
    ]
    if rows := [record for each in options if (record := each.get_help_record(context))]:
        parts.append(_table("Option", rows))
    if isinstance(command, click.Group):
        below = [(name, command.commands[name].get_short_help_str(200)) for name in command.list_commands(context)]
        parts.append(_table("Command", below))
    return "\n".join([*parts, *_paragraphs(command.epilog or "")])


def _paragraphs(said: str) -> Iterator[str]:
    for paragraph in filter(None, inspect.cleandoc(said).split("\n\n")):
        if paragraph.startswith(_AS_IT_STANDS):
            title, _, lines = paragraph.removeprefix(_AS_IT_STANDS).strip("\n").partition("\n")
            yield f"<p>{_words(title)}</p>\n\n```sh\n{inspect.cleandoc(lines)}\n```\n"
        else:
            yield f"<p>{_words(paragraph)}</p>\n"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><th scope="row"><code>{escape(flags)}</code></th><td>{_words(words)}</td></tr>' for flags, words in rows
    )
    heads = f'<tr><th scope="col">{title}</th><th scope="col">What it does</th></tr>'
    return f"<table><thead>{heads}</thead><tbody>{body}</tbody></table>\n"


def _words(said: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(" ".join(said.split()), quote=False))
