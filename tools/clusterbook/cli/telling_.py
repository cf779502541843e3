"""Telling: how far something that takes long has come.

Knows a terminal, where one line is written over and over, and everywhere else, such as the log of a CI job, a line for
each phase and one a minute meanwhile, so that nobody takes it for dead. Does not know what takes long.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

_EVERY_S = 60
_WIDTH = 100


class Telling:
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

    def __enter__(self) -> Telling:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
