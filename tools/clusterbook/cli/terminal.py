"""The terminal: how an answer, a note, an error and what takes long reach the user."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType

from clusterbook.cli.reply import Reply
from clusterbook.diagnostics.errors import ClusterbookError, Unwritable
from clusterbook.diagnostics.printable import lines, one_line
from clusterbook.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn, TextIO

_EVERY_S = 60
_WIDTH = 100


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


def finish(reply: Reply, *, log_json: bool = False) -> int:
    """Print a reply and return its exit status; what is wrong counts, whether or not it could be printed."""
    try:
        deliver(reply.text, notes=reply.notes, output=reply.output, log_json=log_json)
    except Unwritable:
        if reply.error is None:
            raise
    if reply.error is not None:
        raise reply.error
    return reply.status


def deliver(text: str, *, notes: Iterable[str] = (), output: str = "", log_json: bool = False) -> None:
    """Print `text`, or write it whole to the file `output`; notes go to standard error."""
    for note in notes:
        log("note", note, log_json=log_json)
    if not output or output == "-":
        _print(text)
        return
    from clusterbook.files.write import write_text

    write_text(output, text)


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


def abandon(stream: TextIO | None = None) -> None:
    """Give up standard output, or another stream, so that the rest of it is not tried once more on the way out."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())


def leave(status: int) -> NoReturn:
    """Exit at once: the system takes back memory faster than Python does, an eighth of a quick answer's time."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(status)


def fail(error: ClusterbookError, *, log_json: bool = False) -> int:
    """Print an error and return its exit status."""
    more = {"code": error.code, "hint": error.hint, "place": str(error.place or "")}
    log("error", error.what if log_json else str(error), log_json=log_json, **more)
    return error.exit_status


def log(level: str, message: str, *, log_json: bool, **more: str) -> None:
    """Write a line to standard error, as text, or as JSON with the time in UTC. Source: reference row G3.

    An error may have several lines; a line break in a note is what somebody wrote into what the note is about.
    """
    line = f"{level}: {one_line(message) if level == 'note' else lines(message)}"
    if log_json:
        import json

        now = time.time()
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z"
        known = {
            "time": stamp,
            "level": level,
            "message": message,
            **{key: value for key, value in more.items() if value},
        }
        line = json.dumps(known, ensure_ascii=False)
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:  # nobody reads it, and the exit status says what matters
        abandon(sys.stderr)


def bug(error: Exception) -> int:
    """Print that `error` is a bug of ours, and return its exit status."""
    hint = "run it again with --debug, and report what it prints"
    log("error", f"this is a bug: {type(error).__name__}: {error}\n  hint: {hint}", log_json=False)
    return 8


class TerminalProgress:
    """Hears of each step, and tells of it on standard error; the line on a terminal is gone behind the block."""

    def __init__(
        self, say: Callable[[str], None], *, terminal: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Get ready to tell.

        Args:
            say: what a line is given to where there is no terminal.
            terminal: whether standard error is one, and nobody wants lines of a certain form from it.
            clock: seconds.
        """
        self._say, self._terminal, self._clock = say, terminal, clock
        self._phase, self._told_s = "", clock()

    def __call__(self, phase: str, name: str, number: int, total: int) -> None:
        """Hear that of `total` steps of a phase, step `number`, counted from 0, is about `name`."""
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{f'{phase}: {number + 1}/{total} {name}'[:_WIDTH]}")
            sys.stderr.flush()
            return
        now = self._clock()
        if phase != self._phase:
            self._say(f"{phase}: {total}" if total > 1 else f"{phase}: {name}")
        elif now - self._told_s >= _EVERY_S:
            self._say(f"{phase}: {number} of {total} done")
        else:
            return
        self._phase, self._told_s = phase, now

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
