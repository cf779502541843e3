"""Printable text: what strangers wrote, so that it stays on its line and changes nothing around it.

A version, a label or a message of a cluster may hold line breaks, escape sequences and marks that turn the direction of
writing. Whatever lays text out for people passes it through here; JSON and YAML escape for themselves.
"""

from __future__ import annotations


def one_line(text: str) -> str:
    r"""Return `text` with every character that cannot be seen written out, line breaks too: `\n`, `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def block(text: str) -> str:
    """Return laid out text, whose line breaks and tabs are its author's, with the rest that cannot be seen written out.

    What stands in one cell of it has gone through `one_line` before.
    """
    if text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(character if character in "\n\t" else one_line(character) for character in text)


def lines(text: str) -> str:
    """Return text of several lines, each of them as `one_line` has it."""
    return text if text.isprintable() else "\n".join(map(one_line, text.split("\n")))
