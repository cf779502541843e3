"""The `clusterbook-build` command.

Each command parses its words, calls one function and reports. It stands in a module of `cli.builder`, which is loaded
when it is called, so that `check` does not load what publishes.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator

import click

import clusterbook
from clusterbook.cli.flags import BUILD, VARIABLES
from clusterbook.cli.program import Program
from clusterbook.cli.terminal import bug, complete_streams, fail
from clusterbook.diagnostics.console import CONSOLE
from clusterbook.diagnostics.errors import ClusterbookError

COMMANDS = {
    "audit": "ledger:audit_command",
    "build": "index:build_command",
    "check": "check:check_command",
    "count": "recipe:count_command",
    "freshness": "freshness:freshness_command",
    "impact": "impact:impact_command",
    "matrix": "recipe:matrix_command",
    "new": "new:new_group",
    "prove": "prove:prove_command",
    "publish": "publish:publish_command",
    "release": "ledger:release_command",
    "resolve": "recipe:resolve_command",
    "root": "publish:root_group",
    "schemas": "schemas:schemas_command",
    "serve": "site:serve_command",
    "site": "site:site_command",
    "withdraw": "ledger:withdraw_command",
}
"""The name of each command, and where it stands: a module of `cli.builder`, and what it is called there."""
EXAMPLES = {
    "audit": "audit --against main",
    "build": "build",
    "check": "check --format sarif -o findings.sarif",
    "count": "count h100-eks-training gb200-eks-training",
    "freshness": "freshness kueue",
    "impact": "impact main..HEAD",
    "matrix": "matrix -o matrix.jsonl",
    "new": "new overlay service=eks,accelerator=h100,intent=training,os=ubuntu",
    "new check": "new check kueue --workload Deployment/kueue-controller-manager",
    "new component": "new component lws --repository oci://registry.k8s.io/lws/charts --version 0.8.0"
    " --namespace lws-system --workload Deployment/lws-controller-manager",
    "new mixin": "new mixin queues --component kueue",
    "new overlay": "new overlay service=eks,accelerator=h100,intent=training,os=ubuntu",
    "prove": "prove --pull h100-eks-training",
    "publish": "publish --to oci://ghcr.io/acme/catalog --keyless",
    "release": "release 2026.12.0 --dry-run",
    "resolve": "resolve service=eks,accelerator=h100,intent=training",
    "root": "root check 1.root.json 2.root.json",
    "root change": "root change 1.root.json --add-release-key new.pub -o 2.root.json",
    "root check": "root check 1.root.json 2.root.json",
    "root new": "root new --root-key ann.pub --root-key bob.pub --threshold 2 --release-key release.pub -o 1.root.json",
    "root sign": "root sign 2.root.json --key ann.key --after 1.root.json",
    "schemas": "schemas --verify",
    "serve": "serve --port 8080",
    "site": "site --url https://catalog.example.org -o public",
    "withdraw": 'withdraw h100-eks-training 1.1.0 --reason "driver crashes under MIG" --replacement 1.1.1',
}
"""What help shows of each command: the line that somebody would type first."""


class LazyProgram(Program):
    """A program whose commands are loaded when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Return the names of all commands, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, None where there is none of that name."""
        module, _, name = COMMANDS.get(cmd_name, "").partition(":")
        if not module:
            return None
        command = getattr(importlib.import_module(f"clusterbook.cli.builder.{module}"), name)
        assert isinstance(command, click.Command)
        _name_variables(command)
        _show_example(command, cmd_name)
        return command


def _show_example(command: click.Command, name: str) -> None:
    """Have the help of a command, and of those below it, end in an example."""
    for below, subcommand in command.commands.items() if isinstance(command, click.Group) else ():
        _show_example(subcommand, f"{name} {below}")
    command.epilog = f"\b\nExample:\n  clusterbook-build {EXAMPLES[name]}"


def _name_variables(command: click.Command) -> None:
    """Have the flags of a command, and of those below it, set by variables that are called like them."""
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _name_variables(below)
    for param in command.params:
        if isinstance(param, click.Option):
            param.envvar = BUILD + max(param.opts, key=len).removeprefix("--").replace("-", "_").upper()


def all_options() -> Iterator[tuple[click.Command, click.Option]]:
    """Yield every flag of every command, having loaded them all."""
    context = click.Context(program)
    commands = [command for name in COMMANDS if (command := program.get_command(context, name))]
    for command in commands:
        commands += command.commands.values() if isinstance(command, click.Group) else ()
        yield from ((command, param) for param in command.params if isinstance(param, click.Option))


@click.group(
    cls=LazyProgram,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=f"Every flag can be set in the environment: --recipes as {BUILD}RECIPES; one that may be repeated takes one"
    " value a line, or a JSON list. A CLUSTERBOOK_ variable that sets no flag is an error.",
)
@click.version_option(clusterbook.__version__, "-v", "--version", message="clusterbook-build %(version)s")
def program() -> None:
    """Check, resolve, release and publish a recipe catalog."""
    if any(name.startswith(VARIABLES) for name in os.environ):
        from clusterbook.cli.commands import VARIABLES as CLIENT
        from clusterbook.cli.environment import refuse_unknown

        refuse_unknown(os.environ, {*CLIENT, *(str(option.envvar) for _, option in all_options())})


def main() -> None:
    """Run the command line and exit with its status."""
    complete_streams()
    gc.set_threshold(
        50_000, 20, 20
    )  # trees are large and hold few circles: looking for them takes longer than it gives
    status = run(sys.argv[1:])
    gc.freeze()  # else all that was read is looked through once more on the way out
    sys.exit(status)


def run(words: list[str]) -> int:
    """Return the exit status of a command line, having printed what it says."""
    CONSOLE.use(words, os.environ)
    CONSOLE.step(f"clusterbook-build {clusterbook.__version__}: {words[0] if words else 'no command'}")
    try:
        return program.run(words, "clusterbook-build")
    except ClusterbookError as error:
        return fail(error)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if CONSOLE.debug:
            raise
        return bug(error)


if __name__ == "__main__":
    main()
