"""The machine: the pieces that a parsed template is put together from, each a Python function.

An expression takes dot and the slots of the variables and returns a value; a step also takes the text written so far,
and returns whether a loop goes on. Source: Go 1.26, text/template/exec.go, with Helm's option missingkey=zero.

There are two kinds of nothing in Go, and one matters: a field of what a map or a list holds as nothing is an error
("nil pointer"), a field of what a pipeline gave as nothing is nothing. The first is NIL where dot or a variable of
`range` can hold it, the second None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from clusterbook.diagnostics.errors import did_you_mean
from clusterbook.gotemplate.budget import TURN, Budget, BudgetExceeded
from clusterbook.gotemplate.errors import Fault, TemplateSource
from clusterbook.gotemplate.functions import FUNCTIONS
from clusterbook.gotemplate.values import describe, plain, weight
from clusterbook.records import Any

Slots = list[Any]
Expression = Callable[[Any, Slots], Any]
Step = Callable[[Any, Slots, list[str]], int | None]

BREAK, CONTINUE = 1, 2
NO_VALUE = "<no value>"
"""What Go prints for nothing; Helm takes it out of what was rendered, so a text of a template may not say it either."""


class Nil:
    """An element of a list or a map that is nothing."""

    def __bool__(self) -> bool:
        """Return False, as for every nothing."""
        return False


NIL = Nil()


class Block:
    """The steps of one template and how many variables it has, `$` included."""

    __slots__ = ("slots", "step")

    def __init__(self, step: Step, slots: int) -> None:
        self.step = step
        self.slots = slots

    def write(self, dot: Any, out: list[str], budget: Budget) -> None:
        """Append what the template gives for `dot`; the last slot is no variable, but what may still be made."""
        budget.spend(TURN)
        self.step(dot, [dot, *(None,) * (self.slots - 1), budget], out)


Blocks = dict[str, Block]

# --- expressions ------------------------------------------------------------------------------------------------------


def constant(value: Any) -> Expression:
    """Return the expression that is always `value`."""
    return lambda _dot, _slots: value


def dot_itself(dot: Any, _slots: Slots) -> Any:
    """Return dot."""
    return None if dot is NIL else dot


def raw_dot(dot: Any, _slots: Slots) -> Any:
    """Return dot, for what looks into it."""
    return dot


def variable(slot: int) -> Expression:
    """Return the expression that is what a variable holds."""

    def run(_dot: Any, slots: Slots) -> Any:
        value = slots[slot]
        return None if value is NIL else value

    return run


def raw_variable(slot: int) -> Expression:
    """Return the expression that is what a variable holds, for what looks into it."""
    return lambda _dot, slots: slots[slot]


def fields(base: Expression, names: Sequence[str], source: TemplateSource, offset: int) -> Expression:
    """Return the expression that looks up `names` below `base`, one after the other."""
    path = tuple(names)

    def run(dot: Any, slots: Slots) -> Any:
        value = base(dot, slots)
        if value is None:
            return None
        for name in path:
            if type(value) is dict or isinstance(value, Mapping):
                value = value.get(name)
            elif value is None or value is NIL:
                before = ".".join(path[: path.index(name)])
                what = f"'.{name}' is looked up in nil" + (f", '.{before}' is not set" if before else "")
                raise source.broken(offset, what, "set the value, or write 'if' around it")
            else:
                raise source.broken(
                    offset, f"'.{name}' is looked up in {describe(value)}", "only a map has something below it"
                )
        return value

    return run


def call(name: str, arguments: Sequence[tuple[Expression, bool]], source: TemplateSource, offset: int) -> Expression:
    """Return the expression that calls a function.

    Args:
        name: the function's.
        arguments: each with whether it is a field, which must not be nothing where a map is expected.
        source: the template.
        offset: where the call stands in it.

    Raises:
        BrokenTemplate: too many arguments, or too few.
    """
    function, spec = FUNCTIONS[name]
    parameters = spec.split()
    any_number = parameters[-1].endswith("...")
    least = len(parameters) - any_number
    count = len(arguments)
    if count < least or (count > least and not any_number):
        wanted = f"{least}{' or more' if any_number else ''}"
        noun = "argument" if wanted == "1" else "arguments"
        raise source.broken(offset, f"'{name}' takes {wanted} {noun}, not {count}", f"its arguments: {spec}")
    expressions = tuple(expression for expression, _ in arguments)
    checks = tuple((at, kind, arguments[at][1]) for at, kind in enumerate(parameters[:least]) if kind != "any")

    def run(dot: Any, slots: Slots) -> Any:
        values = [expression(dot, slots) for expression in expressions]
        for at, kind, is_field in checks:
            value = values[at]
            if type(value) is not _TYPES[kind]:
                if value is None and kind == "map" and not is_field:
                    values[at] = {}
                elif not isinstance(value, _TYPES[kind]) or isinstance(value, bool):
                    raise source.broken(offset, *_misfit(name, kind, value))
        budget: Budget = slots[-1]
        for value in values if name in _WRITERS else ():
            budget.spend(weight(value, budget.left))
        try:
            made = function(*values)
        except Fault as fault:
            raise source.broken(offset, fault.what, fault.hint) from None
        budget.spend(TURN + (len(made) if type(made) is str or type(made) is list else 0))
        return made

    return run


_WRITERS = frozenset("toYaml toJson toString print println printf quote squote join has".split())
"""Functions that go through all of what they are given, lists and maps included."""


_TYPES: dict[str, type] = {"string": str, "int": int, "bool": bool, "map": Mapping}


def _misfit(name: str, kind: str, value: object) -> tuple[str, str]:
    """Return what is wrong with an argument of the wrong type, and what to do about it."""
    ways = {"string": "convert it with 'toString'", "int": "convert it with 'int'"}
    wanted = "an int" if kind == "int" else f"a {kind}"
    if value is None:
        return f"'{name}' needs {wanted} and gets nil", "set the value, or give one with 'default'"
    return f"'{name}' needs {wanted} and gets {describe(value)}", ways.get(kind, f"give it {wanted}")


def either(last_when: bool, arguments: Sequence[Expression], piped: Expression | None) -> Expression:
    """Return `or` (True) or `and` (False): the first argument whose truth is `last_when`, else the last one."""
    expressions = tuple(arguments)

    def run(dot: Any, slots: Slots) -> Any:
        last = piped(dot, slots) if piped else None
        value = None
        for expression in expressions:
            value = expression(dot, slots)
            if bool(value) is last_when:
                return value
        return last if piped else value

    return run


def include(name: Expression, argument: Expression, blocks: Blocks, source: TemplateSource, offset: int) -> Expression:
    """Return the expression that is the text of a template defined in the same file."""

    def run(dot: Any, slots: Slots) -> str:
        called = name(dot, slots)
        if not isinstance(called, str):
            raise source.broken(offset, *_misfit("include", "string", called))
        out: list[str] = []
        _find(called, blocks, source, offset).write(argument(dot, slots), out, slots[-1])
        text = "".join(out)
        slots[-1].spend(len(text))
        return text

    return run


def _find(name: str, blocks: Blocks, source: TemplateSource, offset: int) -> Block:
    """Return the template with this name."""
    if name not in blocks:
        hint = did_you_mean(name, blocks) if blocks else "a manifest sees only what is defined in its own file"
        raise source.broken(offset, f"template '{name}' is not defined", hint)
    return blocks[name]


def assign(slot: int, expression: Expression) -> Expression:
    """Return the expression that also keeps its value in a variable."""

    def run(dot: Any, slots: Slots) -> Any:
        slots[slot] = value = expression(dot, slots)
        return value

    return run


# --- steps ------------------------------------------------------------------------------------------------------------


def write_literal(text: str) -> Step:
    """Return the step that writes `text`."""
    size = len(text)

    def run(_dot: Any, slots: Slots, out: list[str]) -> None:
        slots[-1].spend(size)
        out.append(text)

    return run


def write_value(expression: Expression) -> Step:
    """Return the step that writes the value of an expression."""

    def run(dot: Any, slots: Slots, out: list[str]) -> None:
        value = expression(dot, slots)
        if type(value) is str:
            slots[-1].spend(len(value))
            out.append(value)
            return
        slots[-1].spend(weight(value, slots[-1].left))
        out.append(NO_VALUE if value is None else plain(value))

    return run


def only_evaluate(expression: Expression) -> Step:
    """Return the step that writes nothing."""

    def run(dot: Any, slots: Slots, _out: list[str]) -> None:
        expression(dot, slots)

    return run


def leave(how: int) -> Step:
    """Return the step that ends a loop, or one turn of it."""
    return lambda _dot, _slots, _out: how


def sequence(steps: Sequence[Step]) -> Step:
    """Return one step for many."""
    if len(steps) == 1:
        return steps[0]
    every = tuple(steps)

    def run(dot: Any, slots: Slots, out: list[str]) -> int | None:
        for step in every:
            how = step(dot, slots, out)
            if how:
                return how
        return None

    return run


def choose(condition: Expression, then: Step, otherwise: Step | None, *, moves_dot: bool) -> Step:
    """Return the step of `if`, or of `with`, which moves dot."""

    def run(dot: Any, slots: Slots, out: list[str]) -> int | None:
        value = condition(dot, slots)
        if value:
            return then(value if moves_dot else dot, slots, out)
        return otherwise(dot, slots, out) if otherwise else None

    return run


def loop(
    over: Expression, names: Sequence[int], body: Step, otherwise: Step | None, source: TemplateSource, offset: int
) -> Step:
    """Return the step of `range` over a list, a map in the order of its keys, or a number.

    Args:
        over: what is looped over.
        names: the slot of the element's variable, or those of the key's and the element's.
        body: carried out for each element, as dot.
        otherwise: carried out when there is none.
        source: the template.
        offset: where the loop stands in it.
    """
    key_slot = names[0] if len(names) == 2 else None
    slot = names[-1] if names else None

    def run(dot: Any, slots: Slots, out: list[str]) -> int | None:
        collection = over(dot, slots)
        for name in names:  # what `else` sees, and whoever comes after `range $x = …` over nothing
            slots[name] = collection
        members = _members(collection, len(names), source, offset)
        if not members and otherwise:
            return otherwise(dot, slots, out)
        for key, element in members:
            slots[-1].spend(TURN)
            value = NIL if element is None else element
            if slot is not None:
                slots[slot] = value
            if key_slot is not None:
                slots[key_slot] = key
            if body(value, slots, out) == BREAK:
                break
        return None

    return run


def _members(value: Any, names: int, source: TemplateSource, offset: int) -> Sequence[tuple[Any, Any]]:
    """Return key and element of everything in `value`."""
    if value is None:
        return ()
    if isinstance(value, Mapping):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(enumerate(value))
    if isinstance(value, int) and not isinstance(value, bool) and names < 2:
        if value > _MOSTTURNS:
            raise source.broken(offset, f"range over {value} is too long", f"write {_MOSTTURNS} at most")
        return [(None, turn) for turn in range(value)]
    raise source.broken(offset, f"range cannot go over {describe(value)}", "give it a list or a map")


_MOSTTURNS = 100_000


def insert(name: str, argument: Expression | None, blocks: Blocks, source: TemplateSource, offset: int) -> Step:
    """Return the step that writes a template defined in the same file."""

    def run(dot: Any, slots: Slots, out: list[str]) -> None:
        _find(name, blocks, source, offset).write(argument(dot, slots) if argument else None, out, slots[-1])

    return run


class Template:
    """A template that was parsed; it renders any number of times."""

    __slots__ = ("_block", "_source")

    def __init__(self, block: Block, source: TemplateSource) -> None:
        self._block = block
        self._source = source

    def render(self, data: Mapping[str, Any], budget: Budget | None = None) -> str:
        """Return the text that the template gives for `data`, which is what `.` and `$` mean at its top.

        Args:
            data: the values.
            budget: what this rendering and others may make together; by default this one alone.

        Raises:
            BrokenTemplate: a value is missing or of a type that the template cannot use there.
        """
        out: list[str] = []
        try:
            budget = budget or Budget()
            budget.spend(len(self._source.text))
            self._block.write(data, out, budget)
        except RecursionError:
            raise self._source.broken(0, "templates include each other endlessly", "break the cycle") from None
        except BudgetExceeded:
            what = "the template, or the whole bundle, renders to more than the limit"
            raise self._source.broken(0, what, "shorten it") from None
        text = "".join(out)
        return text.replace(NO_VALUE, "") if NO_VALUE in text else text
