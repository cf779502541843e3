"""Commands on which a flag stands once, and the exit statuses of lines that cannot be read.

Knows how click declares flags. Source: reference rows G4, G8: click alone would silently take the last.
"""

from __future__ import annotations

import click

from clusterbook.client.flags import Flag, scan
from clusterbook.core.errors import ClusterbookError, did_you_mean


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


def usage_status(error: click.UsageError) -> int:
    """Return 2 for a value that is not allowed, 1 for a flag that is unknown or missing. Source: reference row G4."""
    if isinstance(error, click.MissingParameter | click.NoSuchOption):
        return 1
    return 2 if isinstance(error, click.BadParameter) else 1
