"""What is wrong or doubtful in the sources, and where.

Findings are collected and shown together; none is first. Part of `bundle`, so this module imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from clusterbook.diagnostics.errors import ClusterbookError

Severity = Literal["error", "warning"]


class Place(NamedTuple):
    """A position in a source file; `line` and `column` count from 1, 0 stands for "the whole file"."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `file[:line[:column]]`."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class Finding(NamedTuple):
    """One thing that is wrong (`error`) or doubtful (`warning`) in the sources.

    `code` is stable (`CB012`); `hint` is the next thing to type, or empty.
    """

    code: str
    place: Place
    what: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        """Return `place: code what`, with the hint indented below."""
        tail = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{self.place}: {self.code} {self.what}{tail}"


class SourceErrors(ClusterbookError):
    """The sources contradict themselves or their format; every error found is listed, none is first."""

    code = "CB110"
    exit_status = 2

    def __init__(self, findings: Sequence[Finding]) -> None:
        count = len(findings)
        super().__init__(f"{count} error{'s' if count != 1 else ''} in the sources")
        self.findings = tuple(findings)

    def __str__(self) -> str:
        """Return every finding on lines of its own."""
        return "\n".join(str(finding) for finding in self.findings)
