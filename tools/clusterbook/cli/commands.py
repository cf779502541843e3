"""The `clusterbook` command line in full: help, environment, completion, and what is wrong with a line.

Every command is a row of a table beside what answers it; click is told of them here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

import clusterbook
from clusterbook.cli import (
    bundle,
    check,
    diff,
    evidence,
    fetch,
    lookup,
    mirror,
    record,
    snapshot,
    trust,
    validate,
)
from clusterbook.cli.command import Argument, Caller, Command, Request, refuse_idle
from clusterbook.cli.completion.scripts import INSTALL, SCRIPTS
from clusterbook.cli.environment import refuse_unknown
from clusterbook.cli.program import HEADINGS, Program, SingleUseCommand, StrictCommand, option
from clusterbook.cli.terminal import deliver, finish
from clusterbook.cli.upgrade import plan

COMMANDS: tuple[Command, ...] = tuple(
    command
    for module in (
        lookup,
        validate,
        check,
        bundle,
        fetch,
        trust,
        mirror,
        evidence,
        snapshot,
        record,
        diff,
        plan,
    )
    for command in module.COMMANDS.values()
)
VARIABLES = frozenset(flag.variable for command in COMMANDS for flag in command.flags)
"""Every variable that sets a flag."""
GROUPS = {
    "config": "Print and check a configuration file.",
    "fetch": "Fetch published recipes and bundles, and verify their signatures.",
    "mirror": "Mirror recipes, bundles, charts and images across an air gap.",
    "evidence": "Verify, sign and publish the evidence of a validation.",
    "upgrade": "Plan the upgrade of a cluster from one bundle to another.",
    "trust": "Show and update trust roots, policies and the state kept for each source.",
}


def run_click(words: Sequence[str]) -> int:
    """Return the exit status of a command line that click has a say in. Source: reference row G4."""
    return program.run(words, "clusterbook")


def click_command(command: Command) -> click.Command:
    """Return a command as click has it."""
    kind = StrictCommand if command.strict else SingleUseCommand
    params = [*map(option, command.flags), *map(_click_argument, command.arguments)]
    examples = "Examples" if "\n  clusterbook" in command.example else "Example"
    return kind(
        command.name.rpartition(" ")[2],
        params=params,
        callback=_callback(command),
        help=command.help,
        epilog=f"\b\n{examples}:\n  {command.example}",
    )


def _click_argument(argument: Argument) -> click.Argument:
    """Return an argument as click has it."""
    metavar = argument.metavar or None
    if argument.many:
        return click.Argument([argument.name], metavar=metavar, nargs=-1)
    if argument.required:
        return click.Argument([argument.name], metavar=metavar)
    return click.Argument([argument.name], metavar=metavar, required=False, default="")


def _callback(command: Command) -> Callable[..., int]:
    """Return what runs when a command is called."""

    def call(**params: Any) -> int:
        context = click.get_current_context()
        words = {
            name: str(value) if type(value) is int else value
            for name, value in params.items()
            if context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
        }
        typed = {name for name in words if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
        request = Request.of(words)
        refuse_unknown(os.environ, VARIABLES)
        refuse_idle(command, request.only(typed), request, os.environ)
        return finish(command.run(request, Caller(os.environ)))

    return call


@click.group(
    cls=Program,
    headings=HEADINGS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    help="Recipes for GPU Kubernetes clusters: every combination resolved beforehand.",
    epilog="Every flag can be set in the environment: --allow-inherited as CLUSTERBOOK_ALLOW_INHERITED=1; one that may"
    " be repeated takes one value a line, or a JSON list. A CLUSTERBOOK_ variable that sets no flag is an error.",
)
@click.version_option(clusterbook.__version__, "-v", "--version", message="clusterbook %(version)s")
def program() -> None:
    """Hold the commands."""


_first = {name.partition(" ")[0]: example for name, example in ((each.name, each.example) for each in COMMANDS[::-1])}
_groups = {
    name: Program(name, help=text, epilog=f"\b\nExample:\n  {_first[name].splitlines()[0]}")
    for name, text in GROUPS.items()
}
for _group in _groups.values():
    program.add_command(_group)
for _command in COMMANDS:
    _groups.get(_command.name.partition(" ")[0], program).add_command(click_command(_command))


@program.command(
    "completion",
    help="Print the completion script of a shell."
    "\n\nIt completes clusterbook and clusterbook-build: commands, flags, and the recipes, criteria, components and"
    " values of the catalog.",
    epilog="\b\nTo have it in every new shell:\n  " + "\n  ".join(INSTALL),
)
@click.argument("shell", type=click.Choice([*SCRIPTS]))
def completion(shell: str) -> int:
    """Print a completion script. Source: reference row G14."""
    deliver(SCRIPTS[shell])
    return 0


@program.command("version", help="Show the version.", epilog="\b\nExample:\n  clusterbook version")
def version() -> int:
    """Print the version, as --version does."""
    deliver(f"clusterbook {clusterbook.__version__}\n")
    return 0


@program.command("help", help="Show the help of a command.", epilog="\b\nExample:\n  clusterbook help fetch bundle")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
def help_command(words: tuple[str, ...]) -> int:
    """Print what COMMAND --help prints."""
    return program.run([*words, "--help"], "clusterbook")
