"""The `clusterbook` command's way in.

Knows that a plain look-up needs no click: importing click takes longer than the whole look-up may (tests/bench measures
both). What the quick way does not understand goes to click, which ends in the same functions; a test holds that both
say the same.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from clusterbook.cli.flags import ARGUMENTS, COMMANDS, JUDGEMENTS, scan, scan_all
from clusterbook.cli.reply import Reply
from clusterbook.cli.terminal import abandon, bug, deliver, fail, leave
from clusterbook.diagnostics.errors import ClusterbookError

_SLOW = ("data", "snapshot", "config", "recipe")
"""Flags whose answers are not look-ups."""


def main() -> None:
    """Run the command line and exit with its status. Source: reference row G4."""
    status = run(sys.argv[1:], os.environ)
    if "click" in sys.modules:  # what commands load may have to tidy up on the way out
        sys.exit(status)
    leave(status)


def run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return the exit status of a command line, having printed what it says."""
    try:
        reply = quick(words, environment) or quick_bundle(words, environment) or quick_fetch(words, environment)
        if reply is None:
            from clusterbook.cli.commands import run_click

            return run_click(words)
        deliver(reply.text, notes=reply.notes)
        if reply.error is not None:
            raise reply.error
        return reply.status
    except ClusterbookError as error:
        return fail(error, log_json="--log-json" in words or "CLUSTERBOOK_LOG_JSON" in environment)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if isinstance(error, BrokenPipeError):  # a reader that has read enough, such as head
            abandon()
            return 0
        if "--debug" in words or "CLUSTERBOOK_DEBUG" in environment:
            raise
        return bug(error)


def quick_bundle(words: Sequence[str], environment: Mapping[str, str]) -> Reply | None:
    """Return what `bundle` says, None when click has to have a say."""
    if not words or words[0] != "bundle" or any(name.startswith("CLUSTERBOOK_") for name in environment):
        return None
    with no_garbage():
        from clusterbook.cli.bundle import EVERY, respond

        scanned = scan_all(words[1:], EVERY)
        if scanned is None or len(scanned[1]) > 1:
            return None
        return respond(scanned[0], *(scanned[1] or [""]))


@contextmanager
def no_garbage() -> Iterator[None]:
    """Look for no garbage meanwhile: among 20,000 pods, or while importing, it takes its time and finds none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def quick_fetch(words: Sequence[str], environment: Mapping[str, str]) -> Reply | None:
    """Return what `fetch` says, None when click has to have a say. Its flags may stand in the environment."""
    if len(words) < 2 or words[0] != "fetch":
        return None
    with no_garbage():
        from clusterbook.cli.fetch import FETCH, VALUES, respond

        if words[1] not in FETCH or any(name.startswith("CLUSTERBOOK_") and name not in VALUES for name in environment):
            return None
        scanned = scan_all(words[2:], FETCH[words[1]])
        if scanned is None or len(scanned[1]) > (words[1] != "index"):
            return None
        from clusterbook.files.context import Context

        given = {flag.key: [environment[name]] for name, flag in VALUES.items() if environment.get(name)}
        known = {flag.key for flag in FETCH[words[1]]}
        found = {**{key: value for key, value in given.items() if key in known}, **scanned[0]}
        return respond(words[1], found, (scanned[1] or [""])[0], Context.of(environment))


def quick(words: Sequence[str], environment: Mapping[str, str]) -> Reply | None:
    """Return the reply to a plain look-up, None when click has to have a say."""
    command = words[0] if words else ""
    if command not in COMMANDS or any(name.startswith("CLUSTERBOOK_") for name in environment):
        return None
    from clusterbook.cli.lookup import respond

    scanned = scan(words[1:], COMMANDS[command])
    if scanned is None:
        return None
    options, arguments = scanned
    slow = ("output", "config") if command in JUDGEMENTS else ("output", *_SLOW)
    if any(flag in options for flag in slow) or len(arguments) > len(ARGUMENTS[command]):
        return None
    if command not in JUDGEMENTS or (command == "validate" and "no_cluster" not in options):
        return respond(command, options, arguments)
    with no_garbage():
        return respond(command, options, arguments)


if __name__ == "__main__":
    main()
