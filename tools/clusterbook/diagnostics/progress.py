"""Progress: how far something has come that takes longer than two seconds.

On a terminal it is one line that is gone in the end; elsewhere a line for each phase and one a minute, for a log.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from clusterbook.diagnostics.console import CONSOLE, Console
from clusterbook.diagnostics.printable import one_line

BRIEF_S = 2.0
"""What ends sooner says nothing."""
_EVERY_S = 60.0
_TICK_S = 0.25
_WIDTH = 80


class ProgressStep(NamedTuple):
    """What is being done: of `total` steps of a phase, `number` are behind it, and this one is about `name`."""

    phase: str
    name: str
    number: int
    total: int

    def line(self, elapsed_s: float, width: int) -> str:
        """Return it as a line of a terminal."""
        count = f" {self.number + 1}/{self.total}" if self.total > 1 else ""
        time_taken = f"  {int(elapsed_s) // 60}:{int(elapsed_s) % 60:02}"
        head = one_line(f"{self.phase}{count}: {self.name}" if self.name else f"{self.phase}{count}")
        return head[: max(width - len(time_taken) - 1, 10)] + time_taken


class ProgressMeter:
    """Hears of each step, and has the console tell of it while the block lasts."""

    def __init__(self, console: Console = CONSOLE, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Get ready to tell `console`; `clock` is in seconds."""
        self._console, self._clock = console, clock
        self._began_s = self._told_s = clock()
        self._step: ProgressStep | None = None
        self._told: str | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, phase: str, name: str = "", number: int = 0, total: int = 1) -> None:
        """Hear that of `total` steps of a phase, step `number`, counted from 0, is about `name`."""
        self._step = ProgressStep(phase, name, number, total)
        self.tick()

    def tick(self) -> None:
        """Tell what is to be told by now."""
        step, now = self._step, self._clock()
        if step is None or self._console.quiet or now - self._began_s < BRIEF_S:
            return
        with self._lock:
            if self._ended.is_set():
                return
            if self._console.terminal:
                self._console.show_progress(step.line(now - self._began_s, _columns()))
            elif step.phase != self._told:
                self._say(step, f"{step.phase}: {step.total if step.total > 1 else step.name}".rstrip(": "), now)
            elif now - self._told_s >= _EVERY_S:
                done = f"{step.number} of {step.total} done" if step.total > 1 else "still running"
                self._say(step, f"{step.phase}: {done}", now)

    def _say(self, step: ProgressStep, text: str, now: float) -> None:
        self._told, self._told_s = step.phase, now
        fields = {"phase": step.phase, "done": step.number, "total": step.total, "name": step.name}
        self._console.say("progress", one_line(text), **fields)

    def _watch(self) -> None:
        """Tell of what takes long by itself."""
        while not self._ended.wait(_TICK_S):
            self.tick()

    def __enter__(self) -> ProgressMeter:
        threading.Thread(target=self._watch, name="progress", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._ended.set()
            self._console.show_progress("")


def _columns() -> int:
    """Return how wide the terminal is."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _WIDTH
    except (OSError, ValueError):
        return _WIDTH
