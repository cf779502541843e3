"""The lexer: the text of a template cut into the words that the parser reads.

Numbers and strings mean what they mean to Go. Source: Go 1.26, text/template/parse/lex.go.
"""

from __future__ import annotations

from clusterbook.gotemplate.errors import Fault, TemplateSource

TEXT, OPEN, CLOSE, WORD, FIELD, VARIABLE, DOT, LITERAL, MARK, END = (
    "text", "{{", "}}", "word", "field", "variable", "dot", "literal", "mark", "end of the file",
)  # fmt: skip
"""Kinds of tokens. MARK is one of `( ) | = := ,`."""

MOST_TOKENS = 50_000
"""A hundred times those of the largest manifest of ours."""
_SPACE = " \t\r\n"
_SIGNED = ("e+", "e-", "E+", "E-")
_BEFORE_WORD = frozenset(" \t\r\n.,|:()")
"""What may follow a word, apart from the end of the action, so that `$x+2` is a mistake and not three words."""


class Token:
    """One word: its kind, what it says, where it starts, whether white space stands before it.

    `value` is the text, the word, the field or variable without its mark, or the literal's value.
    """

    __slots__ = ("kind", "offset", "spaced", "value")

    def __init__(self, kind: str, value: object, offset: int, spaced: bool) -> None:
        self.kind = kind
        self.value = value
        self.offset = offset
        self.spaced = spaced


def tokens(source: TemplateSource) -> list[Token]:
    """Return the tokens of a template; the last one is of kind END.

    Raises:
        BrokenTemplate: an action, comment or string that does not end, or a character that means nothing.
    """
    text = source.text
    stream: list[Token] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        inside = start + 2
        before = text[at:start]
        if text[inside : inside + 1] == "-" and text[inside + 1 : inside + 2] in tuple(_SPACE):
            before = before.rstrip(_SPACE)
            inside += 2
        if before:
            stream.append(Token(TEXT, before, at, False))
        if text.startswith("/*", inside):
            at = _comment(source, start, inside)
        else:
            stream.append(Token(OPEN, "{{", start, False))
            at = _action(source, start, inside, stream)
    if at < len(text):
        stream.append(Token(TEXT, text[at:], at, False))
    stream.append(Token(END, "", len(text), False))
    return stream


def _comment(source: TemplateSource, start: int, inside: int) -> int:
    """Return where the text after the comment at `inside` starts."""
    text = source.text
    end = text.find("*/", inside + 2)
    if end < 0:
        raise source.broken(start, "the comment does not end", "end it with '*/}}'")
    end += 2
    if text.startswith("}}", end):
        return end + 2
    if text[end : end + 1] in tuple(_SPACE) and text.startswith("-}}", end + 1):
        return _skip(text, end + 4)
    raise source.broken(end, "a comment fills its action", "write '*/}}' or '*/ -}}' without anything between")


def _skip(text: str, at: int) -> int:
    """Return where white space from `at` on ends."""
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _action(source: TemplateSource, start: int, at: int, stream: list[Token]) -> int:
    """Append the tokens of the action at `start`, and return where the text after it starts."""
    text = source.text
    opened: list[int] = []
    while True:
        here = _skip(text, at)
        spaced = here > at
        trims = spaced and text.startswith("-}}", here)
        if trims or text.startswith("}}", here):
            if opened:
                raise source.broken(opened[-1], "'(' is not closed", "close it with ')' before '}}'")
            stream.append(Token(CLOSE, "}}", here, spaced))
            return _skip(text, here + 3) if trims else here + 2
        if here >= len(text):
            raise source.broken(start, "the action does not end", "end it with '}}'")
        kind, value, at = _word(source, here)
        if value == "(" and kind == MARK:
            opened.append(here)
        elif value == ")" and kind == MARK:
            if not opened:
                raise source.broken(here, "')' closes nothing", "remove it, or open it with '('")
            opened.pop()
        stream.append(Token(kind, value, here, spaced))
        if len(stream) > MOST_TOKENS:
            raise source.broken(here, f"the template has more than {MOST_TOKENS} words in its actions", "split it")


