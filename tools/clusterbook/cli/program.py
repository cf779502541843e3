"""Programs: click groups whose flags stand once and whose exit statuses are ours.

Source: reference rows G4, G8: click alone would silently take the last of two flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from errno import EBADF, ENOSPC
from typing import Any

import click
from click.core import ParameterSource

from clusterbook.cli.command import scan_flags
from clusterbook.cli.flags import ANYWHERE, Flag, read_list
from clusterbook.cli.reply import MissingFlag
from clusterbook.cli.terminal import unwritable_output
from clusterbook.diagnostics.console import CONSOLE, abandon
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, did_you_mean

_FLAGS = {
    "Recipe": "service accelerator intent os platform nodes criteria-strict profile slurm-accounting-mode"
    " allow-inherited recipe snapshot",
    "Source": "from source data external-only registry allow-withdrawn",
    "Trust": "policy key tuf-root certificate-identity certificate-identity-regexp certificate-oidc-issuer"
    " trust-root allow-unsigned unsigned at-least min-trust-level require-creator cli-version-constraint",
    "Cluster": "cluster no-cluster kubeconfig context node pool root",
    "Deployer": "deployer readiness-hooks vendor-charts app-name repo target-revision flux-namespace"
    " flux-oci-source-name",
    "Values": "set set-json set-file set-secret dynamic storage-class shared-storage-class",
    "Nodes": "workload-gate workload-selector system-node-selector system-node-toleration accelerated-node-selector"
    " accelerated-node-toleration",
    "Signing": "sign-key keyless identity-token device-flow browser trust-config tlog-upload yes",
    "Job": "agent print-manifests namespace image image-pull-secret job-name service-account-name node-selector"
    " toleration require-gpu runtime-class requests limits privileged timeout no-cleanup",
    "Registry": "plain-http ca-file",
    "Output": "output format force diff image-refs evidence save-snapshot save redact template",
}
"""Flags by heading, without their dashes; what is under none is an option of the command's own."""
HEADINGS = {
    "Look up": "list recipe query explain diff",
    "Deploy": "bundle upgrade fetch verify mirror",
    "Validate": "snapshot fit validate record evidence",
    "Others": "check config trust completion help version",
}
"""Commands of `clusterbook` by heading."""
_FEW = 12
"""So many flags need no headings."""
_WHOLE = 1000
"""More letters than a first sentence has."""


def _switches(*, hidden: bool) -> list[click.Parameter]:
    """Return the flags of the program itself, which the console has read already, and which may stand anywhere."""
    return [
        click.Option([flag.key, *flag.names], is_flag=True, expose_value=False, help=flag.help, hidden=hidden)
        for flag in ANYWHERE
    ]


