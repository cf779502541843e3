"""Replies as such: what every command gives back, whoever finds it.

Imports nothing, so that what has to be quick can say something without the look-ups (`answers`).
"""

from __future__ import annotations

from typing import NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError


class Reply(NamedTuple):
    """What a command prints: the answer, and notes for standard error. It ends with `status`, or by raising `error`."""

    text: str
    notes: tuple[str, ...] = ()
    status: int = 0
    error: ClusterbookError | None = None


class MissingFlag(ClusterbookError):
    """A flag that the command cannot do without is missing. Source: reference row Q5."""

    code = "CB108"
    exit_status = 1