def _word(source: TemplateSource, at: int) -> tuple[str, object, int]:
    """Return kind, value and end of the word at `at`, which is not white space."""
    text = source.text
    first = text[at]
    if first in "()|=,":
        return MARK, first, at + 1
    if text.startswith(":=", at):
        return MARK, ":=", at + 2
    if first in "\"'`":
        return _string(source, at, first)
    follows = text[at + 1 : at + 2]
    if first in "+-" or first.isdecimal() or (first == "." and follows.isdecimal()):
        return _number(source, at)
    if first in ".$" or first == "_" or first.isalpha():
        end = at + 1 if first in ".$" else at
        while end < len(text) and (text[end].isalnum() or text[end] == "_"):
            end += 1
        if end < len(text) and text[end] not in _BEFORE_WORD and not text.startswith("}}", end):
            raise source.broken(end, f"'{text[end]}' after '{text[at:end]}'", "write a space between two words")
        if first == "$":
            return VARIABLE, text[at:end], end
        if first == ".":
            return (FIELD, text[at + 1 : end], end) if end > at + 1 else (DOT, ".", end)
        return WORD, text[at:end], end
    raise source.broken(at, f"'{first}' is not allowed in an action", "put it in quotes, or remove it")


def _number(source: TemplateSource, at: int) -> tuple[str, object, int]:
    """Return the number at `at`."""
    text = source.text
    end = at + 1
    while end < len(text) and (text[end].isalnum() or text[end] in "._" or text[end - 1 : end + 1] in _SIGNED):
        end += 1
    try:
        return LITERAL, number(text[at:end]), end
    except Fault as fault:
        raise source.broken(at, fault.what, fault.hint) from None


def _string(source: TemplateSource, at: int, quote: str) -> tuple[str, object, int]:
    """Return the string at `at`, or the number of the character that stands between single quotes."""
    text = source.text
    end = at + 1
    while end < len(text) and text[end] != quote:
        if quote != "`" and text[end] == "\\":
            end += 1
        if quote != "`" and text[end : end + 1] == "\n":
            break
        end += 1
    if text[end : end + 1] != quote:
        raise source.broken(at, "the string does not end", f"end it with {quote} on the same line")
    try:
        return LITERAL, unquote(text[at + 1 : end], quote), end + 1
    except Fault as fault:
        raise source.broken(at, fault.what, fault.hint) from None


_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_DIGITS = {"x": 2, "u": 4, "U": 8}
"""How many hexadecimal digits follow the letter of an escape."""


def number(word: str) -> int | float:
    """Return the number that `word` spells; one without `.` and exponent is an integer.

    Raises:
        Fault: no number of Go's, or one that needs more than 64 bits, or an imaginary one.
    """
    sign, body = (word[0], word[1:]) if word[0] in "+-" else ("", word)
    try:
        if body[1:2].lower() in ("x", "o", "b") and body[0] == "0":
            value: int | float = int(body, 0)
        elif body.replace("_", "").isdecimal():
            value = int(body, 8 if len(body) > 1 and body[0] == "0" else 10)
        elif body[:1].isdecimal() or body[:1] == ".":
            value = float(body)
        else:
            raise ValueError
    except ValueError:
        raise Fault(f"'{word}' is not a number", "write digits, or put a word in quotes") from None
    value = -value if sign == "-" else value
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Fault(f"{word} does not fit into 64 bits", "put it in quotes")
    return value


def unquote(body: str, quote: str) -> str | int:
    """Return the string between two quotes, or the code point of the one character between single quotes.

    Raises:
        Fault: an escape that Go does not have, or not exactly one character between single quotes.
    """
    text = body.replace("\r", "") if quote == "`" else _unescape(body, quote) if "\\" in body else body
    if quote != "'":
        return text
    if len(text) != 1:
        raise Fault(f"'{body}' is not one character", 'strings stand in double quotes: "…"')
    return ord(text)


def _unescape(body: str, quote: str) -> str:
    """Return `body` with its escapes carried out; those of single bytes, by their digits, are UTF-8 together."""
    out = bytearray()
    at = 0
    while at < len(body):
        if body[at] != "\\":
            out += body[at].encode()
            at += 1
            continue
        letter = body[at + 1]
        at += 2
        if letter in _ESCAPES or letter == quote:
            out.append(_ESCAPES.get(letter) or ord(letter))
            continue
        base, digits = (16, body[at : at + _DIGITS[letter]]) if letter in _DIGITS else (8, body[at - 1 : at + 2])
        try:
            code = int(digits, base) if len(digits) == _DIGITS.get(letter, 3) and digits.isalnum() else -1
            out += chr(code).encode() if letter in "uU" else bytes([code])
        except ValueError:
            what = f"'\\{letter}' is not a Go escape"
            raise Fault(what, "write two backslashes for one, or quote with `…`") from None
        at += len(digits) if letter in _DIGITS else 2
    return out.decode(errors="replace")
