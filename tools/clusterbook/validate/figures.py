"""Figures: what was measured, held against what a recipe demands, within a tolerance.

Source: reference rows V39, V42.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.documents.yaml_writer import scalar
from clusterbook.records import Any
from clusterbook.snapshot.constraint import Expression, evaluate, parse_expression
from clusterbook.validate.subject import Constraint

TOLERANCE = 0.1
"""How far below its floor, or above its ceiling, a measured figure may be."""


def missed_constraints(constraints: Sequence[Constraint], figures: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each constraint that its figure does not meet; every constraint has one."""
    sentences = []
    for constraint in constraints:
        figure = scalar(figures[constraint.name])
        try:
            holds = meets(parse_expression(constraint.value), figure)
        except ClusterbookError:
            sentences.append(f"{constraint.name} is {figure}, which is not a number")
            continue
        if not holds:
            unit = f" {constraint.unit}" if constraint.unit else ""
            sentences.append(f"{constraint.name} is {figure}{unit}, not {constraint.value}")
    return sentences


def meets(expression: Expression, figure: str) -> bool:
    """Return whether a figure meets what is demanded, within the tolerance; what is no number is compared as text.

    Raises:
        InvalidRequest: a number is demanded, and this is none.
    """
    if expression.op == "and":
        return all(meets(part, figure) for part in expression.parts)
    if expression.op in ("or", "in"):
        return any(meets(part, figure) for part in expression.parts)
    try:
        number, bound = float(figure), float(expression.value)
    except ValueError:
        return evaluate(expression, figure)
    if not isfinite(number):
        raise InvalidRequest(f"'{figure}' is not a number")
    low, high = bound * (1 - TOLERANCE), bound * (1 + TOLERANCE)
    of_range = {">=": number >= low, ">": number > low, "<=": number <= high, "<": number < high}
    return of_range.get(expression.op, (number == bound) == (expression.op != "!="))
