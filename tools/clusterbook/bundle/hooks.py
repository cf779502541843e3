"""Hooks: the annotations by which a manifest asks Helm to apply it apart from its release.

They are taken out of rendered manifests. Manifests of recipes have them so that Helm applies an object after
the kinds that it is written in. In a bundle that is settled already, by releases of their own in the right order, and a
hook would do harm: Helm deletes it and makes it anew with every upgrade, and a cluster policy or a gateway takes along
what runs because of it; and Helm forgets it when its release is removed. Argo CD starts a sync when something differs,
a hook is never compared, so an Application that holds nothing else is in sync, says so, and installs nothing.
Source: Helm, chart hooks; Argo CD 2.14, controller/appcontroller.go (autoSync) and controller/state.go; gitops-engine,
pkg/sync/hook.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_HOOK = r""" *(["']?)helm\.sh/hook(-delete-policy)?\1 *:"""
_TASK = r"kind: *[\"']?(Job|Pod)[\"']? *(#.*)?"
"""What does something once, and cannot be changed afterwards, is a hook by nature."""


def without_hooks(text: str) -> str:
    """Return the manifests in `text` without the annotations that make them hooks; Jobs and Pods keep theirs.

    Weights stay: Argo CD orders by them. Only block style is read, which is what manifests are written in.
    """
    if "helm.sh/hook" not in text:
        return text
    return "".join(line for lines in _documents(text) for line in _strip_hooks(lines))


def _documents(text: str) -> Iterator[list[str]]:
    """Yield the lines of each document, its separator first."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("---") and lines:
            yield lines
            lines = []
        lines.append(line)
    yield lines


def _strip_hooks(lines: Sequence[str]) -> list[str]:
    """Return the lines of one document without hooks."""
    if any(re.fullmatch(_TASK, line.rstrip()) for line in lines):
        return list(lines)
    start, end = _block(lines, "metadata:", 0, len(lines))
    start, end = _block(lines, "annotations:", start, end)
    dropped = _hooks(lines, start, end)
    left = [line for number, line in enumerate(lines[start:end], start) if number not in dropped and _has_content(line)]
    if dropped and not left:
        dropped.add(start - 1)
    return [line for number, line in enumerate(lines) if number not in dropped]


def _block(lines: Sequence[str], key: str, start: int, end: int) -> tuple[int, int]:
    """Return where the block of `key`, as deep as the first line, lies between two lines; nothing if nowhere."""
    depth = next((_indent(line) for line in lines[start:end] if _has_content(line)), 0)
    for number in range(start, end):
        if _indent(lines[number]) == depth and lines[number].split("#")[0].strip() == key:
            return number + 1, _end(lines, number, end)
    return end, end


def _end(lines: Sequence[str], number: int, end: int) -> int:
    """Return where the block that a line opens is over: at the next line that is not deeper."""
    depth = _indent(lines[number])
    return next(
        (each for each in range(number + 1, end) if _has_content(lines[each]) and _indent(lines[each]) <= depth), end
    )


def _hooks(lines: Sequence[str], start: int, end: int) -> set[int]:
    """Return the numbers of the lines between two that say hooks, those of a folded value included."""
    depth = next((_indent(line) for line in lines[start:end] if _has_content(line)), 0)
    found: set[int] = set()
    for number in range(start, end):
        if _indent(lines[number]) == depth and re.match(_HOOK, lines[number]):
            found.update(range(number, _end(lines, number, end)))
    return found


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _has_content(line: str) -> bool:
    """Return whether a line is more than a comment or a separator."""
    word = line.strip()
    return bool(word) and not word.startswith(("#", "---"))
