"""The console: whatever a command says beside its answer goes to standard error by this one way.

It is the only thing of ours that a process has one of and that is set up while it runs, because there is one standard
error. How much is said, in which form and whether in colour is decided when a command line begins; what speaks need not
know. Part of every look-up, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

from clusterbook.diagnostics.printable import lines, one_line
from clusterbook.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import TextIO

    from clusterbook.diagnostics.errors import ClusterbookError

SWITCHES = {
    "--debug": "Print each step with its time, and tracebacks.",
    "--log-json": "Write notes, steps and errors as JSON lines, with time, level and fields.",
    "--quiet": "Print errors and warnings only: no notes, no progress.",
    "--no-color": "Use no colours; as the variable NO_COLOR.",
}
"""What may stand anywhere on a command line, and what help says of it."""
_OFF = ("", "0", "false", "no", "off")
_ALWAYS = ("error", "warning", "log in")
"""Levels that are told quietly, too."""
_COLOURS = {"error": "1;31", "warning": "1;33", "note": "36", "agent": "36", "debug": "2", "hint": "2"}
_CLEAR = "\r\x1b[K"


class Console:
    """Standard error as messages reach it; see `use`."""

    __slots__ = ("colour", "colour_output", "debug", "json", "progress_line", "quiet", "terminal")

    def __init__(self) -> None:
        self.debug = self.json = self.quiet = self.colour = self.colour_output = self.terminal = False
        self.progress_line = False
        """Whether the last line of the terminal is one of progress, which the next message takes the place of."""

    def use(self, words: Collection[str], environment: Mapping[str, str]) -> None:
        """Begin with a command line: `words` are all of it; a variable CLUSTERBOOK_QUIET is as the flag.

        Source: https://no-color.org; FORCE_COLOR as https://force-color.org has it.
        """

        def on(flag: str) -> bool:
            variable = f"CLUSTERBOOK_{flag[2:].replace('-', '_').upper()}"
            return flag in words or environment.get(variable, "").lower() not in _OFF

        self.debug, self.json, self.quiet = on("--debug"), on("--log-json"), on("--quiet")
        plain = on("--no-color") or bool(environment.get("NO_COLOR"))
        forced = environment.get("FORCE_COLOR", "") not in ("", "0")
        dumb = environment.get("TERM") == "dumb"
        self.terminal = _is_terminal(sys.stderr) and not dumb and not self.json
        self.colour = not plain and not self.json and (forced or self.terminal)
        self.colour_output = not plain and (forced or (_is_terminal(sys.stdout) and not dumb))
        self.progress_line = False

    def note(self, text: str) -> None:
        """Tell what is worth knowing; a line break in it is what somebody wrote into what the note is about."""
        self.say("note", one_line(text))

    def warn(self, text: str) -> None:
        """Tell what is doubtful."""
        self.say("warning", lines(text))

    def error(self, error: ClusterbookError) -> None:
        """Tell why a command failed."""
        more = {"code": error.code, "hint": error.hint, "place": str(error.place or "")}
        self.say("error", lines(error.what if self.json else str(error)), **more)

    def step(self, text: str, **fields: object) -> None:
        """Tell of a step that was taken, where steps are asked for; `fields` are for those who read JSON."""
        if self.debug:
            self.say("debug", one_line(text), **fields)

    def say(self, level: str, message: str, **fields: object) -> None:
        """Write a message. Source: reference row G3."""
        if self.quiet and level not in _ALWAYS:
            return
        if self.json:
            import json

            known = {key: value for key, value in fields.items() if value not in ("", None)}
            self._write(json.dumps({"time": _now(), "level": level, "message": message, **known}, ensure_ascii=False))
            return
        text = f"{self.paint(f'{level}:', level)} {message}"
        if self.colour:
            text = text.replace("\n  hint:", f"\n  {self.paint('hint:', 'hint')}")
        self._write(f"{self.paint(_now()[11:23], 'debug')} {text}" if self.debug else text)

    def paint(self, text: str, level: str) -> str:
        """Return `text` in the colour of a level, as it is where there are none."""
        return f"\x1b[{_COLOURS[level]}m{text}\x1b[0m" if self.colour and level in _COLOURS else text

    def show_progress(self, line: str) -> None:
        """Put a line of progress on the terminal, in place of the one before; "" takes it away."""
        if not line and not self.progress_line:
            return
        self.progress_line = bool(line)
        _put(f"{_CLEAR}{line}")

    def _write(self, line: str) -> None:
        clear, self.progress_line = (_CLEAR if self.progress_line else ""), False
        _put(f"{clear}{line}\n")


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _now() -> str:
    """Return the time, in UTC: 2026-07-01T12:00:00.000Z."""
    now = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z"


def _put(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:  # nobody reads it, and the exit status says what matters
        abandon(sys.stderr)


def abandon(stream: TextIO | None = None) -> None:
    """Give up standard output, or another stream, so that the rest of it is not tried once more on the way out."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())


CONSOLE = Console()
"""The one there is."""
