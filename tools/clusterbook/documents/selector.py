"""Selectors: how a place inside a document is written, and what stands there.

    components.gpu-operator.version          a dot path; a leading dot may stand, "" and "." are the whole document
    values."nvidia.com/gpu.present"          a key with dots in quotes, or as values['nvidia.com/gpu.present']
    tolerations[0].key, tolerations[-1]      an element by its number, from the end when negative
    constraints[name=K8s.server.version]     the element whose `name` is this
    /components/gpu-operator/version         a JSON pointer (RFC 6901)

Source: reference rows Q3, Q4, Q8; all but the dot path goes beyond it (L20).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusterbook.diagnostics.errors import InvalidRequest, NotFound, nearest
from clusterbook.documents.yaml_writer import scalar
from clusterbook.records import Any, NamedTuple

_SHOWN = 40
"""Most names that one message lists."""
_NEAR = 400
"""Most names that a misspelt one is compared with; a node has thousands of kernel parameters."""


class Match(NamedTuple):
    """A step into a list: to the one element that is a map with `value` under `key`."""

    key: str
    value: str


Step = str | int | Match
"""A key, a number, or a match; a key of digits also counts elements, since a pointer cannot tell them apart."""


def select(document: object, selector: str) -> Any:
    """Return the value that `selector` names in `document`; it is not copied.

    Raises:
        InvalidRequest: the selector cannot be read, or matches several elements.
        NotFound: nothing is there; the message lists what is.
    """
    return locate(document, parse(selector))[1]


def locate(document: object, steps: Iterable[Step]) -> tuple[tuple[str | int, ...], Any]:
    """Return where `steps` lead and the value there; the place counts elements from 0, without matches.

    Raises:
        InvalidRequest: a match fits several elements.
        NotFound: nothing is there; the message lists what is.
    """
    place: tuple[str | int, ...] = ()
    value = document
    for step in steps:
        if isinstance(value, Mapping):
            key: str | int = _key(value, step, place)
            value = value[key]
        elif isinstance(value, list | tuple):
            key = _index(value, step, place)
            value = value[key]
        else:
            raise NotFound(
                f"{_describe_place(place)} is {describe(value)}; nothing is below it", hint=f"select {spell(place)}"
            )
        place = (*place, key)
    return place, value


def parse(selector: str) -> tuple[Step, ...]:
    """Return the steps that `selector` spells; () is the whole document. A text that starts with `/` is a pointer.

    Raises:
        InvalidRequest: the selector cannot be read; the message names the column, from 1.
    """
    if selector.startswith("/"):
        return from_pointer(selector)
    if selector in ("", "."):
        return ()
    steps: list[Step] = []
    at = int(selector[0] == ".")
    while True:
        step, at = read_bracket(selector, at) if selector[at] == "[" else read_key(selector, at)
        steps.append(step)
        if at == len(selector):
            return tuple(steps)
        if selector[at] == ".":
            at += 1
            if at == len(selector):
                raise syntax_error(selector, at - 1, "nothing follows the dot")
        elif selector[at] != "[":
            raise syntax_error(selector, at, f"'.' or '[' is missing before {selector[at]!r}")


def from_pointer(text: str) -> tuple[Step, ...]:
    """Return the keys of a JSON pointer; () for "".

    Source: RFC 6901, sections 3 and 4.

    Raises:
        InvalidRequest: no leading slash, or `~` without 0 or 1 behind it.
    """
    if not text:
        return ()
    if not text.startswith("/"):
        raise syntax_error(text, 0, "a pointer starts with '/'")
    for at, character in enumerate(text):
        if character == "~" and text[at + 1 : at + 2] not in ("0", "1"):
            raise syntax_error(text, at, "'~' in a pointer is written ~0, and '/' in a key ~1")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))


def pointer(place: Iterable[str | int]) -> str:
    """Return the JSON pointer of a place, as `locate` returns it. Source: RFC 6901, section 3."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in place)


def spell(steps: Iterable[Step]) -> str:
    """Return a selector that `parse` reads as these steps."""
    out = ""
    for step in steps:
        if isinstance(step, int):
            out += f"[{step}]"
        elif isinstance(step, Match):
            out += f"[{_operand(step.key)}={_operand(step.value)}]"
        else:
            bare = step and not set(step) & set(".[]'\"\\") and (out or step[0] != "/")
            out += ("." if out else "") + (step if bare else _in_quotes(step))
    return out or "."


def describe(value: object) -> str:
    """Return what a value is, for a message: `a map`, `a list of 3`, `text 'v1.2'`."""
    if isinstance(value, Mapping):
        return "a map" if value else "an empty map"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, str):
        return f"text '{value if len(value) <= 60 else value[:57] + '...'}'"
    return f"the value {scalar(value)}" if isinstance(value, int | float | None) else f"a {type(value).__name__}"


