"""The manual pages of both programs and of every command below them, out of the tables that help is made of.

They are written while a wheel is made, which carries them where `man` looks: share/man/man1. A page's name is its
command's, with hyphens: `man clusterbook-fetch-bundle`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

import clusterbook
from clusterbook.cli.manual import roff
from clusterbook.cli.program import flags_by_heading

PAGES = Path(__file__).with_name("man1")
"""Where a build puts them."""
_AS_IT_STANDS = "\b"
"""How click marks a paragraph whose lines are not wrapped."""
_STATUSES = (
    ("0", "Success: everything that was asked for holds."),
    ("1", "A flag is unknown or missing."),
    ("2", "The question or a document is invalid; `validate`: nothing could be validated."),
    ("3", "Not found."),
    ("4", "Not permitted, or not trusted."),
    ("5", "Timeout."),
    ("6", "A server is unreachable, or another program failed."),
    ("7", "Rate limited."),
    ("8", "Sources, an index or an output cannot be read or written; or this is a bug."),
    ("10", "Findings, differences or drift; `validate`: something fails."),
    ("130", "Interrupted."),
)
"""Source: reference row G4, and site/docs/guide/exit-status.md."""


def manual(date: str) -> dict[str, str]:
    """Return the text of every page by its file's name; `date` is a day, 2026-07-01."""
    from clusterbook.cli.build_main import program as builder
    from clusterbook.cli.commands import program as client

    contexts = [
        context
        for name, program in (("clusterbook", client), ("clusterbook-build", builder))
        for context in _commands(click.Context(program, info_name=name, **program.context_settings))
    ]
    pages = {f"{_name(context)}.1": _page(context, date) for context in contexts}
    assert len(pages) == len(contexts), "two commands share a page"
    return pages


def write_manual(date: str, folder: Path = PAGES) -> list[Path]:
    """Return the pages written into `folder`, which then holds no others."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = manual(date)
    for old in folder.glob("*.1"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in sorted(pages)]


def _commands(context: click.Context) -> Iterator[click.Context]:
    """Yield a command and all below it that help shows."""
    yield context
    group = context.command
    for name in group.list_commands(context) if isinstance(group, click.Group) else ():
        command = group.get_command(context, name) if isinstance(group, click.Group) else None
        if command is not None and not command.hidden:
            yield from _commands(click.Context(command, parent=context, info_name=name))


def _name(context: click.Context) -> str:
    """Return what the page of a command is called."""
    return context.command_path.replace(" ", "-")


def _page(context: click.Context, date: str) -> str:
    command = context.command
    summary = command.get_short_help_str(1000).rstrip(".")
    texts, examples = _parts(command.help or "")
    notes, more = _parts(command.epilog or "")
    flags = flags_by_heading(command, context)
    options = [
        roff.terms(records) if heading == "Options" else roff.subsection(heading, roff.terms(records))
        for heading, records in flags.items()
    ]
    usage = [rf"\fB{roff.escape(context.command_path)}\fR", *map(roff.escape, command.collect_usage_pieces(context))]
    parts = [
        roff.title(_name(context), date=date, version=clusterbook.__version__),
        roff.section("Name", roff.prose(f"{_name(context)} - {_as_a_phrase(summary)}")),
        roff.section("Synopsis", " ".join(usage)),
        roff.section("Description", roff.paragraphs(texts)),
        roff.section("Options", *options),
        roff.section("Commands", roff.terms(_below(context))),
        roff.section("Examples", "\n.PP\n".join(map(roff.example, (*examples, *more)))),
        roff.section("Environment", roff.paragraphs(notes)),
        roff.section("Exit status", roff.terms(_STATUSES)),
        roff.section("See also", ",\n".join(_reference(name) for name in _related(context))),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _as_a_phrase(sentence: str) -> str:
    """Return a sentence as it stands behind a name."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def _parts(text: str) -> tuple[list[str], list[list[str]]]:
    """Return the paragraphs of a help text, and the lines of those that stand as they are without their heads."""
    prose, verbatim = [], []
    for paragraph in filter(None, inspect.cleandoc(text).split("\n\n")):
        if paragraph.startswith(_AS_IT_STANDS):
            lines = paragraph.removeprefix(_AS_IT_STANDS).strip("\n").partition("\n")[2]
            verbatim.append(inspect.cleandoc(lines).splitlines())
        else:
            prose.append(paragraph)
    return prose, verbatim


def _below(context: click.Context) -> list[tuple[str, str]]:
    """Return the commands of a group, and what help says of each."""
    group = context.command
    if not isinstance(group, click.Group):
        return []
    named = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    return [(name, below.get_short_help_str(1000)) for name, below in named if below and not below.hidden]


def _related(context: click.Context) -> list[str]:
    """Return the pages of what stands right above and below a command, and of the other program beside one."""
    own = _name(context)
    above = [_name(context.parent)] if context.parent else []
    beside = [] if above else ["clusterbook-build" if own == "clusterbook" else "clusterbook"]
    return sorted([*above, *beside, *(f"{own}-{name}" for name, _ in _below(context))])


def _reference(name: str) -> str:
    return rf"\fB{roff.escape(name)}\fR(1)"
