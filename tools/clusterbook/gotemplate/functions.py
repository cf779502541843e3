"""Functions: what a template may call, as Helm's engine has it.

`and`, `or` and `include` are not here, since they do not take mere values. Left out is what depends on time, chance, a
cluster or the machine, and what nobody needed yet. Source: sprig 3.3 and Helm 3.22, pkg/engine/funcs.go.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence

from clusterbook.documents import yaml_writer
from clusterbook.gotemplate.errors import Fault
from clusterbook.gotemplate.values import (
    WIDEST,
    describe,
    equal,
    greater,
    greater_or_equal,
    index,
    json,
    length,
    less,
    less_or_equal,
    plain,
    printf,
    quote,
    type_name,
    unequal,
)
from clusterbook.records import Any

_WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space by Go; Python's own idea has four control characters more."""
_LONGEST = 1_000_000
"""Most characters that one call makes out of fewer."""


def to_yaml(value: object) -> str:
    """Return a value as YAML without its final newline: keys sorted, and quoted where any reader might misread.

    It means what Helm writes. It does not look the same: elements of a list are indented below their key.
    """
    return yaml_writer.dump(value).removesuffix("\n")


def indent(spaces: int, text: str) -> str:
    """Return `text` with every line indented, empty ones included."""
    if not 0 <= spaces <= WIDEST:
        raise Fault(f"{spaces} is not a valid indentation", f"write 0 to {WIDEST}")
    _refuse_long(spaces * text.count("\n"))
    pad = " " * spaces
    return pad + text.replace("\n", f"\n{pad}")


def truncate(count: int, text: str) -> str:
    """Return the first `count` bytes of a string, or the last when `count` is negative; half a character is dropped."""
    data = text.encode()
    if count < 0 < len(data) + count:
        data = data[count:]
    elif 0 <= count < len(data):
        data = data[:count]
    return data.decode(errors="ignore")


def to_int(value: object) -> int:
    """Return a number for anything: what a string spells, 1 for true, 0 for what is no number."""
    if isinstance(value, int | float):
        return int(value) if abs(value) < 2**63 else -(2**63)  # also false for not-a-number
    if not isinstance(value, str):
        return 0
    whole, dot, zeros = value.rpartition(".")
    word = whole if dot and zeros and not zeros.strip("0") else value
    sign, body = (word[0], word[1:]) if word[:1] in ("-", "+") else ("", word)
    octal = len(body) > 1 and body[0] == "0" and (body[1:] + "_").replace("_", "").isdecimal()
    try:
        found = int(f"{sign}0o{body[1:]}", 0) if octal else int(word, 0) if body[:1].isdecimal() else 0
    except ValueError:
        return 0
    return found if -(2**63) <= found < 2**63 else 0


def default(fallback: object, *given: object) -> object:
    """Return what is given, or `fallback` where that is nothing, false, 0 or empty."""
    return given[0] if given and given[0] else fallback


def strings(value: object) -> list[str]:
    """Return the elements of a list as strings, without those that are nothing."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value if each is not None]
    return [] if value is None else [plain(value)]


def join(between: str, values: object) -> str:
    """Return the elements of a list as one text."""
    words = strings(values)
    _refuse_long(len(between) * len(words))
    return between.join(words)


def replace(old: str, new: str, text: str) -> str:
    """Return `text` with `new` wherever it says `old`."""
    _refuse_long(text.count(old) * len(new))
    return text.replace(old, new)


def _refuse_long(count: int) -> None:
    if count > _LONGEST:
        raise Fault(f"{count} more characters are too many", f"make {_LONGEST} at most in one call")


def repeat(count: int, text: str) -> str:
    """Return `text` so many times."""
    if count < 0 or count * len(text) > _LONGEST:
        raise Fault(f"{count} times is out of range", "write 0 or more, and less than a million characters in all")
    return text * count


def make_map(*members: object) -> dict[str, object]:
    """Return a map of keys and values in turn."""
    found: dict[str, object] = {}
    for at in range(0, len(members), 2):
        found[plain(members[at])] = members[at + 1] if at + 1 < len(members) else ""
    return found


def required(message: str, value: object) -> object:
    """Return the value, which must be there."""
    if value is None or value == "":
        raise Fault(message, "set the value")
    return value


def fail(message: str) -> str:
    """Stop, as the template wants it."""
    raise Fault(message, "the template requires it: set the value")


def has(needle: object, haystack: object) -> bool:
    """Return whether a list has an element that equals `needle`, in type too."""
    if haystack is None:
        return False
    if isinstance(haystack, str) or not isinstance(haystack, Sequence):
        raise Fault(f"has needs a list, not {describe(haystack)}", "give it a list")
    return any(type_name(needle) == type_name(each) and needle == each for each in haystack)


def _end(which: int) -> Callable[[object], object]:
    """Return the function that returns the first or last element of a list."""

    def end(value: object) -> object:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise Fault(f"{describe(value)} is not a list", "give it a list")
        return value[which] if value else None

    return end


def _case(change: Callable[[str], str]) -> Callable[[str], str]:
    """Return the function that changes the case of each character that stays one character."""
    return lambda text: "".join(new if len(new := change(each)) == 1 else each for each in text)


def digest(text: str) -> str:
    """Return the SHA-256 of a string."""
    import hashlib  # costs more than everything else here together, and hardly any manifest needs it

    return hashlib.sha256(text.encode()).hexdigest()


def _whole(value: int) -> int:
    """Return an integer as 64 bits hold it."""
    return (value + 2**63) % 2**64 - 2**63


def multiply(*values: object) -> int:
    """Return the product of values taken as integers."""
    product = 1
    for value in values:
        product = _whole(product * to_int(value))
    return product


def print_values(*values: object) -> str:
    """Return the values one after the other, with a space between two that are no strings. Source: Go's fmt.Sprint."""
    out: list[str] = []
    for at, value in enumerate(values):
        if at and not isinstance(value, str) and not isinstance(values[at - 1], str):
            out.append(" ")
        out.append(plain(value))
    return "".join(out)


