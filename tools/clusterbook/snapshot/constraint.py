"""Constraints: what a recipe demands of a cluster, as it is written. `reading` has whether a snapshot meets it.

    K8s.server.version                       type.subtype.key; the key is all behind the second dot
    SystemD."containerd.service".ActiveState quotes around a subtype or a key that contains dots (L7)
    NetworkTopology.pfs[rail=3].pciAddress   an element by a field, or by its number: pfs[0]

    >= 1.30     <= 1.33     > 1.30     < 2.0     == 24.04     != rhel     ubuntu
    >= 1.30 < 1.34     >= 1.30, < 1.34     in (22.04, 24.04)     < 1.30 || >= 1.32

Source: reference rows V3, V4; the last line of expressions goes beyond them (L7), without giving another meaning to
anything that the reference can evaluate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.documents.selector import Match, read_bracket, read_key, syntax_error
from clusterbook.records import NamedTuple
from clusterbook.snapshot import version

_RANGES = (">=", "<=", ">", "<")
_OPERATORS = (">=", "<=", "!=", "==", ">", "<")
"""Longest first, so that `>=` is not read as `>`."""
_NEXT_TERM = re.compile(r"(?:\s*,\s*|\s+)(?=[<>]|[!=]=)")
_NUMBERS = 3
"""How many numbers the reference's versions have at most."""
_GKE_BUILD = re.compile(r"^v?[0-9.]+-gke\.([0-9]{1,1000})\Z")
_LONGEST_PART = 1000
"""More digits are no number of anything; the reference's numbers end at 63 bits, and kernels count in 64."""


class Path(NamedTuple):
    """Where a reading stands; `item` picks an element of the subtype's list, None means its `data`."""

    type: str
    subtype: str
    key: str
    item: int | Match | None = None


class Expression(NamedTuple):
    """A comparison with `value`.

    `op` is >=, <=, >, <, ==, != or "" (the same text); or `in` (equal to one of `parts`), `and` (all of them), `or`
    (one of them), whose `value` is the text they were read from.
    """

    op: str
    value: str
    parts: tuple[Expression, ...] = ()


class Verdict(NamedTuple):
    """Whether a constraint holds.

    `actual` is what was measured, "" when nothing was; `reason` says why it does not hold, "" when it does.
    """

    passed: bool
    actual: str
    reason: str
    measured: bool = True


# --- where ------------------------------------------------------------------------------------------------------------


def parse_path(name: str) -> Path:
    """Return the path that the name of a constraint spells. Source: reference row V3.

    Raises:
        InvalidRequest: not of the form Type.Subtype.Key, as the names of performance constraints.
    """
    form = "a constraint path is written Type.Subtype.Key or Type.Subtype[item].Key"
    kind, dot, _ = name.partition(".")
    if not kind or not dot:
        raise syntax_error(name, len(kind), form)
    subtype, at = read_key(name, len(kind) + 1)
    item: int | Match | None = None
    if at < len(name) and name[at] == "[":
        picked, end = read_bracket(name, at)
        if isinstance(picked, str):
            raise syntax_error(name, at + 1, "an item is a number or name=value")
        item, at = picked, end
    if name[at : at + 1] != "." or at + 1 == len(name):
        raise syntax_error(name, at, form)
    key = name[at + 1 :]
    if key[0] in "'\"":
        key, end = read_key(name, at + 1)
        if end < len(name):
            raise syntax_error(name, end, "nothing may follow the quoted key")
    return Path(kind, subtype, key, item)


# --- what -------------------------------------------------------------------------------------------------------------


def parse_expression(text: str) -> Expression:
    """Return the comparison that the value of a constraint spells. Source: reference row V4.

    Raises:
        InvalidRequest: empty, or an operator with nothing behind it.
    """
    # With white space around it: a taint reads `NoSchedule||node-1` where its value is empty (row S15).
    parts = tuple(_conjunction(part.strip(), text) for part in f" {text} ".split(" || "))
    return parts[0] if len(parts) == 1 else Expression("or", text.strip(), parts)


def _conjunction(text: str, whole: str) -> Expression:
    """Return one alternative; only behind a range operator can a second comparison follow."""
    terms = _NEXT_TERM.split(text) if text.startswith(_RANGES) else [text]
    parts = tuple(_term(term, whole) for term in terms)
    return parts[0] if len(parts) == 1 else Expression("and", text, parts)


