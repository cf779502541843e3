"""What a user can mend, and what to type next.

Every error of ours reads `place: code what` with a hint below, and has an exit status. Part of every look-up, so this
module imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from clusterbook.diagnostics.printable import one_line


class ClusterbookError(Exception):
    """Something the user can mend; every other exception is a bug of ours."""

    code = "CB100"
    exit_status = 1

    def __init__(self, what: str, *, hint: str = "", place: object = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.place = place

    def __str__(self) -> str:
        """Return `[place: ]code what`, with the hint indented below."""
        where = f"{one_line(str(self.place))}: " if self.place else ""
        tail = f"\n  hint: {one_line(self.hint)}" if self.hint else ""
        return f"{where}{self.code} {one_line(self.what)}{tail}"


class InvalidRequest(ClusterbookError):
    """The question cannot be answered as asked: a value is not allowed, or flags contradict each other.

    Nothing was read or written. Correct the flag that the message names.
    """

    code = "CB101"
    exit_status = 2


class NotFound(ClusterbookError):
    """What was named does not exist: a recipe, a path inside it, a file.

    The message lists what exists at that level.
    """

    code = "CB102"
    exit_status = 3


class NotHonoured(InvalidRequest):
    """Part of the query changes nothing, so the answer would be a recipe for something else.

    Ask for one of the nearest recipes that the message names, or accept the inherited one
    with `--allow-inherited`.
    """

    code = "CB103"


class Unsupported(InvalidRequest):
    """No recipe matches the query; the message says why and names the nearest ones."""

    code = "CB104"


class BrokenIndex(ClusterbookError):
    """The index of answers is incomplete, damaged or of another format.

    Build it again with `clusterbook-build build`, or name another with `--source`.
    """

    code = "CB105"
    exit_status = 8


class UnreadableSource(ClusterbookError):
    """A source tree cannot be read: no such folder, a link, a file that is too large or not text."""

    code = "CB106"
    exit_status = 8


class Unwritable(ClusterbookError):
    """An output file could not be written; what stood there before still stands."""

    code = "CB107"
    exit_status = 8


class Unreadable(ClusterbookError):
    """A file or a folder is there and cannot be read: no permission, or a disk that fails.

    Check its permissions, or name another one.
    """

    code = "CB116"
    exit_status = 8


def unreadable(where: object, error: OSError, *, hint: str = "") -> ClusterbookError:
    """Return what it means that `where` cannot be read; `hint` says what could be named instead. Source: row G4."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return NotFound(f"{where} does not exist", hint=hint)
    if isinstance(error, IsADirectoryError):
        return InvalidRequest(f"{where} is a folder, not a file", hint=hint)
    return Unreadable(f"{where} cannot be read: {error.strerror or error}", hint="check its permissions: ls -l")


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return the known word that `word` was probably meant to be, or "" when none is near."""
    from difflib import get_close_matches  # only ever needed on the way to an error

    spelled = {each.lower(): each for each in sorted(choices, reverse=True)}
    matches = get_close_matches(word.lower(), sorted(spelled), n=1, cutoff=0.6)
    return spelled[matches[0]] if matches else ""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return a hint naming the nearest known word, else the first of them."""
    choices = sorted(choices)
    if not choices:
        return "there are none"
    match = nearest(word, choices)
    more = f" and {len(choices) - _SHOWN} more" if len(choices) > _SHOWN else ""
    return f"did you mean '{match}'?" if match else f"known: {', '.join(choices[:_SHOWN])}{more}"


_SHOWN = 12
"""Most words that one hint lists."""
