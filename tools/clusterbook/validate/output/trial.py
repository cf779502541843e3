"""Trial: what came of one check that ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from clusterbook.snapshot.model import Reading
from clusterbook.validate.result import ERROR, FAILED, PASSED

Outputs = Mapping[str, str]
"""What was printed, by the name of the pod, node or part that printed it."""


class Trial(NamedTuple):
    """One check: its state, a sentence, figures by the name of their constraint, and what else helps people."""

    state: str
    message: str
    figures: Mapping[str, Reading] = {}
    context: Mapping[str, Reading] = {}


def passed(message: str, figures: Mapping[str, Reading] | None = None, **context: Reading) -> Trial:
    """Return a check that held."""
    return Trial(PASSED, message, figures or {}, context)


def failed(message: str, **context: Reading) -> Trial:
    """Return a check that did not hold."""
    return Trial(FAILED, message, {}, context)


def unclear(message: str) -> Trial:
    """Return a check of which nobody can tell; that is never a pass."""
    return Trial(ERROR, message)


def of_part(name: str, message: str) -> str:
    """Return a sentence about one of several parts."""
    return f"{name}: {message}" if name else message
