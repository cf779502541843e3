"""Outcomes: what a judgement says about each thing it was asked.

Knows the five states and how they add up. Does not know how any of them comes about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

PASSED, FAILED, SKIPPED, NOT_APPLICABLE, ERROR = "passed", "failed", "skipped", "not applicable", "error"
STATES = (PASSED, FAILED, ERROR, SKIPPED, NOT_APPLICABLE)
"""It holds; it does not; nobody can tell, though somebody looked; nobody looked; it has no meaning here."""
READINESS, DEPLOYMENT, CONFORMANCE, PERFORMANCE = "readiness", "deployment", "conformance", "performance"
PHASES = (READINESS, DEPLOYMENT, CONFORMANCE, PERFORMANCE)
"""In the order they are judged. Source: reference rows V5, V6."""
CRITERION, CONSTRAINT, COMPONENT, CHECK = "criterion", "constraint", "component", "check"


class Result(NamedTuple):
    """What became of one criterion, constraint, component or check; `message` is a sentence, `hint` what mends it."""

    phase: str
    kind: str
    name: str
    state: str
    message: str
    hint: str = ""


class Report(NamedTuple):
    """All results in the order they were reached, and whom they are about."""

    recipe: str
    taken: str
    results: tuple[Result, ...]

    def counts(self) -> Mapping[str, int]:
        """Return how many results have which state, all states named."""
        found = Counter(result.state for result in self.results)
        return {state: found[state] for state in STATES}

    @property
    def verdict(self) -> str:
        """Return the worst: failed, else error, else passed where anything passed, else skipped."""
        counts = self.counts()
        return next((state for state in (FAILED, ERROR, PASSED) if counts[state]), SKIPPED)
