"""Expressions: the words between `{{` and `}}` in, something to evaluate out.

Mistakes that Go finds only where it gets to, such as too many arguments, are found here wherever they stand.
Source: Go 1.26, text/template/parse/parse.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from clusterbook.diagnostics.errors import nearest
from clusterbook.gotemplate import machine
from clusterbook.gotemplate.errors import TemplateSource, UnknownFunction
from clusterbook.gotemplate.functions import NAMES
from clusterbook.gotemplate.lexer import CLOSE, DOT, END, FIELD, LITERAL, MARK, OPEN, VARIABLE, WORD, Token, tokens
from clusterbook.gotemplate.machine import Blocks, Expression
from clusterbook.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

KEYWORDS = frozenset("block break continue define else end if nil range template with true false".split())


MOST_VARIABLES, MOST_STAGES, DEEPEST = 1_000, 100, 100
"""What one place of a template can see, what `|` can join, how deep parentheses nest: far more than anybody writes."""


class _Operand:
    """One operand of a command: how to evaluate it, and what the grammar has to know about it.

    `kind` is `literal`, `nil`, `dot`, `field`, `variable`, `pipe` or `function`; a function is not evaluated yet.
    """

    __slots__ = ("kind", "offset", "run", "word")

    def __init__(self, kind: str, run: Expression, offset: int, word: str) -> None:
        self.kind = kind
        self.run = run
        self.offset = offset
        self.word = word


class Expressions:
    """Where the reader stands in one template, and which variables and templates it has met."""

    def __init__(self, source: TemplateSource) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.at = 0
        self.blocks: Blocks = {}
        self.depth = 0
        self.names: list[tuple[str, int]] = [("$", 0)]
        self.slots = 1

    # --- moving on

    def peek(self) -> Token:
        """Return the token that comes next, and stay before it."""
        return self.tokens[self.at]

    def next(self) -> Token:
        """Return the next token."""
        token = self.tokens[self.at]
        self.at += 1
        return token

    def is_mark(self, *marks: str) -> bool:
        """Return whether one of these marks comes next."""
        token = self.peek()
        return token.kind == MARK and token.value in marks

    def broken(self, token: Token, what: str, hint: str) -> NoReturn:
        """Say that `what` is wrong where a token stands."""
        raise self.source.broken(token.offset, what, hint)

    def unexpected(self, token: Token, where: str) -> NoReturn:
        """Say that a token cannot stand here."""
        shown = token.kind if token.kind in (END, CLOSE, OPEN) else f"'{self.spelling(token)}'"
        self.broken(
            token, f"unexpected {shown} in {where}", "see https://pkg.go.dev/text/template for what may stand here"
        )

    def spelling(self, token: Token) -> str:
        """Return a token as it is written."""
        following = self.tokens[self.tokens.index(token) + 1]
        return self.source.text[token.offset : following.offset].strip().split("\n")[0]

    def close(self, where: str) -> None:
        """Read the end of an action."""
        token = self.next()
        if token.kind != CLOSE:
            self.unexpected(token, where)

    # --- variables and pipelines

    def value(self, where: str) -> Expression:
        """Return a pipeline, which may keep its value in a variable."""
        names, assigns, expression = self.pipeline(where)
        return self.assignment(names[0], expression, assigns=assigns) if names else expression

    def assignment(self, name: Token, expression: Expression, *, assigns: bool) -> Expression:
        """Return an expression that keeps its value in a variable, a new one unless `assigns`."""
        return machine.assign(self.find(name) if assigns else self.declare(name), expression)

    def declare(self, token: Token) -> int:
        """Return the slot of a new variable."""
        if len(self.names) > MOST_VARIABLES:
            self.broken(token, f"more than {MOST_VARIABLES} variables reach as far as here", "use fewer")
        self.names.append((str(token.value), self.slots))
        self.slots += 1
        return self.slots - 1

    def find(self, token: Token) -> int:
        """Return the slot of the nearest variable with this name."""
        for name, slot in reversed(self.names):
            if name == token.value:
                return slot
        near = nearest(str(token.value), {name for name, _ in self.names[1:]})
        hint = f"did you mean '{near}'?" if near else f"declare it first: {{{{ {token.value} := … }}}}"
        self.broken(token, f"variable '{token.value}' does not exist here", hint)

    def pipeline(self, where: str, *, most: int = 1) -> tuple[list[Token], bool, Expression]:
        """Return the variables before `:=` or `=`, whether it is `=`, and the commands between `|`.

        `most` is how many variables there may be; the closing mark is left where it is.
        """
        names, assigns = self.declarations(most)
        value: Expression | None = None
        stage = 0
        while True:
            token = self.peek()
            if token.kind in (CLOSE, END) or self.is_mark(")"):
                if value is None:
                    self.broken(token, f"{where} is empty", "write what to evaluate")
                return names, assigns, value
            stage += 1
            if stage > MOST_STAGES:
                self.broken(token, f"more than {MOST_STAGES} commands are joined by '|'", "keep some in a variable")
            value = self.command(where, value, stage)

    def declarations(self, most: int) -> tuple[list[Token], bool]:
        """Return the variables that a pipeline begins with, and whether they exist already."""
        start = self.at
        names: list[Token] = []
        while self.peek().kind == VARIABLE and len(names) < most:
            names.append(self.next())
            if self.is_mark(":=", "="):
                return names, self.next().value == "="
            if not self.is_mark(","):
                break
            comma = self.next()
            if len(names) == most or self.peek().kind != VARIABLE:
                self.broken(comma, "',' stands only between the two variables of 'range'", "remove the extra part")
        self.at = start
        return [], False

    def command(self, where: str, piped: Expression | None, stage: int) -> Expression:
        """Return one command: a function with its arguments, or a single operand."""
        first = self.operand(where)
        rest: list[_Operand] = []
        while True:
            token = self.peek()
            if token.kind == CLOSE or self.is_mark(")"):
                break
            if self.is_mark("|"):
                self.next()
                break
            if not token.spaced:
                self.unexpected(token, where)
            rest.append(self.operand(where))
        if first.kind == "function":
            return self.call(first, rest, piped)
        if first.kind == "nil" and stage == 1:
            raise self.source.broken(first.offset, "nil alone cannot be printed or tested", "compare with it: eq … nil")
        if piped is not None and first.kind in ("literal", "nil", "dot"):
            raise self.source.broken(first.offset, f"'{first.word}' takes no value from '|'", "pipe into a function")
        if rest or piped is not None:
            hint = f"'{first.word}' is not a function; to pass it to one, put the function first"
            raise self.source.broken(first.offset, f"'{first.word}' takes no arguments", hint)
        return first.run

    def call(self, function: _Operand, rest: Sequence[_Operand], piped: Expression | None) -> Expression:
        """Return the call of a function with its arguments, the one from `|` last."""
        name, offset = function.word, function.offset
        runs = [self.argument(operand) for operand in rest]
        count = len(runs) + (piped is not None)
        if name in ("and", "or"):
            if not count:
                raise self.source.broken(offset, f"'{name}' takes 1 or more arguments, not 0", "add arguments")
            return machine.either(name == "or", [run for run, _ in runs], piped)
        if piped is not None:
            runs.append((piped, False))
        if name == "include":
            if count != 2:
                raise self.source.broken(
                    offset, f"'include' takes 2 arguments, not {count}", "a name, and the value of dot"
                )
            return machine.include(runs[0][0], runs[1][0], self.blocks, self.source, offset)
        return machine.call(name, runs, self.source, offset)

    def argument(self, operand: _Operand) -> tuple[Expression, bool]:
        """Return an operand as an argument, and whether it is a field."""
        if operand.kind == "function":
            return self.call(operand, [], None), False
        return operand.run, operand.kind == "field"

    def operand(self, where: str) -> _Operand:
        """Return one operand with the fields looked up below it."""
        term, base = self.term(where)
        names: list[str] = []
        while self.peek().kind == FIELD and not self.peek().spaced:
            names.append(str(self.next().value))
        if term.kind == "field":
            names = [term.word, *names]
        if not names:
            return term
        if term.kind in ("literal", "nil", "dot"):
            self.unexpected(self.tokens[self.at - 1], f"what follows '{term.word}'")
        run = self.call(term, [], None) if term.kind == "function" else base
        return _Operand(
            "field", machine.fields(run, names, self.source, term.offset), term.offset, f".{'.'.join(names)}"
        )

    def term(self, where: str) -> tuple[_Operand, Expression]:
        """Return one term, and what a field below it is looked up in."""
        token = self.next()
        word, offset = str(token.value), token.offset
        if token.kind == LITERAL or (token.kind == WORD and word in ("true", "false")):
            value = token.value if token.kind == LITERAL else word == "true"
            run: Expression = machine.constant(value)
            return _Operand("literal", run, offset, word), run
        if token.kind == FIELD:
            return _Operand("field", machine.raw_dot, offset, word), machine.raw_dot
        if token.kind == DOT:
            return _Operand("dot", machine.dot_itself, offset, "."), machine.raw_dot
        if token.kind == VARIABLE:
            slot = self.find(token)
            return _Operand("variable", machine.variable(slot), offset, word), machine.raw_variable(slot)
        if token.kind == MARK and word == "(":
            self.depth += 1
            if self.depth > DEEPEST:
                self.broken(token, f"'(' is nested more than {DEEPEST} deep", "keep some in a variable")
            run = self.value("parentheses")
            self.depth -= 1
            closing = self.next()
            if closing.kind != MARK or closing.value != ")":
                self.unexpected(closing, "parentheses")
            return _Operand("pipe", run, offset, "(…)"), run
        if token.kind == WORD and word == "nil":
            run = machine.constant(None)
            return _Operand("nil", run, offset, word), run
        if token.kind == WORD and word not in KEYWORDS:
            if word not in NAMES:
                near = nearest(word, NAMES)
                hint = f"did you mean '{near}'?" if near else "compute the value in the component's values instead"
                raise self.source.broken(offset, f"function '{word}' does not exist here", hint, UnknownFunction)
            run = machine.constant(None)
            return _Operand("function", run, offset, word), run
        self.unexpected(token, where)