_KINDS = {"list": "slice", "nil": "invalid"}

FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "eq": (equal, "any any..."),
    "ne": (unequal, "any any"),
    "lt": (less, "any any"),
    "le": (less_or_equal, "any any"),
    "gt": (greater, "any any"),
    "ge": (greater_or_equal, "any any"),
    "not": (lambda value: not value, "any"),
    "index": (index, "any any..."),
    "len": (length, "any"),
    "print": (print_values, "any..."),
    "println": (lambda *values: f"{' '.join(map(plain, values))}\n", "any..."),
    "printf": (printf, "string any..."),
    # what to say when there is nothing
    "default": (default, "any any..."),
    "empty": (lambda value: not value, "any"),
    "coalesce": (lambda *values: next((value for value in values if value), None), "any..."),
    "ternary": (lambda yes, no, which: yes if which else no, "any any bool"),
    "required": (required, "string any"),
    "fail": (fail, "string"),
    # text out of values
    "toString": (plain, "any"),
    "toYaml": (to_yaml, "any"),
    "toJson": (json, "any"),
    "quote": (lambda *values: " ".join(quote(plain(value)) for value in values if value is not None), "any..."),
    "squote": (lambda *values: " ".join(f"'{plain(value)}'" for value in values if value is not None), "any..."),
    "join": (join, "string any"),
    # text out of text
    "indent": (indent, "int string"),
    "nindent": (lambda spaces, text: f"\n{indent(spaces, text)}", "int string"),
    "trunc": (truncate, "int string"),
    "trim": (lambda text: text.strip(_WHITE), "string"),
    "trimAll": (lambda characters, text: text.strip(characters) if characters else text, "string string"),
    "trimPrefix": (lambda start, text: text.removeprefix(start), "string string"),
    "trimSuffix": (lambda end, text: text.removesuffix(end), "string string"),
    "replace": (replace, "string string string"),
    "lower": (_case(str.lower), "string"),
    "upper": (_case(str.upper), "string"),
    "repeat": (repeat, "int string"),
    "splitList": (lambda between, text: text.split(between) if between else list(text), "string string"),
    "contains": (lambda part, text: part in text, "string string"),
    "hasPrefix": (lambda start, text: text.startswith(start), "string string"),
    "hasSuffix": (lambda end, text: text.endswith(end), "string string"),
    "b64enc": (lambda text: binascii.b2a_base64(text.encode(), newline=False).decode(), "string"),
    "sha256sum": (digest, "string"),
    # numbers
    "int": (to_int, "any"),
    "int64": (to_int, "any"),
    "add": (lambda *values: _whole(sum(map(to_int, values))), "any..."),
    "sub": (lambda first, second: _whole(to_int(first) - to_int(second)), "any any"),
    "mul": (multiply, "any any..."),
    # lists and maps
    "list": (lambda *values: list(values), "any..."),
    "dict": (make_map, "any..."),
    "get": (lambda members, key: members.get(key, ""), "map string"),
    "hasKey": (lambda members, key: key in members, "map string"),
    "has": (has, "any any"),
    "first": (_end(0), "any"),
    "last": (_end(-1), "any"),
    "kindIs": (lambda kind, value: kind == _KINDS.get(type_name(value), type_name(value)), "string any"),
}
"""Each function with its parameters, in order: `any`, `string`, `int`, `bool` or `map`; `...` means any number."""

SPECIAL = ("and", "or", "include")
"""Functions that the machine carries out, since they do not take mere values."""
NAMES = (*FUNCTIONS, *SPECIAL)
