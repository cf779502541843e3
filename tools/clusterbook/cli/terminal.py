"""The terminal: how an answer and an error reach the user; what is said beside them goes by the console."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress

from clusterbook.cli.reply import NO_MARKS, Reply
from clusterbook.diagnostics.console import CONSOLE, abandon
from clusterbook.diagnostics.errors import ClusterbookError, Unwritable
from clusterbook.diagnostics.printable import lines
from clusterbook.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

_COLOURS = {"good": "32", "bad": "1;31", "doubtful": "33", "faint": "2"}
"""The colour of each kind of mark. Source: ECMA-48, SGR."""


def complete_streams() -> None:
    """Open what the shell closed of the standard streams: else the first file that is opened would take its place.

    Nothing can be read there, and what is written to standard output fails.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if opened != number:
                os.dup2(opened, number)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def finish(reply: Reply) -> int:
    """Print a reply and return its exit status; what is wrong counts, whether or not it could be printed."""
    try:
        deliver(reply.text, notes=reply.notes, output=reply.output, marks=reply.marks)
    except Unwritable:
        if reply.error is None:
            raise
    if reply.error is not None:
        raise reply.error
    return reply.status


def deliver(text: str, *, notes: Iterable[str] = (), output: str = "", marks: Mapping[str, str] = NO_MARKS) -> None:
    """Print `text`, or write it whole to the file `output`; notes go to standard error.

    On a terminal, words of `marks` that begin a line are in colour; see Reply.
    """
    for note in notes:
        CONSOLE.note(note)
    if not output or output == "-":
        _print(painted(text, marks) if marks and CONSOLE.colour_output else text)
        return
    from clusterbook.files.write import write_text

    write_text(output, text)


def painted(text: str, marks: Mapping[str, str]) -> str:
    """Return `text` with the words of `marks` in colour wherever one begins a line."""
    import re

    def paint(found: re.Match[str]) -> str:
        return f"{found[1]}\x1b[{_COLOURS[marks[found[2]]]}m{found[2]}\x1b[0m"

    words = "|".join(re.escape(word) for word in sorted(marks, key=len, reverse=True))
    return re.sub(rf"(?m)^(\s*)({words})(?=[\s:]|$)", paint, text)


def _print(text: str) -> None:
    """Write to standard output, what its encoding lacks as escapes. A reader that went away has read enough.

    Raises:
        Unwritable: it is closed, or the disk behind it is full.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        abandon()
    except OSError as error:
        raise unwritable_output(error) from error


def unwritable_output(error: OSError) -> Unwritable:
    """Return the error that standard output cannot be written, having given it up."""
    abandon()
    return Unwritable(f"standard output cannot be written: {error.strerror}")


def leave(status: int) -> NoReturn:
    """Exit at once: the system takes back memory faster than Python does, an eighth of a quick answer's time."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(status)


def fail(error: ClusterbookError) -> int:
    """Print an error and return its exit status."""
    CONSOLE.error(error)
    return error.exit_status


def bug(error: Exception) -> int:
    """Print that `error` is a bug of ours, and return its exit status."""
    hint = "run it again with --debug, and report what it prints"
    what = f"this is a bug in Clusterbook: {type(error).__name__}: {error}"
    CONSOLE.say("error", what if CONSOLE.json else lines(f"{what}\n  hint: {hint}"), hint=hint)
    return 8
