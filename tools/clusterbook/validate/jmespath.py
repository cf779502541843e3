"""Expressions of health checks: JMESPath, and what Chainsaw has beyond its specification.

Grammar and interpreter are the library's. Like Chainsaw, and unlike the library, truth values are no numbers, an order
of anything but numbers is null, and a function that nobody knows is refused before anything is asked.
Source: the JMESPath specification; reference rows F10, F23.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]
from jmespath.functions import Functions  # type: ignore[import-untyped]
from jmespath.parser import Parser  # type: ignore[import-untyped]
from jmespath.visitor import Options, TreeInterpreter  # type: ignore[import-untyped]

from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.documents.regex import compile_pattern
from clusterbook.records import Any

Node = Mapping[str, Any]


class BadExpression(InvalidRequest):
    """An expression of a health check is invalid, or cannot be evaluated on its subject.

    The message quotes it. Correct the health check of the component that is named before it.
    """

    code = "CB131"


_LIVE = frozenset(
    "env exec time_now time_now_utc random x_k8s_exists x_k8s_get x_k8s_list x_k8s_resource_exists".split()
)
"""Functions of Chainsaw that read the world, which is not there when a snapshot is judged."""
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|\$(\w+)")
_LONGEST = 1_000_000
"""Characters or members that a value may have which an expression makes, lists in lists counted as they are shown."""
_LONGEST_EXPRESSION = 1 << 16
_LONGEST_BOUND = 16 << 20
_MOST_STEPS = 2_000_000
"""Anybody may write the health check of a recipe, and `[@,@] | [@,@] | …` makes as much as there is memory for."""
_ORDERS = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}


def evaluate(text: str, value: Any, bindings: Mapping[str, Any]) -> Any:
    """Return what the expression `text` makes of `value`; `$name` stands for a binding.

    Raises:
        BadExpression: it cannot be read, or a function does not take what it was given.
    """
    if len(text) > _LONGEST_EXPRESSION:
        raise BadExpression(f"an expression has more than {_LONGEST_EXPRESSION} characters", hint="shorten it")
    tree = parse(with_bindings(text, bindings) if "$" in text else text)
    try:
        return (_Interpreter() if tree["counts"] else _PLAIN).visit(tree, value)
    except (JMESPathError, TypeError, ValueError, RecursionError) as error:
        raise BadExpression(f"the expression ({_short(text)}) failed: {error}") from error


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:200]}…{text[-50:]}"


def with_bindings(text: str, bindings: Mapping[str, Any]) -> str:
    """Return an expression with each binding written out, which is how the grammar knows no variables."""
    length = 0

    def literal(match: re.Match[str]) -> str:
        nonlocal length
        name = match[1]
        if name is None:
            return match[0]
        if name not in bindings:
            raise BadExpression(f"the expression ({_short(text)}) uses ${name}, which is not bound")
        found = "`" + json.dumps(bindings[name], ensure_ascii=False).replace("`", "\\u0060") + "`"
        length += len(found)
        if length > _LONGEST_BOUND:
            raise BadExpression(f"the expression ({_short(text)}) is too long with its bindings", hint="bind less")
        return found

    return _TOKEN.sub(literal, text)


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """Return the tree of an expression, all of whose functions there are.

    Raises:
        BadExpression: it cannot be read, or names a function that is not known.
    """
    try:
        tree = _with_loops(Parser().parse(text).parsed)
    except (JMESPathError, ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise BadExpression(f"the expression ({_short(text)}) cannot be read: {reason}") from error
    counts = False
    for node in _nodes(tree):
        counts = counts or node["type"] in _COUNTED
        if node["type"] == "function_expression":
            _check_call(node["value"], len(node["children"]))
    return {**tree, "counts": counts}


_LOOPS = frozenset(("projection", "filter_projection", "value_projection"))
_COUNTED = frozenset(("loop", "flatten", "function_expression"))
"""Nodes that may make much of little."""


def _with_loops(node: Node) -> Node:
    """Return a tree that marks what each of its loops goes over."""
    if node["type"] == "slice":
        return node
    children = [_with_loops(child) for child in node["children"]]
    if node["type"] in _LOOPS:
        children[0] = {"type": "loop", "children": [children[0]]}
    return {**node, "children": children}


def _nodes(node: Node) -> Iterator[Node]:
    """Yield every node of a tree, however deep it is."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        if each["type"] != "slice":
            waiting += reversed(each["children"])


def _check_call(name: str, arguments: int) -> None:
    if name in _LIVE:
        raise BadExpression(f"the function {name} needs a live cluster, not a snapshot")
    if name not in _FUNCTIONS and name not in Functions.FUNCTION_TABLE:
        hint = did_you_mean(name, {*_FUNCTIONS, *Functions.FUNCTION_TABLE})
        raise BadExpression(f"the function {name} does not exist", hint=hint)
    arity = _FUNCTIONS[name][1] if name in _FUNCTIONS else arguments
    if arguments != arity:
        raise BadExpression(f"the function {name} takes {arity} arguments, not {arguments}")