class SingleUseCommand(click.Command):
    """A click command that refuses a flag given twice."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters, and those of the program itself."""
        return [*super().get_params(ctx), *_switches(hidden=True)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what help says of flags, under headings where there are many."""
        for heading, records in flags_by_heading(self, ctx).items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a flag that is given twice, then parse.

        Raises:
            InvalidRequest: naming the flag.
        """
        options = [param for param in self.params if isinstance(param, click.Option) and not param.multiple]
        scan_flags(args, [_flag(option) for option in options])
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # a flag without its value does not know whose it is
            raise


def flags_by_heading(command: click.Command, context: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Return what help says of each flag of a command, under headings where there are many."""
    records = {
        param.opts[0].lstrip("-"): record
        for param in command.get_params(context)
        if isinstance(param, click.Option) and (record := param.get_help_record(context))
    }
    grouped = _under_headings(_FLAGS if len(records) > _FEW else {}, list(records), "Options")
    return {heading: [records[name] for name in names] for heading, names in grouped.items()}


class StrictCommand(SingleUseCommand):
    """A click command to which every wrong word is an invalid request, exit status 2, as every wrong value is."""


class RepeatedOption(click.Option):
    """A click option of which the environment has one word a line, or a JSON list; click would split at blanks."""

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """Return the words of the variable, None where it is not set."""
        text = self.resolve_envvar_value(ctx)
        return None if text is None else read_list(text, str(self.envvar))


def option(flag: Flag) -> click.Option:
    """Return the click option of a flag."""
    common: dict[str, Any] = {"help": flag.help, "show_envvar": False, "envvar": flag.variable}
    if flag.switch:
        return click.Option([flag.key, *flag.names], is_flag=True, **common)
    if flag.default:
        common |= {"default": flag.default, "show_default": True}
    kind = click.Choice(flag.values) if flag.values else click.IntRange(min=0) if flag.number else None
    option_class = RepeatedOption if flag.repeated else click.Option
    return option_class(
        [flag.key, *flag.names], metavar=flag.metavar or None, type=kind, multiple=flag.repeated, **common
    )


def _flag(option: click.Option) -> Flag:
    """Return what the scanner has to know about an option."""
    return Flag(option.name or "", (*option.opts, *option.secondary_opts), "", "" if option.is_flag else "VALUE")


class UnknownCommand(ClusterbookError):
    """There is no such command. Source: reference row G4."""

    code = "CB109"
    exit_status = 3


class InvalidUsage(ClusterbookError):
    """The command line is wrong: an unknown flag, or a flag without its value.

    `--help` shows what the command accepts. Source: reference row G4.
    """

    code = "CB115"
    exit_status = 1


class Program(click.Group):
    """A group of such commands; an unknown one has an exit status of its own."""

    command_class = SingleUseCommand

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters, and those of the program itself, which help shows once."""
        return [*super().get_params(ctx), *_switches(hidden=ctx.parent is not None)]

    def __init__(self, *args: Any, headings: dict[str, str] | None = None, **settings: Any) -> None:
        """Make a group; `headings` has the names of commands by what help shows them under."""
        super().__init__(*args, **settings)
        self.headings = headings or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what help says of commands: of each its first sentence, whole."""
        commands = {name: command for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))}
        for heading, names in _under_headings(self.headings, list(commands), "Commands").items():
            with formatter.section(heading):
                formatter.write_dl([(name, commands[name].get_short_help_str(_WHOLE)) for name in names])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` start with."""
        if self.get_command(ctx, "recipe") is not None:
            from clusterbook.cli import reference_words

            args = reference_words.plain_words(args)
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from clusterbook.cli import reference_words

            hint = reference_words.PROGRAM.get(args[0]) or did_you_mean(args[0], self.list_commands(ctx))
            raise UnknownCommand(f"there is no command {args[0]}", hint=hint)
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
            raise misused(error, name) from error
        except SystemExit:  # click's, of a reader of its help that has read enough
            abandon()
            return 0
        except OSError as error:
            if error.errno not in (EBADF, ENOSPC):
                raise
            raise unwritable_output(error) from error
        except click.Abort:
            CONSOLE.say("error", "stopped")
            return 130


def misused(error: click.UsageError, name: str) -> ClusterbookError:
    """Return what is wrong with the words of a command line: 2 for a wrong value and for all of a Strict, else 1."""
    context = error.ctx
    command = context.command_path if context else name
    hint = f"`{command} --help` shows what it accepts"
    wrong = InvalidRequest if context and isinstance(context.command, StrictCommand) else InvalidUsage
    if isinstance(error, click.NoSuchOption):
        from clusterbook.cli import reference_words

        known = [each for param in context.command.get_params(context) for each in param.opts] if context else []
        flags = [each for each in known if each.startswith("--")]
        hint = reference_words.FLAGS.get(error.option_name) or did_you_mean(error.option_name, flags)
        return wrong(f"{error.option_name} is not a flag of {command}", hint=hint)
    if isinstance(error, click.MissingParameter):
        missing = InvalidRequest if wrong is InvalidRequest else MissingFlag
        return missing(f"{_parameter_name(error.param)} is missing", hint=hint)
    said = error.message.rstrip(".")
    if isinstance(error, click.BadParameter):
        return InvalidRequest(f"{_place(error)}: {said[:1].lower()}{said[1:]}", hint=hint)
    return wrong(f"{said[:1].lower()}{said[1:]}", hint=hint)


def _parameter_name(param: click.Parameter | None) -> str:
    """Return what a parameter is called by whoever types it."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return "a word" if param is None else param.metavar or (param.name or "").upper()


def _place(error: click.BadParameter) -> str:
    """Return where a value stands: a flag, or the variable of the environment that it comes from."""
    param, context = error.param, error.ctx
    source = context.get_parameter_source(param.name) if context and param and param.name else None
    if source is ParameterSource.ENVIRONMENT and isinstance(param, click.Option):
        return str(param.envvar)
    return _parameter_name(param)


def _under_headings(headings: dict[str, str], names: list[str], rest: str) -> dict[str, list[str]]:
    """Return names by heading, in their own order; those under none are under `rest`, which comes first."""
    heading_of = {name: heading for heading, words in headings.items() for name in words.split()}
    found: dict[str, list[str]] = {heading: [] for heading in (rest, *headings)}
    for name in names:
        found[heading_of.get(name, rest)].append(name)
    return {heading: under for heading, under in found.items() if under}
