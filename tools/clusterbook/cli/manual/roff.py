"""The language of manual pages, as far as ours need it: text that reads as it stands, headings, lists, examples.

Source: man(7), https://man7.org/linux/man-pages/man7/groff_man.7.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import wrap

# What roff would read as something else, or typeset as another character.
_ESCAPES = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", '"': r"\(dq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
)
_CODE = re.compile(r"`([^`]+)`")
_SENTENCE_END = re.compile(r"(?<=[.?!;:]) (?=[A-Z])")
_LONGEST = 72


def escape(text: str) -> str:
    """Return text that reads as it stands, wherever in a line it is put."""
    escaped = text.translate(_ESCAPES)
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


def prose(text: str) -> str:
    """Return a paragraph, in lines as short as such files have them; what stands in backticks is bold."""
    parts = _CODE.split(" ".join(text.split()))
    line = "".join(rf"\fB{escape(part)}\fR" if number % 2 else escape(part) for number, part in enumerate(parts))
    sentences = _SENTENCE_END.sub("\n", line).split("\n")
    lines = (
        short
        for sentence in sentences
        for short in wrap(sentence, _LONGEST, break_long_words=False, break_on_hyphens=False)
    )
    return "\n".join(rf"\&{short}" if short.startswith(".") else short for short in lines)


def title(name: str, *, date: str, version: str) -> str:
    """Return the line that a page starts with; `date` is a day, 2026-07-01."""
    head = f'.TH "{escape(name.upper())}" 1 {date} "clusterbook {version}" Clusterbook'
    return "\n".join([head, ".nh", ".ad l"])


def section(heading: str, *body: str) -> str:
    """Return a section, "" where it has no body."""
    return "\n".join([f'.SH "{escape(heading.upper())}"', *body]) if any(body) else ""


def subsection(heading: str, *body: str) -> str:
    """Return a part of a section."""
    return "\n".join([f'.SS "{escape(heading)}"', *body])


def paragraphs(texts: Iterable[str]) -> str:
    """Return paragraphs below one another."""
    return "\n.PP\n".join(prose(text) for text in texts)


def terms(rows: Iterable[tuple[str, str]]) -> str:
    """Return a list of terms, each with what it means below it."""
    return "\n".join(f".TP\n\\fB{escape(term)}\\fR\n{prose(text) or escape(term)}" for term, text in rows)


def example(lines: Iterable[str]) -> str:
    """Return lines that stand as they are."""
    return "\n".join([".RS 4", ".nf", *(escape(line) or r"\&" for line in lines), ".fi", ".RE"])
