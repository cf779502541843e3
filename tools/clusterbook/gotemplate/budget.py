"""Budget: how much one rendering may make, whatever becomes of it.

A template is a program, and anybody may write the one in a bundle that is verified.
"""

from __future__ import annotations

MOST_WORK = 20_000_000
"""Characters that one rendering may make, whatever becomes of them, with TURN for each call and each turn of a loop.

The largest manifest of ours takes less than a hundredth. Whoever needs more makes it to exhaust its reader.
"""
TURN = 16


class Budget:
    """How much a rendering may still make."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_WORK

    def spend(self, work: int) -> None:
        """Take so much off. Raises Exhausted when there is not that much left."""
        self.left -= work
        if self.left < 0:
            raise BudgetExceeded


class BudgetExceeded(Exception):
    """A template makes more than any manifest needs."""
