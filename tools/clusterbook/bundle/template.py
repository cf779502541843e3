"""Templates: the texts that bundles are made of, as files beside the modules that fill them in.

A mark is a word in capitals between two @ and stands for what is filled in; alone on its line, for any number of lines.
What stands from `@if name@` to `@end@`, in a comment of whatever language it is, is left out unless it is chosen. What
is filled in is never read again, so no word of a recipe becomes a mark. A shell script holds what it sources: editors
and shellcheck read the files where they stand.

Files are read through the loader of this package, so it may lie in a zip. Part of `bundle`, so it imports next to
nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from functools import cache

_HERE = os.path.dirname(os.path.abspath(__file__))
_MARK = re.compile(r"@([A-Z_]+)@")
_SOURCED = "# shellcheck source="
_TEXT, _WORD, _LINES, _IF = range(4)


def fill(name: str, words: Mapping[str, str], *, sections: Collection[str] = ()) -> str:
    """Return the text of a template.

    Args:
        name: its file, behind the name of the package whose templates/ holds it where that is not this one.
        words: what each mark stands for; lines may end in a newline or not.
        sections: the names of the sections that are not left out.
    """
    found: list[str] = []
    shown = True
    for kind, text in _parse(name):
        if kind == _IF:
            shown = not text or text in sections
        elif not shown:
            continue
        elif kind == _TEXT:
            found.append(text)
        else:
            word = words[text]
            found.append(f"{word}\n" if kind == _LINES and word and word[-1] != "\n" else word)
    return "".join(found)


@cache
def _parse(name: str) -> tuple[tuple[int, str], ...]:
    """Return a template in pieces: texts, marks inside a line or alone on it, and where sections begin ("": end)."""
    found: list[tuple[int, str]] = []
    plain: list[str] = []
    for line in _source(name).splitlines(keepends=True):
        pieces = _MARK.split(line) if "@" in line else [line]
        section = line.partition("@if ")[2].partition("@")[0]
        if len(pieces) == 1 and not section and "@end@" not in line:
            plain.append(line)
            continue
        found.append((_TEXT, "".join(plain)))
        plain.clear()
        if len(pieces) == 1:
            found.append((_IF, section))
        elif not pieces[0] and pieces[2:] == ["\n"]:
            found.append((_LINES, pieces[1]))
        else:
            found += [(_WORD if number % 2 else _TEXT, piece) for number, piece in enumerate(pieces)]
    found.append((_TEXT, "".join(plain)))
    return tuple(found)


def _source(name: str) -> str:
    """Return the text of a file of templates, that of what it sources in its place, without that one's head."""
    package, _, file = name.rpartition("/")
    path = os.path.join(_HERE, package, "templates", file)
    text: str = __spec__.loader.get_data(path).decode()  # type: ignore[union-attr]  # loaders of files and zips do
    before, *others = text.split(_SOURCED)
    for other in others:
        part, _, after = other.partition("\n")
        line = f". ./{part}\n"
        if after.startswith(line):
            before += _source(f"{package}/{part}").partition("\n\n")[2] + after.removeprefix(line)
        else:
            before += _SOURCED + other
    return before
