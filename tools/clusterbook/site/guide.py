"""Generated pages of the guide: commands, errors and findings, out of what defines them.

A fact has one writer: help texts, docstrings and tables stay where they are, and are read here. What a terminal shows
as columns stands here as text and tables, so that it is read on a phone too.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from html import escape

import click

import clusterbook
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.site.codes import CODES

_ROWS = re.compile(r"\s*Source: (?:reference )?rows? [^.]*\.")
"""Where a docstring says which row of our checklist asks for it: readers of the guide have no such list."""
_CODE = re.compile(r"`([^`]+)`")
_AS_IT_STANDS = "\b"
"""How click marks a paragraph whose lines are not wrapped."""


def pages(programs: Mapping[str, click.Group]) -> dict[str, str]:
    """Return path → Markdown of the generated pages; `programs` are those whose commands are described, by name."""
    return {
        "guide/commands.md": _head("Commands", "Every command, its options and what its help says")
        + commands(programs),
        "guide/errors.md": _errors(),
        "guide/findings.md": _findings(),
    }


def _head(title: str, description: str) -> str:
    return f"---\ntitle: {title}\ndescription: {description}\n---\n\n# {title}\n\n{description}.\n\n"


def errors() -> Iterator[type[ClusterbookError]]:
    """Yield every error class there is, by code."""
    for module in pkgutil.walk_packages(clusterbook.__path__, "clusterbook."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    classes: list[type[ClusterbookError]] = []
    queue: list[type[ClusterbookError]] = [ClusterbookError]
    while queue:
        error = queue.pop()
        queue += error.__subclasses__()
        if error.__module__.startswith("clusterbook."):
            classes.append(error)
    yield from sorted(set(classes), key=lambda error: (error.code, error.__name__))


def _errors() -> str:
    text = _head("Errors", "What each error means, and how to fix it")
    for error in errors():
        if error is ClusterbookError or "code" not in vars(error):
            continue
        meaning = _ROWS.sub("", inspect.getdoc(error) or "")
        text += f"## {error.code} {error.__name__} {{#{error.code.lower()}}}\n\n{meaning}\n\n"
        text += f"Exit status {error.exit_status}.\n\n"
    return text


def _findings() -> str:
    text = _head("Findings", "What `clusterbook-build check` finds, why it matters, and how to fix it")
    for code in CODES.values():
        text += f"## {code.code} {code.title} {{#{code.code.lower()}}}\n\n"
        text += f"*{code.severity}*. {code.why} {code.mend}\n\n"
    return text


def commands(programs: Mapping[str, click.Group]) -> str:
    """Return the Markdown of every command of `programs`, those below a command included."""
    return "\n".join(_program(name, program) for name, program in programs.items())


def _program(name: str, program: click.Group) -> str:
    top = click.Context(program, info_name=name, **program.context_settings)  # click keeps what -h is called
    return "\n".join([f"## {name}\n", *(_command(inner) for inner in _subcommands(top))])


def _subcommands(context: click.Context) -> Iterator[click.Context]:
    """Yield every command below a group, depth first, as the context it runs in."""
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            inner = click.Context(command, parent=context, info_name=name)
            yield inner
            yield from _subcommands(inner)


def _command(context: click.Context) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"### {context.command_path}\n", f"```sh\n{usage}\n```\n", *_paragraphs(command.help or "")]
    options = [
        option
        for option in command.get_params(context)
        if isinstance(option, click.Option) and "--help" not in option.opts
    ]
    if rows := [record for option in options if (record := option.get_help_record(context))]:
        parts.append(_table("Option", rows))
    if isinstance(command, click.Group):
        named = ((name, command.get_command(context, name)) for name in command.list_commands(context))
        parts.append(_table("Command", [(name, below.get_short_help_str(200)) for name, below in named if below]))
    return "\n".join([*parts, *_paragraphs(command.epilog or "")])


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in filter(None, inspect.cleandoc(text).split("\n\n")):
        if paragraph.startswith(_AS_IT_STANDS):
            title, _, lines = paragraph.removeprefix(_AS_IT_STANDS).strip("\n").partition("\n")
            yield f"<p>{_inline(title)}</p>\n\n```sh\n{inspect.cleandoc(lines)}\n```\n"
        else:
            yield f"<p>{_inline(paragraph)}</p>\n"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><th scope="row"><code>{escape(flags)}</code></th><td>{_inline(text)}</td></tr>' for flags, text in rows
    )
    heads = f'<tr><th scope="col">{title}</th><th scope="col">What it does</th></tr>'
    return f"<table><thead>{heads}</thead><tbody>{body}</tbody></table>\n"


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(" ".join(text.split()), quote=False))
