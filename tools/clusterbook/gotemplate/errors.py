"""Broken templates: what is wrong with one, and at which line and column.

Part of every bundle, so this module imports next to nothing; a rule makes findings of these errors.
"""

from __future__ import annotations

from clusterbook.diagnostics.errors import ClusterbookError


class BrokenTemplate(ClusterbookError):
    """A manifest is not a valid template, or cannot be rendered with the values of its component.

    The message names the file, the line and the column. `clusterbook-build check` finds mistakes of syntax in every
    manifest before any bundle is made.
    """

    code = "CB056"
    exit_status = 2

    def __init__(self, what: str, *, file: str, line: int, column: int, hint: str = "") -> None:
        super().__init__(what, hint=hint, place=f"{file}:{line}:{column}")
        self.file = file
        self.line = line
        self.column = column


class UnknownFunction(BrokenTemplate):
    """A manifest calls a function that does not exist here; Helm has some that bundles are rendered without.

    Compute the value in the component's values, or write the template with the functions that there are.
    """


class Fault(Exception):
    """What a function has against its arguments; whoever called it knows the place."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class TemplateSource:
    """The text of one template and its name in messages."""

    __slots__ = ("file", "text")

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file

    def broken(
        self, offset: int, what: str, hint: str = "", kind: type[BrokenTemplate] = BrokenTemplate
    ) -> BrokenTemplate:
        """Return the error that says `what` is wrong at `offset`; line and column count from 1."""
        line = self.text.count("\n", 0, offset) + 1
        column = offset - self.text.rfind("\n", 0, offset)
        return kind(_short(what), file=self.file, line=line, column=column, hint=_short(hint))


def _short(text: str) -> str:
    """Return text with its middle left out where a word of the template makes it too long to read."""
    return text if len(text) <= 300 else f"{text[:150]}…{text[-100:]}"
