"""What a command gives back, whoever asks for it. Part of every look-up, so it imports next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.records import NamedTuple

DIFFER = 10
"""Exit status when two things differ and that was the question. Source: design, section 10."""


NO_MARKS: Mapping[str, str] = MappingProxyType({})
OF_REPORTS = MappingProxyType(
    {"passed": "good", "FAILED": "bad", "ERROR": "bad", "skipped": "doubtful", "n/a": "faint"}
)
"""How the words of a validation's report strike the eye."""


class Reply(NamedTuple):
    """What a command prints, or writes to the file `output`, and notes for standard error.

    It ends with `status`, or by raising `error`. `marks` says which words that begin a line are good, bad, doubtful or
    faint, for those who read it on a terminal.
    """

    text: str
    notes: tuple[str, ...] = ()
    status: int = 0
    error: ClusterbookError | None = None
    output: str = ""
    marks: Mapping[str, str] = NO_MARKS


class MissingFlag(ClusterbookError):
    """A required flag is missing. Source: reference row Q5."""

    code = "CB108"
    exit_status = 1
