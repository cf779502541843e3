"""The `clusterbook` command's way in.

Importing click takes longer than a whole look-up may (tests/bench measures both), so a line that the scanner
understands is answered without. Every other one goes to click, which ends in the same functions; a test holds that both
say the same.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile

from clusterbook import __version__
from clusterbook.cli.command import Caller, Command, Request, refuse_idle, scan
from clusterbook.cli.flags import VARIABLES, read_list
from clusterbook.cli.reply import Reply
from clusterbook.cli.terminal import bug, complete_streams, fail, finish, leave
from clusterbook.diagnostics.console import CONSOLE, SWITCHES
from clusterbook.diagnostics.errors import ClusterbookError


def main() -> None:
    """Run the command line and exit with its status. Source: reference row G4."""
    complete_streams()
    gc.disable()  # until click has to have a say; what is quick ends before garbage would matter
    status = run(sys.argv[1:], os.environ)
    if "click" in sys.modules or "atexit" in sys.modules:  # what commands load may have to tidy up on the way out
        gc.freeze()  # else all that was imported is looked through once more
        sys.exit(status)
    leave(status)


def run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return the exit status of a command line, having printed what it says."""
    if words[:1] == ["__complete"]:
        from clusterbook.cli.completion.answer import answer

        return answer(words[1:])
    CONSOLE.use(words, environment)
    CONSOLE.step(f"clusterbook {__version__}: {_name(words)}")
    status = _run(words, environment)
    CONSOLE.step(f"exit status {status}", status=status)
    return status


def _run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return what `run` does, once the console is set up."""
    try:
        reply = quick(words, environment)
        if reply is None:
            from clusterbook.cli.commands import run_click

            gc.enable()
            return run_click(words)
        return finish(reply)
    except ClusterbookError as error:
        return fail(error)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if CONSOLE.debug:
            raise
        return bug(error)


def _name(words: Sequence[str]) -> str:
    """Return the command of a line, wherever its switches stand, without what flags are given, which may be secret."""
    own = [word for word in words if word not in SWITCHES][:3]
    return " ".join(takewhile(str.isalpha, own)) or "no command"


@contextmanager
def no_garbage() -> Iterator[None]:
    """Look for no garbage meanwhile: among 20,000 pods, or while importing, it takes its time and finds none."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def quick(words: Sequence[str], environment: Mapping[str, str]) -> Reply | None:
    """Return the reply to a command line that the scanner understands, None when click has to have a say."""
    while words and words[0] in SWITCHES:
        words = words[1:]
    with no_garbage():
        command, rest = quick_command(words)
        if command is None:
            return None
        variables = {flag.variable: flag for flag in command.flags if flag.metavar}
        if any(name.startswith(VARIABLES) and name not in variables for name in environment):
            return None
        request = scan(rest, command)
        if request is None:
            return None
        given = [(flag, environment[name]) for name, flag in variables.items() if environment.get(name)]
        around = Request(
            {flag.key: text for flag, text in given if not flag.repeated},
            {flag.key: read_list(text, flag.variable) for flag, text in given if flag.repeated},
        )
        whole = request.over(around)
        refuse_idle(command, request, whole, environment)
        return command.run(whole, Caller(environment))


def quick_command(words: Sequence[str]) -> tuple[Command | None, Sequence[str]]:
    """Return the command that a line begins with, if it is one that has to be quick, and the words behind its name."""
    name = words[0] if words else ""
    if name == "recipe" and words[1:2] in (["list"], ["validate"]):  # as the reference spells them
        name, words = ("list", words[1:]) if words[1] == "list" else ("check", words[1:])
    if name in ("recipe", "query", "list", "explain"):
        from clusterbook.cli.lookup import COMMANDS
    elif name in ("validate", "fit"):
        from clusterbook.cli.validate import COMMANDS
    elif name == "bundle":
        from clusterbook.cli.bundle import COMMANDS
    elif name in ("fetch", "upgrade"):
        if name == "fetch":
            from clusterbook.cli.fetch import COMMANDS
        else:
            from clusterbook.cli.upgrade.plan import COMMANDS
        return COMMANDS.get(" ".join(words[:2])), words[2:]
    else:
        return None, ()
    return COMMANDS[name], words[1:]


if __name__ == "__main__":
    main()
