"""Comparing: `eq`, `lt` and their like, `index` and `len`, which Go's templates have built in.

Knows what Go compares with what. Does not know templates. Source: Go 1.26, text/template/funcs.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.gotemplate.errors import Fault
from clusterbook.gotemplate.values import described, type_name

_BASIC = (str, bool, int, float)


def equal(first: object, *others: object) -> bool:
    """Return whether `first` equals any of the others; nothing equals only nothing.

    Raises:
        Fault: values of two types, or lists or maps, which Go does not compare.
    """
    if not others:
        raise Fault("there is nothing to compare with", "give two values")
    for other in others:
        if first is None or other is None:
            same = first is other
        elif _basic(first) is not _basic(other):
            raise _incomparable(first, other)
        elif _basic(first) is None:
            raise Fault(f"a {type_name(first)} cannot be compared", "compare what it holds")
        else:
            same = first == other
        if same:
            return True
    return False


def unequal(first: object, second: object) -> bool:
    """Return whether two values differ."""
    return not equal(first, second)


def less(first: object, second: object) -> bool:
    """Return whether one number or string comes before another.

    Raises:
        Fault: values of two types, or of a type without an order.
    """
    for value in (first, second):
        if _basic(value) is None:
            raise Fault(f"{described(value)} has no order", "compare numbers, or strings")
    if _basic(first) is not _basic(second):
        raise _incomparable(first, second)
    if isinstance(first, bool):
        raise Fault("a bool has no order", "compare numbers, or strings")
    return first < second  # type: ignore[operator, no-any-return]


def less_or_equal(first: object, second: object) -> bool:
    """Return whether one number or string comes before another or equals it."""
    return less(first, second) or equal(first, second)


def greater(first: object, second: object) -> bool:
    """Return whether one number or string comes after another."""
    return not less_or_equal(first, second)


def greater_or_equal(first: object, second: object) -> bool:
    """Return whether one number or string comes after another or equals it."""
    return not less(first, second)


def _basic(value: object) -> type | None:
    """Return which kind of single value this is, None for all others."""
    return next((kind for kind in _BASIC if isinstance(value, kind)), None)


def _incomparable(first: object, second: object) -> Fault:
    what = f"{described(first)}, cannot be compared with {described(second)}"
    return Fault(what, "make both strings with 'toString', or both numbers with 'int'")


def index(value: object, *keys: object) -> object:
    """Return what stands below `keys`, each a key of a map or a position in a list; a map without the key has nothing.

    Raises:
        Fault: nothing to look into, a key of the wrong type, a position that the list does not have.
    """
    if value is None:
        raise Fault("index looks into nothing", "write 'if' around it, or set the value")
    for key in keys:
        if isinstance(value, Mapping):
            if not isinstance(key, str):
                raise Fault(f"index needs a string to look into a map, not {described(key)}", "put the key in quotes")
            value = value.get(key)
        elif isinstance(value, str | Sequence):
            value = _element(value.encode() if isinstance(value, str) else value, key)
        elif value is None:
            raise Fault("index looks into nothing", "write 'if' around it, or set the value")
        else:
            raise Fault(f"index cannot look into {described(value)}", "it takes a map or a list")
    return value


def _element(value: Sequence[object], position: object) -> object:
    if not isinstance(position, int) or isinstance(position, bool):
        raise Fault(f"index needs a position to look into a list, not {described(position)}", "count from 0")
    if not 0 <= position < len(value):
        raise Fault(f"index {position} is out of range: there are {len(value)}", "count from 0")
    return value[position]


def length(value: object) -> int:
    """Return how many bytes a string, or elements a list or a map has.

    Raises:
        Fault: anything else, nothing included.
    """
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping | Sequence):
        return len(value)
    raise Fault(f"{described(value)} has no length", "write 'if' around it, or set the value")
