"""Changes: what a new bundle would change about an old one.

What follows from other files is left out. Source: reference row L28.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

from clusterbook.bundle.checksums import CHECKSUMS
from clusterbook.diagnostics.printable import block

_BESIDES = (CHECKSUMS,)
"""Files that follow from the others."""


class FileChange(NamedTuple):
    """One file: `kind` is added, removed or changed; `lines` is a unified diff, () for what is no text."""

    kind: str
    path: str
    lines: tuple[str, ...]


def changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[FileChange]:
    """Return how `new` differs from `old`, sorted by path."""
    return [
        _change(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if path not in _BESIDES and old.get(path) != new.get(path)
    ]


def _change(path: str, old: bytes | None, new: bytes | None) -> FileChange:
    kind = "added" if old is None else "removed" if new is None else "changed"
    try:
        before, after = ((data or b"").decode().splitlines() for data in (old, new))
    except UnicodeDecodeError:
        return FileChange(kind, path, ())
    sides = ("/dev/null" if old is None else f"old/{path}", "/dev/null" if new is None else f"new/{path}")
    return FileChange(kind, path, tuple(difflib.unified_diff(before, after, *sides, lineterm="")))


def text(file_changes: list[FileChange]) -> str:
    """Return changes for reading: a line about each file, then the diffs."""
    if not file_changes:
        return "no change\n"
    marks = {"added": "+", "removed": "-", "changed": "~"}
    lines = [f"{marks[each.kind]} {each.path}" for each in file_changes]
    for each in file_changes:
        lines += ["", *each.lines] if each.lines else ["", f"{each.path} is {each.kind} (binary)"]
    return "".join(f"{block(line)}\n" for line in lines)


def as_data(file_changes: list[FileChange]) -> list[dict[str, Any]]:
    """Return changes as data."""
    return [{"kind": each.kind, "path": each.path, "diff": "\n".join(each.lines)} for each in file_changes]
