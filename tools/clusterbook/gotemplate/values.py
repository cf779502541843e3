"""Values: how templates compare them, look into them and print them, as Go does.

Printing is that of `fmt` and `encoding/json`, with one decision of ours: an integer stays one. It prints as `1000000`,
where Helm, which reads numbers of values as floats, prints `1e+06`; the reference, which renders manifests in Go
without Helm, prints as we do. Source: Go 1.26, text/template/funcs.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterbook.gotemplate.errors import Fault

_QUOTED = {7: "\\a", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t", 11: "\\v", 92: "\\\\", 34: '\\"'}
_JSON = {
    **{code: f"\\u{code:04x}" for code in (*range(32), *map(ord, "<>&\u2028\u2029"))},
    **{8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t", 92: "\\\\", 34: '\\"'},
}


def type_name(value: object) -> str:
    """Return how Go calls the type of a value."""
    if value is None:
        return "nil"
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    return type(value).__name__


def describe(value: object) -> str:
    """Return a value as messages speak of it: `1, an int`, `nothing`."""
    name = type_name(value)
    return "nothing" if value is None else f"{plain(value)}, {'an' if name[0] in 'aeiou' else 'a'} {name}"


_TYPES: tuple[tuple[type, str], ...] = (
    (str, "string"),
    (bool, "bool"),
    (int, "int"),
    (float, "float64"),
    (Mapping, "map"),
    (Sequence, "list"),
)


def plain(value: object) -> str:
    """Return a value as `%v` writes it: strings as they are, `map[a:1 b:2]`, `[1 2]`."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value, -4, 6, 2)
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{plain(value[key])}' for key in sorted(value))}]"
    if isinstance(value, Sequence):
        return f"[{' '.join(map(plain, value))}]"
    return str(value)


def quote(text: str) -> str:
    """Return a string as `%q` writes it."""
    if not text.isprintable():
        return (
            f'"{"".join(_QUOTED.get(ord(each)) or (each if each.isprintable() else _escape(each)) for each in text)}"'
        )
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _escape(character: str) -> str:
    """Return one character as it stands between double quotes."""
    code = ord(character)
    if code in _QUOTED or character.isprintable():
        return _QUOTED.get(code, character)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def json(value: object) -> str:
    """Return a value as one line of JSON, keys sorted, with `<`, `>` and `&` escaped as Go does."""
    if isinstance(value, str):
        return f'"{value.translate(_JSON)}"'
    if value is None:
        return "null"
    if isinstance(value, float):
        return _float(value, -6, 21, 1)
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{json(str(key))}:{json(value[key])}' for key in sorted(value))}}}"
    if isinstance(value, bool | int):
        return plain(value)
    if isinstance(value, Sequence):
        return f"[{','.join(map(json, value))}]"
    raise Fault(f"{type(value).__name__} is not a JSON type")


