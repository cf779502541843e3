"""Results: what a judgement says about each thing it was asked, and what came of checks that ran.

There are five states, and what was not judged is never passed. A snapshot keeps what came of checks as measurements of
type Checks, a subtype a check, with `result` and `message`; what was measured lies in Performance.results instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from clusterbook.records import NamedTuple
from clusterbook.snapshot.model import Snapshot

PASSED, FAILED, SKIPPED, NOT_APPLICABLE, ERROR = "passed", "failed", "skipped", "not applicable", "error"
PARTIAL = "partial"
"""Verdict: nothing is wrong, and not all was judged."""
STATES = (PASSED, FAILED, ERROR, SKIPPED, NOT_APPLICABLE)
"""It holds; it does not; nobody can tell, though somebody looked; nobody looked; it has no meaning here."""
VERDICTS = (FAILED, ERROR, PASSED, PARTIAL, SKIPPED)
"""What it all comes to: anything wrong first, then what says most."""
READINESS, DEPLOYMENT, CONFORMANCE, PERFORMANCE = "readiness", "deployment", "conformance", "performance"
PHASES = (READINESS, DEPLOYMENT, CONFORMANCE, PERFORMANCE)
"""In the order they are judged. Source: reference rows V5, V6."""
CRITERION, CONSTRAINT, COMPONENT, CHECK = "criterion", "constraint", "component", "check"
CHECKS, RESULT, MESSAGE = "Checks", "result", "message"
"""Where a snapshot keeps what came of a check that ran."""


class Result(NamedTuple):
    """What became of one criterion, constraint, component or check; `message` is a sentence, `hint` what mends it."""

    phase: str
    kind: str
    name: str
    state: str
    message: str
    hint: str = ""


class Pool(NamedTuple):
    """Whether one pool of a cluster's nodes is ready for a recipe; `why` names the first thing that is wrong."""

    name: str
    nodes: int
    state: str
    why: str = ""


class Report(NamedTuple):
    """All results in the order they were reached, and whom they are about.

    `unasked` are the phases of which the recipe demands something, and that nobody asked for; `pools` the pools of the
    cluster, () where there is one; `gpus` how many GPUs of each kind the judged nodes have.
    """

    recipe: str
    taken: str
    results: tuple[Result, ...]
    unasked: tuple[str, ...] = ()
    pools: tuple[Pool, ...] = ()
    gpus: Mapping[str, int] = MappingProxyType({})

    def counts(self) -> Mapping[str, int]:
        """Return how many results have which state, all states named."""
        found = Counter(result.state for result in self.results)
        return {state: found[state] for state in STATES}

    @property
    def verdict(self) -> str:
        """Return the worst: failed, else error, else skipped where nothing passed; passed only where all was judged."""
        counts = self.counts()
        if counts[FAILED] or counts[ERROR]:
            return FAILED if counts[FAILED] else ERROR
        if not counts[PASSED]:
            return SKIPPED
        return PARTIAL if counts[SKIPPED] or self.unasked else PASSED

    @property
    def says(self) -> str:
        """Return `3 passed, 1 skipped, deployment not asked`."""
        counts = (f"{count} {state}" for state, count in self.counts().items() if count)
        return ", ".join((*counts, *(f"{phase} not requested" for phase in self.unasked)))


def recorded_result(snapshot: Snapshot, check: str) -> tuple[str, str] | None:
    """Return the state and the message of a check that ran when the snapshot was taken, None where it did not."""
    if check not in snapshot.measurements.get(CHECKS, {}):
        return None
    result, message = snapshot.reading(CHECKS, check, RESULT), snapshot.reading(CHECKS, check, MESSAGE)
    if result not in (PASSED, FAILED, SKIPPED, ERROR):
        return ERROR, f"it ran, and its result is '{result}', which is unknown"
    return result, message or f"it ran and {'passed' if result == PASSED else 'ended as ' + result}"
