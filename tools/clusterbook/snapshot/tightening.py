"""Tightening: whether a cluster that met a constraint may fail a later one.

It judges by `constraint.evaluate` alone, so that an expression has one meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.snapshot.constraint import Expression, evaluate, parse_expression, parse_version

_STRANGER = "something else"
"""A reading that no constraint names."""


def tightens(old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> bool:
    """Return whether some reading passes `old` and fails `new`; None is no constraint at all, which all pass.

    A constraint of severity `warning` refuses nothing. What cannot be read counts as tighter: better a major version
    too many than a cluster that no longer passes after a minor one.

    Args:
        old: an entry of a recipe's constraints, with `value` and perhaps `severity`.
        new: the entry in the later recipe.
    """
    if new is None or new.get("severity", "").lower() == "warning":
        return False
    if old is None or old.get("severity", "").lower() == "warning":
        return True
    if old.get("unit") != new.get("unit"):
        return True
    if old["value"].strip() == new["value"].strip():
        return False
    try:
        before, after = parse_expression(old["value"]), parse_expression(new["value"])
    except InvalidRequest:
        return True
    readings = {*_readings(before), *_readings(after), _STRANGER}
    return any(_passes(before, reading) and not _passes(after, reading) for reading in readings)


def _passes(expression: Expression, reading: str) -> bool:
    try:
        return evaluate(expression, reading)
    except InvalidRequest:  # no version, so no range holds
        return False


def _readings(expression: Expression) -> Iterator[str]:
    """Yield readings that tell expressions apart: each value that is named, and versions just beside it.

    Comparisons change their outcome only at the values they name, so one reading from each stretch between is enough.
    """
    if expression.op in ("and", "or", "in"):
        for part in expression.parts:
            yield from _readings(part)
        return
    yield expression.value
    version = parse_version(expression.value)
    if version is None:
        return
    whole = (*version, 0, 0)[:3]
    for position in range(3):
        for step in (-1, 1):
            beside = [*whole[:position], whole[position] + step, *([0] * (2 - position))]
            if beside[position] >= 0:
                yield ".".join(map(str, beside))
    yield ".".join(map(str, whole))
