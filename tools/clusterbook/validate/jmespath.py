"""Expressions: JMESPath, compiled to functions.

Knows the language and the functions of health checks. Does not know what an expression is asked about. The grammar is
the jmespath library's; its interpreter walks a tree for each of 20,000 pods, which takes five times as long as the
functions made here. Tests hold the two against each other. Like Chainsaw, and unlike the library, an order of anything
but numbers is null. Source: the JMESPath specification; reference rows F10, F23.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]
from jmespath.functions import Functions  # type: ignore[import-untyped]
from jmespath.parser import Parser  # type: ignore[import-untyped]

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean

Compiled = Callable[[Any], Any]
Node = Mapping[str, Any]


class BadExpression(InvalidRequest):
    """An expression of a health check cannot be read, or cannot be asked about what it was asked about.

    The message quotes it. Correct the health check of the component that is named before it.
    """

    code = "CB131"


_LIVE = frozenset(
    "env exec time_now time_now_utc random x_k8s_exists x_k8s_get x_k8s_list x_k8s_resource_exists".split()
)
"""Functions of Chainsaw that read the world, which is not there when a snapshot is judged."""
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|\$(\w+)")


def evaluate(text: str, value: Any, bindings: Mapping[str, Any]) -> Any:
    """Return what the expression `text` makes of `value`; `$name` stands for a binding.

    Raises:
        BadExpression: it cannot be read, or a function does not take what it was given.
    """
    compiled = compiled_expression(bound(text, bindings) if "$" in text else text)
    try:
        return compiled(value)
    except (JMESPathError, TypeError, ValueError, re.error) as error:
        raise BadExpression(f"the expression ({text}) has no answer: {error}") from error


def bound(text: str, bindings: Mapping[str, Any]) -> str:
    """Return an expression with each binding written out, which is how the grammar knows no variables."""

    def written(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        if name not in bindings:
            raise BadExpression(f"the expression ({text}) speaks of ${name}, which nothing binds")
        return "`" + json.dumps(bindings[name], ensure_ascii=False).replace("`", "\\u0060") + "`"

    return _TOKEN.sub(written, text)


@lru_cache(maxsize=1024)
def compiled_expression(text: str) -> Compiled:
    """Return the function that an expression stands for.

    Raises:
        BadExpression: it cannot be read, or names a function that is not known.
    """
    try:
        return _compile(Parser().parse(text).parsed)
    except JMESPathError as error:
        reason = str(error).partition("\n")[0]
        raise BadExpression(f"the expression ({text}) cannot be read: {reason}") from error


def _compile(node: Node) -> Compiled:
    return _COMPILERS[node["type"]](node)


# --- one function a kind of node --------------------------------------------------------------------------------------


def _field(node: Node) -> Compiled:
    name = node["value"]
    return lambda value: value.get(name) if isinstance(value, dict) else None


def _chain(node: Node) -> Compiled:
    steps = [_compile(child) for child in node["children"]]
    if len(steps) == 2:
        first, second = steps
        return lambda value: second(first(value))

    def run(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return run


def _comparator(node: Node) -> Compiled:
    left, right = (_compile(child) for child in node["children"])
    op = node["value"]
    if op == "eq":
        return lambda value: equal(left(value), right(value))
    if op == "ne":
        return lambda value: not equal(left(value), right(value))
    order = _ORDERS[op]

    def run(value: Any) -> bool | None:
        mine, theirs = left(value), right(value)
        return order(mine, theirs) if is_number(mine) and is_number(theirs) else None

    return run


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
}


def _filter(node: Node) -> Compiled:
    base, each, test = (_compile(child) for child in node["children"])

    def run(value: Any) -> Any:
        found = base(value)
        if not isinstance(found, list):
            return None
        kept = (each(element) for element in found if not is_false(test(element)))
        return [element for element in kept if element is not None]

    return run


def _projection(node: Node) -> Compiled:
    base, each = (_compile(child) for child in node["children"])

    def run(value: Any) -> Any:
        found = base(value)
        if not isinstance(found, list):
            return None
        return [element for element in map(each, found) if element is not None]

    return run


def _value_projection(node: Node) -> Compiled:
    base, each = (_compile(child) for child in node["children"])

    def run(value: Any) -> Any:
        found = base(value)
        if not isinstance(found, dict):
            return None
        return [element for element in map(each, found.values()) if element is not None]

    return run


def _flatten(node: Node) -> Compiled:
    base = _compile(node["children"][0])

    def run(value: Any) -> Any:
        found = base(value)
        if not isinstance(found, list):
            return None
        flat: list[Any] = []
        for element in found:
            if isinstance(element, list):
                flat += element
            else:
                flat.append(element)
        return flat

    return run


def _index(node: Node) -> Compiled:
    at = node["value"]
    return lambda value: value[at] if isinstance(value, list) and -len(value) <= at < len(value) else None


def _slice(node: Node) -> Compiled:
    part = slice(*node["children"])
    return lambda value: value[part] if isinstance(value, list) else None


def _list(node: Node) -> Compiled:
    parts = [_compile(child) for child in node["children"]]
    return lambda value: None if value is None else [part(value) for part in parts]


def _dict(node: Node) -> Compiled:
    parts = [(child["value"], _compile(child["children"][0])) for child in node["children"]]
    return lambda value: None if value is None else {name: part(value) for name, part in parts}


def _or(node: Node) -> Compiled:
    left, right = (_compile(child) for child in node["children"])

    def run(value: Any) -> Any:
        found = left(value)
        return right(value) if is_false(found) else found

    return run


def _and(node: Node) -> Compiled:
    left, right = (_compile(child) for child in node["children"])

    def run(value: Any) -> Any:
        found = left(value)
        return found if is_false(found) else right(value)

    return run


def _not(node: Node) -> Compiled:
    inner = _compile(node["children"][0])
    return lambda value: is_false(inner(value))


def _literal(node: Node) -> Compiled:
    known = node["value"]
    return lambda _: known


def _function(node: Node) -> Compiled:
    name = node["value"]
    arguments = [_compile(child) for child in node["children"]]
    if name in _LIVE:
        raise BadExpression(f"the function {name} reads a live cluster, and a snapshot is none")
    own = _FUNCTIONS.get(name)
    if own is None and name not in Functions.FUNCTION_TABLE:
        hint = did_you_mean(name, {*_FUNCTIONS, *Functions.FUNCTION_TABLE})
        raise BadExpression(f"the function {name} is not known", hint=hint)
    if own is None:
        library = Functions()
        return lambda value: library.call_function(name, [argument(value) for argument in arguments])
    function, arity = own
    if len(arguments) != arity:
        raise BadExpression(f"the function {name} takes {arity} arguments, not {len(arguments)}")
    return lambda value: function(*[argument(value) for argument in arguments])


class _Expression:
    """An expression handed to a function; the library knows it by the name of this class."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.expression = None

    def visit(self, _: object, value: Any) -> Any:
        """Return what the expression makes of `value`."""
        return self.compiled(value)


