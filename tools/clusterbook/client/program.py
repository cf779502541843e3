"""Programs: click groups whose flags stand once and whose exit statuses are ours.

Knows how click declares flags and what it raises. Does not know a command. Source: reference rows G4, G8: click alone
would silently take the last of two flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from clusterbook.client.flags import Flag, scan
from clusterbook.core.errors import ClusterbookError, InvalidRequest, did_you_mean


class Once(click.Command):
    """A click command that refuses a flag given twice."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a flag that stands twice, then parse.

        Raises:
            InvalidRequest: naming the flag.
        """
        options = [param for param in self.params if isinstance(param, click.Option) and not param.multiple]
        scan(args, [_flag(option) for option in options])
        return super().parse_args(ctx, args)


class Strict(Once):
    """A click command that refuses every wrong word the same way: what it is, what is accepted, exit status 2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse.

        Raises:
            InvalidRequest: a flag or an argument is unknown, missing or has a value that is not allowed.
        """
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            names = [name for param in self.params for name in param.opts if name.startswith("-")]
            hint = did_you_mean(error.option_name, names)
            raise InvalidRequest(f"{error.option_name} is not a flag of {self.name}", hint=hint) from error
        except click.UsageError as error:
            said = error.format_message().rstrip(".")
            raise InvalidRequest(
                said[:1].lower() + said[1:], hint=f"`clusterbook {self.name} --help` says what it takes"
            ) from error


def option(flag: Flag) -> click.Option:
    """Return the click option of a flag."""
    common: dict[str, Any] = {"help": flag.help, "show_envvar": False}
    if not flag.repeated:  # words may hold blanks, which would split them
        common["envvar"] = flag.variable
    if flag.switch:
        return click.Option([flag.key, *flag.names], is_flag=True, **common)
    kind = click.Choice(flag.values) if flag.values else None
    return click.Option(
        [flag.key, *flag.names], metavar=flag.metavar or None, type=kind, multiple=flag.repeated, **common
    )


def _flag(option: click.Option) -> Flag:
    """Return what the scanner has to know about an option."""
    return Flag(option.name or "", (*option.opts, *option.secondary_opts), "", "" if option.is_flag else "VALUE")


class UnknownCommand(ClusterbookError):
    """There is no such command. Source: reference row G4."""

    code = "CB109"
    exit_status = 3


class Program(click.Group):
    """A group of such commands; an unknown one has an exit status of its own."""

    command_class = Once

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` start with."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise UnknownCommand(f"there is no command {args[0]}", hint=did_you_mean(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def run(self, words: Sequence[str], name: str) -> int:
        """Return the exit status of the command line `words` of the program called `name`.

        Raises:
            ClusterbookError: the command failed; the caller says so.
        """
        try:
            status = self.main(list(words), prog_name=name, standalone_mode=False)
            return status if isinstance(status, int) else 0
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return 0
        except click.UsageError as error:
            error.show()
            return _usage_status(error)
        except click.Abort:
            click.echo("stopped", err=True)
            return 130


def _usage_status(error: click.UsageError) -> int:
    """Return 2 for a value that is not allowed, 1 for a flag that is unknown or missing. Source: reference row G4."""
    if isinstance(error, click.MissingParameter | click.NoSuchOption):
        return 1
    return 2 if isinstance(error, click.BadParameter) else 1
