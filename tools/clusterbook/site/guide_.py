"""Generated pages of the guide: commands, errors and findings, out of what defines them.

Knows Markdown. A fact has one writer: help texts, docstrings and tables stay where they are, and are read here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping

import click

import clusterbook
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.site import guide as manual
from clusterbook.site.codes import CODES

_ROWS = re.compile(r"\s*Source: (?:reference )?rows? [^.]*\.")
"""Where a docstring says which row of our checklist asks for it: readers of the guide have no such list."""


def pages(programs: Mapping[str, click.Group]) -> dict[str, str]:
    """Return path → Markdown of the generated pages; `programs` are those whose commands are described, by name."""
    return {
        "guide/commands.md": _head("Commands", "Every command, its options and what its help says")
        + manual.text(programs),
        "guide/errors.md": _errors(),
        "guide/findings.md": _findings(),
    }


def _head(title: str, description: str) -> str:
    return f"---\ntitle: {title}\ndescription: {description}\n---\n\n# {title}\n\n{description}.\n\n"


def errors() -> Iterator[type[ClusterbookError]]:
    """Yield every error class there is, by code."""
    for module in pkgutil.walk_packages(clusterbook.__path__, "clusterbook."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: list[type[ClusterbookError]] = []
    waiting: list[type[ClusterbookError]] = [ClusterbookError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if error.__module__.startswith("clusterbook."):
            found.append(error)
    yield from sorted(set(found), key=lambda error: (error.code, error.__name__))


def _errors() -> str:
    text = _head("Errors", "What each error means, and how to mend it")
    for error in errors():
        if error is ClusterbookError or "code" not in vars(error):
            continue
        meaning = _ROWS.sub("", inspect.getdoc(error) or "")
        text += f"## {error.code} {error.__name__} {{#{error.code.lower()}}}\n\n{meaning}\n\n"
        text += f"Exit status {error.exit_status}.\n\n"
    return text


def _findings() -> str:
    text = _head("Findings", "What `clusterbook-build check` finds, why it matters, and how to mend it")
    for code in CODES.values():
        text += f"## {code.code} {code.title} {{#{code.code.lower()}}}\n\n"
        text += f"*{code.severity}*. {code.why} {code.mend}\n\n"
    return text
