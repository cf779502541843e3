"""Several collectors at once, each with its own time, none able to lose what the others captured.

Source: reference row S3.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.snapshot.build import Capture, combine
from clusterbook.snapshot.inventory import FAILED, Gap

TIMEOUT_S = 10.0
"""How long a collector may take. Source: reference row S3."""

QUIET_S = 10.0
"""How long nothing is heard before somebody is told who is waited for."""


class Collector(NamedTuple):
    """Something that looks at one part; `part` is how `coverage` spells what is missing when it does not come back."""

    part: str
    look: Callable[[], Capture]
    timeout_s: float = TIMEOUT_S


@contextmanager
def patience(say: Callable[[str], None], whom: str, *, quiet_s: float = QUIET_S) -> Iterator[None]:
    """Tell, while the block lasts and no longer, that somebody is waited for who has not answered for a while."""
    ended = Event()

    def tell() -> None:
        waited_s = 0.0
        while not ended.wait(quiet_s):
            waited_s += quiet_s
            say(f"waiting for {whom}: {waited_s:g} s")

    teller = Thread(target=tell, name="patience", daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def gather(collectors: Sequence[Collector]) -> Capture:
    """Return what all collectors saw, in their order; one that fails or takes too long leaves a gap.

    A file of /proc or a driver may never answer, and nothing can stop a thread that waits for it. Such a thread is left
    behind; it does not keep the program from ending.
    """
    done: SimpleQueue[tuple[int, Capture]] = SimpleQueue()
    for number, collector in enumerate(collectors):
        Thread(target=_run, args=(number, collector, done), name=collector.part, daemon=True).start()
    started = time.monotonic()
    found: dict[int, Capture] = {}
    while len(found) < len(collectors):
        waiting = [each.timeout_s for number, each in enumerate(collectors) if number not in found]
        spent = time.monotonic() - started
        try:
            number, seen = done.get(timeout=max(0.0, min(waiting) - spent))
            found.setdefault(number, seen)
        except Empty:
            for number, each in enumerate(collectors):
                if number not in found and each.timeout_s <= time.monotonic() - started:
                    found[number] = Capture(gaps=(Gap(each.part, FAILED, f"timed out after {each.timeout_s:g} s"),))
    return combine(found[number] for number in range(len(collectors)))


def _run(number: int, collector: Collector, done: SimpleQueue[tuple[int, Capture]]) -> None:
    """Put what a collector saw, or why it did not."""
    try:
        seen = collector.look()
    except ClusterbookError as error:
        seen = Capture(gaps=(Gap(collector.part, FAILED, error.what),))
    except Exception as error:  # noqa: BLE001 (a bug in one collector must not lose what the others found)
        seen = Capture(gaps=(Gap(collector.part, FAILED, f"{type(error).__name__}: {error}"),))
    done.put((number, seen))
