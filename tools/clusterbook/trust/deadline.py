"""A deadline for what asks a person, or a server by way of a library that waits for as long as it takes.

What is late goes on in a thread of its own, which ends with the program; nothing of it is used any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def within(limit_s: float, work: Callable[[], _T], late: Exception) -> _T:
    """Return what `work` returns, and raise what it raises; `late` where it has not ended after `limit_s`.

    Threads that it starts end with the program, too, unless they are told otherwise.
    """
    ended: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            ended.append(work())
        except BaseException as error:  # noqa: BLE001 (it is raised again by whoever waits)
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if failed:
        raise failed[0]
    if not ended:
        raise late
    return ended[0]
