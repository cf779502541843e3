"""Level: how much is known of a bundle or an artifact, and whether that is enough.

    unknown      it is not what it says, or a signature that it carries does not count
    unverified   it is whole; nobody signed it
    adjusted     signed, but for the cluster-values.yaml files, which somebody edited since
    derived      nobody signed it; it is what a signed recipe and somebody's options make
    attested     whole, and signed by somebody whom the policy names
    verified     signed, and a bundle also follows, file by file, from the recipe that is signed with it

`attested` and `verified` speak of every byte; whoever takes less has to look at the options and values that are named.

Removing a signature makes `unverified` of what was more, so that nothing less than `attested` is asked for unless a
user says so. Source: reference rows T1, T6, T7, L31: there, the highest level that a bundle can reach is asked for,
which is less once its signature is gone.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.snapshot.constraint import evaluate, parse_expression

LEVELS = ("unknown", "unverified", "adjusted", "derived", "attested", "verified")
UNKNOWN, UNVERIFIED, ADJUSTED, DERIVED, ATTESTED, VERIFIED = LEVELS
DEFAULT = ATTESTED
MAX = "max"
"""The reference's word for the most that can be asked for."""


class NotEnough(ClusterbookError):
    """It may be intact and even signed, but does not meet what was required: trust level, signer or tool version.

    Nothing about it is known to be wrong; lower the requirement if that is acceptable.
    """

    code = "CB210"
    exit_status = 2


class Trust(NamedTuple):
    """What is known: `creator` signed it, `tool` is the version of the program that made it; "" where that is unknown.

    `reason` says why the level is not higher, or on what it rests.
    """

    level: str
    reason: str
    creator: str = ""
    tool: str = ""


class Requirement(NamedTuple):
    """What has to be known at least; "" for anything."""

    level: str = DEFAULT
    creator: str = ""
    tool: str = ""


def require(trust: Trust, required: Requirement, name: str) -> None:
    """Make sure that as much is known of `name` as was asked for.

    Raises:
        NotEnough: it is not.
        InvalidRequest: the constraint on the program's version is none.
    """
    least = VERIFIED if required.level == MAX else required.level
    if LEVELS.index(trust.level) < LEVELS.index(least):
        hint = f"--min-trust-level {trust.level} accepts it"
        if trust.level in (UNVERIFIED, DERIVED):
            hint += ", as for a bundle that you made yourself"
        elif trust.level == ADJUSTED:
            hint += ", if the listed values are yours"
        raise NotEnough(f"{name} is {trust.level}, {least} is required: {trust.reason}", hint=hint)
    if required.creator and trust.creator != required.creator:
        signed = f"signed by {trust.creator}" if trust.creator else "not signed"
        what = f"{name} is {signed}; {required.creator} is required as its signer"
        raise NotEnough(what, hint="check that it is the right bundle")
    if required.tool:
        bare = required.tool[:1].isdigit()
        expression = parse_expression(f">= {required.tool}" if bare else required.tool)
        if not trust.tool or not evaluate(expression, trust.tool):
            what = (
                f"{name} was made by clusterbook {trust.tool or 'of an unknown version'}, {required.tool} is required"
            )
            raise NotEnough(what, hint="make or fetch it again")