def _float(value: float, least: int, most: int, width: int) -> str:
    """Return the shortest digits that mean `value`, with an exponent when it is below `least` or from `most` on.

    `width` is how many digits an exponent has at least.
    """
    word = repr(abs(value))
    if word in ("inf", "nan"):
        return "NaN" if word == "nan" else "+Inf" if value > 0 else "-Inf"
    mantissa, _, power = word.partition("e")
    whole, _, rest = mantissa.partition(".")
    digits = (whole + rest).lstrip("0") or "0"
    leading = len(whole + rest) - len((whole + rest).lstrip("0"))
    exponent = int(power or 0) + len(whole) - 1 - leading if value else 0
    digits = digits.rstrip("0") or "0"
    sign = "-" if repr(value)[0] == "-" else ""
    if exponent < least or exponent >= most:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if exponent < 0 else '+'}{abs(exponent):0{width}d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    digits = digits.ljust(exponent + 1, "0")
    tail = f".{digits[exponent + 1 :]}" if len(digits) > exponent + 1 else ""
    return f"{sign}{digits[: exponent + 1]}{tail}"


WIDEST = 1_000
"""No manifest is wider or further indented; what is, is made to exhaust its reader."""


def weight(value: object, most: int) -> int:
    """Return about how many characters a value has as text, `most` + 1 at most: lists may share what they hold."""
    if type(value) is str:
        return len(value)
    found, todo = 0, [value]
    while todo and found <= most:
        each = todo.pop()
        found += 8 + (len(each) if isinstance(each, str) else 0)
        if isinstance(each, Mapping):
            todo += each.keys()
            todo += each.values()
        elif isinstance(each, Sequence) and not isinstance(each, str):
            todo += each
    return found


def printf(form: str, *arguments: object) -> str:
    """Return `form` with its verbs replaced: %s %d %v %q %t %f %x %%, with width, precision, flags `-`, `0`, `+`.

    Raises:
        Fault: where Go would print a mistake into the text (`%!d(string=x)`), or a verb that is not there.
    """
    out: list[str] = []
    rest = iter(arguments)
    at = 0
    while (verb_at := form.find("%", at)) >= 0:
        out.append(form[at:verb_at])
        end = verb_at + 1
        while end < len(form) and form[end] in "-+0123456789.":
            end += 1
        verb, directions = form[end : end + 1], form[verb_at + 1 : end]
        at = end + 1
        if verb == "%":
            out.append("%")
            continue
        try:
            value = next(rest)
        except StopIteration:
            raise Fault(
                f"printf has no argument for '%{directions}{verb}'", "give one argument for each verb"
            ) from None
        out.append(_verb(verb, directions, value))
    left = len(list(rest))
    if left:
        raise Fault(f"printf has {left} more arguments than verbs", "give one argument for each verb")
    out.append(form[at:])
    return "".join(out)


def _verb(verb: str, directions: str, value: object) -> str:
    """Return one argument as its verb says."""
    flags = directions[: len(directions) - len(directions.lstrip("-+0"))]
    width, dot, precision = directions[len(flags) :].partition(".")
    for number in (width, precision):
        if number.isdigit() and (len(number) > 9 or int(number) > WIDEST):
            raise Fault(f"printf's width and precision are at most {WIDEST}", "no manifest is wider")
    fits = {"s": str, "q": str, "t": bool, "d": int, "f": float, "x": int, "v": object}
    if verb not in fits:
        raise Fault(
            f"printf does not support '%{verb}'" if verb else "printf ends in '%'", "known: %s %d %v %q %t %f %x %%"
        )
    if not isinstance(value, fits[verb]) or (verb in "dx" and isinstance(value, bool)):
        hint = "%v takes everything" if verb != "d" else "convert it with 'int', or print it with %v"
        raise Fault(f"printf's '%{verb}' cannot print {describe(value)}", hint)
    if isinstance(value, float) and verb == "f":
        text = f"{value:.{int(precision or 0) if dot else 6}f}"
    elif isinstance(value, int) and verb == "x":
        text = f"{value:x}"
    elif isinstance(value, str):
        text = value[: int(precision or 0)] if dot else value
        text = quote(text) if verb == "q" else text
    else:
        text = plain(value)
    if "+" in flags and isinstance(value, int | float) and not isinstance(value, bool) and text[0] != "-":
        text = f"+{text}"
    if "-" in flags:
        return text.ljust(int(width or 0))
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return text.zfill(int(width or 0)) if "0" in flags and numeric else text.rjust(int(width or 0))


_BASIC = (str, bool, int, float)


def equal(first: object, *others: object) -> bool:
    """Return whether `first` equals any of the others; nothing equals only nothing.

    Raises:
        Fault: values of two types, or lists or maps, which Go does not compare.
    """
    if not others:
        raise Fault("a second value to compare with is missing", "give two values")
    for other in others:
        if first is None or other is None:
            same = first is other
        elif _basic(first) is not _basic(other):
            raise _incomparable(first, other)
        elif _basic(first) is None:
            raise Fault(f"a {type_name(first)} cannot be compared", "compare what it holds")
        else:
            same = first == other
        if same:
            return True
    return False


def unequal(first: object, second: object) -> bool:
    """Return whether two values differ."""
    return not equal(first, second)


def less(first: object, second: object) -> bool:
    """Return whether one number or string comes before another.

    Raises:
        Fault: values of two types, or of a type without an order.
    """
    for value in (first, second):
        if _basic(value) is None:
            raise Fault(f"{describe(value)} has no order", "compare numbers, or strings")
    if _basic(first) is not _basic(second):
        raise _incomparable(first, second)
    if isinstance(first, bool):
        raise Fault("a bool has no order", "compare numbers, or strings")
    return first < second  # type: ignore[operator, no-any-return]


def less_or_equal(first: object, second: object) -> bool:
    """Return whether one number or string comes before another or equals it."""
    return less(first, second) or equal(first, second)


def greater(first: object, second: object) -> bool:
    """Return whether one number or string comes after another."""
    return not less_or_equal(first, second)


def greater_or_equal(first: object, second: object) -> bool:
    """Return whether one number or string comes after another or equals it."""
    return not less(first, second)


def _basic(value: object) -> type | None:
    """Return which kind of single value this is, None for all others."""
    return next((kind for kind in _BASIC if isinstance(value, kind)), None)


def _incomparable(first: object, second: object) -> Fault:
    what = f"{describe(first)}, cannot be compared with {describe(second)}"
    return Fault(what, "make both strings with 'toString', or both numbers with 'int'")


def index(value: object, *keys: object) -> object:
    """Return what stands below `keys`, each a key of a map or a position in a list; a map without the key has nothing.

    Raises:
        Fault: nothing to look into, a key of the wrong type, a position that the list does not have.
    """
    if value is None:
        raise Fault("index into nil", "write 'if' around it, or set the value")
    for key in keys:
        if isinstance(value, Mapping):
            if not isinstance(key, str):
                raise Fault(f"index needs a string to look into a map, not {describe(key)}", "put the key in quotes")
            value = value.get(key)
        elif isinstance(value, str | Sequence):
            value = _element(value.encode() if isinstance(value, str) else value, key)
        elif value is None:
            raise Fault("index into nil", "write 'if' around it, or set the value")
        else:
            raise Fault(f"cannot index {describe(value)}", "it takes a map or a list")
    return value


def _element(value: Sequence[object], position: object) -> object:
    if not isinstance(position, int) or isinstance(position, bool):
        raise Fault(f"index needs a position to look into a list, not {describe(position)}", "count from 0")
    if not 0 <= position < len(value):
        raise Fault(f"index {position} is out of range: there are {len(value)}", "count from 0")
    return value[position]


def length(value: object) -> int:
    """Return how many bytes a string, or elements a list or a map has.

    Raises:
        Fault: anything else, nothing included.
    """
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping | Sequence):
        return len(value)
    raise Fault(f"{describe(value)} has no length", "write 'if' around it, or set the value")
