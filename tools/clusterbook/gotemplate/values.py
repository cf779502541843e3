"""Printing: values of any kind as Go's `fmt` and `encoding/json` write them.

Knows `%v`, `%q`, `printf` and JSON. Does not know templates. An integer stays one: it prints as `1000000`, where Helm,
which reads numbers of values as floats, prints `1e+06`; the reference, which renders manifests in Go without Helm,
prints as we do.
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


def described(value: object) -> str:
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


def quoted(text: str) -> str:
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
    raise Fault(f"{type(value).__name__} is nothing that JSON has")


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
    fits = {"s": str, "q": str, "t": bool, "d": int, "f": float, "x": int, "v": object}
    if verb not in fits:
        raise Fault(
            f"printf does not know '%{verb}'" if verb else "printf ends in '%'", "known: %s %d %v %q %t %f %x %%"
        )
    if not isinstance(value, fits[verb]) or (verb in "dx" and isinstance(value, bool)):
        hint = "%v takes everything" if verb != "d" else "convert it with 'int', or print it with %v"
        raise Fault(f"printf's '%{verb}' cannot print {described(value)}", hint)
    if isinstance(value, float) and verb == "f":
        text = f"{value:.{int(precision or 0) if dot else 6}f}"
    elif isinstance(value, int) and verb == "x":
        text = f"{value:x}"
    elif isinstance(value, str):
        text = value[: int(precision or 0)] if dot else value
        text = quoted(text) if verb == "q" else text
    else:
        text = plain(value)
    if "+" in flags and isinstance(value, int | float) and not isinstance(value, bool) and text[0] != "-":
        text = f"+{text}"
    if "-" in flags:
        return text.ljust(int(width or 0))
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return text.zfill(int(width or 0)) if "0" in flags and numeric else text.rjust(int(width or 0))
