"""Ran: what became of the checks that ran on the cluster when its snapshot was taken.

Knows how a snapshot says it: measurements of type Checks, a subtype for each check, with `result` and `message`; what
was measured lies in Performance.results instead, and is held against constraints. Does not run anything.
"""

from __future__ import annotations

from clusterbook.snapshot.model import Snapshot
from clusterbook.validate.result import ERROR, FAILED, PASSED, SKIPPED

TYPE = "Checks"
RESULT, MESSAGE = "result", "message"
RESULTS = (PASSED, FAILED, SKIPPED, ERROR)


def ran(taken: Snapshot, check: str) -> tuple[str, str] | None:
    """Return the state and the message of a check that ran, None where it did not."""
    if check not in taken.measurements.get(TYPE, {}):
        return None
    result, message = taken.reading(TYPE, check, RESULT), taken.reading(TYPE, check, MESSAGE)
    if result not in RESULTS:
        return ERROR, f"it ran, and its result is '{result}', which says nothing"
    return result, message or f"it ran and {'passed' if result == PASSED else 'ended as ' + result}"