# --- values -----------------------------------------------------------------------------------------------------------


def is_number(value: Any) -> bool:
    """Return whether `value` is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(left: Any, right: Any) -> bool:
    """Return whether two values are the same; truth values are not numbers, at any depth.

    Raises:
        ValueError: they show more than they may.
    """
    if isinstance(left, list | dict) and type(left) is type(right):
        _refuse_endless(left)
    return _equal(left, right)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


def _refuse_endless(value: Any) -> None:
    """Raise ValueError where a value shows too much: lists that hold one list twice, over and over."""
    waiting, left = [value], _LONGEST
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | dict):
            left -= len(each)
            if left < 0:
                raise ValueError(f"a value has more than {_LONGEST} members")
            waiting += each.values() if isinstance(each, dict) else each


def _type(value: Any) -> str:
    return "null" if value is None else type(value).__name__


# --- functions --------------------------------------------------------------------------------------------------------


def _contains(subject: Any, element: Any) -> bool:
    if isinstance(subject, str):
        return isinstance(element, str) and element in subject
    if not isinstance(subject, list):
        raise TypeError(f"contains() takes a list or a text, not {_type(subject)}")
    if element is None or isinstance(element, str):
        return element in subject
    return any(equal(member, element) for member in subject)


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise TypeError(f"length() takes a list, a map or a text, not {_type(value)}")
    return len(value)


def _text(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function`, refusing everything but texts."""

    def call(*arguments: Any) -> Any:
        for argument in arguments:
            if not isinstance(argument, str):
                raise TypeError(f"a text is needed, not {_type(argument)}")
        return function(*arguments)

    return call


def _replace_all(text: str, old: str, new: str) -> str:
    if text.count(old) * len(new) > _LONGEST:
        raise ValueError(f"replace_all() would make more than {_LONGEST} characters")
    return text.replace(old, new)


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
    "replace_all": (_text(_replace_all), 3),
    "regex_match": (_text(lambda pattern, text: compile_pattern(pattern).search(text)), 2),
    "parse_json": (_text(json.loads), 1),
}
"""What Chainsaw has beyond the specification and health checks have a use for, and the two of it that differ there."""


class _Functions(Functions):  # type: ignore[misc]
    """The functions of the specification, and ours."""

    def call_function(self, function_name: str, resolved_args: list[Any]) -> Any:
        if function_name == "to_string":
            _refuse_endless(resolved_args[0])
        elif function_name == "join":
            _refuse_long_join(*resolved_args)
        if function_name in _FUNCTIONS:
            return _FUNCTIONS[function_name][0](*resolved_args)
        return super().call_function(function_name, resolved_args)


def _refuse_long_join(glue: Any, texts: Any) -> None:
    """Raise ValueError where texts would be joined to a longer one than may be; what they are, is asked later."""
    if isinstance(glue, str) and isinstance(texts, list):
        length = len(glue) * len(texts) + sum(len(each) for each in texts if isinstance(each, str))
        if length > _LONGEST:
            raise ValueError(f"join() would make more than {_LONGEST} characters")


class _Interpreter(TreeInterpreter):  # type: ignore[misc]
    """The library's interpreter, which compares as Chainsaw does, and ends."""

    def __init__(self) -> None:
        """Get ready for one expression."""
        super().__init__(_OPTIONS)
        self._left = _MOST_STEPS

    def _spend(self, members: int) -> None:
        self._left -= members
        if self._left < 0:
            raise ValueError(f"it takes more than {_MOST_STEPS} steps")

    def visit_loop(self, node: Node, value: Any) -> Any:
        """Return what a loop goes over: only loops make much of a short expression."""
        found = self.visit(node["children"][0], value)
        if isinstance(found, list | dict):
            self._spend(len(found))
        return found

    def visit_flatten(self, node: Node, value: Any) -> Any:
        """Return a list with the members of the lists in it in their places."""
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        self._spend(sum(len(each) if isinstance(each, list) else 1 for each in base))
        return [member for each in base for member in (each if isinstance(each, list) else [each])]

    def visit_function_expression(self, node: Node, value: Any) -> Any:
        """Return what a function makes; some of them are loops, too."""
        arguments = [self.visit(child, value) for child in node["children"]]
        self._spend(sum(len(each) for each in arguments if isinstance(each, list)))
        return self._functions.call_function(node["value"], arguments)

    def visit_comparator(self, node: Node, value: Any) -> bool | None:
        left, right = (self.visit(child, value) for child in node["children"])
        if node["value"] in ("eq", "ne"):
            return equal(left, right) is (node["value"] == "eq")
        return bool(_ORDERS[node["value"]](left, right)) if is_number(left) and is_number(right) else None


_OPTIONS = Options(custom_functions=_Functions())


_PLAIN = _Interpreter()
"""For expressions that count nothing: making one takes as long as such an expression."""
