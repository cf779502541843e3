"""Regex: regular expressions that somebody else wrote, in time that is linear in the text, whatever they say.

Python's `re` tries one way after the other, so that `(a+)+$` takes for ever on a word of forty letters. Go's engine,
for which health checks are written, follows all ways at once, and has neither look-around nor back-references, which
need more. So does this: a pattern becomes a program of a few instructions, and of these those that may come next are
kept, one set for each character. google-re2 was looked at: half a megabyte of compiled dependency, also on every node
that the agent runs on, for one function of health checks. Source: Thompson, "Regular expression search algorithm"; RE2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]

from clusterbook.records import Any, NamedTuple

LONGEST_PATTERN = 4096
_LARGEST_PROGRAM = 10_000
_MOST_STEPS = 20_000_000


class BadRegex(ValueError):
    """A pattern is none, needs more than linear time, or is too much for a text of that length."""


Test = Callable[[str], bool]
Where = Callable[[str, int], bool]


class _Program:
    """Instructions: `take` a character that passes a test, `where` a place passes one, `split` both ways, `match`."""

    def __init__(self) -> None:
        self.take: dict[int, Test] = {}
        self.where: dict[int, Where] = {}
        self.split: dict[int, tuple[int, ...]] = {}
        self.next: dict[int, int] = {}
        self.size = 0

    def add(self) -> int:
        self.size += 1
        if self.size > _LARGEST_PROGRAM:
            raise BadRegex("the pattern repeats too much")
        return self.size - 1


class Pattern(NamedTuple):
    """A pattern that was read."""

    text: str
    program: _Program
    start: int
    end: int

    def search(self, text: str) -> bool:
        """Return whether the pattern fits somewhere in a text. Raises BadRegex where that would take too long."""
        return self._run(text, anywhere=True)

    def fullmatch(self, text: str) -> bool:
        """Return whether the pattern fits the whole of a text. Raises BadRegex where that would take too long."""
        return self._run(text, anywhere=False)

    def _run(self, text: str, *, anywhere: bool) -> bool:
        if len(text) * self.program.size > _MOST_STEPS:
            raise BadRegex(f"the text has {len(text)} characters, too many for this pattern")
        program = self.program
        current = _follow(program, {self.start}, text, 0)
        for at, character in enumerate(text):
            if anywhere and self.end in current:
                return True
            stepped = {program.next[each] for each in current if each in program.take and program.take[each](character)}
            if anywhere:
                stepped.add(self.start)
            elif not stepped:
                return False
            current = _follow(program, stepped, text, at + 1)
        return self.end in current


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Return the pattern in a text.

    Raises:
        BadRegex: it is none, or one that is not read here.
    """
    if len(text) > LONGEST_PATTERN:
        raise BadRegex(f"the pattern is longer than {LONGEST_PATTERN} characters")
    try:
        parsed = _parser.parse(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadRegex(f"{text[:80]!a} is not a regular expression: {error}") from error
    if parsed.state.flags & ~re.UNICODE:
        raise BadRegex("inline flags are not supported; write out what they mean")
    program = _Program()
    start = program.add()
    try:
        end = _sequence(program, parsed, start)
    except RecursionError as error:
        raise BadRegex("the pattern is nested too deeply") from error
    return Pattern(text, program, start, end)


def _follow(program: _Program, states: set[int], text: str, at: int) -> set[int]:
    """Return the states that can be reached without taking a character."""
    reached, todo = set(states), list(states)
    while todo:
        state = todo.pop()
        following: tuple[int, ...] = program.split.get(state, ())
        if state in program.where and program.where[state](text, at):
            following = (program.next[state],)
        for each in following:
            if each not in reached:
                reached.add(each)
                todo.append(each)
    return reached


def _sequence(program: _Program, parts: Sequence[Any], state: int) -> int:
    for operation, argument in parts:
        state = _add_part(program, operation, argument, state)
    return state


def _add_part(program: _Program, operation: Any, argument: Any, state: int) -> int:
    """Add one part of a pattern behind a state; return the state behind it."""
    if operation in (ops.MAX_REPEAT, ops.MIN_REPEAT):
        least, most, inner = argument
        return _repeat(program, least, most, inner, state)
    if operation is ops.SUBPATTERN:
        _, add_flags, del_flags, inner = argument
        if add_flags or del_flags:
            raise BadRegex("inline flags are not supported; write out what they mean")
        return _sequence(program, inner, state)
    if operation is ops.BRANCH:
        end, starts = program.add(), []
        for branch in argument[1]:
            start = program.add()
            starts.append(start)
            program.split[_sequence(program, branch, start)] = (end,)
        program.split[state] = tuple(starts)
        return end
    end = program.add()
    program.next[state] = end
    if operation is ops.AT:
        program.where[state] = _place(argument)
    else:
        program.take[state] = _test(operation, argument)
    return end


def _repeat(program: _Program, least: int, most: int, inner: Sequence[Any], state: int) -> int:
    for _ in range(least):
        state = _sequence(program, inner, state)
    if most is ops.MAXREPEAT:
        start, end = program.add(), program.add()
        program.split[state] = (start, end)
        program.split[_sequence(program, inner, start)] = (start, end)
        return end
    ends = []
    for _ in range(int(most) - least):
        start = program.add()
        ends.append(state)
        program.split[state] = (start,)
        state = _sequence(program, inner, start)
    end = program.add()
    for each in (*ends, state):
        program.split[each] = (*program.split.get(each, ()), end)
    return end


def _test(operation: Any, argument: Any) -> Test:
    """Return which characters a part takes."""
    if operation is ops.LITERAL:
        return chr(argument).__eq__
    if operation is ops.NOT_LITERAL:
        return chr(argument).__ne__
    if operation is ops.ANY:
        return lambda character: character != "\n"
    if operation is ops.IN:
        negated = bool(argument) and argument[0][0] is ops.NEGATE
        tests = tuple(_members(argument[negated:]))
        return lambda character: any(test(character) for test in tests) is not negated
    raise BadRegex("look-around, back-references and atomic groups are not supported: they need more than linear time")


def _members(members: Sequence[Any]) -> Iterator[Test]:
    for operation, argument in members:
        if operation is ops.LITERAL:
            yield chr(argument).__eq__
        elif operation is ops.RANGE:
            low, high = argument
            yield lambda character, low=low, high=high: low <= ord(character) <= high  # type: ignore[misc]
        else:
            yield _CATEGORIES[argument]


def _word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CATEGORIES: dict[Any, Test] = {
    ops.CATEGORY_DIGIT: str.isdecimal,
    ops.CATEGORY_NOT_DIGIT: lambda character: not character.isdecimal(),
    ops.CATEGORY_SPACE: str.isspace,
    ops.CATEGORY_NOT_SPACE: lambda character: not character.isspace(),
    ops.CATEGORY_WORD: _word,
    ops.CATEGORY_NOT_WORD: lambda character: not _word(character),
}


def _place(what: Any) -> Where:
    """Return which places in a text a part fits."""
    if what in (ops.AT_BEGINNING, ops.AT_BEGINNING_STRING):
        return lambda _text, at: at == 0
    if what is ops.AT_END:
        return lambda text, at: at == len(text) or (at == len(text) - 1 and text[at] == "\n")
    if what is ops.AT_END_STRING:
        return lambda text, at: at == len(text)
    at_boundary = what is ops.AT_BOUNDARY
    return lambda text, at: ((at > 0 and _word(text[at - 1])) != (at < len(text) and _word(text[at]))) is at_boundary
