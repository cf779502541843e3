"""The terminal: how an answer, a note and an error reach the user.

Knows standard output, standard error and exit statuses. Does not know what is said.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from clusterbook.core.errors import ClusterbookError


def deliver(text: str, *, notes: Iterable[str] = (), output: str = "", log_json: bool = False) -> None:
    """Print `text`, or write it whole to the file `output`; notes go to standard error."""
    for note in notes:
        _log("note", note, log_json=log_json)
    if not output or output == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    from clusterbook.client.outputs import write_text

    write_text(output, text)


def fail(error: ClusterbookError, *, log_json: bool = False) -> int:
    """Print an error and return its exit status."""
    _log("error", str(error), log_json=log_json)
    return error.exit_status


def _log(level: str, message: str, *, log_json: bool) -> None:
    """Write a line to standard error, as text or as JSON. Source: reference row G3."""
    if log_json:
        import json

        message = json.dumps({"level": level, "message": message}, ensure_ascii=False)
        sys.stderr.write(f"{message}\n")
    else:
        sys.stderr.write(f"{level}: {message}\n")


def bug(error: Exception) -> int:
    """Print that `error` is a bug of ours, and return its exit status."""
    hint = "run it again with --debug, and report what it prints"
    _log("error", f"this is a bug: {type(error).__name__}: {error}\n  hint: {hint}", log_json=False)
    return 8
