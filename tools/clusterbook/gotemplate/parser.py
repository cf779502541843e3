"""The parser: the text of a template in, the template out.

Statements nest as in Go, and a variable reaches as far as in Go. Source: Go 1.26, text/template/parse/parse.go.
Anybody may write the template in a bundle that is verified, so text, nesting and variables have bounds.
"""

from __future__ import annotations

from clusterbook.gotemplate import machine
from clusterbook.gotemplate.errors import TemplateSource
from clusterbook.gotemplate.expressions import KEYWORDS, Expressions
from clusterbook.gotemplate.lexer import CLOSE, END, LITERAL, OPEN, TEXT, WORD, Token
from clusterbook.gotemplate.machine import Block, Step, Template

LARGEST_CHARACTERS = 4 << 20
"""Ten times the largest manifest that anybody was seen to have, the CRDs of Gateway API."""
DEEPEST = 100
"""How deep `if`, `with`, `range` and `else if` may nest."""


def parse(text: str, file: str) -> Template:
    """Return the template in `text`; `file` is its name in messages.

    Raises:
        BrokenTemplate: it is no template; UnknownFunction when it calls what is not there.
    """
    source = TemplateSource(text, file)
    if len(text) > LARGEST_CHARACTERS:
        raise source.broken(0, f"the template has more than {LARGEST_CHARACTERS} characters", "split it")
    try:
        return Template(_Statements(source).whole(), source)
    except RecursionError:
        raise source.broken(0, "the template is nested too deep", "flatten it") from None


class _Statements:
    """The statements of one template, read one after the other."""

    def __init__(self, source: TemplateSource) -> None:
        self.read = Expressions(source)
        self.loops = self.depth = 0

    def whole(self) -> Block:
        steps: list[Step] = []
        while self.read.peek().kind != END:
            word = self.read.tokens[self.read.at + 1]
            if self.read.peek().kind == OPEN and word.kind == WORD and word.value == "define":
                self.read.at += 2
                self.define(self.name("define"), word, close=True)
                continue
            ending = self.statement(steps)
            if ending:
                self.read.broken(ending, f"'{ending.value}' without an opening action", "remove it")
        return Block(machine.sequence(steps), self.read.slots)

    def define(self, name: str, opened: Token, *, close: bool) -> None:
        """Parse the body of a template of its own, which has its own variables and loops."""
        outer = self.read.names, self.read.slots, self.loops
        self.read.names, self.read.slots, self.loops = [("$", 0)], 1, 0
        if close:
            self.read.close("'define'")
        step, ending = self.body(opened)
        if ending.value != "end":
            self.read.broken(ending, f"'else' in '{opened.value}'", "remove it")
        if name in self.read.blocks:
            self.read.broken(opened, f"template '{name}' is defined twice", "remove one of the two, or rename it")
        self.read.blocks[name] = Block(step, self.read.slots)
        self.read.names, self.read.slots, self.loops = outer

    def name(self, where: str) -> str:
        """Return the name of a template, which follows in quotes."""
        token = self.read.next()
        if token.kind != LITERAL or not isinstance(token.value, str):
            self.read.unexpected(token, f"'{where}', which needs a name in quotes")
        return token.value

    def body(self, opened: Token) -> tuple[Step, Token]:
        """Return the steps up to `end` or `else`, and that token."""
        steps: list[Step] = []
        while self.read.peek().kind != END:
            ending = self.statement(steps)
            if ending:
                return machine.sequence(steps), ending
        self.read.broken(opened, f"'{opened.value}' has no end", "write '{{ end }}' where it ends")

    def statement(self, steps: list[Step]) -> Token | None:
        """Append the next step; return the word instead when it is `end` or `else`."""
        token = self.read.next()
        if token.kind == TEXT:
            steps.append(machine.write_literal(str(token.value)))
            return None
        word = self.read.peek()
        if word.kind == WORD and word.value in KEYWORDS - {"nil", "true", "false"}:
            self.read.next()
            return self.keyword(word, steps)
        names, assigns, expression = self.read.pipeline("an action")
        if names:
            steps.append(machine.only_evaluate(self.read.assignment(names[0], expression, assigns=assigns)))
        else:
            steps.append(machine.write_value(expression))
        self.read.close("an action")
        return None

    def keyword(self, word: Token, steps: list[Step]) -> Token | None:
        """Append the step of a statement that a keyword begins."""
        if word.value == "end":
            self.read.close("'end'")
            return word
        if word.value == "else":
            if self.read.peek().kind != WORD or self.read.peek().value not in ("if", "with"):
                self.read.close("'else'")
            return word
        if word.value in ("if", "with", "range"):
            steps.append(self.control(word))
        elif word.value in ("break", "continue"):
            self.read.close(f"'{word.value}'")
            if not self.loops:
                self.read.broken(word, f"'{word.value}' outside of 'range'", "remove it")
            steps.append(machine.leave(machine.BREAK if word.value == "break" else machine.CONTINUE))
        elif word.value in ("template", "block"):
            steps.append(self.insertion(word))
        else:
            self.read.broken(word, "'define' inside of something else", "move it to the top of the file")
        return None

    def insertion(self, word: Token) -> Step:
        """Return the step of `template` or `block`."""
        name = self.name(str(word.value))
        argument = None
        if word.value == "block" or self.read.peek().kind != CLOSE:
            argument = self.read.value(f"'{word.value}'")
        self.read.close(f"'{word.value}'")
        if word.value == "block":
            self.define(name, word, close=False)
        return machine.insert(name, argument, self.read.blocks, self.read.source, word.offset)

    def control(self, word: Token) -> Step:
        """Return the step of `if`, `with` or `range`, whose variables end with it."""
        self.depth += 1
        if self.depth > DEEPEST:
            self.read.broken(word, f"'{word.value}' is nested more than {DEEPEST} deep", "flatten it")
        try:
            return self.branches(word)
        finally:
            self.depth -= 1

    def branches(self, word: Token) -> Step:
        """Return that step without a look at how deep it lies."""
        depth = len(self.read.names)
        if word.value == "range":
            return self.range_loop(word, depth)
        condition = self.read.value(f"'{word.value}'")
        self.read.close(f"'{word.value}'")
        inside = len(self.read.names)
        then, ending = self.body(word)
        del self.read.names[inside:]
        otherwise = self.otherwise(word, ending)
        del self.read.names[depth:]
        return machine.choose(condition, then, otherwise, moves_dot=word.value == "with")

    def range_loop(self, word: Token, depth: int) -> Step:
        """Return the step of `range`."""
        names, assigns, over = self.read.pipeline("'range'", most=2)
        slots = [self.read.find(token) if assigns else self.read.declare(token) for token in names]
        self.read.close("'range'")
        inside = len(self.read.names)
        self.loops += 1
        body, ending = self.body(word)
        self.loops -= 1
        del self.read.names[inside:]
        otherwise = self.otherwise(word, ending)
        del self.read.names[depth:]
        return machine.loop(over, slots, body, otherwise, self.read.source, word.offset)

    def otherwise(self, word: Token, ending: Token) -> Step | None:
        """Return the steps after `else`, or of the `else if` or `else with` that takes its place."""
        if ending.value == "end":
            return None
        following = self.read.peek()
        if self.read.tokens[self.read.at - 1] is ending:  # `else if`, whose action goes on
            if following.value != word.value:
                self.read.unexpected(following, f"'else' of '{word.value}'")
            return self.control(self.read.next())
        step, last = self.body(word)
        if last.value != "end":
            self.read.broken(last, "'else' after 'else'", "remove one of them")
        return step
