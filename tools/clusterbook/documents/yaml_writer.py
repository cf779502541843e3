"""Values in, YAML text out: the same bytes for the same value, on any machine.

A word is quoted wherever any reader of YAML 1.1 or 1.2 could take it for something other than the text. It is our own
because a look-up prints YAML, and importing ruamel.yaml alone costs more than the whole look-up may take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat

_FIRST = frozenset(" ?:,[]{}#&*!|>'\"%@`=")
"""Characters that mean something to YAML at the start of a word; `-` is looked at more closely."""
_NUMBERISH = "0123456789abcdefABCDEFxXoO_.:+-TtZz "
"""What numbers of any base, sexagesimals (12:30), exponents and timestamps are written with."""
_WORDS = frozenset(
    word
    for plain in ("y n yes no on off true false null ~ <<", "inf nan infinity", ".inf .nan .infinity")
    for word in plain.split()
    for word in (word, f"+{word}", f"-{word}")
)
"""What some reader takes for a truth value, nothing, a merge key or a float; compared in lower case."""
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}
_MAPS = (dict, Mapping)
"""What is asked of a value in this order: most maps are dicts, and an abstract class takes its time to say no."""
_LONGEST_KEY = 1000
"""A longer key needs `? key`: readers give up looking for its colon after 1,024 characters (YAML 1.2.2, 7.4.2)."""


def dump(value: object) -> str:
    """Return a JSON-like `value` as YAML in block style, ending in a newline.

    Keys are sorted at every level, lists keep their order, strings of several lines become literal blocks.
    Source: reference row G12.

    Raises:
        TypeError: something that JSON does not have, which is a bug of the caller.
    """
    out: list[str] = []
    if isinstance(value, Mapping) and value:
        _write_map(value, "", "", out)
    elif isinstance(value, list | tuple) and value:
        _write_list(value, "", "", out)
    else:
        out.append(f"{_leaf(value, '  ')}\n")
    return "".join(out)


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield for each line of `dump(value)` the path of what it says; a line that opens a collection has that one's."""
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            if len(_word(key)) > _LONGEST_KEY:
                yield (*path, key)
            member = value[key]
            if _opens(member):
                yield (*path, key)
            yield from places(member, (*path, key))
    elif isinstance(value, list | tuple) and value:
        for number, element in enumerate(value):
            yield from places(element, (*path, number))
    else:
        yield from repeat(path, 1 + _leaf(value, "").count("\n"))


def _opens(value: object) -> bool:
    """Return whether what belongs to a value stands below its key."""
    return isinstance(value, Mapping | list | tuple) and bool(value)


def text(value: object) -> str:
    """Return what `query` prints: a scalar plain, without quotes; anything else as YAML. It ends in a newline.

    Source: reference row Q6.
    """
    if isinstance(value, Mapping | list | tuple):
        return dump(value)
    plain = scalar(value)
    return plain if plain.endswith("\n") else f"{plain}\n"


def scalar(value: object) -> str:
    """Return a scalar as it is written in YAML, a string as it is, without quotes.

    Raises:
        TypeError: not a scalar that JSON has.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value: {value!r}")


def _float(value: float) -> str:
    """Return a float that YAML 1.1 reads as one too: `1.0e+16` where Python writes `1e+16`."""
    word = repr(value)
    if word.endswith(("inf", "nan")):
        return word.replace("inf", ".inf").replace("nan", ".nan")
    return word if "." in word else word.replace("e", ".0e")


def _write_map(value: Mapping[str, object], lead: str, pad: str, out: list[str]) -> None:
    """Append the members of a map; the first stands behind `lead`, the others behind `pad`."""
    deeper = f"{pad}  "
    for key in sorted(value):
        name = _word(key)
        out.append(f"{lead}{name}:" if len(name) <= _LONGEST_KEY else f"{lead}? {name}\n{pad}:")
        member = value[key]
        if type(member) is str:  # most are, and asking an abstract class costs more than writing the word
            out.append(f" {_leaf(member, deeper)}\n")
        elif isinstance(member, _MAPS) and member:
            out.append("\n")
            _write_map(member, deeper, deeper, out)
        elif isinstance(member, list | tuple) and member:
            out.append("\n")
            _write_list(member, deeper, deeper, out)
        else:
            out.append(f" {_leaf(member, deeper)}\n")
        lead = pad


def _write_list(value: Sequence[object], lead: str, pad: str, out: list[str]) -> None:
    """Append the elements of a list; the first stands behind `lead`, the others behind `pad`."""
    deeper = f"{pad}  "
    for element in value:
        if type(element) is str:
            out.append(f"{lead}- {_leaf(element, deeper)}\n")
        elif isinstance(element, _MAPS) and element:
            _write_map(element, f"{lead}- ", deeper, out)
        elif isinstance(element, list | tuple) and element:
            _write_list(element, f"{lead}- ", deeper, out)
        else:
            out.append(f"{lead}- {_leaf(element, deeper)}\n")
        lead = pad


def _leaf(value: object, pad: str) -> str:
    """Return a scalar or an empty collection without its final newline; `pad` indents a literal block."""
    if isinstance(value, str):
        return _literal(value, pad) if "\n" in value and _fits_literal(value) else _word(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    return scalar(value)


def _fits_literal(value: str) -> bool:
    """Return whether a literal block gives back exactly `value`, with every reader.

    A first line that starts with white space would need an indentation indicator, and readers differ about tabs there;
    white space at the very end is too easily lost in an editor.
    """
    body = value.strip("\n")
    if not body or body[0] in " \t" or body[-1] in " \t":
        return False
    return body.replace("\n", "").replace("\t", "").isprintable()


def _literal(value: str, pad: str) -> str:
    """Return `value` as a literal block, without the newline that ends its last line."""
    keep = "" if value.endswith("\n") else "-"
    if value.endswith("\n\n"):
        keep = "+"
    lines = value.removesuffix("\n").split("\n")
    return "\n".join([f"|{keep}", *(f"{pad}{line}" if line else "" for line in lines)])


@lru_cache(maxsize=1 << 14)  # the documents of one catalog say the same few thousand words again and again
def _word(value: str) -> str:
    """Return a string on one line: plain where every reader takes it for the same text, else in double quotes."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is not a JSON key: {value!r}")
    return value if _is_plain(value) else _quote(value)


def _is_plain(value: str) -> bool:
    """Return whether `value` needs no quotes; where in doubt it does."""
    if not value or value[0] in _FIRST or value[-1] in " :" or not value.isprintable():
        return False
    if value[0] in "-+.0123456789" and (value.startswith(("- ", "---", "...")) or not value.strip(_NUMBERISH)):
        return False
    if value[0] in "eE" and not value[1:].strip("0123456789+-"):  # the npm package `yaml` takes e3 for a 1.1 float
        return False
    return ": " not in value and " #" not in value and value.lower() not in _WORDS


def _quote(value: str) -> str:
    """Return `value` in double quotes, escaped as in JSON; what cannot be seen becomes a number."""
    if value.isprintable():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    else:
        escaped = "".join(_ESCAPES.get(each) or (each if each.isprintable() else _number(each)) for each in value)
    return f'"{escaped}"'


def _number(character: str) -> str:
    """Return a character as an escape of YAML, which has eight digits where JSON has a surrogate pair."""
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