def _term(text: str, whole: str) -> Expression:
    """Return one comparison."""
    if text.startswith(("in ", "in(", "in[")) and (text[2:].lstrip()[:1] + text[-1]) in ("()", "[]"):
        values = [each.strip().strip("'\"") for each in text[2:].lstrip()[1:-1].split(",")]
        if not all(values):
            raise InvalidRequest(f"'{whole}' contains an empty value", hint="write in (22.04, 24.04)")
        return Expression("in", text, tuple(Expression("==", value) for value in values))
    op = next((op for op in _OPERATORS if text.startswith(op)), "")
    value = text.removeprefix(op).strip()
    if not value or value == "||" or value.startswith("|| "):
        raise InvalidRequest(f"'{whole}' is not a constraint: the value is missing", hint="write >= 1.30, say")
    return Expression(op, value)


def evaluate(expression: Expression, actual: str, *, reference: bool = False) -> bool:
    """Return whether `actual` meets the expression; white space around it does not count. Source: reference row V4.

    `==` and `!=` compare versions where both sides are versions and the expected one has a digit and a dot, and there
    a missing part is 0: 1.30 is 1.30.0, not 1.30.4. Ranges compare what both sides have: 1.30.4 is not above 1.30.
    With `reference` as the reference does, whose versions are three numbers and nothing behind them; see `version`.

    Raises:
        InvalidRequest: what is read does not tell, or a range, and one side is no version.
    """
    actual = actual.strip()
    op = expression.op
    if op == "and":
        return all(evaluate(part, actual, reference=reference) for part in expression.parts)
    if op in ("or", "in"):
        return _any_holds(expression.parts, actual, reference=reference)
    if op in ("==", "!="):
        return _equal(expression.value, actual, reference=reference) == (op == "==")
    if not op:
        return actual == expression.value
    if not reference:
        return version.meets(op, actual, expression.value)
    order = compare_versions(actual, expression.value)
    return {">=": order >= 0, ">": order > 0, "<=": order <= 0, "<": order < 0}[op]


def _any_holds(parts: Sequence[Expression], actual: str, *, reference: bool) -> bool:
    """Return whether one alternative holds, whichever of the others cannot be told."""
    unknown: InvalidRequest | None = None
    for part in parts:
        try:
            if evaluate(part, actual, reference=reference):
                return True
        except InvalidRequest as error:
            unknown = unknown or error
    if unknown is not None:
        raise unknown
    return False


def _equal(expected: str, actual: str, *, reference: bool) -> bool:
    """Return whether two texts are the same, or the same version. Source: reference row V4."""
    if "." not in expected or not any(each in "0123456789" for each in expected):
        return expected == actual
    if not reference:
        return version.same(expected, actual)
    left, right = parse_version(expected), parse_version(actual)
    return (*left, 0, 0)[:3] == (*right, 0, 0)[:3] if left and right else expected == actual


def parse_version(text: str) -> tuple[int, ...] | None:
    """Return the 1 to 3 numbers of a version, None when `text` is none; `v` before and `-…`, `+…` behind do not count.

    Source: reference row V4.
    """
    parts = text.removeprefix("v").replace("+", "-").partition("-")[0].split(".")
    if len(parts) > 3 or not all(part.isascii() and part.isdecimal() and len(part) <= _LONGEST_PART for part in parts):
        return None
    return tuple(int(part) for part in parts)


def compare_versions(left: str, right: str) -> int:
    """Return -1, 0 or 1 as the reference compares: in as many of three numbers as both have, whatever stands behind.

    But for GKE's builds: where all three numbers are the same, 1.35.0-gke.5 is above 1.35.0 and below 1.35.0-gke.6.
    Source: reference row V4, and its constraints since September.

    Raises:
        InvalidRequest: one of them is no version.
    """
    versions = []
    for text in (left, right):
        numbers = parse_version(text)
        if numbers is None:
            raise InvalidRequest(f"'{text}' is not a version", hint="a version has one to three numbers: 1.30.2")
        versions.append(numbers)
    both = min(len(numbers) for numbers in versions)
    mine, theirs = (numbers[:both] for numbers in versions)
    if mine == theirs and both == _NUMBERS:
        mine, theirs = _gke_build(left), _gke_build(right)
    return (mine > theirs) - (mine < theirs)


def _gke_build(text: str) -> tuple[int, ...]:
    """Return the number of a build of GKE, () for all else."""
    found = _GKE_BUILD.search(text)
    return (int(found[1]),) if found else ()


def floor(expression: Expression) -> tuple[int, ...] | None:
    """Return the version below which nothing passes, as `>=` or `>` names it; None where there is no such version.

    Of several that must all hold the highest counts, of alternatives the lowest.
    """
    floors = [floor(part) for part in expression.parts]
    known = [each for each in floors if each is not None]
    if expression.op == "and":
        return max(known, default=None)
    if expression.op == "or":
        return min(known) if len(known) == len(floors) else None
    numbers = version.read(expression.value) if expression.op in (">=", ">") else None
    return numbers.numbers if numbers else None
