"""Version floors: whether constraints can be read, and whether a later layer takes a demand back."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clusterbook.catalog.values import Origins
from clusterbook.diagnostics.codes import Code
from clusterbook.diagnostics.errors import InvalidRequest, nearest
from clusterbook.diagnostics.findings import Finding, Place
from clusterbook.documents.yaml_reader import Node
from clusterbook.lint.scope import Scope, below, place
from clusterbook.resolve.resolver import Recipe
from clusterbook.snapshot import version
from clusterbook.snapshot.constraint import Expression, floor, parse_expression, parse_path, parse_version

MALFORMED_CONSTRAINT = Code(
    "CB032",
    "malformed constraint",
    "error",
    "A constraint that cannot be parsed fails on every cluster.",
    "Write `Type.Subtype.Key` and an expression such as `>= 1.30`, in quotes.",
)
LOWERED_FLOOR = Code(
    "CB040",
    "lowered version floor",
    "warning",
    "A broader layer requires a newer version for a reason; this one replaces it with a weaker requirement.",
    "Raise the floor to what is inherited, or remove the constraint so that it is inherited.",
)

_RANGES = (">=", "<=", ">", "<")
_QUANTITY = re.compile(r"[+-]?\d+(?:\.\d+)? ?[A-Za-z%]*")
"""A number with a unit, such as 80000 MiB."""
_OPERATOR_MARKS = "=<>!~^"
_MEASURED = {
    "K8s": ("server", "node", "image", "policy", "helm"),
    "OS": ("release", "grub", "sysctl", "kmod"),
    "GPU": ("hardware", "smi"),
    "NodeTopology": ("summary", "taint", "label"),
    "SystemD": (),
}
"""Types and subtypes of measurements. Snapshots may hold others, so only what looks like one of these is a mistake."""


def malformed_constraints(scope: Scope) -> Iterator[Finding]:
    """Yield CB032 for each constraint that no cluster could meet because it cannot be read."""
    for layer in scope.layers:
        spec = layer.node.get("spec")
        for node in below(spec, "constraints"):
            yield from _malformed_path(layer.file, node)
            yield from _malformed_expression(layer.file, node)
        validation = spec.get("validation") if spec else None
        for _, phase in validation.items() if validation else ():
            for node in below(phase, "constraints"):
                yield from _malformed_expression(layer.file, node)


def _malformed_path(file: str, node: Node) -> Iterator[Finding]:
    """Yield a finding when the name of a constraint is no path."""
    name = node.get("name")
    if name is None:
        return
    try:
        path = parse_path(name.string())
    except InvalidRequest as error:
        yield MALFORMED_CONSTRAINT.finding(place(file, name), error.what, error.hint or "write Type.Subtype.Key")
        return
    within, word, names = "snapshots have", path.type, tuple(_MEASURED)
    if path.type in _MEASURED:
        within, word, names = f"{path.type} has", path.subtype, _MEASURED[path.type]
    if word not in names and (meant := nearest(word, names)):
        yield MALFORMED_CONSTRAINT.finding(place(file, name), f"{within} no '{word}'", f"did you mean '{meant}'?")


def _malformed_expression(file: str, node: Node) -> Iterator[Finding]:
    """Yield a finding when the value of a constraint is no expression."""
    value = node.get("value")
    if value is None:
        return
    try:
        problem = _problem(parse_expression(value.string()))
        hint = "write '>= 1.30', say; operators are >=, <=, >, <, == and !="
    except InvalidRequest as error:
        problem, hint = error.what, error.hint
    if problem:
        yield MALFORMED_CONSTRAINT.finding(place(file, value), problem, hint)


def _problem(expression: Expression) -> str:
    """Return what is wrong with an expression that can be read but that nothing meets, "" when nothing is."""
    for part in expression.parts:
        if problem := _problem(part):
            return problem
    if expression.op in _RANGES and (problem := _range_problem(expression)):
        return problem
    if expression.op == "and" and _contradicts(expression):
        return f"no version satisfies '{expression.value}'"
    if not expression.op and expression.value[:1] in _OPERATOR_MARKS:
        return f"'{expression.value}' starts like an operator, but is not one"
    return ""


def _range_problem(expression: Expression) -> str:
    """Return why no reading can be compared with what a range names, "" where one can."""
    if _QUANTITY.fullmatch(expression.value):
        return ""
    named = version.read(expression.value)
    if named is None:
        return f"'{expression.op} {expression.value}' compares with something that is not a version"
    if not version.builds_compare(named):
        return f"'{expression.op} {expression.value}': the build part is not compared"
    return ""


def _contradicts(expression: Expression) -> bool:
    """Return whether no version is above the floor and below the ceiling of comparisons that must all hold."""
    bounds = [(part.op, found.numbers) for part in expression.parts if (found := version.read(part.value))]
    floors = [(op, numbers) for op, numbers in bounds if op in (">=", ">")]
    ceilings = [(op, numbers) for op, numbers in bounds if op in ("<=", "<")]
    return any(_is_empty_range(low, high) for low in floors for high in ceilings)


def _is_empty_range(low: tuple[str, tuple[int, ...]], high: tuple[str, tuple[int, ...]]) -> bool:
    """Return whether nothing is in between; what a ceiling does not name is below it: 1.34.9 is `<= 1.34`."""
    size = len(high[1])
    floor_ = (*low[1], *[0] * (size - len(low[1])))[:size]
    if floor_ != high[1]:
        return floor_ > high[1]
    return high[0] == "<" or (low[0] == ">" and len(low[1]) >= size and len(low[1]) <= size)


def lowered_floors(scope: Scope) -> Iterator[Finding]:
    """Yield CB040 for each constraint that demands less than a layer below it in some recipe."""
    findings: dict[Place, tuple[tuple[int, ...], Finding]] = {}
    for slug, recipe in scope.recipes.items():
        for name, origins in _constraints(recipe):
            if len(origins) > 1:
                _judge(name, origins, slug, findings)
    yield from (finding for _, finding in findings.values())


def _judge(name: str, origins: Origins, slug: str, findings: dict[Place, tuple[tuple[int, ...], Finding]]) -> None:
    """Add to `findings` when the last of `origins` demands less than one before; the highest demand is told."""
    last = origins[-1]
    if last.value.get("value") == origins[-2].value.get("value"):
        return  # repeats what is there; whoever lowered it first is found
    least = _lowest_version(_expression(last.value))
    if least is None:
        return
    floors = [(demanded, origin) for origin in origins[:-1] if (demanded := floor(_expression(origin.value)))]
    if not floors:
        return
    demanded, origin = max(floors, key=lambda pair: _three_numbers(pair[0]))
    earlier = findings.get(last.place)
    if _three_numbers(least) < _three_numbers(demanded) and (earlier is None or earlier[0] < _three_numbers(demanded)):
        current, before = last.value.get("value", ""), origin.value.get("value", "")
        what = (
            f"{name} is lowered to '{current}' in {slug}, where '{origin.layer}' requires '{before}' ({origin.place})"
        )
        hint = f"write '{before}', or remove the constraint here so that it is inherited"
        findings[last.place] = (_three_numbers(demanded), LOWERED_FLOOR.finding(last.place, what, hint))


def _constraints(recipe: Recipe) -> Iterator[tuple[str, Origins]]:
    yield from recipe.constraints
    for phase in recipe.phases.values():
        yield from phase.constraints


def _expression(entry: dict[str, str]) -> Expression:
    """Return a constraint's expression; one that cannot be read demands nothing and is reported elsewhere."""
    try:
        return parse_expression(entry.get("value", ""))
    except InvalidRequest:
        return Expression("", "")


def _lowest_version(expression: Expression) -> tuple[int, ...] | None:
    """Return the lowest version that passes, () when there is none so low that it fails, None when unversioned."""
    if expression.op in ("<", "<="):
        return ()
    if expression.op in ("", "=="):
        return parse_version(expression.value) if "." in expression.value else None
    if expression.op == "!=":
        return None
    parts = [_lowest_version(part) for part in expression.parts]
    versions = [part for part in parts if part is not None]
    if expression.op == "and":
        return max(versions, default=None)
    if expression.parts:
        return min(versions) if len(versions) == len(parts) else None
    return floor(expression)


def _three_numbers(version: tuple[int, ...]) -> tuple[int, ...]:
    """Return three numbers, so that 1.30 and 1.30.0 are the same floor."""
    return (*version, 0, 0, 0)[:3] if version else (-1, 0, 0)