def _expref(node: Node) -> Compiled:
    made = _Expression(_compile(node["children"][0]))
    return lambda _: made


_COMPILERS: dict[str, Callable[[Node], Compiled]] = {
    "field": _field,
    "subexpression": _chain,
    "index_expression": _chain,
    "pipe": _chain,
    "comparator": _comparator,
    "filter_projection": _filter,
    "projection": _projection,
    "value_projection": _value_projection,
    "flatten": _flatten,
    "index": _index,
    "slice": _slice,
    "multi_select_list": _list,
    "multi_select_dict": _dict,
    "or_expression": _or,
    "and_expression": _and,
    "not_expression": _not,
    "literal": _literal,
    "function_expression": _function,
    "expref": _expref,
    "identity": lambda _: lambda value: value,
    "current": lambda _: lambda value: value,
}


# --- values and functions ---------------------------------------------------------------------------------------------


def is_number(value: Any) -> bool:
    """Return whether `value` is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_false(value: Any) -> bool:
    """Return whether `value` counts as false: nothing, empty, or false itself; 0 does not."""
    return value is None or value is False or value == "" or value == [] or value == {}


def equal(left: Any, right: Any) -> bool:
    """Return whether two values are the same; truth values are not numbers, at any depth."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(each, right[key]) for key, each in left.items())
    return bool(left == right)


def _contains(subject: Any, wanted: Any) -> bool:
    if isinstance(subject, str):
        return isinstance(wanted, str) and wanted in subject
    if not isinstance(subject, list):
        raise TypeError(f"contains() takes a list or a text, not {_type(subject)}")
    if wanted is None or isinstance(wanted, str):
        return wanted in subject
    return any(equal(each, wanted) for each in subject)


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise TypeError(f"length() takes a list, a map or a text, not {_type(value)}")
    return len(value)


def _type(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def _text(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function`, refusing everything but texts."""

    def run(*arguments: Any) -> Any:
        for argument in arguments:
            if not isinstance(argument, str):
                raise TypeError(f"a text is needed, not {_type(argument)}")
        return function(*arguments)

    return run


_FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    "contains": (_contains, 2),
    "length": (_length, 1),
    "lower": (_text(str.lower), 1),
    "to_lower": (_text(str.lower), 1),
    "upper": (_text(str.upper), 1),
    "to_upper": (_text(str.upper), 1),
    "trim": (_text(lambda text, characters: text.strip(characters)), 2),
    "trim_space": (_text(str.strip), 1),
    "split": (_text(lambda text, separator: text.split(separator)), 2),
    "replace_all": (_text(lambda text, old, new: text.replace(old, new)), 3),
    "regex_match": (_text(lambda pattern, text: re.search(pattern, text) is not None), 2),
    "parse_json": (_text(json.loads), 1),
}
"""What Chainsaw has beyond the specification and health checks have a use for, and the two of it that run most."""
