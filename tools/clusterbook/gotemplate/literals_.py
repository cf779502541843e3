"""Literals: numbers, strings and characters as Go writes them in a program.

Knows their spelling. Does not know where they stand. Source: the Go specification, sections on literals.
"""

from __future__ import annotations

from clusterbook.gotemplate.errors import Fault

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
        raise Fault(f"'{word}' is no number", "write digits, or put a word in quotes") from None
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
            what = f"'\\{letter}' is no escape of Go's"
            raise Fault(what, "write two backslashes for one, or quote with `…`") from None
        at += len(digits) if letter in _DIGITS else 2
    return out.decode(errors="replace")
