"""Verdicts: what upgrade records say of one component's step from a version to another.

A record speaks of the versions that it names, and of a component that stays what it is: one that moves to another
namespace, chart or repository is another installation, and nobody has tried that. Source: the reference's ADR-021.
"""

from __future__ import annotations

from clusterbook.records import NamedTuple
from clusterbook.transition.record import BLOCKED, SAFE, Transition, UpgradeRecord, UpgradeStep
from clusterbook.transition.version_range import rank

UNKNOWN, UNVERSIONED = "unknown", "unversioned"


class StepVerdict(NamedTuple):
    """What is known of a step: safe, manual, blocked, unknown or unversioned, and why; `steps` are those to take."""

    verdict: str
    why: str
    steps: tuple[UpgradeStep, ...] = ()
    transition: Transition | None = None


def judge(
    record: UpgradeRecord | None, old: str, new: str, deployer: str, *, moved: str = "", other_chart: bool = False
) -> StepVerdict:
    """Return what a record says of a step between two versions that differ.

    Args:
        record: the component's, None where it has none.
        old: the version before.
        new: the version after.
        deployer: whose steps are wanted.
        moved: in what else the component becomes another one, "" where it stays the same.
        other_chart: whether that is another chart, so that the two versions say nothing of each other.
    """
    if other_chart:
        return StepVerdict(UNKNOWN, f"{moved}, and records cover one chart")
    before, after = rank(old), rank(new)
    if before is None or after is None:
        return StepVerdict(UNVERSIONED, f"{old or 'none'} and {new or 'none'} cannot be compared")
    if after < before:
        return StepVerdict(UNKNOWN, f"{new} is older than {old}, and records do not cover downgrades")
    if record is None:
        return StepVerdict(UNKNOWN, "there is no upgrade record for it")
    crossed = record.crossed(old, new)
    if not crossed:
        return StepVerdict(UNKNOWN, "its upgrade record does not cover this step")
    whole = [each for each in crossed if each.start.has(old) and each.target.has(new)]
    if len(whole) == 1:  # one transition is about just this step, whatever others lie on the way
        crossed = (whole[0],)
    first = crossed[0]
    if len(crossed) > 1:
        return StepVerdict(BLOCKED, f"two recorded steps at once: stop at {_stop(first)} first")
    if first.start.has(old) is False:
        return StepVerdict(BLOCKED, f"the recorded step starts from {first.start.text.strip()}: go there first")
    if first.target.ends_below(new):
        return StepVerdict(BLOCKED, f"{new} is beyond what was recorded: stop at {_stop(first)} first")
    if first.verdict == SAFE and moved:
        return StepVerdict(UNKNOWN, f"recorded as safe, but {moved}", (), first)
    return StepVerdict(first.verdict, first.summary, first.steps(deployer), first)


def _stop(transition: Transition) -> str:
    """Return the highest version that a transition leads to."""
    ceiling = transition.target.ceiling
    return ceiling.version if ceiling and ceiling.inside else transition.target.text.strip()