def listing(names: Iterable[str]) -> str:
    """Return names for a message, sorted, and how many more there are."""
    sorted_names = sorted(names)
    more = f" and {len(sorted_names) - _SHOWN} more" if len(sorted_names) > _SHOWN else ""
    return ", ".join(sorted_names[:_SHOWN]) + more if sorted_names else "nothing"


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return a hint with the nearest name, "" where none is near or there are too many to compare."""
    choices = [*names]
    other_case = [each for each in choices if each.lower() == name.lower()]
    near = other_case[0] if other_case else nearest(name, choices) if len(choices) <= _NEAR else ""
    return f"did you mean '{near}'?" if near else ""


# --- reading one step -------------------------------------------------------------------------------------------------


def syntax_error(text: str, at: int, why: str) -> InvalidRequest:
    """Return the error for a text that cannot be read any further at offset `at`."""
    hint = """write a.b, a."b.c", a['b.c'], a[0] or a[name=x]"""
    return InvalidRequest(f"'{text}' cannot be read at column {at + 1}: {why}", hint=hint)


def read_key(text: str, at: int) -> tuple[str, int]:
    """Return the key that starts at offset `at`, bare or in quotes, and the offset behind it."""
    if text[at : at + 1] in ("'", '"'):
        return _read_quoted(text, at)
    end = at
    while end < len(text) and text[end] not in ".[]":
        end += 1
    if end == at:
        raise syntax_error(text, at, "a key is missing")
    return text[at:end], end


def read_bracket(text: str, at: int) -> tuple[Step, int]:
    """Return the step between the brackets that open at offset `at`, and the offset behind them."""
    name, end, quoted = _read_operand(text, at + 1, "=]")
    if end < len(text) and text[end] == "=":
        value, end, value_quoted = _read_operand(text, end + 1, "]")
        if not name or not (value or value_quoted):
            raise syntax_error(text, at + 1, "a match is written name=value")
        step: Step = Match(name, value)
    elif quoted:
        step = name
    elif name.removeprefix("-").isdecimal() and name.isascii() and len(name) < 10:
        step = int(name)
    else:
        raise syntax_error(text, at + 1, "brackets hold a number, a key in quotes or name=value")
    if end == len(text):
        raise syntax_error(text, at, "this bracket is never closed")
    return step, end + 1


def _read_operand(text: str, at: int, stops: str) -> tuple[str, int, bool]:
    """Return the text up to one of `stops`, the offset of that stop (or the end), and whether quotes stood around."""
    while text[at : at + 1] == " ":
        at += 1
    if text[at : at + 1] in ("'", '"'):
        value, end = _read_quoted(text, at)
        while text[end : end + 1] == " ":
            end += 1
        if end < len(text) and text[end] not in stops:
            raise syntax_error(text, end, f"'{stops[-1]}' is missing before {text[end]!r}")
        return value, end, True
    end = at
    while end < len(text) and text[end] not in stops:
        end += 1
    return text[at:end].rstrip(" "), end, False


def _read_quoted(text: str, at: int) -> tuple[str, int]:
    """Return what stands in the quotes that open at offset `at`; a backslash takes the next character as it is."""
    characters = []
    end = at + 1
    while end < len(text) and text[end] != text[at]:
        end += text[end] == "\\"
        characters.append(text[end : end + 1])
        end += 1
    if end >= len(text):
        raise syntax_error(text, at, "this quote is never closed")
    return "".join(characters), end + 1


def _operand(text: str) -> str:
    """Return `text` as it may stand between brackets, in quotes only where it must."""
    bare = text and text == text.strip() and not set(text) & set("=]'\"\\")
    return text if bare else _in_quotes(text)


def _in_quotes(name: str) -> str:
    """Return `name` in double quotes, for a selector."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- taking one step --------------------------------------------------------------------------------------------------


def _describe_place(place: tuple[str | int, ...]) -> str:
    """Return a place for a message."""
    return f"'{spell(place)}'" if place else "the document"


def _key(value: Mapping[str, object], step: Step, place: tuple[str | int, ...]) -> str:
    """Return the key of the map at `place` that `step` names."""
    if isinstance(step, str):
        if step in value:
            return step
        near = suggestion(step, value)
        raise NotFound(
            f"{_describe_place(place)} has no key '{step}'; it has: {listing(value)}", hint=near or "type one of these"
        )
    raise NotFound(
        f"{_describe_place(place)} is a map, not a list; it has: {listing(value)}", hint=f"select {spell(place)}.KEY"
    )


def _index(value: list[object] | tuple[object, ...], step: Step, place: tuple[str | int, ...]) -> int:
    """Return the number, from 0, of the element of the list at `place` that `step` names."""
    if isinstance(step, Match):
        return _match_index(value, step, place)
    if isinstance(step, str):
        if not (step.isascii() and step.isdecimal() and len(step) < 10):
            names = [str(each["name"]) for each in value if isinstance(each, Mapping) and "name" in each]
            hint = f"select {spell([*place, Match('name', step)])}" if step in names else ""
            hint = hint or f"select {spell(place)}[0] or {spell(place)}[name=x]"
            raise NotFound(f"{_describe_place(place)} is {describe(value)} and has no key '{step}'", hint=hint)
        step = int(step)
    number = step + len(value) if step < 0 else step
    if not 0 <= number < len(value):
        hint = f"select {spell(place)}[0] to {spell(place)}[{len(value) - 1}]" if value else ""
        raise NotFound(f"{_describe_place(place)} is {describe(value)}; there is no element {step}", hint=hint)
    return number


def _match_index(value: list[object] | tuple[object, ...], step: Match, place: tuple[str | int, ...]) -> int:
    """Return the number of the one element of the list at `place` that `step` fits."""
    candidates = [
        (number, scalar(each[step.key]))
        for number, each in enumerate(value)
        if isinstance(each, Mapping) and isinstance(each.get(step.key), str | int | float)
    ]
    fitting = [number for number, text in candidates if text == step.value]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        numbers = ", ".join(f"[{number}]" for number in fitting)
        raise InvalidRequest(
            f"{step.key} '{step.value}' fits {len(fitting)} elements of {_describe_place(place)}", hint=numbers
        )
    values = {text for _, text in candidates}
    what = f"{_describe_place(place)} has no element with {step.key} '{step.value}'"
    raise NotFound(f"{what}; {step.key} is one of: {listing(values)}", hint=suggestion(step.value, values))
