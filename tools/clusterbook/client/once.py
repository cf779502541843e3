"""Commands on which a flag stands once.

Knows how click declares flags. Source: reference row G8: click alone would silently take the last.
"""

from __future__ import annotations

import click

from clusterbook.client.flags import Flag, scan


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
