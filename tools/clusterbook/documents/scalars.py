"""Scalars: what an unquoted word of YAML means, and what a duration in one means.

Scalars are those of YAML 1.2 plus 1.1 octals, as Go's yaml.v3 reads them; durations those of Go's time.ParseDuration,
as people write them: 90s, 5m, 1h30m.
"""

from __future__ import annotations

import math
import re

from clusterbook.diagnostics.errors import InvalidRequest

_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
BOOLEANS = {
    spelling: meaning
    for words, meaning in ((("y", "yes", "on"), True), (("n", "no", "off"), False))
    for word in words
    for spelling in (word, word.capitalize(), word.upper())
}
"""What YAML 1.1, by which Helm reads, takes for booleans besides: text by 1.2, and so here.
Source: YAML 1.1, Boolean Language-Independent Type."""


def boolean_remark(word: str, what: str = "value") -> tuple[str, str]:
    """Return what is wrong with a word of BOOLEANS that stands without quotes among values, and what to write."""
    meaning = "true" if BOOLEANS[word] else "false"
    change = f"write {meaning}" if what == "value" else "choose another key"
    return f"the {what} {word} is text here and {meaning} to Helm", f'{change}, or "{word}" for text'


_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_LONGEST_INTEGER = 72
"""64 bits as zeros and ones, with sign and prefix; what is longer is out of range, and slow to find out."""
_MAY_BE_NUMBER = frozenset("0123456789+-.")


def scalar(text: str) -> object:
    """Return what an unquoted scalar means: None, bool, int, float or the text itself.

    Source: Go's yaml.v3, which the reference reads with; dates stay text here.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAY_BE_NUMBER:
        return text
    digits = text.replace("_", "")
    if len(digits) <= _LONGEST_INTEGER and _INTEGER.match(digits):
        number = _integer(digits)
        if -(1 << 63) <= number < 1 << 64:
            return number
    if _FLOAT.match(digits):
        return float(digits)
    return text


def _integer(digits: str) -> int:
    """Return the integer; a leading 0 makes it octal, as in YAML 1.1 and in Go."""
    sign = -1 if digits[0] == "-" else 1
    body = digits.lstrip("+-").lower()
    if body.startswith(("0x", "0b", "0o")):
        return sign * int(body, 0)
    return sign * int(body, 8 if body.startswith("0") and body != "0" else 10)


_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def duration_s(text: str) -> float:
    """Return a duration in seconds.

    Raises:
        InvalidRequest: it is written otherwise, or is nothing at all.
    """
    parts = _PART.findall(text)
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not total:
        raise InvalidRequest(f"'{text}' is not a duration", hint="write 90s, 5m or 1h30m")
    return total
